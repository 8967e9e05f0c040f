"""The one look of all figures, and the card they are drawn on.

Colours and sizes live here and nowhere else. matplotlib's global settings
stay as they are: a card carries its style with it. How a card becomes SVG
or PNG is the job of `render`.
"""

from collections.abc import Sequence
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure

from d2l.plot import render

# Okabe and Ito's colours, which most colour-blind readers tell apart. Their
# yellow and sky blue are replaced: inverted for a dark page, they vanish.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#7a6a00", "#555555")
DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (6, 1.5, 1.2, 1.5)),
    (0, (1.2, 1.4)),
    (0, (2.5, 3)),
    (0, (5, 1.5, 1.2, 1.5, 1.2, 1.5)),
)
MARKERS = ("o", "s", "^", "D", "v", "P")
INK = "#222222"

# Any, because matplotlib types the names of its settings since 3.11 only.
STYLE: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.facecolor": "white",
    "axes.formatter.useoffset": False,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.linewidth": 0.8,
    "axes.prop_cycle": cycler(color=COLORS) + cycler(linestyle=DASHES),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "axes.unicode_minus": True,
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.06,
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "image.cmap": "gray",
    "legend.edgecolor": "#cccccc",
    "legend.fontsize": 9,
    "legend.framealpha": 0.9,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
    "mathtext.fontset": "dejavusans",
    "path.simplify": True,
    "savefig.bbox": None,
    "savefig.facecolor": "auto",
    "savefig.transparent": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "d2l",
    "svg.image_inline": True,
    "text.color": INK,
    "text.usetex": False,
    "xtick.color": INK,
    "xtick.labelsize": 9,
    "ytick.color": INK,
    "ytick.labelsize": 9,
}


class Card(Figure):
    """A figure on a white card that shows itself in the right format.

    Attributes:
        art: ``"svg"`` for line art, ``"png"`` for images.
    """

    art: Literal["svg", "png"] = "svg"

    def draw(self, renderer: RendererBase) -> None:
        """Draw in the style of the book, whatever the global settings."""
        with mpl.rc_context(STYLE):
            super().draw(renderer)

    def savefig(self, fname: Any, **options: Any) -> None:
        """Save in the style of the book, whatever the global settings."""
        with mpl.rc_context(STYLE):
            super().savefig(fname, **options)

    def _ipython_display_(self) -> None:
        # One format only. IPython asks this before its per-type formatters,
        # so a notebook's setting for other figures has no say here.
        from IPython.display import display

        data, metadata = render.bundle(self, self.art)
        display(data, metadata=metadata, raw=True)


def figure(
    num_rows: int = 1,
    num_cols: int = 1,
    *,
    size: tuple[float, float] | None = None,
    **options: Any,
) -> Any:
    """Open a card with empty axes, for a diagram that code draws.

    Args:
        num_rows: Axes below each other.
        num_cols: Axes beside each other.
        size: Width and height of the card in inches; by default what the
            number of axes needs, at most 7.2 inches wide.
        options: Passed to `matplotlib.figure.Figure.subplots`, such as
            ``sharey=True``.

    Returns:
        One ``Axes``, or an array of them: a row, a column or a grid.

    Raises:
        ValueError: There is no row or no column.

    The card appears below the notebook cell that makes it.
    """
    if num_rows < 1 or num_cols < 1:
        raise ValueError(
            f"a figure needs at least one row and one column of axes; "
            f"received {num_rows} x {num_cols}"
        )
    card = blank(size or _size(num_rows, num_cols))
    with mpl.rc_context(STYLE):
        axes = card.subplots(num_rows, num_cols, **options)
    return axes


def blank(
    size: tuple[float, float], art: Literal["svg", "png"] = "svg"
) -> Card:
    """Open a card without axes; ``size`` is in inches."""
    import matplotlib.pyplot as plt  # chooses a backend, so only on use

    card = plt.figure(
        FigureClass=Card,
        figsize=size,
        dpi=render.CSS_DPI,
        facecolor="white",
        edgecolor="white",
        layout="constrained",
    )
    assert isinstance(card, Card)
    card.art = art
    return card


def axes_or_new(
    ax: Axes | None, size: tuple[float, float] | None = None, **options: Any
) -> Axes:
    """Return ``ax``, or the axes of a new card."""
    if ax is None:
        axes: Axes = figure(size=size, **options)
        return axes
    if not isinstance(ax, Axes):
        raise TypeError(
            f"ax takes one matplotlib Axes; received {type(ax).__name__}"
        )
    return ax


def label(
    axes: Axes, *, xlabel: str = "", ylabel: str = "", title: str = ""
) -> None:
    """Write the labels that were given; others stay as they are."""
    if xlabel:
        axes.set_xlabel(xlabel)
    if ylabel:
        axes.set_ylabel(ylabel)
    if title:
        axes.set_title(title)


def color(index: int) -> str:
    """Colour of the series with this index."""
    return COLORS[index % len(COLORS)]


def ink_on(background: Sequence[float] | np.ndarray) -> str:
    """Black or white, whichever reads better on an RGB colour in [0, 1]."""
    linear = np.asarray(background[:3]) ** 2.2
    luminance = float(linear @ np.array([0.2126, 0.7152, 0.0722]))
    return "#000000" if luminance > 0.18 else "#ffffff"


def _size(num_rows: int, num_cols: int) -> tuple[float, float]:
    width = {1: 4.5, 2: 3.4}.get(num_cols, 2.4)
    height = 3.0 if num_cols == 1 else 2.5
    return min(7.2, width * num_cols), height * num_rows
