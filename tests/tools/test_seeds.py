"""A page is repeated with other seeds, and its bounds are judged by that."""

import copy

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from _ext import stamps
from tools import record, seeds

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
    assert "seeds" not in claims(studied)["the sum of two ones"]


def test_a_study_is_no_recording(studied):
    """Outputs, values and dates are those of the run with the true seed."""
    notebook = nbformat.read(studied, as_version=4)
    facts = copy.deepcopy(notebook.metadata["d2l"])

    assert notebook.cells[0].outputs[0].text.startswith("claim: a draw = 0.49")
    assert facts["claims"][0]["value"] == pytest.approx(0.4963, abs=1e-4)
    assert facts.pop("seeds")["runs"] == 2


def answer(monkeypatch, what, value):
    """Let every repeat give one claim; return the shifts that are asked."""
    asked = []

    def repeat(path, shift):
        asked.append(shift)
        return {"claims": [[what, value]], "stopped": ""}

    monkeypatch.setattr(seeds, "repeat", repeat)
    return asked


def test_runs_that_are_known_are_not_repeated(studied, monkeypatch):
    """A study that was interrupted goes on where it stopped."""
    asked = answer(monkeypatch, "a draw", 0.5)

    seeds.study(studied, 3, studied.parent / "raw")

    assert asked == [3 * seeds.STRIDE]
    assert claims(studied)["a draw"]["seeds"]["runs"] == 3


def test_two_runs_are_enough_without_seeds(tmp_path, monkeypatch):
    """The third is not made when the first two say the same."""
    page = notebook("x = 1", CLAIM)
    page.metadata["d2l"] = {"claims": [{"what": "a draw of its own"}]}
    nbformat.write(page, tmp_path / "page.ipynb")
    asked = answer(monkeypatch, "a draw of its own", 1.0)

    seeds.study(tmp_path / "page.ipynb", 10, tmp_path)

    assert len(asked) == 2


def test_a_run_that_died_is_not_kept(tmp_path, monkeypatch):
    """Claims it missed would look as if no seed moved them."""
    nbformat.write(notebook("x = 1"), tmp_path / "page.ipynb")
    dead = {"claims": [], "stopped": "the kernel died"}
    monkeypatch.setattr(seeds, "repeat", lambda path, shift: dead)

    with pytest.raises(SystemExit, match="the kernel died"):
        seeds.study(tmp_path / "page.ipynb", 2, tmp_path / "raw")

    assert not (tmp_path / "raw").exists()


def test_recording_again_keeps_the_study(studied, tmp_path):
    """As long as the page computes the same; other bounds are allowed."""
    page = nbformat.read(studied, as_version=4)
    page.cells[1].source = CLAIM.replace("100", "1")
    nbformat.write(page, tmp_path / "page.ipynb")

    record.record(tmp_path / "page.ipynb")

    assert claims(tmp_path / "page.ipynb")["a draw of its own"]["seeds"]


def test_other_code_has_no_study(studied):
    """Its numbers belong to another computation."""
    old = nbformat.read(studied, as_version=4).metadata["d2l"]
    new = {"claims": [{"what": claim["what"]} for claim in old["claims"]]}

    seeds.keep(old, new, "another hash")

    assert "seeds" not in new
    assert not any("seeds" in claim for claim in new["claims"])


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
        (CLAIM, CLAIM.replace("100", "1"), True),
        (CLAIM, CLAIM.replace("drawn", "x"), False),
        (CLAIM, CLAIM.replace("a draw", "the draw"), False),
        ("x = 1", "x = 2", False),
        ("x = f(1)\nx = g(2)", "x = g(2)\nx = f(1)", False),
    ],
)
def test_what_a_page_computes(before, after, same):
    """Comments, bounds and checks have no part in it."""
    found = (
        seeds.computation(notebook(before)),
        seeds.computation(notebook(after)),
    )

    assert (found[0] == found[1]) is same


def test_hidden_checks_have_no_part_in_it():
    """They may change; a hidden claim counts."""
    alone = seeds.computation(notebook("x = 1"))

    def also(source):
        return seeds.computation(
            notebook("x = 1", source, tags=["remove-cell"])
        )

    assert also("assert x == 1; y = 2") == alone
    assert also(CLAIM) != alone


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
        (claim(0.96, 1.04, runs=3), "7 of a hundred runs would fail"),
        (claim(0.8, 1.2), "the nearest bound is 19 deviations away"),
        (claim(0.8, None), "the nearest bound is 19 deviations away"),
        (claim(0.8, 1.04), ""),
        ({"what": "x", "value": 1.0, "bounds": [1, 1]}, ""),
        (claim(0.995, None) | {"what": "x with seed 0"}, ""),
    ],
)
def test_bounds_are_judged_by_the_spread(case, says):
    """Too tight and too wide; few runs leave more room for bad luck."""
    assert seeds.verdict(case) == says


def test_the_report_names_the_page(studied, tmp_path):
    """One line for each doubtful claim, and for a page without a study."""
    nbformat.write(notebook("x = 1"), tmp_path / "other.ipynb")

    lines = list(seeds.report([studied, tmp_path / "other.ipynb"]))

    assert lines[0].startswith("page: a draw: a run was outside the bounds; ")
    assert lines[-1] == "other: not studied"


def test_pages_show_the_spread():
    """Beside the value, and at the foot."""
    seen = claim(0.9, 1.1)
    stamp = {"claims": [seen], "seeds": {"code": "", "runs": 10}}

    assert stamps.ours(seen) == "1 (other seeds: 0.99 to 1.01)"
    assert stamps.ours({"value": 2}) == "2"
    assert stamps.seeds(stamp) == " With 10 other seeds: x, 0.99 to 1.01."
    assert stamps.seeds({"claims": []}) == ""
