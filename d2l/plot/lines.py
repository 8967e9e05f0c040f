"""Curves: one line per series, or the graph of a function."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from d2l.plot import style
from d2l.plot.values import describe, interval, same_length, vector

_LOGS = ("", "x", "y", "xy")
# More points than this do not show on a card; see `_thin`.
_MAX_POINTS = 1200


def curves(
    series: Mapping[str, Any],
    *,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    xlim: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
    log: str = "",
    markers: bool = False,
    size: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one line per series.

    Args:
        series: Name to values, or name to a tuple ``(xs, ys)``. Without
            ``xs``, values are drawn over 0, 1, 2, ... NaN leaves a gap.
        xlabel: What the horizontal axis shows, with its unit.
        ylabel: What the vertical axis shows, with its unit.
        title: A heading above the axes.
        xlim: Ends of the horizontal axis.
        ylim: Ends of the vertical axis.
        log: The axes with a logarithmic scale: ``""``, ``"x"``, ``"y"`` or
            ``"xy"``.
        markers: Mark the points that the lines join.
        size: Width and height of a new card in inches.
        ax: Axes to draw into instead of a new card.

    Returns:
        The axes, with a legend if there is more than one series.

    Raises:
        TypeError: A series is not made of real numbers.
        ValueError: There is no series, a series is empty, its lengths
            differ, or ``log`` is none of the four.
    """
    points = _points(series)
    _check_log(log, points)
    axes = style.axes_or_new(ax, size)
    with mpl.rc_context(style.STYLE):
        first = len(axes.lines)
        for index, (name, (xs, ys)) in enumerate(points.items(), first):
            axes.plot(
                *_thin(xs, ys),
                label=name,
                color=style.color(index),
                linestyle=style.DASHES[index % len(style.DASHES)],
                marker=style.MARKERS[index % 6] if markers else None,
                markeredgewidth=0,
            )
        _scale(axes, log, xlim, ylim)
        style.label(axes, xlabel=xlabel, ylabel=ylabel, title=title)
        if first + len(points) > 1:
            axes.legend()
    return axes


def functions(
    functions: Mapping[str, Callable[[Tensor], Tensor]],
    low: float,
    high: float,
    *,
    num: int = 201,
    **options: Any,
) -> Axes:
    """Draw the graph of each function on an interval.

    Args:
        functions: Name to a function of a float32 tensor of shape
            ``(num,)`` that returns one value per element.
        low: Left end of the interval.
        high: Right end of the interval.
        num: Number of equally spaced points, both ends included.
        options: As for `curves`.

    Returns:
        The axes.

    Raises:
        ValueError: The interval is empty, ``num`` is below 2, or a
            function does not return one value per element.
    """
    low, high = interval((low, high), "the interval")
    if num < 2:
        raise ValueError(f"num must be at least 2; received {num}")
    xs = torch.linspace(low, high, num)
    series = {}
    for name, function in functions.items():
        ys = function(xs.clone())
        shape = tuple(getattr(ys, "shape", ()))
        if shape != (num,):
            raise ValueError(
                f"function {name!r} must return one value per element, "
                f"shape ({num},); received {describe(ys)}"
            )
        series[name] = (xs, ys)
    return curves(series, **options)


def _points(
    series: Mapping[str, Any],
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    if not isinstance(series, Mapping):
        raise TypeError(
            f"curves takes a mapping from name to values, such as "
            f"{{'loss': losses}}; received {type(series).__name__}"
        )
    if not series:
        raise ValueError("there is no series to draw: the mapping is empty")
    return {name: _pair(name, values) for name, values in series.items()}


def _pair(name: str, values: Any) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(values, tuple) and len(values) == 2 and np.ndim(values[0]):
        xs = vector(values[0], f"xs of {name!r}")
        ys = vector(values[1], f"ys of {name!r}")
        same_length(**{f"xs of {name!r}": xs, f"ys of {name!r}": ys})
        return xs, ys
    ys = vector(values, f"series {name!r}")
    return np.arange(len(ys)), ys


def _check_log(
    log: str, points: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> None:
    if log not in _LOGS:
        raise ValueError(f"log must be one of {_LOGS}; received {log!r}")
    for name, (xs, ys) in points.items():
        for letter, numbers in (("x", xs), ("y", ys)):
            if letter in log and not (numbers > 0).any():
                raise ValueError(
                    f"{name!r} has no positive {letter} to show on a "
                    "logarithmic axis"
                )


def _scale(
    axes: Axes,
    log: str,
    xlim: tuple[float, float] | None,
    ylim: tuple[float, float] | None,
) -> None:
    if "x" in log:
        axes.set_xscale("log")
    if "y" in log:
        axes.set_yscale("log")
    if xlim is not None:
        axes.set_xlim(xlim)
    if ylim is not None:
        axes.set_ylim(ylim)


def _thin(xs: np.ndarray, ys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keep the lowest and highest point of each stretch of a long series."""
    if len(xs) <= _MAX_POINTS or (np.diff(xs) < 0).any():
        return xs, ys
    edges = np.linspace(0, len(xs), _MAX_POINTS // 4 + 1).astype(int)
    kept = {0, len(xs) - 1}
    for start, stop in itertools.pairwise(edges):
        part = ys[start:stop]
        gaps = np.isnan(part)
        if gaps.any():
            kept.add(start + int(gaps.argmax()))
        if not gaps.all():
            kept.add(start + int(np.nanargmin(part)))
            kept.add(start + int(np.nanargmax(part)))
    chosen = sorted(kept)
    return xs[chosen], ys[chosen]
