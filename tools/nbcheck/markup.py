"""How two pieces of HTML or SVG differ: structure exactly, numbers nearly.

Names given by ``id`` are often random, so they are compared by the order in
which they are given. Coordinates of an SVG may move by a thousandth of the
size of the figure, colours by two levels.
"""

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser

from tools.nbcheck import picture
from tools.nbcheck.tokens import Tolerance, text

_COORDINATES = {
    *("x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry"),
    *("dx", "dy", "width", "height"),
}
_PATHS = {"d", "points"}
_LEVELS = 2

# Inside an SVG numbers may stand without a space: M10-5L3.5.7
_SVG_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{3})\b")
_CALL = re.compile(r"(\w+)\s*\(([^)]*)\)")
_DATA_URI = re.compile(r"data:image/(?:png|jpeg|webp);base64,(.*)", re.DOTALL)


@dataclass(frozen=True)
class Node:
    """The beginning of an element, its end, or text."""

    kind: str
    name: str
    attributes: dict[str, str]

    def __str__(self) -> str:
        if self.kind == "text":
            return repr(self.name[:60])
        return f"<{'/' if self.kind == 'end' else ''}{self.name}>"


class _Reader(HTMLParser):
    """Turns markup into a list of nodes and the names in it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.nodes: list[Node] = []
        self.names: dict[str, str] = {}
        self._skip = 0

    def handle_starttag(
        self, tag: str, attrs: list[tuple[str, str | None]]
    ) -> None:
        self._skip += tag == "metadata"
        if self._skip:
            return
        attributes = {name: value or "" for name, value in attrs}
        name = attributes.pop("id", "")
        if name:
            self.names.setdefault(name, f"name{len(self.names)}")
        self.nodes.append(Node("start", tag, attributes))

    def handle_endtag(self, tag: str) -> None:
        if not self._skip:
            self.nodes.append(Node("end", tag, {}))
        self._skip -= tag == "metadata" and self._skip > 0

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._skip:
            self.nodes.append(Node("text", data.strip(), {}))


def _read(source: str) -> list[Node]:
    """Return the nodes, with names replaced by their order."""
    reader = _Reader()
    reader.feed(source)
    reader.close()
    if not reader.names:
        return reader.nodes
    longest_first = sorted(reader.names, key=len, reverse=True)
    pattern = re.compile(
        r"(?<![\w-])(?:" + "|".join(map(re.escape, longest_first)) + r")"
        r"(?![\w-])"
    )

    def rename(value: str) -> str:
        return pattern.sub(lambda match: reader.names[match[0]], value)

    return list(_renamed(reader.nodes, rename))


def _renamed(
    nodes: list[Node], rename: Callable[[str], str]
) -> Iterator[Node]:
    """Apply ``rename`` to attributes and code, not to what a reader sees."""
    inside = ""
    for node in nodes:
        if node.kind == "start":
            inside = node.name
            renamed = {k: rename(v) for k, v in node.attributes.items()}
            yield Node("start", node.name, renamed)
        elif node.kind == "text" and inside in {"script", "style"}:
            yield Node("text", rename(node.name), {})
        else:
            inside = ""
            yield node


def difference(stored: str, fresh: str, tolerance: Tolerance) -> str:
    """Say where two pieces of markup differ first; empty if they do not."""
    if stored == fresh:
        return ""
    sizes = [0.0]
    pairs = itertools.zip_longest(_read(stored), _read(fresh))
    for number, (old, new) in enumerate(pairs, start=1):
        if old is None or new is None or (old.kind != new.kind):
            return f"node {number}: stored {old}, now {new}"
        if old.kind == "text":
            if found := _text(old.name, new.name, tolerance):
                return f"text {number}: {found}"
            continue
        if old.name != new.name:
            return f"node {number}: stored {old}, now {new}"
        if old.name == "svg":
            _enter_or_leave(old, sizes)
        if found := _attributes(old, new, tolerance, sizes[-1]):
            return f"node {number}, {old}: {found}"
    return ""


def _enter_or_leave(node: Node, sizes: list[float]) -> None:
    """Keep the size of the innermost figure at the end of ``sizes``."""
    if node.kind == "end":
        if len(sizes) > 1:
            sizes.pop()
        return
    box = node.attributes.get("viewbox", "")
    shape = [node.attributes.get(side, "") for side in ("width", "height")]
    numbers = _SVG_NUMBER.findall(box)[2:] or _SVG_NUMBER.findall(
        " ".join(shape)
    )
    sizes.append(max(map(float, numbers), default=0.0))


def _attributes(
    old: Node, new: Node, tolerance: Tolerance, size: float
) -> str:
    """Say which attribute differs."""
    if old.attributes.keys() != new.attributes.keys():
        names = sorted(old.attributes.keys() ^ new.attributes.keys())
        return f"only one has {', '.join(names)}"
    for name, stored in old.attributes.items():
        fresh = new.attributes[name]
        if stored != fresh and (
            found := _attribute(name, stored, fresh, tolerance, size)
        ):
            return f"{name}: {found}"
    return ""


def _attribute(
    name: str, stored: str, fresh: str, tolerance: Tolerance, size: float
) -> str:
    """Say how two values of an attribute differ; size is 0 outside SVG."""
    images = _DATA_URI.fullmatch(stored), _DATA_URI.fullmatch(fresh)
    if images[0] and images[1]:
        return picture.difference(images[0][1], images[1][1])
    same: bool | None = None
    if size and name in _PATHS:
        same = _same_numbers(stored, fresh, tolerance, size)
    elif size and name in _COORDINATES:
        room = Tolerance(0.0, tolerance.rtol * size)
        same = _close(stored, fresh, room)
    elif size and name == "transform":
        same = _same_transform(stored, fresh, tolerance, size)
    if same is None:
        return _text(stored, fresh, tolerance)
    return "" if same else f"stored {stored[:60]!r}, now {fresh[:60]!r}"


def _same_numbers(
    stored: str, fresh: str, tolerance: Tolerance, size: float
) -> bool:
    """Compare two paths: coordinates relative to the path or the figure."""
    extent = max(
        (abs(float(n)) for n in _SVG_NUMBER.findall(stored)), default=0.0
    )
    room = tolerance.rtol * min(size, extent)
    return _close(stored, fresh, Tolerance(0.0, max(room, tolerance.atol)))


def _same_transform(
    stored: str, fresh: str, tolerance: Tolerance, size: float
) -> bool:
    """Compare two transforms: shifts relative to the figure."""
    old, new = _CALL.findall(stored), _CALL.findall(fresh)
    if [name for name, _ in old] != [name for name, _ in new]:
        return False
    shift = Tolerance(0.0, tolerance.rtol * size)
    return all(
        _close(a, b, shift if name == "translate" else tolerance)
        for (name, a), (_, b) in zip(old, new, strict=True)
    )


def _close(stored: str, fresh: str, tolerance: Tolerance) -> bool:
    """Compare two strings of numbers, with everything between exact."""
    separators = [
        re.sub(r"[\s,]+", " ", _SVG_NUMBER.sub(" 0 ", value)).strip()
        for value in (stored, fresh)
    ]
    if separators[0] != separators[1]:
        return False
    pairs = zip(
        _SVG_NUMBER.findall(stored), _SVG_NUMBER.findall(fresh), strict=True
    )
    return all(tolerance.accepts(float(a), float(b)) for a, b in pairs)


def _text(stored: str, fresh: str, tolerance: Tolerance) -> str:
    """Compare text in which colours may be a little off."""
    old, new = _COLOUR.findall(stored), _COLOUR.findall(fresh)
    if len(old) == len(new) and all(map(_same_colour, old, new)):
        stored, fresh = (_COLOUR.sub("colour", s) for s in (stored, fresh))
    return text(stored, fresh, tolerance)


def _same_colour(stored: str, fresh: str) -> bool:
    """Compare two colours channel by channel."""
    return len(stored) == len(fresh) and all(
        abs(a - b) <= _LEVELS
        for a, b in zip(_channels(stored), _channels(fresh), strict=True)
    )


def _channels(colour: str) -> list[int]:
    """Return red, green and blue, from 0 to 255."""
    digits = colour[1:]
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    return [int(digits[i : i + 2], 16) for i in (0, 2, 4)]
