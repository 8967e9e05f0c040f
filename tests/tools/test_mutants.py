"""A fault is small, the tests that could notice it run, survivors are shown.

The command is tried on a project of one module and three tests.
"""

import ast
import sys
from textwrap import dedent

import pytest

from tools import mutants
from tools.pages import ROOT

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows cannot fork"
)


def lines(source):
    """Return what the lines of a module become, in the order of its code."""
    return [mutant.now for mutant in mutants.mutants("m.py", dedent(source))]


@pytest.mark.parametrize(
    ("source", "faults"),
    [
        ("a = b < c", ["a = (b <= c)", "a = (b >= c)"]),
        ("a = b is not c", ["a = (b is c)"]),
        ("a = b + c", ["a = (b - c)"]),
        ("a = b and c", ["a = (b or c)"]),
        ("a = not b", ["a = b"]),
        ("a = -b", ["a = b"]),
        ("a = 3", ["a = 4"]),
        ("a = 0.5", ["a = 1.5"]),
        ("a = True", ["a = False"]),
        ("b(c)", ["pass"]),
        ("a[b] = c", ["pass"]),
        ("a += b", ["pass"]),
        ("raise a", ["pass"]),
        ("if a: b = c", ["if not (a): b = c"]),
    ],
)
def test_each_kind_of_fault(source, faults):
    """One operator, number, condition or statement at a time."""
    assert lines(source) == faults


def test_a_result_is_lost():
    """A function that returned something returns None."""
    assert "return None" in lines("def f():\n    return a")


def test_a_default_value_is_changed():
    """And any test that runs the body may notice."""
    (fault,) = mutants.mutants("m.py", "def f(a=1):\n    b = a\n")

    assert fault.now == "def f(a=2):"
    assert list(fault.lines) == [1, 2]


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring."""',
        'a = "words"',
        'a = f"{b + 1} words"',
        "def f(a: b | c) -> d | e: ...",
        "a: Float[Tensor, 3]",
        "if TYPE_CHECKING: import a",
    ],
)
def test_words_and_annotations_stay(source):
    """No test is asked to hold them."""
    assert lines(source) == []


def test_nothing_else_is_changed():
    """Columns count bytes, so letters with accents stand before the fault."""
    source = "a = ['é', 1]  # ü\nb = 'ö'\n"

    (fault,) = mutants.mutants("m.py", source)

    assert fault.source == "a = ['é', 2]  # ü\nb = 'ö'\n"
    assert fault.before == "a = ['é', 1] # ü"


def test_every_mutant_of_the_package_is_a_module():
    """It can be parsed, and it is not the original."""
    for path in sorted((ROOT / "d2l").rglob("*.py"))[::5]:
        source = path.read_text("utf-8")
        for mutant in mutants.mutants(path.name, source)[::7]:
            ast.parse(mutant.source)
            assert mutant.source != source


@pytest.fixture
def project(tmp_path):
    """Two modules: one well tested, one not."""
    write(
        tmp_path / "toy.py",
        """
        LIMIT = 3

        def small(n):
            return n < LIMIT

        def count(n):
            while n:
                n -= 1
            return n
        """,
    )
    write(
        tmp_path / "loose.py",
        """
        def loose(n):
            return n > 5
        """,
    )
    write(
        tmp_path / "tests/test_toy.py",
        """
        import loose
        import toy

        def test_small():
            assert toy.small(2) and not toy.small(3)

        def test_loose():
            assert loose.loose(9)

        def test_count():
            assert toy.count(1) == 0

        def test_fails_anyway():
            assert toy.small(9)
        """,
    )
    write(tmp_path / "tools/mutants.toml", "")
    return tmp_path


def write(path, text):
    """Write a file, and the folder it is in."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(dedent(text))


def test_survivors_are_shown(project, capsys):
    """They alone; the tree is as it was."""
    before = (project / "loose.py").read_text()

    status = mutants.main(["loose.py", "--tests", "tests"], project)

    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "left out, it fails anyway: tests/test_toy.py::test_fails_anyway"
    ]
    shown = said.out.splitlines()
    assert {line for line in shown if line.startswith("+")} == {
        "+ return (n >= 5)",
        "+ return n > 6",
    }
    assert shown[:2] == ["loose.py:3", "- return n > 5"]
    assert shown[-1] == "2 of 4 mutants were noticed"
    assert status == 1
    assert (project / "loose.py").read_text() == before


@pytest.fixture
def shop(project, tmp_path_factory):
    """The copy of the project, its tests watched."""
    place = tmp_path_factory.mktemp("copy")
    return mutants.Workshop(project, place, ["tests"])


def test_a_mutant_meets_the_tests_that_run_its_line(project, shop):
    """A line of a function its own, a line of the module all, none failing."""
    at = {
        mutant.now: [test.split("::")[1] for test in shop.tests(mutant)]
        for mutant in mutants.sample(project, ["toy.py"], 50, seed=0)
    }

    assert at["return (n <= LIMIT)"] == ["test_small"]
    assert sorted(at["LIMIT = 4"]) == ["test_count", "test_small"]


def test_an_endless_mutant_is_ended(project, shop, monkeypatch):
    """It was noticed: the test did not pass in time."""
    monkeypatch.setattr(mutants, "PATIENCE", 3.0)
    (endless,) = [
        mutant
        for mutant in mutants.sample(project, ["toy.py"], 50, seed=0)
        if (mutant.before, mutant.now) == ("n -= 1", "pass")
    ]

    assert not shop.survives(endless)


def test_equivalent_mutants_are_not_drawn(project):
    """The list names a line and what it becomes."""
    write(
        project / "tools/mutants.toml",
        """
        [[equivalent]]
        file = "loose.py"
        before = "return n > 5"
        now = "return n > 6"
        why = "so that this test has one"
        """,
    )

    drawn = mutants.sample(project, ["loose.py"], 50, seed=0)

    assert {mutant.now for mutant in drawn} == {
        "return None",
        "return (n >= 5)",
        "return (n <= 5)",
    }


def test_a_sample_can_be_drawn_again(project):
    """The seed says which one."""
    first = mutants.sample(project, ["toy.py"], 3, seed=1)

    assert first == mutants.sample(project, ["toy.py"], 3, seed=1)
    assert first != mutants.sample(project, ["toy.py"], 3, seed=2)


def test_what_is_listed_as_equivalent_exists():
    """A line that changed takes its entry with it, and each has a reason."""
    for (file, before, now), why in mutants.equivalents(ROOT).items():
        source = (ROOT / file).read_text("utf-8")
        known = {mutant[:3] for mutant in mutants.mutants(file, source)}
        assert (file, before, now) in known
        assert why
