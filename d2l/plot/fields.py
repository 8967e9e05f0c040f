"""Values over two axes: heat maps, contour lines, surfaces."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.ticker import MaxNLocator

from d2l.plot import sampling, style
from d2l.plot.values import Values, array

# A larger matrix is drawn as a picture, and has no room for numbers.
_MAX_CELLS = 400


def heatmap(
    matrix: Values,
    *,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    xticks: Sequence[Any] | None = None,
    yticks: Sequence[Any] | None = None,
    annotate: bool | str = True,
    limits: tuple[float, float] | None = None,
    diverging: bool = False,
    size: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a matrix as coloured cells, first row on top.

    Args:
        matrix: Shape ``(rows, columns)``. NaN leaves a cell empty.
        xlabel: What the columns are.
        ylabel: What the rows are.
        title: A heading above the axes.
        xticks: One name per column; by default the index.
        yticks: One name per row; by default the index.
        annotate: Write the number into each cell, as it is for integers
            and with two decimals otherwise; a format such as ``".0%"``
            says how. Matrices of more than 400 cells stay bare unless a
            format is given.
        limits: Values of the palest and of the darkest colour; by default
            the lowest and highest of the matrix.
        diverging: Show negative values in orange and positive ones in
            blue, pale around 0.
        size: Width and height of a new card in inches.
        ax: Axes to draw into instead of a new card.

    Returns:
        The axes.

    Raises:
        TypeError: The cells are not real numbers.
        ValueError: It is no matrix, it is empty, or the names of the rows
            or columns are too few or too many.
    """
    cells = array(matrix, "matrix")
    if cells.ndim != 2 or not cells.size:
        raise ValueError(
            "matrix must have shape (rows, columns), both at least 1; "
            f"received {tuple(cells.shape)}"
        )
    _check_names(cells, xticks, yticks)
    num_rows, num_cols = cells.shape
    axes = style.axes_or_new(ax, size or _heatmap_size(num_rows, num_cols))
    low, high = limits or _limits(cells, diverging)
    with mpl.rc_context(style.STYLE):
        mesh = axes.pcolormesh(
            np.ma.masked_invalid(cells.astype(float)),
            cmap=_DIVERGING if diverging else _SEQUENTIAL,
            vmin=low,
            vmax=high,
            edgecolors="white" if cells.size <= _MAX_CELLS else "none",
            linewidth=0.5,
            rasterized=cells.size > _MAX_CELLS,
        )
        axes.set_aspect("equal")
        axes.invert_yaxis()
        axes.grid(visible=False)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        _name_cells(axes, cells, xticks, yticks)
        style.label(axes, xlabel=xlabel, ylabel=ylabel, title=title)
        form = _format(cells, annotate)
        if form is not None:
            _annotate(axes, mesh, cells, form)
        else:
            axes.figure.colorbar(mesh, ax=axes, shrink=0.8)
    return axes


def contours(
    f: sampling.Function,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    *,
    path: Any = None,
    levels: int | Sequence[float] = 8,
    num: int = 41,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    size: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw lines of equal value of a function, and a path across them.

    Args:
        f: Takes two numbers as float32 tensors of shape ``()``, horizontal
            coordinate first, and returns one number.
        xlim: Ends of the horizontal axis.
        ylim: Ends of the vertical axis.
        path: Points ``(x, y)``, shape ``(steps, 2)``, joined in order: the
            way of a descent. The first is a ring, the others are dots.
        levels: Number of lines, closer together near the minimum, or their
            values.
        num: Grid points per axis.
        xlabel: What the horizontal axis shows, with its unit.
        ylabel: What the vertical axis shows, with its unit.
        title: A heading above the axes.
        size: Width and height of a new card in inches.
        ax: Axes to draw into instead of a new card.

    Returns:
        The axes.

    Raises:
        ValueError: ``f`` does not return one number, is constant on the
            grid, an interval is empty, or the path is no list of pairs.
    """
    xs, ys, heights = sampling.grid(f, xlim, ylim, num)
    steps = None if path is None else _steps(path)
    values = _levels(heights, levels)
    axes = style.axes_or_new(ax, size or (4.5, 3.5))
    with mpl.rc_context(style.STYLE):
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
        if steps is not None:
            _draw_path(axes, steps)
        axes.set_xlim(xlim)
        axes.set_ylim(ylim)
        style.label(axes, xlabel=xlabel, ylabel=ylabel, title=title)
    return axes


def surface(
    f: sampling.Function,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    *,
    path: Any = None,
    num: int = 17,
    view: tuple[float, float] = (30.0, -60.0),
    xlabel: str = "",
    ylabel: str = "",
    zlabel: str = "",
    title: str = "",
    size: tuple[float, float] | None = None,
    ax: Any = None,
) -> Any:
    """Draw a function of two numbers as a surface in space.

    Args:
        f: As for `contours`.
        xlim: Ends of the first axis.
        ylim: Ends of the second axis.
        path: Points ``(x, y)``, shape ``(steps, 2)``, drawn on the surface.
        num: Grid points per axis.
        view: Height of the eye above the plane and its direction around
            it, in degrees.
        xlabel: What the first axis shows, with its unit.
        ylabel: What the second axis shows, with its unit.
        zlabel: What the height shows, with its unit.
        title: A heading above the axes.
        size: Width and height of a new card in inches.
        ax: 3-D axes to draw into instead of a new card.

    Returns:
        The 3-D axes.

    Raises:
        ValueError: As for `contours`; or ``ax`` is flat.
    """
    if ax is not None and getattr(ax, "name", "") != "3d":
        raise ValueError(
            "surface needs 3-D axes; make them with "
            "figure(subplot_kw={'projection': '3d'})"
        )
    xs, ys, heights = sampling.grid(f, xlim, ylim, num)
    steps = None if path is None else _steps(path)
    axes: Any = ax or style.axes_or_new(
        None, size or (4.5, 3.8), subplot_kw={"projection": "3d"}
    )
    with mpl.rc_context(style.STYLE):
        axes.plot_surface(
            *np.meshgrid(xs, ys),
            heights,
            cmap=_SEQUENTIAL,
            rcount=num,
            ccount=num,
            edgecolor="#5b7083",
            linewidth=0.25,
            antialiased=True,
        )
        if steps is not None:
            _draw_path_in_space(axes, f, steps)
        axes.view_init(*view)
        axes.set_box_aspect(None, zoom=0.85)
        for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
            axis.set_major_locator(MaxNLocator(5))
        style.label(axes, xlabel=xlabel, ylabel=ylabel, title=title)
        if zlabel:
            axes.set_zlabel(zlabel)
    return axes


# Pale to dark in grey too, and not so dark that the ends look alike.
_SEQUENTIAL = mpl.colors.LinearSegmentedColormap.from_list(
    "d2l", ["#f7fbff", "#c6dbef", "#6baed6", "#2171b5", "#08306b"]
)
_DIVERGING = mpl.colors.LinearSegmentedColormap.from_list(
    "d2l-diverging", ["#b34700", "#f2a765", "#fafafa", "#6baed6", "#08519c"]
)


def _check_names(
    cells: np.ndarray,
    xticks: Sequence[Any] | None,
    yticks: Sequence[Any] | None,
) -> None:
    for what, names, num in (
        ("yticks", yticks, cells.shape[0]),
        ("xticks", xticks, cells.shape[1]),
    ):
        if names is not None and len(names) != num:
            raise ValueError(
                f"{what} has {len(names)} names for {num} "
                f"{'columns' if what == 'xticks' else 'rows'}; "
                "give one name each"
            )


def _limits(cells: np.ndarray, diverging: bool) -> tuple[float, float]:
    finite = cells[np.isfinite(cells)]
    if not len(finite):
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    if diverging:
        high = max(abs(low), abs(high)) or 1.0
        return -high, high
    return low, high if high > low else low + 1.0


def _heatmap_size(num_rows: int, num_cols: int) -> tuple[float, float]:
    cell = min(0.5, 5.4 / num_cols, 5.4 / num_rows)
    return max(2.4, cell * num_cols + 0.9), max(1.4, cell * num_rows + 0.7)


def _name_cells(
    axes: Axes,
    cells: np.ndarray,
    xticks: Sequence[Any] | None,
    yticks: Sequence[Any] | None,
) -> None:
    for axis, names, num in (
        (axes.yaxis, yticks, cells.shape[0]),
        (axes.xaxis, xticks, cells.shape[1]),
    ):
        step = 1 if names is not None else -(-num // 20)
        shown = range(0, num, step)
        texts = [str(names[i] if names is not None else i) for i in shown]
        axis.set_ticks([i + 0.5 for i in shown], texts)
    if xticks is not None and max(len(str(name)) for name in xticks) > 4:
        axes.tick_params(axis="x", rotation=45)
        for text in axes.get_xticklabels():
            text.set(horizontalalignment="right", rotation_mode="anchor")


def _format(cells: np.ndarray, annotate: bool | str) -> str | None:
    if isinstance(annotate, str):
        return annotate
    if not annotate or cells.size > _MAX_CELLS:
        return None
    return "d" if cells.dtype.kind in "biu" else ".2f"


def _annotate(
    axes: Axes, mesh: QuadMesh, cells: np.ndarray, form: str
) -> None:
    for (row, col), value in np.ndenumerate(cells):
        if not np.isfinite(value):
            continue
        background = mesh.to_rgba(np.array([float(value)]))[0]
        number = int(value) if form == "d" else float(value)
        axes.text(
            col + 0.5,
            row + 0.5,
            format(number, form),
            color=style.ink_on(background),
            fontsize=8 if cells.shape[1] > 8 else 9,
            horizontalalignment="center",
            verticalalignment="center",
        )


def _steps(path: Any) -> np.ndarray:
    steps = array(path, "path")
    if steps.ndim != 2 or steps.shape[1] != 2 or not len(steps):
        raise ValueError(
            "path must be points (x, y), shape (steps, 2); "
            f"received shape {tuple(steps.shape)}"
        )
    return steps


def _levels(heights: np.ndarray, levels: int | Sequence[float]) -> np.ndarray:
    if not isinstance(levels, int):
        return np.sort(np.asarray(levels, dtype=float))
    finite = heights[np.isfinite(heights)]
    if not len(finite) or finite.min() == finite.max():
        raise ValueError("f has one value on the whole grid: no contours")
    fractions = np.linspace(0, 1, levels + 2)[1:-1] ** 2
    return finite.min() + (finite.max() - finite.min()) * fractions


def _draw_path(axes: Axes, steps: np.ndarray) -> None:
    look: dict[str, Any] = {
        "color": style.color(1),
        "linestyle": "-",
        "markeredgewidth": 0,
    }
    axes.plot(*steps.T, marker="o", markersize=4, **look)
    axes.plot(
        *steps[:1].T,
        marker="o",
        markersize=8,
        markerfacecolor="none",
        color=style.color(1),
    )


def _draw_path_in_space(
    axes: Any, f: sampling.Function, steps: np.ndarray
) -> None:
    points = torch.tensor(steps, dtype=torch.float32)
    heights = [sampling.at(f, x, y) for x, y in points]
    axes.plot(
        *steps.T,
        heights,
        color=style.color(1),
        linestyle="-",
        marker="o",
        markersize=3.5,
        markeredgewidth=0,
        zorder=10,
    )
