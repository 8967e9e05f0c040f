"""A matrix as coloured cells."""

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh

from d2l.plot import _card, _style
from d2l.plot._arrays import Values, array
from d2l.plot._card import Labels

# A larger matrix is drawn as a picture, and has no room for numbers.
_MAX_CELLS = 400


def heatmap(
    matrix: Values,
    *,
    xticks: Sequence[Any] | None = None,
    yticks: Sequence[Any] | None = None,
    annotate: bool | str = True,
    limits: tuple[float, float] | None = None,
    diverging: bool = False,
    **labels: Unpack[Labels],
) -> Axes:
    """Draw a matrix as coloured cells, first row on top.

    Args:
        matrix: Shape ``(rows, columns)``. NaN leaves a cell empty.
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
        labels: ``xlabel`` (what the columns are), ``ylabel`` (the rows),
            ``title``, ``size`` and ``ax``; see `Labels`.

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
    low, high = limits or _limits(cells, diverging)
    size = _heatmap_size(num_rows, num_cols)
    with _card.drawing(labels, size=size) as axes:
        mesh = axes.pcolormesh(
            np.ma.masked_invalid(cells.astype(float)),
            cmap=_style.DIVERGING if diverging else _style.SEQUENTIAL,
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
        form = _format(cells, annotate)
        if form is not None:
            _annotate(axes, mesh, cells, form)
        else:
            axes.figure.colorbar(mesh, ax=axes, shrink=0.8)
    return axes


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
            color=_style.ink_on(background),
            fontsize=8 if cells.shape[1] > 8 else 9,
            horizontalalignment="center",
            verticalalignment="center",
        )
