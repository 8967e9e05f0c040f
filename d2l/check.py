"""Claims that the reader sees, and checks that the reader need not see."""

import math
import re
from collections.abc import Callable
from typing import Any, SupportsFloat

import torch

from d2l import _session

Bounds = tuple[float | None, float | None]


class ClaimFailed(AssertionError):
    """A number of this book is no longer what the book says."""


def claim(
    what: str,
    value: SupportsFloat,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    small: float | Bounds | None = None,
    sample: float | Bounds | None = None,
    reported: float | None = None,
    why: str = "",
) -> None:
    """Print a headline number beside its bound, and hold it to the bound.

    The line reads ``claim: <what> = <value> (<bound>; sources: <reported>)``.

    Args:
        what: What the number is, in a few words.
        value: The number: a float or a tensor of one element.
        at_least: The value must not be smaller.
        at_most: The value must not be larger.
        small: The bound at small scale or on an embedded sample. A number
            stands for the one bound that is given; a pair
            ``(at_least, at_most)`` for both.
        sample: The bound on an embedded sample, where it differs from
            ``small``: for an experiment that has one size, but needs the
            real data.
        reported: What the sources of this book reported, for comparison.
        why: In a phrase, why our number and the reported one differ, or
            that they agree. It is not printed; *Results* shows it.

    Raises:
        ClaimFailed: The value is outside the bound, or not a number.
        ValueError: No bound is given, the bounds exclude every value, or
            only one of ``reported`` and ``why`` is given.
    """
    if (reported is None) != (not why.strip()):
        raise ValueError(
            "give why= with reported=: a phrase on why the two numbers "
            "differ, or that they agree"
        )
    low, high = _bounds(at_least, at_most, small, sample)
    if small is not None:  # what is printed depends on the scale
        _session.event("scale", scale=_session.scale_name())
    number = _number(value)
    holds = (
        math.isfinite(number)
        and (low is None or number >= low)
        and (high is None or number <= high)
    )
    line = f"claim: {what} = {number:.5g} ({_words(low, high, reported)})"
    _session.event(
        "claim",
        what=what,
        value=number if math.isfinite(number) else str(number),
        at_least=low,
        at_most=high,
        small=small,
        sample=sample,
        reported=reported,
        why=why,
        holds=holds,
    )
    if not holds:
        raise ClaimFailed(f"does not hold: {line}")
    print(line)


def _number(value: SupportsFloat) -> float:
    """Return the number in a float or in a tensor of one element."""
    if isinstance(value, torch.Tensor):
        value = value.detach()
    return float(value)


def _bounds(
    at_least: float | None,
    at_most: float | None,
    small: float | Bounds | None,
    sample: float | Bounds | None,
) -> Bounds:
    """Return the bounds that apply here and now."""
    if at_least is None and at_most is None:
        raise ValueError(
            "a claim needs a bound: give at_least, at_most or both"
        )
    full = (at_least, at_most)
    on_small = _pair(at_least, at_most, small)
    on_sample = _pair(at_least, at_most, small if sample is None else sample)
    for low, high in (full, on_small, on_sample):
        if low is not None and high is not None and low > high:
            raise ValueError(
                f"at_least={low} is above at_most={high}: no value can hold"
            )
    if "sample" in _session.provenance().values():
        return on_sample
    return on_small if _session.scale_name() == "small" else full


def _pair(
    at_least: float | None,
    at_most: float | None,
    small: float | Bounds | None,
) -> Bounds:
    """Spread ``small`` over the two sides of the bound."""
    if small is None:
        return at_least, at_most
    if isinstance(small, tuple):
        return small
    if at_least is not None and at_most is not None:
        raise ValueError(
            f"small={small} is one number but the claim has two bounds; "
            "give small=(at_least, at_most)"
        )
    return (small, None) if at_least is not None else (None, small)


def _words(
    low: float | None, high: float | None, reported: float | None
) -> str:
    """Say the bound and the reported value in words."""
    parts = []
    if low is not None and high is not None:
        parts.append(f"between {low:g} and {high:g}")
    elif low is not None:
        parts.append(f"at least {low:g}")
    else:
        parts.append(f"at most {high:g}")
    if reported is not None:
        parts.append(f"sources: {reported:g}")
    return "; ".join(parts)


def close(
    actual: Any, expected: Any, *, rtol: float = 1e-5, atol: float = 1e-6
) -> None:
    """Check that two tensors, or two numbers, agree within a tolerance.

    Args:
        actual: What was computed.
        expected: What it should be.
        rtol: Allowed difference relative to ``expected``.
        atol: Allowed difference on top of that.

    Raises:
        AssertionError: Shapes, types or values differ; the message names
            the largest difference.
    """
    torch.testing.assert_close(
        torch.as_tensor(actual),
        torch.as_tensor(expected),
        rtol=rtol,
        atol=atol,
        check_dtype=False,
        equal_nan=True,
    )


def equal(actual: Any, expected: Any) -> None:
    """Check that two things are the same: tensors element by element.

    Raises:
        AssertionError: They differ; the message shows both.
    """
    if isinstance(actual, torch.Tensor) or isinstance(expected, torch.Tensor):
        close(actual, expected, rtol=0.0, atol=0.0)
    elif actual != expected:
        raise AssertionError(f"got {actual!r}, expected {expected!r}")


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
