"""The one look of all figures: colours, dashes, markers, type.

Colours and sizes live here and nowhere else. matplotlib's global settings
stay as they are: a card (`_card`) carries its style with it.
"""

import re
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler

# Okabe and Ito's colours, which most colour-blind readers tell apart. Their
# yellow and sky blue are replaced: inverted for a dark page, they vanish.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#7a6a00", "#555555")
# Seven of each beside six colours: a pair comes again after 42 series.
DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (6, 1.5, 1.2, 1.5)),
    (0, (1.2, 1.4)),
    (0, (2.5, 3)),
    (0, (5, 1.5, 1.2, 1.5, 1.2, 1.5)),
    (0, (9, 3)),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
HATCHES = ("", "///", "...", "\\\\\\", "xxx")
# No reader tells more apart; fewer than the pairs, so that none comes twice.
MAX_SERIES = 30
INK = "#222222"
# Pale to dark in grey too, and not so dark that the ends look alike.
SEQUENTIAL = mpl.colors.LinearSegmentedColormap.from_list(
    "d2l", ["#f7fbff", "#c6dbef", "#6baed6", "#2171b5", "#08306b"]
)
DIVERGING = mpl.colors.LinearSegmentedColormap.from_list(
    "d2l-diverging", ["#b34700", "#f2a765", "#fafafa", "#6baed6", "#08519c"]
)

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
    "axes.prop_cycle": cycler(
        color=[COLORS[i % len(COLORS)] for i in range(MAX_SERIES)],
        linestyle=[DASHES[i % len(DASHES)] for i in range(MAX_SERIES)],
    ),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "axes.unicode_minus": True,
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.8,
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

_NO_GLYPH = r"Glyph \d+ .* missing from"
# matplotlib's settings are those of the whole process, not of a thread.
LOCK = threading.RLock()


@contextmanager
def applied() -> Iterator[None]:
    """Draw in the style of the book, one thread at a time."""
    with LOCK, mpl.rc_context(STYLE | _fonts()):
        yield


def _fonts() -> dict[str, Any]:
    """Return the fonts to look in for what DejaVu Sans cannot write.

    They are those that the reader has put into matplotlib's settings.
    """
    usual = set(mpl.rcParamsDefault["font.sans-serif"])
    given = [*mpl.rcParams["font.family"], *mpl.rcParams["font.sans-serif"]]
    generic = {"sans-serif", "serif", "cursive", "fantasy", "monospace"}
    own = [name for name in given if name not in usual | generic]
    if own:
        from matplotlib.font_manager import get_font_names

        here = set(get_font_names())
        own = [name for name in own if name in here]
    return {"font.family": ["DejaVu Sans", *own]} if own else {}


@contextmanager
def without_glyph_warnings() -> Iterator[list[str]]:
    """Collect matplotlib's warnings of characters that its fonts lack."""
    found: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", message=_NO_GLYPH)
        yield found
    for one in caught:
        if re.match(_NO_GLYPH, str(one.message)):
            found.append(str(one.message))
        else:
            warnings.warn_explicit(
                one.message, one.category, one.filename, one.lineno
            )


def color(index: int) -> str:
    """Colour of the series with this index."""
    return COLORS[index % len(COLORS)]


def dashes(index: int) -> Any:
    """Line style of the series with this index."""
    return DASHES[index % len(DASHES)]


def marker(index: int) -> str:
    """Mark of the series with this index."""
    return MARKERS[index % len(MARKERS)]


def hatch(index: int) -> str:
    """Pattern in the bars of a series: none before the colours repeat."""
    return HATCHES[index // len(COLORS) % len(HATCHES)]


def refuse_many(num: int) -> None:
    """Raise ``ValueError`` if no reader tells that many series apart."""
    if num > MAX_SERIES:
        raise ValueError(
            f"{num} series in one plot, of which a reader can tell at most "
            f"{MAX_SERIES} apart; draw fewer, or a band (plot.bands) over "
            "the runs of each"
        )


def ink_on(background: Sequence[float] | np.ndarray) -> str:
    """Black or white, whichever reads better on an RGB colour in [0, 1]."""
    linear = np.asarray(background[:3]) ** 2.2
    luminance = float(linear @ np.array([0.2126, 0.7152, 0.0722]))
    return "#000000" if luminance > 0.18 else "#ffffff"
