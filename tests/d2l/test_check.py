"""Claims hold or raise; checks are silent or explain."""

import json
import math
from typing import Any

import pytest
import torch

from d2l import _session, check


@pytest.fixture(autouse=True)
def full_scale(monkeypatch):
    """Full scale and no embedded sample, unless a test says otherwise."""
    monkeypatch.setenv("D2L_SCALE", "full")


def test_a_claim_that_holds_prints_one_line(capsys):
    """Value, bound and what the sources reported, on one line."""
    check.claim(
        "test accuracy", 0.8321, at_least=0.815, reported=0.815, why="seed"
    )

    assert capsys.readouterr().out == (
        "claim: test accuracy = 0.8321 (at least 0.815; sources: 0.815)\n"
    )


@pytest.mark.parametrize(
    ("value", "bounds"),
    [
        (0.8, {"at_least": 0.81}),
        (0.8, {"at_most": 0.79}),
        (math.nan, {"at_least": 0.0}),
        (math.inf, {"at_least": 0.0}),
        (2, {"at_least": 0, "at_most": 1}),
    ],
)
def test_a_claim_that_does_not_hold_raises(value, bounds):
    """Also for values that are not numbers, which no bound excludes."""
    with pytest.raises(check.ClaimFailed, match=r"does not hold.*loss"):
        check.claim("loss", value, **bounds)


def test_the_bound_itself_holds():
    """At least means greater or equal, at most less or equal."""
    check.claim("x", 1.0, at_least=1.0, at_most=1.0)


def test_a_claim_accepts_a_tensor_of_one_element(capsys):
    """A metric need not be unpacked first."""
    check.claim("x", torch.tensor(0.5, requires_grad=True), at_most=1)

    assert "x = 0.5" in capsys.readouterr().out


def test_the_small_bound_applies_at_small_scale(monkeypatch):
    """And only there."""
    with pytest.raises(check.ClaimFailed):
        check.claim("accuracy", 0.6, at_least=0.8, small=0.5)

    _session.forget()
    monkeypatch.setenv("D2L_SCALE", "small")
    check.claim("accuracy", 0.6, at_least=0.8, small=0.5)
    with pytest.raises(check.ClaimFailed):
        check.claim("accuracy", 0.4, at_least=0.8, small=0.5)


def test_the_small_bound_applies_on_an_embedded_sample():
    """A sample is not the real data, at whatever scale."""
    _session.note_data("fashion_mnist", "sample")

    check.claim("accuracy", 0.6, at_least=0.8, small=0.5)


def test_the_sample_bound_applies_on_samples_only(monkeypatch):
    """An experiment of one size keeps its bound at small scale."""
    bounds: dict[str, Any] = {"at_least": 0.8, "sample": 0.5}
    monkeypatch.setenv("D2L_SCALE", "small")

    with pytest.raises(check.ClaimFailed):
        check.claim("accuracy", 0.6, **bounds)
    _session.note_data("fashion_mnist", "sample")
    check.claim("accuracy", 0.6, **bounds)
    with pytest.raises(check.ClaimFailed):
        check.claim("accuracy", 0.4, **bounds)


def test_one_small_bound_keeps_its_direction(monkeypatch):
    """``small`` beside ``at_most`` is an upper bound."""
    monkeypatch.setenv("D2L_SCALE", "small")

    with pytest.raises(check.ClaimFailed, match="at most 2"):
        check.claim("loss", 3, at_most=1, small=2)


def test_a_pair_sets_both_small_bounds(monkeypatch):
    """Both sides of a range have a small version."""
    monkeypatch.setenv("D2L_SCALE", "small")

    check.claim("x", 5, at_least=1, at_most=2, small=(4, 6))
    with pytest.raises(check.ClaimFailed, match="between 4 and 6"):
        check.claim("x", 7, at_least=1, at_most=2, small=(4, 6))


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({}, "needs a bound"),
        ({"at_least": 2, "at_most": 1}, "no value can hold"),
        ({"at_least": 0, "at_most": 1, "small": 0.5}, "two bounds"),
        ({"at_least": 0, "at_most": 1, "small": (3, 2)}, "no value can hold"),
    ],
)
def test_bounds_that_make_no_sense_are_refused(bounds, message):
    """At any scale: also the bounds that do not apply here."""
    with pytest.raises(ValueError, match=message):
        check.claim("x", 0.5, **bounds)


@pytest.mark.parametrize(
    "half", [{"reported": 0.8}, {"reported": 0.8, "why": " "}, {"why": "x"}]
)
def test_a_reported_value_comes_with_a_reason(half):
    """A difference that nobody explains is not put beside ours."""
    with pytest.raises(ValueError, match="why= with reported="):
        check.claim("x", 0.5, at_least=0, **half)


def test_claims_are_logged_whether_they_hold_or_not(monkeypatch, tmp_path):
    """The log has one line a claim, valid JSON also for NaN."""
    monkeypatch.setenv("D2L_EVENTS", str(tmp_path / "log"))

    check.claim("a", 1, at_least=0, reported=2, why="half as many")
    with pytest.raises(check.ClaimFailed):
        check.claim("b", math.nan, at_least=0)

    first, second = map(
        json.loads, (tmp_path / "log").read_text().splitlines()
    )
    assert (first["what"], first["reported"], first["holds"]) == ("a", 2, True)
    assert first["why"] == "half as many"
    assert (second["value"], second["holds"]) == ("nan", False)


def test_a_claim_with_a_small_bound_depends_on_the_scale(
    monkeypatch, tmp_path
):
    """And says so in the log, so that no other scale is compared with it."""
    monkeypatch.setenv("D2L_EVENTS", str(tmp_path / "log"))

    check.claim("a", 1, at_least=0)
    check.claim("b", 1, at_least=0, small=-1)

    kinds = [
        json.loads(line)["kind"]
        for line in (tmp_path / "log").read_text().splitlines()
    ]
    assert kinds == ["claim", "scale", "claim"]


@pytest.mark.parametrize(
    ("call", "args", "message"),
    [
        (check.close, (1.0, 1.1), "not close"),
        (check.close, (torch.ones(2), torch.ones(2, 1)), "shape"),
        (check.equal, (torch.ones(2), torch.tensor([1.0, 2.0])), "equal"),
        (check.equal, ([1], [2]), r"got \[1\], expected \[2\]"),
        (check.between, (3, 1, 2, "loss"), "loss is 3, expected between"),
        (check.between, (math.nan, 1, 2), "is nan"),
        (check.raises, (ValueError, "x", int, "1"), "no ValueError"),
        (check.raises, (ValueError, "cat", int, "one"), "expected 'cat'"),
    ],
)
def test_a_check_that_fails_explains(call, args, message):
    """Each names what it got and what it expected."""
    with pytest.raises(AssertionError, match=message):
        call(*args)


def test_a_check_that_holds_is_silent(capsys):
    """Hidden check cells leave no output."""
    check.close([1.0, float("nan")], torch.tensor([1.0, float("nan")]))
    check.equal({"a": 1}, {"a": 1})
    check.between(1.5, 1, 2)
    check.raises(ValueError, "invalid literal", int, "one")

    assert capsys.readouterr().out == ""


def test_between_refuses_an_empty_range():
    """Otherwise a swapped pair would fail for the wrong reason."""
    with pytest.raises(ValueError, match="above"):
        check.between(1, 2, 0)
