"""The check of notebooks: planted faults, shards, stamps, time limits."""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import nbformat
import pytest
from filelock import FileLock
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.tools import nbcheck_faults as faults
from tools import record
from tools.nbcheck import plugin, report, stamp
from tools.nbcheck.kernel import CellRun
from tools.pages import ROOT

NOTE = ROOT / "docs" / "planted-faults.md"
LIMIT = "8"  # seconds a cell may take here; an ordinary one takes 0.01


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a module of this Python in its own process."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "D2L_"))
    }
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        check=False,
    )


def check(
    folder: Path, *options: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """Check the notebooks of a folder; return the process and its counts."""
    counts = folder.parent / f"{folder.name}.json"
    done = run(
        "tools.nbcheck",
        folder,
        "--rootdir",
        folder,
        "--notebooks-report",
        counts,
        *options,
    )
    assert counts.exists(), done.stdout + done.stderr
    return done, json.loads(counts.read_text())


def plain_nbval(folder: Path) -> set[str]:
    """Return the notebooks in which nbval alone finds a fault."""
    junit = folder.parent / "plain.xml"
    done = run(
        "pytest",
        *("--nbval", "--nbval-current-env", "--nbval-cell-timeout", LIMIT),
        *("-c", os.devnull, "--rootdir", folder, "--junitxml", junit),
        *("-p", "no:cacheprovider", folder),
    )
    assert junit.exists(), done.stdout + done.stderr
    return {
        case.get("classname", "")
        for case in ElementTree.parse(junit).iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    }


def observe(folder: Path) -> dict[str, Any]:
    """Plant every fault, check with and without the extension."""
    clean = folder / "clean"
    clean.mkdir()
    (clean / "tiny.py").write_text(faults.TINY)
    nbformat.write(faults.page(), clean / "page.ipynb")
    record.record(clean / "page.ipynb")
    recorded = nbformat.read(clean / "page.ipynb", as_version=4)
    faults.plant_all(recorded, folder / "planted")
    planted = folder / "planted"
    with ThreadPoolExecutor() as both:
        baseline = both.submit(plain_nbval, planted)
        done, counts = check(planted, "--cell-timeout", LIMIT)
        plain = baseline.result()
    return {
        "output": done.stdout,
        "code": done.returncode,
        "counts": counts,
        "plain": sorted(name.removesuffix(".ipynb") for name in plain),
    }


@pytest.fixture(scope="session")
def observed(tmp_path_factory, worker_id):
    """Return what was observed, once for all processes of a test run."""
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent
    result = shared / "observed.json"
    with FileLock(shared / "observed.lock"):
        if not result.exists():
            seen = observe(tmp_path_factory.mktemp("faults"))
            result.write_text(json.dumps(seen))
    return json.loads(result.read_text())


def notebook_counts(observed: dict[str, Any], what: str) -> dict[str, Any]:
    """Return the counts of the notebook with one fault."""
    (slug,) = (each.slug for each in faults.FAULTS if each.what == what)
    return observed["counts"]["notebooks"][f"{slug}.ipynb"]


def test_every_planted_fault_is_caught_and_nothing_else(observed):
    """Exactly the copies that are wrong fail."""
    failed = {
        name
        for name, counts in observed["counts"]["notebooks"].items()
        if counts["failed"]
    }

    expected = {f"{each.slug}.ipynb" for each in faults.FAULTS if each.caught}
    assert failed == expected
    assert observed["code"] == 1


def test_the_table_of_planted_faults_is_what_was_observed(observed):
    """The note compares the extension with plain nbval as they are."""
    plain = set(observed["plain"])
    ours = {
        name.removesuffix(".ipynb")
        for name, counts in observed["counts"]["notebooks"].items()
        if counts["failed"]
    }
    rows = [
        "| " + " | ".join([each.what, *_verdicts(each, plain, ours)]) + " |"
        for each in faults.FAULTS
    ]

    written = re.findall(
        r"^\| (?!Planted|-).* \|$", NOTE.read_text(), re.MULTILINE
    )

    assert written == rows, "\n" + "\n".join(rows)


def _verdicts(each: faults.Fault, *verdicts: set[str]) -> list[str]:
    """Return what plain nbval and the extension say, and who is wrong."""
    words = []
    for caught in verdicts:
        verdict = "fails" if each.slug in caught else "passes"
        right = (each.slug in caught) == each.caught
        words.append(verdict if right else f"**{verdict}**")
    return words


def test_another_scale_is_counted_and_not_compared(observed):
    """Cells from the first that depends on the scale are not compared."""
    counts = notebook_counts(observed, "recorded at another scale")

    assert counts["not_compared"] == {"scale": 2}
    assert counts["compared"] == faults.SIZE
    assert counts["claims"] == 1


def test_another_data_tier_is_counted_and_not_compared(observed):
    """The cell that loads the data is the first that is not compared."""
    counts = notebook_counts(observed, "recorded on another tier of data")

    assert counts["not_compared"] == {"data": 1}
    assert counts["compared"] == faults.TIER


@pytest.mark.parametrize(
    "what", ["a cell hangs and cannot be interrupted", "the kernel dies"]
)
def test_a_stopped_kernel_fails_its_cell_and_all_that_follow(observed, what):
    """Nothing after the cell passes; the next notebooks run as ever."""
    counts = notebook_counts(observed, what)

    rest = [f"cell {i}" for i in range(faults.WHOLE, faults.TIER + 1)]
    assert counts["failed"] == [*rest, "claims"]
    assert counts["not_compared"] == {"not run": len(rest)}


def test_the_message_of_a_stopped_kernel_says_what_happened(observed):
    """A time limit and a death are told apart, with the limit in words."""
    output = observed["output"]

    assert f"the cell took longer than {LIMIT} s" in output
    assert "the kernel died in this cell" in output
    assert "not run: the kernel stopped in cell 2" in output


def test_the_last_line_says_what_was_done(observed):
    """The summary is in fixed words, and its numbers add up."""
    summary = observed["counts"]["summary"]
    notebooks = observed["counts"]["notebooks"].values()

    assert summary in observed["output"]
    found = re.fullmatch(
        r"notebooks: (\d+) run, (\d+) cells compared, (\d+) not compared "
        r"\(.*\), (\d+) claims checked(?:, \d+ stale)?",
        summary,
    )
    assert found
    sums = [sum(n[key] for n in notebooks) for key in ("compared", "claims")]
    assert [int(found[2]), int(found[4])] == sums
    assert int(found[2]) + int(found[3]) == sum(n["cells"] for n in notebooks)


@pytest.fixture
def three(tmp_path):
    """Return a folder with three recorded notebooks, each one cell long."""
    folder = tmp_path / "three"
    folder.mkdir()
    for name in "abc":
        path = folder / f"{name}.ipynb"
        cell = new_code_cell(f"print({name!r})")
        nbformat.write(new_notebook(cells=[cell]), path)
    assert record.main([str(path) for path in sorted(folder.iterdir())]) == 0
    return folder


def test_processes_and_shards_add_up(three):
    """Two processes count together; two shards run each notebook once."""
    shards = [check(three, "-n", "2", "--shard", f"{i}/2")[1] for i in (1, 2)]

    # Which of the two runs two depends on how long each page took to record.
    assert sorted(each["summary"] for each in shards) == [
        f"notebooks: {num} run, {num} cells compared, 0 not compared, "
        "0 claims checked"
        for num in (1, 2)
    ]
    names = [name for each in shards for name in each["notebooks"]]
    assert sorted(names) == ["a.ipynb", "b.ipynb", "c.ipynb"]


def test_a_run_of_nothing_fails(tmp_path):
    """No notebook found is no success, and neither is none selected."""
    empty = tmp_path / "empty"
    empty.mkdir()

    done, counts = check(empty)

    assert done.returncode != 0
    assert counts["summary"].startswith("notebooks: 0 run")


def test_shards_are_balanced_and_complete():
    """The longest notebooks go to different shards."""
    seconds = {"a": 60.0, "b": 50.0, "c": 20.0, "d": 10.0, "e": 20.0}

    parts = plugin.shard(seconds, 2)

    assert set.union(*parts) == set(seconds)
    assert sum(map(len, parts)) == len(seconds)
    loads = [sum(seconds[name] for name in part) for part in parts]
    assert loads == [80.0, 80.0]


@pytest.mark.parametrize("value", ["0/2", "3/2", "2", "a/b", "1/0"])
def test_a_shard_that_does_not_exist_is_refused(value):
    """The parts count from 1 and there are as many as said."""
    with pytest.raises(pytest.UsageError, match="such as 2/3"):
        plugin._shard(value)


def test_the_line_gives_reasons_in_order():
    """The commonest reason not to compare comes first."""
    counts = report.Counts()
    for outcome in ("compared", "scale", "ignore-output", "ignore-output"):
        facts = {"outcome": outcome, "claims": 1, "seconds": 1.0}
        counts.add(facts | {"not_applied": 2, "stale": outcome == "scale"})

    assert report.line({"a": counts}) == (
        "notebooks: 1 run, 1 cells compared, 3 not compared "
        "(2 ignore-output, 1 scale), 4 claims checked, "
        "8 checks not applied, 1 stale"
    )


def run_of(*events):
    """Return a run of one cell with these events."""
    return stamp.Run(
        [CellRun(events=list(events))],
        {"device": "cpu", "name": "", "peak_memory_mb": 1},
    )


@pytest.mark.parametrize(
    "events",
    [
        [
            {"kind": "scale", "scale": "full"},
            {"kind": "scale", "scale": "small"},
        ],
        [
            {"kind": "data", "name": "toy", "tier": "real"},
            {"kind": "data", "name": "toy", "tier": "sample"},
        ],
    ],
)
def test_a_stamp_of_two_minds_is_refused(events):
    """One recording has one scale, and one tier for each data set."""
    nb = nbformat.v4.new_notebook()

    assert stamp.make(nb, run_of(events[0]))["cells"] == 1
    with pytest.raises(ValueError, match="one run has one scale and tier"):
        stamp.make(nb, run_of(*events))


def test_the_stamp_counts_checks_that_did_not_apply():
    """And knows the code of the package."""
    applied = [{"kind": "check", "applied": it} for it in (True, False, False)]

    made = stamp.make(nbformat.v4.new_notebook(), run_of(*applied))

    assert made["checks_not_applied"] == 2
    assert not stamp.is_stale(made)
    assert stamp.is_stale(made | {"d2l": "other"})
    assert stamp.is_stale(made | {"versions": {"torch": "1.0"}})


@pytest.mark.parametrize("name", ["J\u00fcrgen", "back\\slash"])
def test_a_leak_is_found_however_it_is_written(monkeypatch, name):
    """Letters and strokes that JSON escapes are read as they are shown."""
    folder = f"/home/{name}/.venv"
    monkeypatch.setattr(stamp.sys, "prefix", folder)
    shown = nbformat.v4.new_output("stream", text=f"in {folder}/x.py")

    assert stamp.machine_path([shown]) == folder


STAMP = {"scale": "full", "device": "cuda", "data": {"toy": "real"}}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"kind": "scale", "scale": "full"}, []),
        ({"kind": "scale", "scale": "small"}, ["scale"]),
        ({"kind": "data", "name": "toy", "tier": "real"}, []),
        ({"kind": "data", "name": "toy", "tier": "sample"}, ["data"]),
        ({"kind": "data", "name": "new", "tier": "real"}, ["data"]),
        ({"kind": "probe", "device": "cuda", "at_hand": "cuda"}, []),
        ({"kind": "probe", "device": "cpu", "at_hand": "cuda"}, []),
        ({"kind": "probe", "device": "cpu", "at_hand": None}, []),
        ({"kind": "probe", "device": "cpu", "at_hand": "cpu"}, ["device"]),
        ({"kind": "probe", "device": "mps", "at_hand": "mps"}, ["device"]),
    ],
)
def test_runs_of_another_kind_are_recognised(event, expected):
    """Scale, data tier and device differ from the stamp, or they do not."""
    assert stamp.differences(STAMP, CellRun(events=[event])) == expected


def test_a_page_recorded_on_the_processor_is_compared_beside_a_gpu():
    """What counts is the device in use, not the one at hand."""
    on_cpu = {**STAMP, "device": "cpu"}
    idle = {"kind": "probe", "device": "cpu", "at_hand": "cuda"}
    busy = {"kind": "probe", "device": "cuda", "at_hand": "cuda"}

    assert stamp.differences(on_cpu, CellRun(events=[idle])) == []
    assert stamp.differences(on_cpu, CellRun(events=[busy])) == ["device"]


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"rtol": 0.1}, "without a reason"),
        ({"rtol": 0.1, "why": " "}, "without a reason"),
        ({"rtol": "much", "why": "x"}, "give a number"),
        ({"rtol": -1, "why": "x"}, "more than 0"),
        ({"timeout": 0}, "more than 0"),
        ({"atol": 1}, "it may have rtol, timeout, why"),
    ],
)
def test_settings_that_are_wrong_are_refused(given, match):
    """A setting is known, positive, and a tolerance says why."""
    with pytest.raises(ValueError, match=match):
        stamp.settings(new_code_cell("1", metadata={"d2l": given}))


def test_a_cell_may_raise_its_time_limit_and_not_lower_it():
    """The limit of the cell counts when it is the higher one."""
    slow = new_code_cell("1", metadata={"d2l": {"timeout": 900}})

    assert stamp.timeout(slow, 300) == 900
    assert stamp.timeout(slow, 1200) == 1200
    assert stamp.timeout(new_code_cell("1"), 300) == 300


def test_the_hash_is_of_code_in_order():
    """Text has no part in it; the border between cells has."""
    cells = [new_code_cell("a = 1"), new_code_cell("b = 2")]
    base = stamp.code_hash(new_notebook(cells=cells))

    with_text = [cells[0], new_markdown_cell("Then:"), cells[1]]
    assert stamp.code_hash(new_notebook(cells=with_text)) == base
    for one, other in ((["a", "bc"], ["ab", "c"]), (["a", "b"], ["a\nb"])):
        left, right = (
            new_notebook(cells=[new_code_cell(code) for code in sources])
            for sources in (one, other)
        )
        assert stamp.code_hash(left) != stamp.code_hash(right)
    assert stamp.code_hash(new_notebook(cells=cells[::-1])) != base


def test_a_picture_in_the_text_needs_words_too():
    """Markdown pictures are held to the same rule as figures."""
    nb = new_notebook(
        cells=[new_code_cell("1"), new_markdown_cell("![](cat.png)")]
    )

    found = [str(problem) for problem in stamp.problems(nb)]

    assert "cell 1: a picture has no alternative text" in found
