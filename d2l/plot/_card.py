"""The card a figure is drawn on, and the words around a plot."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, TypedDict

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from d2l.plot import _png, _style, _svg

# The cards that `collected` waits for, in each thread its own.
_COLLECTED: ContextVar[list["Card"] | None] = ContextVar(
    "collected", default=None
)
# How many cards pyplot keeps where there is no screen to see them on.
_MAX_UNSEEN = 10


class Labels(TypedDict, total=False):
    """What every plot takes: the words around it, and where it is drawn.

    Attributes:
        xlabel: What the horizontal axis shows, with its unit.
        ylabel: What the vertical axis shows, with its unit.
        title: A heading above the axes.
        size: Width and height of a new card in inches.
        ax: Axes to draw into instead of a new card.
    """

    xlabel: str
    ylabel: str
    title: str
    size: tuple[float, float] | None
    ax: Axes | None


class Card(Figure):
    """A figure on a white card that shows itself in the right format.

    Attributes:
        art: ``"svg"`` for line art, ``"png"`` for images.
    """

    art: Literal["svg", "png"] = "svg"

    def draw(self, renderer: RendererBase) -> None:
        """Draw in the style of the book, whatever the global settings."""
        with _style.applied():
            super().draw(renderer)

    def savefig(self, fname: Any, **options: Any) -> None:
        """Save in the style of the book, whatever the global settings."""
        with _style.applied():
            super().savefig(fname, **options)

    def _ipython_display_(self) -> None:
        # One format only. IPython asks this before its per-type formatters,
        # so a notebook's setting for other figures has no say here.
        from IPython.display import display

        width, height = _png.css_size(self)
        data = {"text/plain": f"<Figure {width}x{height}>"}
        metadata = {}
        if self.art == "svg":
            data["image/svg+xml"] = _svg.svg(self)
        else:
            data["image/png"] = base64.b64encode(_png.png(self)).decode()
            # Its pixels are finer than the page's: the size must be said.
            metadata["image/png"] = {"width": width, "height": height}
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
        One ``Axes``, or an array of them, a row, a column or a grid.

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
    with _style.applied():
        axes = card.subplots(num_rows, num_cols, **options)
    return axes


def blank(
    size: tuple[float, float], art: Literal["svg", "png"] = "svg"
) -> Card:
    """Open a card without axes; ``size`` is in inches."""
    look: dict[str, Any] = {
        "figsize": size,
        "dpi": _png.CSS_DPI,
        "facecolor": "white",
        "edgecolor": "white",
        # Inches around axes, and shares of the card between them.
        "layout": ConstrainedLayoutEngine(
            h_pad=0.04167, w_pad=0.04167, hspace=0.02, wspace=0.02
        ),
    }
    cards = _COLLECTED.get()
    # Not in our style: pyplot may load a backend, whose settings must stay.
    with _style.LOCK:
        card = _known_to_pyplot(look) if cards is None else Card(**look)
    if cards is not None:
        cards.append(card)
    card.art = art
    return card


@contextmanager
def collected() -> Iterator[list[Card]]:
    """Collect the cards that this thread opens, out of pyplot's sight."""
    cards: list[Card] = []
    token = _COLLECTED.set(cards)
    try:
        yield cards
    finally:
        _COLLECTED.reset(token)


def _known_to_pyplot(look: dict[str, Any]) -> Card:
    """Open a card that a notebook or a window shows."""
    import matplotlib.pyplot as plt  # chooses a backend, so only on use

    if mpl.get_backend().lower() == "agg":
        # Nobody sees them, and nobody closes them: pyplot forgets the
        # oldest, which whoever holds it can still save.
        known = [plt.figure(number) for number in plt.get_fignums()]
        cards = [figure for figure in known if isinstance(figure, Card)]
        for old in cards[: max(0, len(cards) - _MAX_UNSEEN + 1)]:
            plt.close(old)
    card = plt.figure(FigureClass=Card, **look)
    assert isinstance(card, Card)
    return card


def check_axes(ax: Any) -> None:
    """Raise ``TypeError`` if ``ax`` is anything but axes."""
    if not isinstance(ax, Axes):
        raise TypeError(
            f"ax takes one matplotlib Axes; received {type(ax).__name__}"
        )


def check_labels(labels: Any) -> None:
    """Raise ``TypeError`` for a label that does not exist, or odd axes."""
    unknown = sorted(set(labels) - set(Labels.__annotations__))
    if unknown:
        raise TypeError(
            f"there is no argument {unknown[0]!r}; labels are "
            f"{', '.join(Labels.__annotations__)}"
        )
    if labels.get("ax") is not None:
        check_axes(labels["ax"])


def num_series(labels: Labels, num_new: int) -> int:
    """Return how many lines the axes hold, which is the next one's index.

    Raises:
        ValueError: With the new ones they would be too many to tell apart.
    """
    check_labels(labels)
    axes = labels.get("ax")
    lines = [] if axes is None else list(axes.lines)
    named = [one for one in lines if not str(one.get_label()).startswith("_")]
    _style.refuse_many(len(named) + num_new)
    return len(lines)


@contextmanager
def drawing(
    labels: Labels,
    *,
    size: tuple[float, float] | None = None,
    **options: Any,
) -> Iterator[Any]:
    """Give the axes that are asked for, and write the labels at the end.

    Args:
        labels: What the caller of the plot gave.
        size: That of a new card, if the caller does not say.
        options: As for `figure`, for a new card.

    Labels that were not given stay as they are. Inside, the style is that
    of the book.
    """
    check_labels(labels)
    axes = labels.get("ax")
    if axes is None:
        axes = figure(size=labels.get("size") or size, **options)
    with _style.applied():
        yield axes
        for name in ("xlabel", "ylabel", "title"):
            if text := labels.get(name):
                getattr(axes, f"set_{name}")(text)


def _size(num_rows: int, num_cols: int) -> tuple[float, float]:
    width = {1: 4.5, 2: 3.4}.get(num_cols, 2.4)
    height = 3.0 if num_cols == 1 else 2.5
    return min(7.2, width * num_cols), height * num_rows
