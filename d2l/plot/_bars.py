"""Bars: heights by name, and how often values fall into bins."""

import operator
from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import numpy as np
from matplotlib.axes import Axes

from d2l.plot import _card, _style
from d2l.plot._arrays import Values, array, vector
from d2l.plot._card import Labels


def bars(
    labels: Sequence[Any],
    values: Values | Mapping[str, Values],
    *,
    ylim: tuple[float, float] | None = None,
    horizontal: bool = False,
    **options: Unpack[Labels],
) -> Axes:
    """Draw one bar per label, or one per label and series.

    Args:
        labels: What stands at each bar.
        values: One height per label, or name to heights for bars side by
            side.
        ylim: Ends of the axis along the bars.
        horizontal: Draw the bars from left to right, first label on top;
            good for long labels.
        options: ``xlabel``, ``ylabel``, ``title``, ``size`` and ``ax``; see
            `Labels`.

    Returns:
        The axes.

    Raises:
        TypeError: A height is not a real number.
        ValueError: There is no bar, the lengths differ, or there are more
            than 30 series.
    """
    named = values if isinstance(values, Mapping) else {"values": values}
    heights = {name: vector(h, name) for name, h in named.items()}
    if not heights:
        raise ValueError("there is no series of bars to draw")
    for name, series in heights.items():
        if len(series) != len(labels):
            raise ValueError(
                f"lengths differ: there are {len(labels)} labels, and "
                f"{name!r} has {len(series)}; give one value per label"
            )
    _style.refuse_many(len(heights))
    with _card.drawing(options) as axes:
        _draw_bars(axes, [str(text) for text in labels], heights, horizontal)
        axes.grid(visible=False, axis="y" if horizontal else "x")
        if ylim is not None:
            (axes.set_xlim if horizontal else axes.set_ylim)(ylim)
        if len(heights) > 1:
            axes.legend()
    return axes


def histogram(
    values: Values | Mapping[str, Values],
    *,
    bins: int | Sequence[float] = 20,
    density: bool = False,
    **labels: Unpack[Labels],
) -> Axes:
    """Draw how often values fall into each bin.

    Args:
        values: Numbers of any shape, or name to numbers for outlines over
            each other in the same bins. NaN is left out; false is 0 and
            true is 1.
        bins: Number of equal bins over all values, or their edges.
        density: Show a density, whose area is 1, instead of counts.
        labels: ``xlabel``, ``ylabel`` (by default ``count`` or
            ``density``), ``title``, ``size`` and ``ax``; see `Labels`.

    Returns:
        The axes.

    Raises:
        TypeError: The values are not real numbers.
        ValueError: There is no finite value, or more than 30 series.
    """
    named = values if isinstance(values, Mapping) else {"": values}
    series = {name: _finite(v, name or "values") for name, v in named.items()}
    if not series:
        raise ValueError("there is no series of values to count")
    _style.refuse_many(len(series))
    edges = np.histogram_bin_edges(
        np.concatenate(list(series.values())), _edges(bins)
    )
    if not labels.get("ylabel"):
        labels["ylabel"] = "density" if density else "count"
    with _card.drawing(labels) as axes:
        for index, (name, numbers) in enumerate(series.items()):
            heights, _ = np.histogram(numbers, edges, density=density)
            axes.stairs(
                heights,
                edges,
                label=name or None,
                color=_style.color(index),
                fill=len(series) == 1,
                linewidth=1.6,
                linestyle=_style.dashes(index),
            )
        axes.set_ylim(bottom=0)
        if len(series) > 1:
            axes.legend()
    return axes


def _draw_bars(
    axes: Axes,
    labels: list[str],
    heights: Mapping[str, np.ndarray],
    horizontal: bool,
) -> None:
    width = 0.8 / len(heights)
    centres = np.arange(len(labels))
    for index, (name, series) in enumerate(heights.items()):
        at = centres + (index - (len(heights) - 1) / 2) * width
        # A white edge keeps neighbours apart where colours look alike.
        look: dict[str, Any] = {
            "color": _style.color(index),
            "edgecolor": "white",
            "hatch": _style.hatch(index) or None,
        }
        if horizontal:
            axes.barh(at, series, width, label=name, **look)
        else:
            axes.bar(at, series, width, label=name, **look)
    if horizontal:
        axes.set_yticks(centres, labels)
        axes.invert_yaxis()
    else:
        axes.set_xticks(centres, labels)


def _finite(values: Any, what: str) -> np.ndarray:
    numbers = array(values, what).ravel()
    if numbers.dtype.kind == "b":
        numbers = numbers.astype(int)  # NumPy bins no truth values
    finite: np.ndarray = numbers[np.isfinite(numbers)]
    if not len(finite):
        raise ValueError(f"{what} has no finite value to count")
    return finite


def _edges(bins: int | Sequence[float]) -> int | list[float]:
    try:
        return operator.index(bins)  # type: ignore[arg-type]
    except TypeError:
        return [float(edge) for edge in bins]  # type: ignore[union-attr]
