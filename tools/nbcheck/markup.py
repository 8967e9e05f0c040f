"""How two pieces of HTML or SVG differ: structure exactly, numbers nearly.

Both are read as tags and what stands between them. Names given by ``id`` are
often random, so they are compared by the order in which they are given.
Places in an SVG may move by a thousandth of the size of the figure, colours
by two levels.
"""

import itertools
import re

from tools.nbcheck import picture
from tools.nbcheck.tokens import NUMBER, Tolerance, text, value

_LEVELS = 2
_METADATA = re.compile(r"<metadata\b.*?</metadata>", re.DOTALL)
_TAG = re.compile(r"""(<(?:[^<>"']|"[^"]*"|'[^']*')*>)""")
_ATTRIBUTE = re.compile(r"""([\w:-]+)=(["'])(.*?)\2""", re.DOTALL)
_PLACE = re.compile(r"[cdr]?[xy][12]?|[dr]|points|transform|width|height")
_NUMBER = re.compile(NUMBER)  # inside a path without a space: M10-5L3.5.7
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b")
_DATA_URI = re.compile(r"data:image/(?:png|jpeg|webp);base64,(.*)", re.DOTALL)


def difference(stored: str, fresh: str, tolerance: Tolerance) -> str:
    """Say where two pieces of markup differ first; empty if they do not."""
    size = 0.0  # of the figure; 0 outside of one
    pieces = itertools.zip_longest(
        _pieces(stored), _pieces(fresh), fillvalue="nothing"
    )
    for old, new in pieces:
        if old.startswith(("<svg", "</svg")):
            size = _size(old)
        if old != new and (found := _piece(old, new, tolerance, size)):
            return found
    return ""


def _pieces(source: str) -> list[str]:
    """Return tags and text in turn, with names replaced by their order."""
    pieces = [p.strip() for p in _TAG.split(_METADATA.sub("", source))]
    pieces = [piece for piece in pieces if piece]
    tags = [piece for piece in pieces if piece.startswith("<")]
    names: dict[str, str] = {}
    for attribute, _, said in _ATTRIBUTE.findall(" ".join(tags)):
        if attribute == "id" and said:
            names.setdefault(said, f"name{len(names)}")
    if not names:
        return pieces
    longest_first = sorted(map(re.escape, names), key=len, reverse=True)
    name = re.compile(rf"(?<![\w-])(?:{'|'.join(longest_first)})(?![\w-])")

    def rename(words: str) -> str:
        return name.sub(lambda match: names[match[0]], words)

    result = [""]
    for piece in pieces:  # not in what a reader sees
        if piece.startswith("<"):
            piece = _ATTRIBUTE.sub(
                lambda match: f'{match[1]}="{rename(match[3])}"', piece
            )
        elif result[-1].startswith(("<style", "<script")):
            piece = rename(piece)
        result.append(piece)
    return result[1:]


def _size(tag: str) -> float:
    """Return the longer side of the figure that a tag begins, 0 at its end."""
    told = {name: said for name, _, said in _ATTRIBUTE.findall(tag)}
    sides = f"{told.get('width', '')} {told.get('height', '')}"
    box = _NUMBER.findall(told.get("viewBox", ""))[2:]
    return max(map(value, box or _NUMBER.findall(sides)), default=0.0)


def _piece(old: str, new: str, tolerance: Tolerance, size: float) -> str:
    """Say how two tags, or two texts, differ."""
    if not (old.startswith("<") and new.startswith("<")):
        return _text(old, new, tolerance)
    if _ATTRIBUTE.sub(r"\1", old) != _ATTRIBUTE.sub(r"\1", new):
        return f"stored {old[:60]}, now {new[:60]}"
    pairs = zip(_ATTRIBUTE.findall(old), _ATTRIBUTE.findall(new), strict=True)
    for (name, _, a), (_, _, b) in pairs:
        if a != b and (found := _attribute(name, a, b, tolerance, size)):
            return f"{old.split()[0]} {name}: {found}"
    return ""


def _attribute(
    name: str, old: str, new: str, tolerance: Tolerance, size: float
) -> str:
    """Say how two values of an attribute differ."""
    images = _DATA_URI.fullmatch(old), _DATA_URI.fullmatch(new)
    if images[0] and images[1]:
        return picture.difference(images[0][1], images[1][1])
    if not size or not _PLACE.fullmatch(name):
        return _text(old, new, tolerance)
    if name in ("d", "points"):  # a letter is smaller than the figure
        extent = max(map(abs, map(value, _NUMBER.findall(old))), default=0.0)
        size = min(size, extent)
    room = Tolerance(0.0, max(tolerance.rtol * size, tolerance.atol))
    parts = old.split(")"), new.split(")")
    for a, b in itertools.zip_longest(*parts, fillvalue=""):
        turned = name == "transform" and "translate" not in a
        if not _close(a, b, tolerance if turned else room):
            return f"stored {old[:60]!r}, now {new[:60]!r}"
    return ""


def _close(old: str, new: str, tolerance: Tolerance) -> bool:
    """Compare two strings of numbers, with everything between exact."""
    between = (
        re.sub(r"[\s,]+", " ", _NUMBER.sub(" 0 ", part)).strip()
        for part in (old, new)
    )
    return next(between) == next(between) and all(
        tolerance.accepts(value(a), value(b))
        for a, b in zip(
            _NUMBER.findall(old), _NUMBER.findall(new), strict=True
        )
    )


def _text(old: str, new: str, tolerance: Tolerance) -> str:
    """Compare text in which colours may be a little off."""
    colours = _COLOUR.findall(old), _COLOUR.findall(new)
    if len(colours[0]) == len(colours[1]) and all(
        abs(int(a[i : i + 2], 16) - int(b[i : i + 2], 16)) <= _LEVELS
        for a, b in zip(*colours, strict=True)
        for i in (1, 3, 5)
    ):
        old, new = (_COLOUR.sub("colour", part) for part in (old, new))
    return text(old, new, tolerance)
