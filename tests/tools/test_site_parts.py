"""The Sphinx extensions, without Sphinx: what they compute from pages."""

import json
from importlib import metadata
from pathlib import Path

import pytest
from docutils import nodes

from _ext import book_map, numbers, repairs, stamps
from tools import pages
from tools.nbcheck import stamp


def test_figures_are_counted_on_their_page():
    """The order stays, the count begins anew, and the page comes first."""
    counted: numbers.Numbers = {
        "a": {"figure": {"late": (7,), "early": (5,)}, "table": {"t": (1,)}},
        "b": {"figure": {"only": (9,)}},
    }

    found = numbers.per_page(counted, {"a": "3.6 Softmax", "b": "Notation"})

    assert found == {
        "a": {
            "figure": {"early": (3, 6, 1), "late": (3, 6, 2)},
            "table": {"t": (3, 6, 1)},
        },
        "b": {"figure": {"only": (1,)}},
    }


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.83124, "0.8312"), (12345, "12,345"), (1e-05, "1e-05"), ("inf", "inf")],
)
def test_numbers_are_short(value: object, written: str):
    """Four digits say enough; what is no number stays."""
    assert stamps.number(value) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0.52, "0.5 s"), (12.3, "12 s"), (59.4, "59 s"), (90, "1.5 min")],
)
def test_durations_are_readable(seconds: float, written: str):
    """Seconds up to a minute, then minutes."""
    assert stamps.duration(seconds) == written


@pytest.mark.parametrize(
    ("low", "high", "written"),
    [
        (0.8, None, "at least 0.8"),
        (None, 2, "at most 2"),
        (0.8, 0.9, "0.8 to 0.9"),
    ],
)
def test_bounds_are_words(low: float, high: float, written: str):
    """A bound reads as the claim did."""
    claim = {"bounds": [low, high]}

    assert stamps.bound(claim) == written


def test_a_bound_that_was_not_run_says_so():
    """The bound of the full size is no result of a small run."""
    claim = {"bounds": [0.5, None], "full": [0.8, None]}

    assert stamps.bound(claim) == (
        "at least 0.5; at full size at least 0.8, not run yet"
    )


@pytest.mark.parametrize(
    ("device", "scale", "code", "said"),
    [
        ("cuda", "full", "old", ", stale"),
        ("cpu", "full", "old", ", stale"),
        ("cpu", "small", "old", ""),
        ("cuda", "full", "new", ""),
    ],
)
def test_outputs_that_nothing_compares_become_stale(
    device: str, scale: str, code: str, said: str
):
    """What tests compare is current by that; the rest depends on code."""
    made = stamp.package_hash() if code == "new" else "0"
    versions = {"torch": metadata.version("torch")}
    of_page = {
        "device": device,
        "scale": scale,
        "scale_matters": True,
        "d2l": made,
        "versions": versions,
    }

    assert stamps.stale(of_page) == said


STAMP = {
    "recorded": "2031-02-03T04:05:06",
    "scale": "full",
    "scale_matters": True,
    "device": "cpu",
    "versions": {"torch": "2.14.1+cpu"},
    "data": {"fashion_mnist": "real"},
    "seconds": 90,
    "peak_memory_mb": 800,
    "cells": 7,
    "claims": [{"reported": 0.8}, {"reported": None}],
}


def test_foot_says_how_the_page_was_run():
    """When, with what, where, how large, how long, on which data."""
    assert stamps.foot(STAMP) == (
        "This page was run on 2031-02-03 with PyTorch 2.14.1 on cpu at full "
        "scale: 7 code cells in 1.5 min; its 2 claims held. "
        "Data: fashion_mnist (real)."
    )
    assert stamps.foot({}) == "This page has not been recorded yet."


def test_a_slow_page_says_why(tmp_path: Path):
    """The reason stands beside the duration; a quick page has none."""
    reason = {"d2l_slow": "trains four networks"}
    for name, extra in (("slow", reason), ("quick", {})):
        metadata = {"d2l": {"seconds": 61}, **extra}
        (tmp_path / f"{name}.ipynb").write_text(
            json.dumps({"cells": [], "metadata": metadata})
        )
    slow, quick = (
        pages.Page(tmp_path / f"{name}.ipynb", tmp_path)
        for name in ("slow", "quick")
    )

    assert stamps.took(slow) == "1.0 min: trains four networks"
    assert stamps.took(quick) == "1.0 min"


def test_facts_add_the_stamps_up(tmp_path: Path, monkeypatch):
    """Counts are sums over the recorded pages; the rest is left out."""
    found = {"a": STAMP, "b": STAMP, "c": {}}
    monkeypatch.setattr(
        pages.Page, "stamp", property(lambda page: found[page.path.name])
    )
    three = [pages.Page(tmp_path / name, tmp_path) for name in found]

    facts = {words: value for value, words in stamps.facts(three)}

    assert facts["pages executed"] == "2"
    assert facts["code cells run"] == "14"
    assert facts["claims held"] == "4"
    assert facts["beside reported values"] == "2"
    assert facts["to run them all"] == "3.0 min"
    assert facts["last recorded"] == "2031-02-03"


def test_signatures_are_no_definition_lists():
    """Parameters become lines; definition lists of the text stay."""
    body = (
        '<dl class="py function"><dt class="sig sig-object py">f(<dl>\n'
        "<dd><em>x</em>,</dd>\n</dl>\n)</dt><dd>Words.</dd></dl>"
    )

    found = repairs.repaired(body)

    assert '<span class="d2l-parameter"><em>x</em>,</span>' in found
    assert found.count("<dl") == found.count("</dl>") == 1
    assert "<dd>Words.</dd></dl>" in found


def test_the_map_of_a_chapter_draws_what_the_plan_says():
    """One arc from a section to each that builds on it, and in words."""
    plan = [
        pages.Planned("3", "03-x", "Chapter"),
        pages.Planned("3.1", "03-x", "One"),
        pages.Planned("3.2", "03-x", "Two", ("3.1",)),
        pages.Planned("3.3", "03-x", "Three", ("3.1", "3.2")),
        pages.Planned("30.1", "30-y", "Other", ("3.1",)),
    ]
    listed = nodes.bullet_list()
    for entry in plan[1:4]:
        text = f"{entry.number} {entry.title}"
        listed += nodes.list_item("", nodes.paragraph(text=text))

    arcs = book_map.dependencies(plan, "3")
    drawn = book_map.picture(listed, arcs)

    assert arcs == [("3.1", "3.2"), ("3.1", "3.3"), ("3.2", "3.3")]
    assert drawn.count("<title>") == 3
    assert "M29 5C23 5 23 15 29 15" in drawn  # from row 1 to row 2
    assert "M29 5C20 5 20 25 29 25" in drawn  # further out, to row 3
    assert "3.2 on 3.1; 3.3 on 3.1 and 3.2" in drawn
