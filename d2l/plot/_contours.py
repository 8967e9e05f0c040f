"""A function of two numbers: lines of equal value, and a surface."""

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from d2l.plot import _card, _grid, _style
from d2l.plot._arrays import Values, array
from d2l.plot._card import Labels

# So many widths of the plot away, a step is only a direction.
_FAR = 1000.0


def contours(
    f: _grid.Function,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    *,
    path: Values | Mapping[str, Values] | None = None,
    levels: int | Sequence[float] = 8,
    num: int = 41,
    **labels: Unpack[Labels],
) -> Axes:
    """Draw lines of equal value of a function, and paths across them.

    Args:
        f: Takes two numbers as float32 tensors of shape ``()``, horizontal
            coordinate first, and returns one number.
        xlim: Ends of the horizontal axis.
        ylim: Ends of the vertical axis.
        path: Points ``(x, y)``, shape ``(steps, 2)``, joined in order: the
            way of a descent. The first is a ring, the others are dots. Or
            name to points, for several ways and a legend. A way that
            diverges is drawn as far as it can be seen.
        levels: Number of lines, closer together near the minimum, or their
            values.
        num: Grid points per axis.
        labels: ``xlabel``, ``ylabel``, ``title``, ``size`` and ``ax``; see
            `Labels`.

    Returns:
        The axes.

    Raises:
        ValueError: ``f`` does not return one number, is constant on the
            grid, an interval is empty, or a path is no list of pairs or
            begins at no finite point.
    """
    xs, ys, heights = _grid.grid(f, xlim, ylim, num)
    paths = _paths(path, xlim, ylim)
    values = _levels(heights, levels)
    first = _card.num_series(labels, len(paths))
    with _card.drawing(labels, size=(4.5, 3.5)) as axes:
        lines = axes.contour(
            xs,
            ys,
            heights,
            levels=values,
            colors="#5b7083",
            linewidths=0.9,
            linestyles="-",
        )
        axes.clabel(lines, fmt="%.3g", fontsize=8)
        axes.grid(visible=False)
        for index, (name, steps) in enumerate(paths.items(), first):
            _draw_path(axes, steps, name, index)
        if any(paths):
            axes.legend()
        axes.set_xlim(xlim)
        axes.set_ylim(ylim)
    return axes


def surface(
    f: _grid.Function,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    *,
    path: Values | Mapping[str, Values] | None = None,
    num: int = 17,
    view: tuple[float, float] = (30.0, -60.0),
    zlabel: str = "",
    **labels: Unpack[Labels],
) -> Any:
    """Draw a function of two numbers as a surface in space.

    Args:
        f: As for `contours`.
        xlim: Ends of the first axis.
        ylim: Ends of the second axis.
        path: As for `contours`; drawn on the surface, where it lies
            between the ends of the axes.
        num: Grid points per axis.
        view: Height of the eye above the plane and its direction around
            it, in degrees.
        zlabel: What the height shows, with its unit.
        labels: As for `contours`; ``ax`` takes axes in space.

    Returns:
        The 3-D axes.

    Raises:
        ValueError: As for `contours`; or ``ax`` is flat.
    """
    flat = labels.get("ax")
    if flat is not None and getattr(flat, "name", "") != "3d":
        raise ValueError(
            "surface needs 3-D axes; make them with "
            "figure(subplot_kw={'projection': '3d'})"
        )
    xs, ys, heights = _grid.grid(f, xlim, ylim, num)
    paths = _paths(path, xlim, ylim)
    first = _card.num_series(labels, len(paths))
    with _card.drawing(
        labels, size=(4.5, 3.8), subplot_kw={"projection": "3d"}
    ) as axes:
        axes.plot_surface(
            *np.meshgrid(xs, ys),
            heights,
            cmap=_style.SEQUENTIAL,
            rcount=num,
            ccount=num,
            edgecolor="#5b7083",
            linewidth=0.25,
            antialiased=True,
        )
        for index, (name, steps) in enumerate(paths.items(), first):
            inside = _inside(steps, xlim, ylim)
            _draw_path_in_space(axes, f, inside, name, index)
        if any(paths):
            axes.legend()
        axes.view_init(*view)
        axes.set_box_aspect(None, zoom=0.85)
        for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
            axis.set_major_locator(MaxNLocator(5))
        if zlabel:
            axes.set_zlabel(zlabel)
    return axes


def _paths(
    path: Any, xlim: tuple[float, float], ylim: tuple[float, float]
) -> dict[str, np.ndarray]:
    """Return names and points of the paths; one alone has no name."""
    if path is None:
        return {}
    named = path if isinstance(path, Mapping) else {"": path}
    return {
        name: _seen(_steps(one, name), xlim, ylim)
        for name, one in named.items()
    }


def _steps(path: Any, name: str) -> np.ndarray:
    what = f"path {name!r}" if name else "path"
    steps = array(path, what).astype(float)
    if steps.ndim != 2 or steps.shape[1] != 2 or not len(steps):
        raise ValueError(
            f"{what} must be points (x, y), shape (steps, 2); "
            f"received shape {tuple(steps.shape)}"
        )
    if not np.isfinite(steps[0]).all():
        raise ValueError(
            f"{what} must begin at a finite point; received {steps[0]}"
        )
    return steps


def _seen(
    steps: np.ndarray, xlim: tuple[float, float], ylim: tuple[float, float]
) -> np.ndarray:
    """Leave out what comes after a step that is nowhere, or far too far."""
    ends = np.array([xlim, ylim])
    distance = np.abs(steps - ends.mean(axis=1)) / np.ptp(ends, axis=1)
    lost = ~(distance < _FAR).all(axis=1)  # NaN too
    if not lost.any():
        return steps
    last = int(lost.argmax())
    seen = steps[:last]
    if last and np.isfinite(steps[last]).all():
        # A point on the way to it, beyond the edge, shows where it went.
        way = steps[last] - seen[-1]
        share = _FAR / distance[last].max()
        seen = np.vstack([seen, seen[-1] + share * way])
    return seen


def _inside(
    steps: np.ndarray, xlim: tuple[float, float], ylim: tuple[float, float]
) -> np.ndarray:
    """Leave a gap where a path is not above the plane of the surface."""
    low, high = np.array([xlim, ylim]).T
    above = ((low <= steps) & (steps <= high)).all(axis=1)
    return np.where(above[:, None], steps, np.nan)


def _levels(heights: np.ndarray, levels: int | Sequence[float]) -> np.ndarray:
    if not isinstance(levels, int):
        return np.sort(np.asarray(levels, dtype=float))
    finite = heights[np.isfinite(heights)]
    if not len(finite) or finite.min() == finite.max():
        raise ValueError("f has one value on the whole grid: no contours")
    fractions = np.linspace(0, 1, levels + 2)[1:-1] ** 2
    return finite.min() + (finite.max() - finite.min()) * fractions


def _draw_path(axes: Axes, steps: np.ndarray, name: str, index: int) -> None:
    # Orange comes first, which stands out from the lines of a map.
    index = index if name else 0
    color = _style.color(index + 1)
    axes.plot(
        *steps.T,
        marker=_style.marker(index),
        markersize=4,
        color=color,
        linestyle="-",
        markeredgewidth=0,
        label=name or None,
    )
    axes.plot(
        *steps[:1].T,
        marker="o",
        markersize=8,
        markerfacecolor="none",
        color=color,
    )


def _draw_path_in_space(
    axes: Any, f: _grid.Function, steps: np.ndarray, name: str, index: int
) -> None:
    index = index if name else 0
    points = torch.tensor(steps, dtype=torch.float32)
    heights = [
        float("nan") if x.isnan() else _grid.at(f, x, y) for x, y in points
    ]
    axes.plot(
        *steps.T,
        heights,
        color=_style.color(index + 1),
        linestyle="-",
        marker=_style.marker(index),
        markersize=3.5,
        markeredgewidth=0,
        zorder=10,
        label=name or None,
    )
