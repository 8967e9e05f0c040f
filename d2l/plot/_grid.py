"""Heights of a function of two numbers on a grid.

A function is written for two numbers, as a chapter writes its loss, and is
evaluated for all points at once where PyTorch can do that.
"""

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from d2l.plot._arrays import array, describe, interval

Function = Callable[[Tensor, Tensor], Any]


def grid(
    f: Function,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    num: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Evaluate ``f`` on a grid.

    Args:
        f: Takes two float32 tensors of shape ``()``, returns one number.
        xlim: Ends of the first axis.
        ylim: Ends of the second axis.
        num: Points per axis, both ends included.

    Returns:
        First coordinates, second coordinates, and heights: one row per
        second coordinate, one column per first.

    Raises:
        TypeError: A height is not a number.
        ValueError: A height is not one number, an interval is empty, or
            ``num`` is below 2.
    """
    if num < 2:
        raise ValueError(f"num must be at least 2; received {num}")
    xs = torch.linspace(*interval(xlim, "xlim"), num)
    ys = torch.linspace(*interval(ylim, "ylim"), num)
    at(f, xs[0], ys[0])  # an error is easiest to read for one point
    heights = _all_at_once(f, xs, ys)
    if heights is None:
        heights = np.array([[at(f, x, y) for x in xs] for y in ys])
    return xs.numpy(), ys.numpy(), heights


def at(f: Function, x: Tensor, y: Tensor) -> float:
    """Return the height of ``f`` at one point; errors as for `grid`."""
    value = f(x, y)
    if math.prod(getattr(value, "shape", ())) != 1:
        raise ValueError(
            "f must return one number for two numbers; "
            f"received {describe(value)}"
        )
    return float(array(value, "the values of f").item())


def _all_at_once(f: Function, xs: Tensor, ys: Tensor) -> np.ndarray | None:
    """Return all heights, or None where ``f`` needs one point at a time.

    A function that looks at its numbers, with ``if`` or ``float()``, or
    draws random ones, cannot be vectorised; PyTorch then raises or warns.
    """
    row = torch.vmap(f, in_dims=(0, None))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            heights = torch.vmap(row, in_dims=(None, 0))(xs, ys)
    except Exception:  # of any kind: the slow way tells what is wrong
        return None
    return array(heights, "the values of f").reshape(len(ys), len(xs))
