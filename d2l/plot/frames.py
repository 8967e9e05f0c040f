"""Figures with knobs: the same drawing for each value, ready to turn.

All frames are drawn when `explore` is called, so a page needs no kernel.
With a kernel the knobs call the drawing function again. How frames become
HTML is in `static`.
"""

import base64
import html
import io
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from torch import Tensor

from d2l import _session
from d2l.plot import render, static, style

Draw = Callable[..., Any]


class Layout(NamedTuple):
    """What all frames share: format, size in inches, places of the axes."""

    art: str
    size: tuple[float, float]
    boxes: tuple[Bbox, ...] | None


class Explore:
    """A figure with knobs, shown when it is the last line of a cell.

    Attributes:
        html: The figure as self-contained HTML, for a page without kernel.
    """

    def __init__(
        self,
        draw: Draw,
        alt: str,
        knobs: Mapping[str, list[Any]],
        start: Mapping[str, int],
    ) -> None:
        """Draw every frame; see `explore` for the arguments."""
        self._draw = draw
        self._alt = alt
        self._knobs = knobs
        self._start = start
        cards = [self._card(values) for values in _choices(knobs)]
        self._layout = _common_layout(cards, knobs)
        sliders = [
            static.Slider(_title(name), [text(v) for v in values], start[name])
            for name, values in knobs.items()
        ]
        if self._layout.art == "svg":
            drawings = [render.parts(card) for card in cards]
            self.html = static.vector_page(drawings, sliders, alt)
        else:
            pictures = [render.png(card) for card in cards]
            size = render.css_size(cards[0])
            self.html = static.pixel_page(pictures, size, sliders, alt)

    def __repr__(self) -> str:
        """Say what the figure shows."""
        return f"explore: {self._alt}"

    def _repr_html_(self) -> str:
        return self.html

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> dict[str, Any]:
        live = self._control() if _is_live() else {}
        return live | {"text/html": self.html, "text/plain": repr(self)}

    def _card(self, values: Mapping[str, Any]) -> Figure:
        with _own_figures() as opened:
            self._draw(**values)
        return _only(opened, values)

    def _frame(self, **values: Any) -> str:
        card = self._card(values)
        _place(card, self._layout)
        if self._layout.art == "svg":
            drawing = render.parts(card)
            body = render.join(drawing.parts)
            return render.assemble(drawing, body, alt=self._alt)
        width, _ = render.css_size(card)
        data = base64.b64encode(render.png(card)).decode()
        return static.image(data, width, self._alt)

    def _control(self) -> dict[str, Any]:
        """Build the control for a live kernel."""
        import ipywidgets

        sliders = {
            name: ipywidgets.SelectionSlider(
                options=[(text(value), i) for i, value in enumerate(values)],
                value=self._start[name],
                description=_title(name),
                style={"description_width": "initial"},
            )
            for name, values in self._knobs.items()
        }
        picture = ipywidgets.HTML()

        def show(_: Any = None) -> None:
            values = {
                name: self._knobs[name][slider.value]
                for name, slider in sliders.items()
            }
            try:
                picture.value = self._frame(**values)
            except Exception as error:  # shown where the figure would be
                problem = f"{type(error).__name__}: {error}"
                picture.value = f"<pre>{html.escape(problem)}</pre>"

        for slider in sliders.values():
            slider.observe(show, names="value")
        show()
        box = ipywidgets.VBox([*sliders.values(), picture])
        bundle: dict[str, Any] = box._repr_mimebundle_()
        return bundle


def explore(
    draw: Draw,
    /,
    *,
    alt: str,
    start: int | Mapping[str, int] = 0,
    max_frames: int = 60,
    **values: Iterable[Any],
) -> Explore:
    """Draw a figure for every value of its knobs, with sliders to turn them.

    On a page and in a plain notebook the sliders switch between frames
    drawn now; with a live kernel they call ``draw`` again. Both ways work
    with the keyboard.

    Args:
        draw: Draws one figure with `d2l.plot`, given one value per knob by
            keyword.
        alt: What the figure shows, for readers who do not see it.
        start: Index of the value shown first; a mapping from knob to index
            if there are several knobs.
        max_frames: Number of frames that is refused as too large a page if
            exceeded.
        values: Knob to its values: numbers or strings, at least two.

    Returns:
        An object that shows itself as the last line of a cell.

    Raises:
        TypeError: The values of a knob are no series.
        ValueError: There is no alt text or knob, a knob has fewer than two
            values, ``start`` is out of range, there are too many frames,
            ``draw`` does not make exactly one figure, or the figures
            differ in size or number of axes.
    """
    if not alt.strip():
        raise ValueError("alt is empty; say what the figure shows")
    knobs = {name: _series(name, given) for name, given in values.items()}
    if not knobs:
        raise ValueError(
            "explore needs a knob, such as explore(draw, alt=..., w=[0, 1])"
        )
    _check_number(knobs, max_frames)
    return Explore(draw, alt, knobs, _starts(start, knobs))


def text(value: Any) -> str:
    """Return a value as it stands beside its slider."""
    if isinstance(value, float | np.floating):
        return f"{value:.4g}"
    return str(value)


def _series(name: str, given: Any) -> list[Any]:
    if isinstance(given, Tensor | np.ndarray):
        given = given.tolist()
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise TypeError(
            f"knob {name!r} takes a series of values; received {given!r}"
        )
    # One more than can be shown tells an endless series from a long one.
    chosen = list(itertools.islice(given, 10_001))
    if len(chosen) < 2:
        raise ValueError(
            f"knob {name!r} needs at least two values; received {chosen}"
        )
    return chosen


def _check_number(knobs: Mapping[str, list[Any]], limit: int) -> None:
    num = math.prod(len(values) for values in knobs.values())
    if num <= limit:
        return
    longest = max(knobs, key=lambda name: len(knobs[name]))
    most = limit * len(knobs[longest]) // num
    counts = " x ".join(f"{len(v)} of {name!r}" for name, v in knobs.items())
    raise ValueError(
        f"explore would draw {num} frames ({counts}), more than {limit}; "
        f"thin {longest!r} to at most {most} values"
    )


def _starts(
    start: int | Mapping[str, int], knobs: Mapping[str, list[Any]]
) -> dict[str, int]:
    if isinstance(start, int):
        start = dict.fromkeys(knobs, start)
    unknown = sorted(set(start) - set(knobs))
    if unknown:
        raise ValueError(f"start names no knob: {unknown}; has {list(knobs)}")
    starts = {name: start.get(name, 0) for name in knobs}
    for name, index in starts.items():
        if not 0 <= index < len(knobs[name]):
            raise ValueError(
                f"start of {name!r} must be an index from 0 to "
                f"{len(knobs[name]) - 1}; received {index}"
            )
    return starts


def _choices(knobs: Mapping[str, list[Any]]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*knobs.values()):
        yield dict(zip(knobs, values, strict=True))


def _title(name: str) -> str:
    return name.replace("_", " ")


@contextmanager
def _own_figures() -> Iterator[list[Figure]]:
    """Collect the figures opened inside, and close them for pyplot."""
    import matplotlib.pyplot as plt

    before = set(plt.get_fignums())
    opened: list[Figure] = []
    try:
        yield opened
    finally:
        for number in sorted(set(plt.get_fignums()) - before):
            opened.append(plt.figure(number))
            plt.close(number)


def _only(opened: list[Figure], values: Mapping[str, Any]) -> Figure:
    if len(opened) != 1:
        raise ValueError(
            f"draw must make one figure; for {dict(values)} it made "
            f"{len(opened)}"
        )
    return opened[0]


def _common_layout(
    cards: list[Figure], knobs: Mapping[str, list[Any]]
) -> Layout:
    """Lay all frames out alike, so that turning a knob moves no axes."""
    sizes = [tuple(card.get_size_inches().tolist()) for card in cards]
    for values, size in zip(_choices(knobs), sizes, strict=True):
        if size != sizes[0]:
            raise ValueError(
                f"all frames need one size, but that of {values} is {size} "
                f"and the first is {sizes[0]} inches; hand size= to the plot"
            )
    counts = {len(card.axes) for card in cards}
    boxes = None
    if len(counts) == 1:
        with mpl.rc_context(style.STYLE):
            places = [_places(card) for card in cards]
        boxes = tuple(
            _room(axes, same)
            for axes, same in zip(
                cards[0].axes, zip(*places, strict=True), strict=True
            )
        )
    is_line_art = all(getattr(card, "art", "") == "svg" for card in cards)
    layout = Layout("svg" if is_line_art else "png", sizes[0], boxes)
    for card in cards:
        _place(card, layout)
    return layout


def _places(card: Figure) -> list[Bbox]:
    if getattr(card, "art", "") == "svg":
        # Text is measured by who draws it, so SVG is asked, not Agg.
        card.savefig(io.StringIO(), format="svg")
    else:
        card.draw_without_rendering()
    return [axes.get_position(original=True) for axes in card.axes]


def _room(axes: Axes, boxes: Iterable[Bbox]) -> Bbox:
    """Return the place that leaves room for the labels of every frame.

    A colour bar is drawn at the left edge of its place, its labels to the
    right of it; the longest labels push it furthest to the left.
    """
    corners = np.array([box.extents for box in boxes])
    left, bottom = corners[:, :2].max(axis=0)
    right, top = corners[:, 2:].min(axis=0)
    if axes.get_label() == "<colorbar>":
        left = corners[:, 0].min()
    return Bbox.from_extents(left, bottom, right, top)


def _place(card: Figure, layout: Layout) -> None:
    if layout.boxes is None or len(card.axes) != len(layout.boxes):
        return
    card.set_layout_engine("none")
    for axes, box in zip(card.axes, layout.boxes, strict=True):
        axes.set_position(box)


def _is_live() -> bool:
    """Tell whether someone may turn a knob while a kernel runs."""
    if _session.recording():
        return False
    try:
        import ipywidgets  # noqa: F401
        from IPython import get_ipython
    except ImportError:
        return False
    return hasattr(get_ipython(), "kernel")
