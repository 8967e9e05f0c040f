"""Claims hold or raise; checks are silent or explain."""

import json
import math

import numpy as np
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
        "test accuracy", 0.8321, (0.815, None), reported=0.815, why="seed"
    )

    assert capsys.readouterr().out == (
        "claim: test accuracy = 0.8321 (at least 0.815; sources: 0.815)\n"
    )


@pytest.mark.parametrize(
    ("value", "bounds"),
    [
        (0.8, (0.81, None)),
        (0.8, (None, 0.79)),
        (math.nan, (0.0, None)),
        (math.inf, (0.0, None)),
        (2, (0, 1)),
    ],
)
def test_a_claim_that_does_not_hold_raises(value, bounds):
    """Also for values that are not numbers, which no bound excludes."""
    with pytest.raises(check.ClaimFailed, match=r"does not hold.*loss"):
        check.claim("loss", value, bounds)


def test_the_bound_itself_holds():
    """At least means greater or equal, at most less or equal."""
    check.claim("x", 1.0, (1.0, 1.0))


def test_a_claim_accepts_a_tensor_of_one_element(capsys):
    """A metric need not be unpacked first."""
    check.claim("x", torch.tensor(0.5, requires_grad=True), (None, 1))

    assert "x = 0.5" in capsys.readouterr().out


def test_the_small_bound_applies_at_small_scale(monkeypatch):
    """And only there."""
    with pytest.raises(check.ClaimFailed):
        check.claim("accuracy", 0.6, (0.8, None), small=0.5)

    _session.forget()
    monkeypatch.setenv("D2L_SCALE", "small")
    check.claim("accuracy", 0.6, (0.8, None), small=0.5)
    with pytest.raises(check.ClaimFailed):
        check.claim("accuracy", 0.4, (0.8, None), small=0.5)


def test_the_small_bound_applies_on_an_embedded_sample():
    """A sample is not the real data, at whatever scale."""
    _session.note_data("fashion_mnist", "sample")

    check.claim("accuracy", 0.6, (0.8, None), small=0.5)


def test_the_sample_bound_applies_on_samples_only(monkeypatch):
    """An experiment of one size keeps its bound at small scale."""
    monkeypatch.setenv("D2L_SCALE", "small")

    with pytest.raises(check.ClaimFailed):
        check.claim("accuracy", 0.6, (0.8, None), sample=0.5)
    _session.note_data("fashion_mnist", "sample")
    check.claim("accuracy", 0.6, (0.8, None), sample=0.5)
    with pytest.raises(check.ClaimFailed):
        check.claim("accuracy", 0.4, (0.8, None), sample=0.5)


def test_one_small_bound_keeps_its_direction(monkeypatch):
    """``small`` beside ``at_most`` is an upper bound."""
    monkeypatch.setenv("D2L_SCALE", "small")

    with pytest.raises(check.ClaimFailed, match="at most 2"):
        check.claim("loss", 3, (None, 1), small=2)


def test_a_pair_sets_both_small_bounds(monkeypatch):
    """Both sides of a range have a small version."""
    monkeypatch.setenv("D2L_SCALE", "small")

    check.claim("x", 5, (1, 2), small=(4, 6))
    with pytest.raises(check.ClaimFailed, match="between 4 and 6"):
        check.claim("x", 7, (1, 2), small=(4, 6))


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"bounds": (None, None)}, "bounds=.*needs a bound"),
        ({"bounds": (2, 1)}, "bounds=.*no value can hold"),
        ({"bounds": (1, 2, 3)}, "give .low, high."),
        ({"bounds": 0.4}, "bounds=0.4; give .low, high."),
        ({"bounds": (math.nan, None)}, "bounds=.*no value can hold"),
        ({"bounds": (0, 1), "small": (0,)}, "small=.*give .low, high."),
        ({"bounds": (0, 1), "small": 0.5}, "small=0.5.*two bounds"),
        ({"bounds": (0, 1), "sample": 0.5}, "sample=0.5.*two bounds"),
        ({"bounds": (0, 1), "small": (3, 2)}, "small=.*no value can hold"),
        ({"bounds": (0, 1), "small": (None, None)}, "small=.*both sides"),
        ({"bounds": (0, 1), "data": "roses"}, "no data set roses was used"),
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
        check.claim("x", 0.5, (0, None), **half)


def test_claims_are_logged_whether_they_hold_or_not(monkeypatch, tmp_path):
    """The log has one line a claim, valid JSON also for NaN."""
    monkeypatch.setenv("D2L_EVENTS", str(tmp_path / "log"))

    check.claim("a", 1, (0, None), reported=2, why="half as many")
    with pytest.raises(check.ClaimFailed):
        check.claim("b", math.nan, (0, None))

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

    check.claim("a", 1, (0, None))
    check.claim("b", 1, (0, None), small=-1)

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
        (check.equal, (np.ones(2), np.zeros(2)), "equal"),
        (check.equal, ([torch.ones(2)], [torch.zeros(2)]), "equal"),
        (
            check.equal,
            ([torch.ones(2)], [torch.ones(2)] * 2),
            "got .*expected",
        ),
        (check.equal, ({"a": torch.ones(2)}, {"b": torch.ones(2)}), "got"),
        (check.equal, ({"a": np.ones(2)}, {"a": np.zeros(2)}), "part 'a'"),
        (check.equal, ([torch.ones(2)], (torch.ones(2),)), "got .*expected"),
        (check.equal, ([], ()), r"got \[\], expected \(\)"),
        (check.equal, ([math.nan] * 2, [math.nan] * 2), "part 0: got nan"),
        (check.close, (math.nan, math.nan), "not close"),
        (check.equal, (torch.tensor(math.nan),) * 2, "equal"),
        (check.equal, ([1], [2]), "part 0: got 1, expected 2"),
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
    check.close([1.0, 2.0], torch.tensor([1.0, 2.0]))
    check.equal(np.arange(3), torch.arange(3))
    check.equal(
        [torch.ones(2), (torch.ones(3),)], [torch.ones(2), (torch.ones(3),)]
    )
    check.equal({"a": 1}, {"a": 1})
    check.equal({"a": torch.ones(2), "b": "x"}, {"a": np.ones(2), "b": "x"})
    check.equal((2, 3), torch.ones(2, 3).shape)
    check.equal(np.ones(1, np.int8).dtype, np.int8)
    check.close(torch.tensor([1, 2]), [1.0, 2.0])
    for low, high in ((1, 2), (1.5, 2), (1, 1.5), (1.5, 1.5)):
        check.between(1.5, low, high)
    check.raises(ValueError, "invalid literal", int, "one")
    check.raises(ValueError, "base", int, "1", base=99)

    assert capsys.readouterr().out == ""


def test_between_refuses_an_empty_range():
    """Otherwise a swapped pair would fail for the wrong reason."""
    with pytest.raises(ValueError, match="above"):
        check.between(1, 2, 0)


def test_two_wrecks_agree_only_when_asked():
    """Where "not a number" is the point, the check says so."""
    values = [1.0, math.nan]

    check.close(values, torch.tensor(values), nan=True)
    check.equal(torch.tensor(values), torch.tensor(values), nan=True)
    check.equal(values, [1.0, math.nan], nan=True)
    for one, other in ((math.nan, 1.0), (1.0, math.nan)):
        with pytest.raises(AssertionError):
            check.equal(one, other, nan=True)


@pytest.mark.parametrize("agree", [check.close, check.equal])
def test_a_check_takes_both_sides_to_the_processor(monkeypatch, agree):
    """A result on an accelerator is compared with a number all the same."""
    moved = []
    to_cpu = torch.Tensor.cpu

    def spy(tensor):
        moved.append(tensor)
        return to_cpu(tensor)

    monkeypatch.setattr(torch.Tensor, "cpu", spy)

    agree(torch.ones(2), [1.0, 1.0])

    assert len(moved) == 2


def test_bounds_may_be_tensors_and_numpy_numbers(monkeypatch, tmp_path):
    """What a page computed is a bound like any other, in the log too."""
    monkeypatch.setenv("D2L_EVENTS", str(tmp_path / "log"))

    check.claim(
        "x",
        np.float32(0.5),
        (np.float32(0.25), torch.tensor(1.0)),
        reported=torch.tensor(0.5),
        why="agrees",
    )

    logged = json.loads((tmp_path / "log").read_text())
    assert logged["bounds"] == [0.25, 1.0]
    assert logged["reported"] == 0.5


@pytest.mark.parametrize(
    ("recording", "when"), [("1", "not run yet"), ("0", "not run here")]
)
def test_the_full_size_is_said_to_be_open(
    monkeypatch, capsys, recording, when
):
    """A small run does not borrow the bound of a full one."""
    monkeypatch.setenv("D2L_SCALE", "small")
    monkeypatch.setenv("D2L_RECORDING", recording)

    check.claim("accuracy", 0.6, (0.8, None), small=0.5)

    assert capsys.readouterr().out == (
        "claim: accuracy = 0.6 "
        f"(at least 0.5; full size: at least 0.8, {when})\n"
    )


def test_a_sample_run_says_that_the_real_data_wait(capsys):
    """A number from invented data is none about the real ones."""
    _session.note_data("houses", "sample")

    check.claim("a", 0.6, (0.8, None), sample=0.5)
    check.claim("b", 0.6, (0.5, None), sample=0.5)

    assert capsys.readouterr().out.splitlines() == [
        "claim: a = 0.6 (at least 0.5; real data: at least 0.8, not run here)",
        "claim: b = 0.6 (at least 0.5)",
    ]


def test_a_small_run_on_a_sample_waits_for_the_full_size(monkeypatch, capsys):
    """The full size is run on the real data anyway."""
    monkeypatch.setenv("D2L_SCALE", "small")
    _session.note_data("houses", "sample")

    check.claim("a", 0.6, (0.8, None), small=0.7, sample=0.5)

    assert capsys.readouterr().out == (
        "claim: a = 0.6 (at least 0.5; full size: at least 0.8, "
        "not run here)\n"
    )


def test_the_log_of_a_claim_has_all_its_bounds(monkeypatch, tmp_path):
    """What applied here, what did not, and which data it rests on."""
    monkeypatch.setenv("D2L_EVENTS", str(tmp_path / "log"))
    monkeypatch.setenv("D2L_SCALE", "small")
    _session.note_data("houses", "real")

    check.claim("a", 0.6, (0.8, None), small=0.5, sample=0.1, data="houses")
    check.claim("b", 0.6, (0.5, None), data=["houses"])

    lines = (tmp_path / "log").read_text().splitlines()
    first, second = (
        fact for fact in map(json.loads, lines) if fact["kind"] == "claim"
    )
    assert first["bounds"] == first["small"] == [0.5, None]
    assert (first["full"], first["sample"]) == ([0.8, None], [0.1, None])
    assert (first["data"], second["data"]) == ("houses", ["houses"])
    assert [second[name] for name in ("full", "small", "sample")] == [None] * 3


def test_a_claim_rests_on_the_sets_it_names():
    """The sample of one set does not loosen a number from another."""
    _session.note_data("houses", "sample")
    _session.note_data("fashion_mnist", "real")

    check.claim("error", 0.4, (None, 0.2), sample=0.5, data="houses")
    check.claim("error", 0.4, (None, 0.2), sample=0.5)
    with pytest.raises(check.ClaimFailed, match=r"at most 0\.2"):
        check.claim("x", 0.4, (None, 0.2), sample=0.5, data="fashion_mnist")


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ({}, True),
        ({"real": "digits"}, True),
        ({"real": "houses"}, False),
        ({"real": ["digits", "houses"]}, False),
        ({"scale": "full"}, True),
        ({"scale": "small"}, False),
        ({"real": "houses", "scale": "full"}, False),
        ({"real": "digits", "scale": "small"}, False),
    ],
)
def test_a_check_applies_or_is_counted(monkeypatch, tmp_path, asked, fits):
    """The log tells which checks did not run."""
    _session.note_data("digits", "real")
    _session.note_data("houses", "sample")
    monkeypatch.setenv("D2L_EVENTS", str(tmp_path / "log"))
    _session.choices.cache_clear()

    assert check.applies(**asked) is fits

    *others, last = map(
        json.loads, (tmp_path / "log").read_text().splitlines()
    )
    assert last == {"kind": "check", "applied": fits}
    assert [fact["kind"] for fact in others] == ["scale"] * ("scale" in asked)
