"""What a figure is drawn from: tensors, arrays and lists, as arrays."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

Values = Tensor | np.ndarray | Sequence[Any]


def array(values: Any, what: str) -> np.ndarray:
    """Return numbers as a NumPy array, detached and on the CPU.

    Args:
        values: A tensor on any device, an array, or (nested) sequences of
            numbers or tensors.
        what: How an error calls them.

    Raises:
        TypeError: They are not numbers.
        ValueError: Rows have different lengths.

    The result may share memory with ``values``; treat it as read-only.
    """
    kind = type(values).__name__
    if isinstance(values, Tensor):
        kind = str(values.dtype)
        values = values.detach().cpu().resolve_conj().resolve_neg()
        # NumPy has no bfloat16 and no float8; float32 holds them exactly.
        is_small = values.is_floating_point() and values.itemsize < 4
        values = values.float() if is_small else values
    if isinstance(values, list | tuple):
        values = [array(value, what) for value in values]
        shapes = sorted({value.shape for value in values})
        if len(shapes) > 1:
            raise ValueError(
                f"{what} must have one shape throughout; received {shapes}"
            )
    result = np.asarray(values)
    if result.dtype.kind not in "biuf":
        if isinstance(values, np.ndarray):
            kind = f"an array of {result.dtype}"
        raise TypeError(f"{what} must be real numbers; received {kind}")
    return result


def vector(values: Any, what: str) -> np.ndarray:
    """Return a series of numbers as a 1-D array of at least one element.

    Raises:
        TypeError: They are not numbers.
        ValueError: The series is empty, or not a series.
    """
    result = array(values, what)
    if result.ndim != 1:
        raise ValueError(
            f"{what} must be a series (one axis); "
            f"received shape {tuple(result.shape)}"
        )
    if not len(result):
        raise ValueError(f"{what} is empty; a figure needs a value to show")
    return result


def same_length(series: Mapping[str, Any]) -> None:
    """Raise ``ValueError`` naming the series whose lengths differ."""
    lengths = {name: len(values) for name, values in series.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} has {n}" for name, n in lengths.items())
        raise ValueError(f"lengths differ: {found}; give one value per point")


def interval(limits: Sequence[float], what: str) -> tuple[float, float]:
    """Return ``(low, high)`` as floats.

    Raises:
        ValueError: It is not a pair of finite numbers in rising order.
    """
    pair = tuple(float(limit) for limit in limits)
    if len(pair) != 2 or not np.isfinite(pair).all() or pair[0] >= pair[1]:
        raise ValueError(
            f"{what} takes (low, high) with low < high, both finite; "
            f"received {pair}"
        )
    return pair


def describe(value: Any) -> str:
    """Say what was received: the shape of an array, else the type."""
    kind = type(value).__name__
    if hasattr(value, "shape"):
        return f"{kind} of shape {tuple(value.shape)}"
    return kind
