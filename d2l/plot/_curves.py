"""Curves: one line per series, the graph of a function, bands of runs."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any, Unpack

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from d2l.plot import _card, _style
from d2l.plot._arrays import array, describe, interval, same_length, vector
from d2l.plot._card import Labels

_LOGS = ("", "x", "y", "xy")
# More points than this do not show on a card; see `_thin`.
_MAX_POINTS = 1200


def curves(
    series: Mapping[str, Any],
    *,
    xlim: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
    log: str = "",
    markers: bool = False,
    **labels: Unpack[Labels],
) -> Axes:
    """Draw one line per series.

    Args:
        series: Name to values, or name to a tuple ``(xs, ys)``. Without
            ``xs``, values are drawn over 0, 1, 2, ... NaN leaves a gap.
        xlim: Ends of the horizontal axis.
        ylim: Ends of the vertical axis.
        log: The axes with a logarithmic scale: ``""``, ``"x"``, ``"y"`` or
            ``"xy"``.
        markers: Mark the points that the lines join.
        labels: ``xlabel``, ``ylabel``, ``title``, ``size`` and ``ax``; see
            `Labels`.

    Returns:
        The axes, with a legend if there is more than one series.

    Raises:
        TypeError: A series is not made of real numbers.
        ValueError: There is no series, a series is empty, its lengths
            differ, ``log`` is none of the four, or the axes would hold
            more than 30 series.
    """
    points = {
        name: _pair(name, values)
        for name, values in _checked(series, "curves").items()
    }
    _check_log(log, points)
    first = _card.num_series(labels, len(points))
    with _card.drawing(labels) as axes:
        for index, (name, (xs, ys)) in enumerate(points.items(), first):
            axes.plot(
                *_thin(xs, ys),
                label=name,
                color=_style.color(index),
                linestyle=_style.dashes(index),
                marker=_style.marker(index) if markers else None,
                markeredgewidth=0,
            )
        _scale(axes, log, xlim, ylim)
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


def bands(
    series: Mapping[str, Any],
    *,
    interval: float = 0.95,
    xlim: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
    log: str = "",
    **labels: Unpack[Labels],
) -> Axes:
    """Draw the median of several runs as a line, and their spread around it.

    Args:
        series: Name to values of shape ``(seed, step)``, or name to a tuple
            ``(xs, values)`` with one ``xs`` per step.
        interval: The share of the runs that lies in the band at each step,
            as many of the others above as below; 1 shows all of them.
        xlim: As for `curves`.
        ylim: As for `curves`.
        log: As for `curves`.
        labels: As for `curves`.

    Returns:
        The axes, with a legend if there is more than one series.

    Raises:
        TypeError: A series is not made of real numbers.
        ValueError: As for `curves`; or a series has fewer than two runs,
            ``interval`` is no share, or no run is finite anywhere.

    A run that is NaN or infinite at a step counts as larger than all
    others: a band of which too many have diverged is open above, and where
    half of them have, the line ends.
    """
    if not 0 < interval <= 1:
        raise ValueError(
            f"interval is the share of the runs in the band, above 0 and at "
            f"most 1; received {interval}"
        )
    spreads = {
        name: _spread(name, values, interval)
        for name, values in _checked(series, "bands").items()
    }
    _check_log(
        log, {name: (xs, mid) for name, (xs, _, mid, _) in spreads.items()}
    )
    first = _card.num_series(labels, len(spreads))
    with _card.drawing(labels) as axes:
        ceiling = _ceiling([high for *_, high in spreads.values()], ylim)
        for index, (name, spread) in enumerate(spreads.items(), first):
            xs, low, middle, high = spread
            look: dict[str, Any] = {"color": _style.color(index)}
            axes.fill_between(
                xs,
                np.where(np.isinf(low), np.nan, low),
                np.where(np.isinf(high), ceiling, high),
                alpha=0.2,
                linewidth=0,
                **look,
            )
            axes.plot(
                xs,
                np.where(np.isinf(middle), np.nan, middle),
                label=name,
                linestyle=_style.dashes(index),
                **look,
            )
        _scale(axes, log, xlim, ylim)
        if first + len(spreads) > 1:
            axes.legend()
    return axes


def _checked(series: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(series, Mapping):
        raise TypeError(
            f"{name} takes a mapping from name to values, such as "
            f"{{'loss': losses}}; received {type(series).__name__}"
        )
    if not series:
        raise ValueError("there is no series to draw: the mapping is empty")
    return series


def _spread(
    name: str, values: Any, share: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return xs, and the low end, the median and the high end at each."""
    xs = None
    if isinstance(values, tuple) and len(values) == 2:
        xs, values = vector(values[0], f"xs of {name!r}"), values[1]
    runs = array(values, f"series {name!r}").astype(float)
    if runs.ndim != 2 or len(runs) < 2 or not runs.size:
        raise ValueError(
            f"series {name!r} must have shape (seed, step) with at least two "
            f"seeds; received shape {tuple(runs.shape)}"
        )
    if xs is None:
        xs = np.arange(runs.shape[1])
    same_length({f"xs of {name!r}": xs, f"steps of {name!r}": runs[0]})
    runs = np.where(np.isfinite(runs), runs, np.inf)
    outside = (1 - share) / 2
    low, middle, high = (
        _quantile(runs, part) for part in (outside, 0.5, 1 - outside)
    )
    if not np.isfinite(low).any():
        raise ValueError(f"series {name!r} is finite at no step")
    return xs, low, middle, high


def _quantile(runs: np.ndarray, share: float) -> np.ndarray:
    """Return a quantile of each column, of which some may be infinite."""
    ordered = np.sort(runs, axis=0)
    place = share * (len(runs) - 1)
    below = ordered[int(np.floor(place))]
    above = ordered[int(np.ceil(place))]
    weight = place % 1
    if not weight:
        return below
    # Not below + weight * (above - below), which is NaN for two infinities.
    return (1 - weight) * below + weight * above


def _ceiling(
    highs: list[np.ndarray], ylim: tuple[float, float] | None
) -> float:
    """Return where a band that is open above ends."""
    finite = [high[np.isfinite(high)] for high in highs]
    top = max((float(high.max()) for high in finite if len(high)), default=1)
    return max(top, ylim[1]) if ylim else top


def _pair(name: str, values: Any) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(values, tuple) and len(values) == 2 and np.ndim(values[0]):
        xs = vector(values[0], f"xs of {name!r}")
        ys = vector(values[1], f"ys of {name!r}")
        same_length({f"xs of {name!r}": xs, f"ys of {name!r}": ys})
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
