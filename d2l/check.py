"""Claims that the reader sees, and checks that the reader need not see."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, SupportsFloat

import numpy as np
import torch

from d2l import _session

Side = SupportsFloat | None
Bounds = tuple[Side, Side]
_Pair = tuple[float | None, float | None]


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
    reported: float | None = None,
    why: str = "",
) -> None:
    """Print a headline number beside its bounds, and hold it to them.

    The line reads ``claim: <what> = <value> (<bounds>; sources: <reported>)``
    and, at small scale, names the bounds of the full size.

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
        ValueError: Both sides are open, the bounds exclude every value, a
            data set was not used, or only one of ``reported`` and ``why``
            is given.
    """
    if (reported is None) != (not why.strip()):
        raise ValueError(
            "give why= with reported=: a phrase on why the two numbers "
            "differ, or that they agree"
        )
    full = _pair("bounds", bounds, (None, None))
    on_small = full if small is None else _pair("small", small, full)
    on_sample = on_small if sample is None else _pair("sample", sample, full)
    low, high = full
    not_run = ""
    if small is not None:  # what is printed depends on the scale
        _session.event("scale", scale=_session.scale_name())
        if _session.scale_name() == "small":
            low, high = on_small
            # The stamp of a recording at small scale is the only one.
            when = "not run yet" if _session.recording() else "not run here"
            not_run = f"; full size: {_words(*full)}, {when}"
    if "sample" in _tiers_of(data):
        low, high = on_sample
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
        full=full if not_run else None,
        sample=None if sample is None else on_sample,
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


def _pair(name: str, given: SupportsFloat | Bounds, full: _Pair) -> _Pair:
    """Return a pair of bounds; one number stands for the one side given."""
    if not isinstance(given, tuple):
        if None not in full:
            raise ValueError(
                f"{name}={given} is one number but the claim has two bounds; "
                f"give {name}=(low, high)"
            )
        return (
            (_number(given), None)
            if full[1] is None
            else (None, _number(given))
        )
    if len(given) != 2:
        raise ValueError(f"{name}={given}; give (low, high), None if open")
    low, high = (None if side is None else _number(side) for side in given)
    if low is None and high is None:
        raise ValueError(
            f"{name}={given} leaves both sides open; a claim needs a bound"
        )
    if low is not None and high is not None and low > high:
        raise ValueError(
            f"{name}={given}: the low side is above the high one, "
            "so no value can hold"
        )
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

    Sequences are compared part by part, arrays as tensors.

    Raises:
        AssertionError: They differ; the message shows both.
    """
    if _is_array(actual) or _is_array(expected):
        close(actual, expected, rtol=0.0, atol=0.0, nan=nan)
    elif _holds_arrays(actual) and _holds_arrays(expected):
        if len(actual) != len(expected):
            raise AssertionError(
                f"got {len(actual)} parts, expected {len(expected)}"
            )
        for one, other in zip(actual, expected, strict=True):
            equal(one, other, nan=nan)
    elif actual != expected:
        raise AssertionError(f"got {actual!r}, expected {expected!r}")


def _is_array(thing: Any) -> bool:
    """Say whether it is a tensor or an array of numbers."""
    return isinstance(thing, torch.Tensor | np.ndarray | np.generic)


def _holds_arrays(thing: Any) -> bool:
    """Say whether it is a sequence with an array in it, at some depth."""
    return (
        isinstance(thing, Sequence)
        and not isinstance(thing, str)
        and any(_is_array(part) or _holds_arrays(part) for part in thing)
    )


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
