"""Marks over one axis: points, bars, and histograms."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from d2l.plot import style
from d2l.plot.values import Values, array, same_length, vector

# More dots than this make an SVG larger than a picture of them.
_MAX_DOTS = 2000


def scatter(
    x: Values,
    y: Values,
    *,
    groups: Sequence[Any] | Tensor | None = None,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    label: str = "",
    dot: float = 4.0,
    size: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one point per pair of coordinates.

    Args:
        x: Horizontal coordinates.
        y: Vertical coordinates.
        groups: One value per point; points of equal value share a colour
            and a marker, and the legend names them.
        xlabel: What the horizontal axis shows, with its unit.
        ylabel: What the vertical axis shows, with its unit.
        title: A heading above the axes.
        label: Name of the points for a legend, without ``groups``.
        dot: Diameter of a point, in points (1/72 inch).
        size: Width and height of a new card in inches.
        ax: Axes to draw into instead of a new card.

    Returns:
        The axes.

    Raises:
        TypeError: Coordinates are not real numbers.
        ValueError: They are empty, or their lengths differ.
    """
    xs, ys = vector(x, "x"), vector(y, "y")
    same_length(x=xs, y=ys)
    parts = _split(groups, len(xs), label)
    axes = style.axes_or_new(ax, size)
    with mpl.rc_context(style.STYLE):
        first = len(axes.lines)
        for index, (name, chosen) in enumerate(parts.items(), first):
            axes.plot(
                xs[chosen],
                ys[chosen],
                linestyle="none",
                color=style.color(index),
                marker=style.MARKERS[index % 6],
                markersize=dot,
                markeredgewidth=0,
                label=name or None,
                rasterized=len(xs) > _MAX_DOTS,
            )
        style.label(axes, xlabel=xlabel, ylabel=ylabel, title=title)
        if groups is not None or label:
            axes.legend()
    return axes


def bars(
    labels: Sequence[Any],
    values: Values | Mapping[str, Values],
    *,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    ylim: tuple[float, float] | None = None,
    horizontal: bool = False,
    size: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one bar per label, or one per label and series.

    Args:
        labels: What stands at each bar.
        values: One height per label, or name to heights for bars side by
            side.
        xlabel: What the horizontal axis shows, with its unit.
        ylabel: What the vertical axis shows, with its unit.
        title: A heading above the axes.
        ylim: Ends of the axis along the bars.
        horizontal: Draw the bars from left to right, first label on top;
            good for long labels.
        size: Width and height of a new card in inches.
        ax: Axes to draw into instead of a new card.

    Returns:
        The axes.

    Raises:
        TypeError: A height is not a real number.
        ValueError: There is no bar, or the lengths differ.
    """
    named = values if isinstance(values, Mapping) else {"values": values}
    heights = {name: vector(h, name) for name, h in named.items()}
    if not heights:
        raise ValueError("there is no series of bars to draw")
    for name, series in heights.items():
        same_length(labels=np.empty(len(labels)), **{name: series})
    axes = style.axes_or_new(ax, size)
    with mpl.rc_context(style.STYLE):
        _draw_bars(axes, [str(text) for text in labels], heights, horizontal)
        axes.grid(visible=False, axis="y" if horizontal else "x")
        if ylim is not None:
            (axes.set_xlim if horizontal else axes.set_ylim)(ylim)
        style.label(axes, xlabel=xlabel, ylabel=ylabel, title=title)
        if len(heights) > 1:
            axes.legend()
    return axes


def histogram(
    values: Values | Mapping[str, Values],
    *,
    bins: int | Sequence[float] = 20,
    density: bool = False,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    size: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how often values fall into each bin.

    Args:
        values: Numbers of any shape, or name to numbers for outlines over
            each other in the same bins. NaN is left out.
        bins: Number of equal bins over all values, or their edges.
        density: Show a density, whose area is 1, instead of counts.
        xlabel: What the values are, with their unit.
        ylabel: By default ``count`` or ``density``.
        title: A heading above the axes.
        size: Width and height of a new card in inches.
        ax: Axes to draw into instead of a new card.

    Returns:
        The axes.

    Raises:
        TypeError: The values are not real numbers.
        ValueError: There is no finite value.
    """
    named = values if isinstance(values, Mapping) else {"": values}
    series = {name: _finite(v, name or "values") for name, v in named.items()}
    if not series:
        raise ValueError("there is no series of values to count")
    edges = np.histogram_bin_edges(
        np.concatenate(list(series.values())), _edges(bins)
    )
    axes = style.axes_or_new(ax, size)
    with mpl.rc_context(style.STYLE):
        for index, (name, numbers) in enumerate(series.items()):
            heights, _ = np.histogram(numbers, edges, density=density)
            axes.stairs(
                heights,
                edges,
                label=name or None,
                color=style.color(index),
                fill=len(series) == 1,
                linewidth=1.6,
                linestyle=style.DASHES[index % len(style.DASHES)],
            )
        axes.set_ylim(bottom=0)
        ylabel = ylabel or ("density" if density else "count")
        style.label(axes, xlabel=xlabel, ylabel=ylabel, title=title)
        if len(series) > 1:
            axes.legend()
    return axes


def _split(
    groups: Sequence[Any] | Tensor | None, num: int, label: str
) -> dict[str, np.ndarray]:
    if groups is None:
        return {label: np.ones(num, dtype=bool)}
    if isinstance(groups, Tensor):
        groups = groups.tolist()
    names = np.array([str(group) for group in groups])
    same_length(points=np.empty(num), groups=names)
    return {name: names == name for name in dict.fromkeys(names.tolist())}


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
            "color": style.color(index),
            "edgecolor": "white",
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
    finite: np.ndarray = numbers[np.isfinite(numbers)]
    if not len(finite):
        raise ValueError(f"{what} has no finite value to count")
    return finite


def _edges(bins: int | Sequence[float]) -> int | list[float]:
    return bins if isinstance(bins, int) else [float(edge) for edge in bins]
