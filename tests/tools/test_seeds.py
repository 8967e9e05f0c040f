"""A page is repeated with other seeds, and its bounds are judged by that."""

import copy

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from _ext import stamps
from tools import record, seeds
from tools.nbcheck.kernel import KernelStopped

CODE = """
import d2l
import torch

d2l.runtime.seed(0)
d2l.check.claim("a draw", torch.rand(()), (0.49, 0.5))
d2l.check.claim("the sum of two ones", torch.ones(2).sum(), (2, 2))
generator = torch.Generator().manual_seed(0)
drawn = torch.rand((), generator=generator)
"""
CLAIM = 'd2l.check.claim("a draw of its own", drawn, (0, 100))'


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    """A page after two repeats, with what was kept of them."""
    folder = tmp_path_factory.mktemp("studied")
    path = folder / "page.ipynb"
    nbformat.write(
        new_notebook(
            cells=[new_code_cell(CODE.strip()), new_code_cell(CLAIM)]
        ),
        path,
    )
    record.record(path)
    seeds.study(path, 2, folder / "raw")
    return path


def claims(path):
    """Return the stamped claims by name."""
    found = nbformat.read(path, as_version=4).metadata["d2l"]["claims"]
    return {claim["what"]: claim for claim in found}


def test_the_spread_stands_beside_the_claim(studied):
    """A claim that fails ends nothing; both sources of draws are shifted."""
    found = claims(studied)

    for name in ("a draw", "a draw of its own"):
        seen = found[name]["seeds"]
        assert seen["runs"] == 2
        assert seen["low"] < seen["mean"] < seen["high"]
        assert seen["low"] != found[name]["value"]


def test_what_every_seed_gives_has_no_spread(studied):
    """It is left alone."""
    seen = claims(studied)["the sum of two ones"]["seeds"]

    assert seen["deviation"] == 0
    assert seeds.verdict(claims(studied)["the sum of two ones"]) == ""


def test_a_study_is_no_recording(studied):
    """Outputs, values and dates are those of the run with the true seed."""
    notebook = nbformat.read(studied, as_version=4)
    facts = copy.deepcopy(notebook.metadata["d2l"])

    assert notebook.cells[0].outputs[0].text.startswith("claim: a draw = 0.49")
    assert facts["claims"][0]["value"] == pytest.approx(0.4963, abs=1e-4)
    assert facts["claims"][0]["seeds"]["runs"] == 2


@pytest.fixture
def answer(monkeypatch):
    """Let every repeat of a page give the same; note the shifts asked for."""
    asked = []

    def arrange(path, value):
        page = nbformat.read(path, as_version=4)
        (code,) = seeds.computed(page).values()

        def repeat(path, shift):
            asked.append(shift)
            return [["a draw of its own", value(shift), code]]

        monkeypatch.setattr(seeds, "repeat", repeat)
        return asked

    return arrange


@pytest.fixture
def page(tmp_path):
    """A page with one claim, stamped, that is not studied yet."""
    found = notebook("drawn = f(1)", CLAIM)
    found.metadata["d2l"] = {"claims": [{"what": "a draw of its own"}]}
    nbformat.write(found, tmp_path / "page.ipynb")
    return tmp_path / "page.ipynb"


def test_runs_that_are_known_are_not_repeated(page, answer):
    """A study that was interrupted goes on where it stopped."""
    asked = answer(page, float)
    seeds.study(page, 2, page.parent)
    seeds.study(page, 3, page.parent)

    assert asked == [seeds.STRIDE, 2 * seeds.STRIDE, 3 * seeds.STRIDE]
    assert claims(page)["a draw of its own"]["seeds"]["runs"] == 3


def test_two_runs_are_enough_without_seeds(page, answer):
    """The third is not made when the first two say the same."""
    asked = answer(page, lambda shift: 1.0)

    seeds.study(page, 10, page.parent)

    assert len(asked) == 2


def test_other_code_is_studied_anew(page, answer):
    """What is known of another computation says nothing about this one."""
    answer(page, float)
    seeds.study(page, 2, page.parent)
    other = nbformat.read(page, as_version=4)
    other.cells[0].source = "drawn = f(2)"
    nbformat.write(other, page)
    asked = answer(page, float)
    asked.clear()

    seeds.study(page, 2, page.parent)

    assert len(asked) == 2
    assert claims(page)["a draw of its own"]["seeds"]["runs"] == 2


def test_a_run_that_died_is_not_kept(page, monkeypatch):
    """Claims it missed would look as if no seed moved them."""

    class Dead:
        def __init__(self, *args, **kwargs):
            self.stop = lambda: None

        def run(self, index):
            raise KernelStopped("the kernel died")

    monkeypatch.setattr(seeds, "Session", Dead)

    with pytest.raises(SystemExit, match="the kernel died"):
        seeds.study(page, 2, page.parent / "raw")

    assert not (page.parent / "raw").exists()


def test_recording_again_keeps_the_study(studied, tmp_path):
    """As long as a claim rests on the same; other bounds are allowed."""
    page = nbformat.read(studied, as_version=4)
    page.cells[1].source = CLAIM.replace("100", "1") + "\ntorch.rand(1)"
    nbformat.write(page, tmp_path / "page.ipynb")

    record.record(tmp_path / "page.ipynb")

    assert claims(tmp_path / "page.ipynb")["a draw"]["seeds"]


@pytest.mark.parametrize("change", [("2 * ", ""), ("", "2 * ")])
def test_a_study_ends_with_its_claim(change):
    """Code above a claim makes its study old; code below does not."""
    above, below = change
    name = "a draw of its own"
    (code,) = seeds.computed(notebook("x = f(1)", CLAIM)).values()
    old = {"claims": [{"what": name, "seeds": {"code": code}}]}
    new = {"claims": [{"what": name}]}

    page = notebook(f"x = {above}f(1)", CLAIM, f"y = {below}f(1)")
    seeds.keep(old, new, page)

    assert ("seeds" in new["claims"][0]) is (above == "")


def notebook(*sources, tags=()):
    """Return a page; the last cell has the tags."""
    page = new_notebook(cells=[new_code_cell(source) for source in sources])
    page.cells[-1].metadata["tags"] = list(tags)
    return page


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("x = 1", "x = 1  # one", True),
        ("x = 1\nd2l.check.equal(x, 1)", "x = 1\nassert x == 1", True),
        ("x = 1\nprint(x)", "x = 1", True),
        (CLAIM, "", True),
        ("x = 1", "x = 2", False),
        ("x = f(1)\nx = g(2)", "x = g(2)\nx = f(1)", False),
    ],
)
def test_what_a_claim_rests_on(before, after, same):
    """Comments, bounds and checks have no part in it."""

    def last(source):
        return list(seeds.computed(notebook(source, CLAIM)).values())[-1]

    assert (last(before) == last(after)) is same


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [("100", "1", True), ("drawn", "x", False), ("a draw", "one", False)],
)
def test_what_a_claim_is_about(before, after, same):
    """Its words and its value, not its bounds."""
    one, other = CLAIM, CLAIM.replace(before, after)

    found = [seeds.computed(notebook(source))[0] for source in (one, other)]

    assert (found[0] == found[1]) is same


def test_hidden_checks_have_no_part_in_it():
    """They may change; a hidden claim has a study of its own."""

    def with_hidden(source):
        cells = notebook("x = 1", source, tags=["remove-cell"])
        cells.cells += notebook(CLAIM).cells
        return list(seeds.computed(cells).values())

    assert with_hidden("assert x == 1; y = 2") == with_hidden("pass")
    assert len(with_hidden(CLAIM)) == 2


def claim(low, high, runs=10, mean=1.0, deviation=0.01):
    """Return a stamped claim that was studied."""
    seen = {
        "runs": runs,
        "low": mean - deviation,
        "high": mean + deviation,
        "mean": mean,
        "deviation": deviation,
    }
    return {"what": "x", "value": 1.0, "bounds": [low, high], "seeds": seen}


@pytest.mark.parametrize(
    ("case", "says"),
    [
        (claim(0.96, 1.04), ""),
        (claim(0.96, None), ""),
        (claim(None, 1.04), ""),
        (claim(0.995, None), "a run was outside the bounds"),
        (claim(None, 1.005), "a run was outside the bounds"),
        (claim(0.97, 1.03), "2 of a hundred runs would fail"),
        (claim(0.96, 1.04, runs=3), "too few runs"),
        (claim(0.8, 1.2), "the nearest bound is 19 deviations away"),
        (claim(0.8, None), "the nearest bound is 19 deviations away"),
        (claim(0.8, 1.04), ""),
        (claim(1, 1, deviation=0.0), ""),
        ({"what": "x", "value": 1.0, "bounds": [1, 1]}, "not studied"),
        (claim(0.995, None) | {"what": "x with seed 0"}, ""),
    ],
)
def test_bounds_are_judged_by_the_spread(case, says):
    """Too tight and too wide; few runs leave more room for bad luck."""
    assert seeds.verdict(case) == says


def test_the_report_names_the_page(page, answer, tmp_path):
    """One line for each doubtful claim, and for one without a study."""
    assert list(seeds.report([page])) == [
        "page: a draw of its own: not studied"
    ]

    answer(page, float)
    stamped = nbformat.read(page, as_version=4)
    stamped.metadata["d2l"]["claims"][0]["bounds"] = [0, 1]
    nbformat.write(stamped, page)
    seeds.study(page, seeds.ENOUGH, tmp_path)

    (line,) = seeds.report([page])
    assert line == (
        "page: a draw of its own: a run was outside the bounds; "
        "10000 to 50000 in 5 runs, bounds [0, 1]"
    )


def test_pages_show_the_spread():
    """Beside the value, and at the foot."""
    seen, same = claim(0.9, 1.1), claim(1, 1, deviation=0.0)

    assert stamps.ours(seen) == "1 (other seeds: 0.99 to 1.01)"
    assert stamps.ours(same) == stamps.ours({"value": 1}) == "1"
    assert stamps.seeds({"claims": [seen, same]}) == (
        " With 10 other seeds: x, 0.99 to 1.01."
    )
    assert stamps.seeds({"claims": [same]}) == (
        " With 10 other seeds: every claim came out the same."
    )
    assert stamps.seeds({"claims": [{"what": "x"}]}) == ""
