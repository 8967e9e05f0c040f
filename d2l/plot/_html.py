"""Frames of a figure as HTML that needs no kernel and no other file.

What frames have in common stands in the page once; what differs stands in
groups of which a script of a few lines shows those of the chosen frame.
Without the script the frame to start with is seen.
"""

import base64
import difflib
import html
import itertools
import json
from collections.abc import Sequence
from typing import NamedTuple

from d2l.plot import _svg


class Slider(NamedTuple):
    """A knob as its reader sees it."""

    title: str
    values: list[str]
    start: int


class Layer(NamedTuple):
    """A piece of a page, and the frames that it is part of."""

    content: str
    frames: frozenset[int]


# Text takes the colour of the page, which may be dark.
_CSS = (
    ".d2l-explore{max-width:100%;margin:.5em 0}"
    ".d2l-explore svg,.d2l-explore img{display:block;max-width:100%;"
    "height:auto}"
    ".d2l-knobs:not([hidden]){display:flex;flex-wrap:wrap;gap:.2em 1.5em;"
    "color:inherit;font:inherit;margin:.3em 0}"
    ".d2l-knob{display:flex;align-items:center;gap:.6em;color:currentColor}"
    ".d2l-knob label{display:flex;align-items:center;gap:.6em;margin:0}"
    ".d2l-knob input{width:14em;max-width:50vw;accent-color:#0072b2}"
    ".d2l-knob output{min-width:4em;font-variant-numeric:tabular-nums}"
)
_SCRIPT = """(function () {
  var all = document.querySelectorAll(".d2l-explore:not([data-ready])");
  Array.prototype.forEach.call(all, function (root) {
    var knobs = Array.from(root.querySelectorAll(".d2l-knob"));
    var layers = Array.from(root.querySelectorAll("[data-frames]"));
    function show() {
      var frame = 0;
      knobs.forEach(function (knob) {
        var input = knob.querySelector("input");
        var values = JSON.parse(input.dataset.values);
        var text = values[+input.value];
        frame = frame * values.length + +input.value;
        input.setAttribute("aria-valuetext", text);
        knob.querySelector("output").textContent = text;
      });
      layers.forEach(function (layer) {
        var frames = layer.dataset.frames.split(" ");
        var seen = frames.indexOf(String(frame)) >= 0;
        layer.style.display = seen ? "" : "none";
      });
    }
    root.setAttribute("data-ready", "");
    root.addEventListener("input", show);
    root.querySelector(".d2l-knobs").hidden = false;
    show();
  });
})();"""


def vector_page(
    drawings: Sequence[_svg.Drawing], sliders: Sequence[Slider], alt: str
) -> str:
    """Return frames of line art as HTML around one SVG."""
    layers = merge([drawing.parts for drawing in drawings])
    shown = _first_frame(sliders)
    body = "".join(
        _group(layer, shown, len(drawings)) for layer in _runs(layers)
    )
    shared: dict[str, str] = {}
    for drawing in drawings:
        shared |= drawing.shared
    first = drawings[0]
    whole = _svg.Drawing(first.width, first.height, (), shared)
    return _page(_svg.assemble(whole, body, alt=alt), sliders)


def pixel_page(
    pictures: Sequence[bytes],
    size: tuple[int, int],
    sliders: Sequence[Slider],
    alt: str,
) -> str:
    """Return frames of pixels, as PNG files, as HTML."""
    frames: dict[bytes, list[int]] = {}
    for index, picture in enumerate(pictures):
        frames.setdefault(picture, []).append(index)
    shown = _first_frame(sliders)
    tags = [
        image(
            base64.b64encode(picture).decode(),
            size[0],
            alt,
            extra=_switch(indices, shown),
        )
        for picture, indices in frames.items()
    ]
    return _page("".join(tags), sliders)


def image(data: str, width: int, alt: str, *, extra: str = "") -> str:
    """Return an HTML image of a PNG file in base 64."""
    return (
        f'<img alt="{html.escape(alt)}" width="{width}"{extra} '
        f'src="data:image/png;base64,{data}">'
    )


def merge(frames: Sequence[Sequence[str]]) -> list[Layer]:
    """Find the parts that frames have in common, keeping all their orders.

    Args:
        frames: The parts of each frame, first drawn first.

    Returns:
        Layers such that those of one frame, in order, are its parts.
    """
    contents: list[str] = []
    members: list[set[int]] = []
    for index, parts in enumerate(frames):
        matcher = difflib.SequenceMatcher(
            None, contents, list(parts), autojunk=False
        )
        # From the end, so that insertions move no place still to come.
        for block in reversed(matcher.get_opcodes()):
            kind, low, high, start, stop = block
            if kind == "equal":
                for member in members[low:high]:
                    member.add(index)
            else:
                contents[high:high] = parts[start:stop]
                members[high:high] = [{index} for _ in range(start, stop)]
    return [
        Layer(content, frozenset(member))
        for content, member in zip(contents, members, strict=True)
    ]


def _runs(layers: Sequence[Layer]) -> list[Layer]:
    """Join neighbours that belong to the same frames."""
    return [
        Layer("".join(layer.content for layer in run), frames)
        for frames, run in itertools.groupby(layers, lambda one: one.frames)
    ]


def _group(layer: Layer, shown: int, num_frames: int) -> str:
    if len(layer.frames) == num_frames:
        return layer.content
    return f"<g{_switch(sorted(layer.frames), shown)}>{layer.content}</g>"


def _switch(frames: Sequence[int], shown: int) -> str:
    hidden = "" if shown in frames else ' style="display:none"'
    return f' data-frames="{" ".join(map(str, frames))}"{hidden}'


def _first_frame(sliders: Sequence[Slider]) -> int:
    frame = 0
    for slider in sliders:
        frame = frame * len(slider.values) + slider.start
    return frame


def _page(picture: str, sliders: Sequence[Slider]) -> str:
    names = html.escape(", ".join(slider.title for slider in sliders))
    knobs = "".join(_knob(slider) for slider in sliders)
    return (
        f'<div class="d2l-explore" role="group" '
        f'aria-label="Figure with controls: {names}">'
        f"<style>{_CSS}</style>{picture}"
        f'<div class="d2l-knobs" hidden>{knobs}</div></div>'
        f"<script>{_SCRIPT}</script>"
    )


def _knob(slider: Slider) -> str:
    title, values, start = slider
    chosen = html.escape(values[start])
    return (
        f'<div class="d2l-knob"><label>{html.escape(title)} '
        f'<input type="range" min="0" max="{len(values) - 1}" step="1" '
        f'value="{start}" autocomplete="off" aria-valuetext="{chosen}" '
        f'data-values="{html.escape(json.dumps(values))}"></label> '
        f'<output aria-live="off">{chosen}</output></div>'
    )
