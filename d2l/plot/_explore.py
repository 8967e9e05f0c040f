"""Figures with knobs: the same drawing for each value, ready to turn.

All frames are drawn when `explore` is called, so that whoever reads the
output can turn them: in a notebook, on a page, in an exported or e-mailed
file. What is left out: a control that needs a kernel, which whoever runs a
notebook would see and whoever reads it would not. How frames become HTML is
in `_html`.
"""

import io
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox
from torch import Tensor

from d2l.plot import _card, _html, _png, _style, _svg

Draw = Callable[..., Any]


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
        self._alt = alt
        cards = [_drawn(draw, values) for values in _choices(knobs)]
        is_line_art = _lay_out(cards, knobs)
        sliders = [
            _html.Slider(_title(name), [text(v) for v in values], start[name])
            for name, values in knobs.items()
        ]
        if is_line_art:
            drawings = [_svg.parts(card) for card in cards]
            self.html = _html.vector_page(drawings, sliders, alt)
        else:
            pictures = [_png.png(card) for card in cards]
            size = _png.css_size(cards[0])
            self.html = _html.pixel_page(pictures, size, sliders, alt)

    def __repr__(self) -> str:
        """Say what the figure shows."""
        return f"explore: {self._alt}"

    def _repr_html_(self) -> str:
        return self.html


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

    The sliders, which work with the keyboard too, switch between frames
    that are drawn now; whoever reads the output needs no kernel.

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


def _drawn(draw: Draw, values: Mapping[str, Any]) -> _card.Card:
    """Return the one figure that ``draw`` makes, unknown to pyplot."""
    with _card.collected() as opened:
        draw(**values)
    if len(opened) != 1:
        raise ValueError(
            f"draw must make one figure with d2l.plot; for {dict(values)} it "
            f"made {len(opened)}"
        )
    return opened[0]


def _lay_out(cards: list[_card.Card], knobs: Mapping[str, list[Any]]) -> bool:
    """Lay all frames out alike, so that turning a knob moves no axes.

    Returns:
        Whether all of them are line art.
    """
    sizes = [tuple(card.get_size_inches().tolist()) for card in cards]
    for values, size in zip(_choices(knobs), sizes, strict=True):
        if size != sizes[0]:
            raise ValueError(
                f"all frames need one size, but that of {values} is {size} "
                f"and the first is {sizes[0]} inches; hand size= to the plot"
            )
    if len({len(card.axes) for card in cards}) == 1:
        places = [_places(card) for card in cards]
        boxes = [
            _room(axes, same)
            for axes, same in zip(
                cards[0].axes, zip(*places, strict=True), strict=True
            )
        ]
        for card in cards:
            card.set_layout_engine("none")
            for axes, box in zip(card.axes, boxes, strict=True):
                axes.set_position(box)
    return all(card.art == "svg" for card in cards)


def _places(card: _card.Card) -> list[Bbox]:
    with _style.without_glyph_warnings():
        if card.art == "svg":
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
