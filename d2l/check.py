"""Claims that the reader sees, and checks that the reader need not see."""

import math
import re
from collections.abc import Callable, Iterable
from typing import Any, Literal, SupportsFloat

import numpy as np
import torch

from d2l import _session

Side = SupportsFloat | None
Bounds = tuple[Side, Side]
_Pair = tuple[float | None, float | None]

_ARRAY = torch.Tensor, np.ndarray


class ClaimFailed(AssertionError):
    """A number of this book is no longer what the book says."""


def claim(
    what: str,
    value: SupportsFloat,
    bounds: Bounds,
    *,
    small: SupportsFloat | Bounds | None = None,
    sample: SupportsFloat | Bounds | None = None,
    data: str | Iterable[str] | None = None,
    reported: SupportsFloat | None = None,
    why: str = "",
) -> None:
    """Print a headline number beside its bounds, and hold it to them.

    The line reads ``claim: <what> = <value> (<bounds>; sources: <reported>)``
    and, at small scale or on a sample, names the bounds that wait for a run
    at full size or on the real data.

    Args:
        what: What the number is, in a few words.
        value: The number: a float or a tensor of one element.
        bounds: The smallest and the largest value that the claim allows;
            ``None`` leaves a side open.
        small: The bounds at small scale or on an embedded sample. A number
            stands for the one side that is given in ``bounds``.
        sample: The bounds on an embedded sample, where they differ from
            ``small``: for an experiment that has one size, but needs the
            real data.
        data: The data sets that the number rests on, by the names of
            ``d2l.data.provenance()``. ``None`` means all that were used.
        reported: What the sources of this book reported, for comparison.
        why: In a phrase, why our number and the reported one differ, or
            that they agree. It is not printed; *Results* shows it.

    Raises:
        ClaimFailed: The value is outside the bounds, or not a number.
        ValueError: Bounds are no pair, or open on both sides, or exclude
            every value; a data set was not used; or only one of
            ``reported`` and ``why`` is given.
    """
    if (reported is None) != (not why.strip()):
        raise ValueError(
            "give why= with reported=: a phrase on why the two numbers "
            "differ, or that they agree"
        )
    full = _pair("bounds", bounds)
    on_small = full if small is None else _pair("small", small, full)
    on_sample = on_small if sample is None else _pair("sample", sample, full)
    here, missing = full, ""
    if small is not None:  # what is printed depends on the scale
        _session.event("scale", scale=_session.scale_name())
        if _session.scale_name() == "small":
            here, missing = on_small, "full size"
    if "sample" in _tiers_of(data):
        here, missing = on_sample, missing or "real data"
    if here == full:
        missing = ""
    low, high = here
    # The stamp of a recording at small scale is the only one.
    when = "not run yet" if _session.recording() else "not run here"
    not_run = f"; {missing}: {_words(*full)}, {when}" if missing else ""
    if reported is not None:
        reported = _number(reported)
    number = _number(value)
    holds = (
        math.isfinite(number)
        and (low is None or number >= low)
        and (high is None or number <= high)
    )
    sources = "" if reported is None else f"; sources: {reported:g}"
    found = f"{_words(low, high)}{sources}{not_run}"
    line = f"claim: {what} = {number:.5g} ({found})"
    _session.event(
        "claim",
        what=what,
        value=number if math.isfinite(number) else str(number),
        bounds=(low, high),
        full=full if missing else None,
        small=None if small is None else on_small,
        sample=None if sample is None else on_sample,
        data=data if data is None or isinstance(data, str) else list(data),
        reported=reported,
        why=why,
        holds=holds,
    )
    if not holds:
        raise ClaimFailed(f"does not hold: {line}")
    print(line)


def applies(
    *,
    real: str | Iterable[str] | None = None,
    scale: Literal["full", "small"] | None = None,
) -> bool:
    """Say whether a check fits this run; how many did not is counted.

    A hidden check of a number that only the real data, or only one scale,
    gives begins ``if d2l.check.applies(real="fashion_mnist"):``. The
    re-execution of the book reports how many checks did not apply.

    Args:
        real: Data sets that must have come as the real ones.
        scale: The scale that must be in force.
    """
    fits = "sample" not in _tiers_of(real or ())
    if scale is not None:
        _session.event("scale", scale=_session.scale_name())
        fits = fits and _session.scale_name() == scale
    _session.event("check", applied=fits)
    return fits


def _tiers_of(data: str | Iterable[str] | None) -> list[str]:
    """Return the tiers of data sets by name; of all that were used."""
    used = _session.provenance()
    names = used if data is None else [data] if isinstance(data, str) else data
    names = list(names)
    if unused := sorted(set(names) - used.keys()):
        raise ValueError(
            f"no data set {', '.join(unused)} was used so far; "
            f"used were: {', '.join(sorted(used)) or 'none'}"
        )
    return [used[name] for name in names]


def _number(value: SupportsFloat) -> float:
    """Return the number in a float or in a tensor of one element."""
    if isinstance(value, torch.Tensor):
        value = value.detach()
    return float(value)


def _pair(
    name: str, given: SupportsFloat | Bounds, full: _Pair | None = None
) -> _Pair:
    """Return a pair of bounds; a number closes the side that ``full`` does."""
    sides: Any = given
    if full is not None and not isinstance(given, tuple | list):
        if None not in full:
            raise ValueError(
                f"{name}={given} is one number but the claim has two bounds; "
                f"give {name}=(low, high)"
            )
        sides = [None if side is None else given for side in full]
    if not isinstance(sides, tuple | list) or len(sides) != 2:
        raise ValueError(f"{name}={given}; give (low, high), None if open")
    low, high = (None if side is None else _number(side) for side in sides)
    if low is None and high is None:
        raise ValueError(
            f"{name}={given} leaves both sides open; a claim needs a bound"
        )
    lowest, highest = -math.inf, math.inf
    lowest = lowest if low is None else low
    highest = highest if high is None else high
    if not lowest <= highest:  # also where one is not a number
        raise ValueError(f"{name}={given}: no value can hold")
    return low, high


def _words(low: float | None, high: float | None) -> str:
    """Say the bounds in words."""
    if low is not None and high is not None:
        return f"between {low:g} and {high:g}"
    return f"at most {high:g}" if low is None else f"at least {low:g}"


def close(
    actual: Any,
    expected: Any,
    *,
    rtol: float = 1e-5,
    atol: float = 1e-6,
    nan: bool = False,
) -> None:
    """Check that two tensors, or two numbers, agree within a tolerance.

    They may lie on different devices.

    Args:
        actual: What was computed.
        expected: What it should be.
        rtol: Allowed difference relative to ``expected``.
        atol: Allowed difference on top of that.
        nan: Whether "not a number" on both sides counts as agreement; two
            computations that have both gone wrong do not agree.

    Raises:
        AssertionError: Shapes, types or values differ; the message names
            the largest difference.
    """
    torch.testing.assert_close(
        torch.as_tensor(actual).cpu(),
        torch.as_tensor(expected).cpu(),
        rtol=rtol,
        atol=atol,
        check_dtype=False,
        equal_nan=nan,
    )


def equal(actual: Any, expected: Any, *, nan: bool = False) -> None:
    """Check that two things are the same: tensors element by element.

    Lists, tuples and dictionaries are compared part by part, arrays as
    tensors.

    Args:
        actual: What was computed.
        expected: What it should be.
        nan: Whether "not a number" on both sides counts as the same.

    Raises:
        AssertionError: They differ; the message shows both.
    """
    for kind in (dict, list, tuple):
        if isinstance(actual, kind) and isinstance(expected, kind):
            _equal_parts(actual, expected, nan)
            return
    if isinstance(actual, _ARRAY) or isinstance(expected, _ARRAY):
        close(actual, expected, rtol=0.0, atol=0.0, nan=nan)
    elif actual != expected and not (
        nan and actual != actual and expected != expected
    ):
        raise AssertionError(f"got {actual!r}, expected {expected!r}")


def _equal_parts(actual: Any, expected: Any, nan: bool) -> None:
    """Compare two containers of a kind: their names or places, each part."""
    ours, theirs = (
        thing if isinstance(thing, dict) else dict(enumerate(thing))
        for thing in (actual, expected)
    )
    if ours.keys() != theirs.keys():
        raise AssertionError(f"got {actual!r}, expected {expected!r}")
    for name, part in ours.items():
        try:
            equal(part, theirs[name], nan=nan)
        except AssertionError as error:
            raise AssertionError(f"part {name!r}: {error}") from error


def between(
    value: SupportsFloat, low: float, high: float, what: str = "value"
) -> None:
    """Check that a number that the prose gives as a range lies in it.

    Raises:
        AssertionError: The number is outside, or not a number.
        ValueError: ``low`` is above ``high``.
    """
    if low > high:
        raise ValueError(f"low={low} is above high={high}")
    number = _number(value)
    if not low <= number <= high:
        raise AssertionError(
            f"{what} is {number:.6g}, expected between {low:g} and {high:g}"
        )


def raises(
    error: type[BaseException],
    match: str,
    call: Callable[..., object],
    *args: Any,
    **kwargs: Any,
) -> None:
    """Check that a call fails as the prose says it does.

    Args:
        error: The type of the error.
        match: A regular expression found in its message.
        call: What to call.
        *args: Its arguments.
        **kwargs: Its keyword arguments.

    Raises:
        AssertionError: Nothing was raised, or with another message.
    """
    try:
        call(*args, **kwargs)
    except error as caught:
        if re.search(match, str(caught)):
            return
        raise AssertionError(
            f"{error.__name__} says {str(caught)!r}, expected {match!r}"
        ) from caught
    raise AssertionError(f"no {error.__name__} was raised")
