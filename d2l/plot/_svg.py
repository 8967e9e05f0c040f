"""A matplotlib figure as a small, self-contained SVG.

The same figure always gives the same bytes: no date, no random name, no
software label. matplotlib's SVG is taken apart into parts in the order of
drawing, cleaned, and put together again; `_html` does the same with many
figures at once. What is left out: how a figure looks (`_style`).
"""

import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET
from xml.sax.saxutils import quoteattr

from matplotlib.figure import Figure

from d2l.plot import _style

# Stands before every id until it is known which figure the id belongs to.
MARK = "\ue000"

_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_NUMBER = re.compile(r"-?\d*\.\d+(?:e-?\d+)?")
_COORDINATES = frozenset({"d", "x", "y", "width", "height", "points"})
# Verdana is nearly as wide as DejaVu Sans, which sets the layout.
_FONTS = "DejaVu Sans,Verdana,sans-serif"
_OWN_FONT = re.compile(r"font-family:'DejaVu Sans'(,sans-serif)?(;|$)")
_URL = re.compile(r"url\(#([^)]*)\)")
_SHORTHAND = re.compile(r"font:((?:\w+ )*)([\d.]+px) ([^;]+)")


@dataclass(frozen=True)
class Drawing:
    """A figure in parts.

    Attributes:
        width: In points (1/72 inch).
        height: In points.
        parts: Elements as SVG text, in the order of drawing.
        shared: Elements that the parts refer to, by id.
    """

    width: float
    height: float
    parts: tuple[str, ...]
    shared: dict[str, str]


def svg(figure: Figure) -> str:
    """Return a figure as one SVG element without outside references."""
    drawing = parts(figure)
    return assemble(drawing, "".join(drawing.parts))


def assemble(drawing: Drawing, body: str, *, alt: str = "") -> str:
    """Put an SVG together from shared elements and a body that uses them.

    Args:
        drawing: Size and shared elements.
        body: What is drawn, with `MARK` before each id.
        alt: What the picture shows, for readers who do not see it.

    Returns:
        The SVG element. Its ids begin with a hash of its content, so that
        they stay apart from those of other figures on a page.
    """
    shared = "".join(drawing.shared.values())
    content = (f"<defs>{shared}</defs>" if shared else "") + body
    prefix = f"f{_hash(content)}-"
    role = f' role="img" aria-label={quoteattr(alt)}' if alt else ""
    width, height = drawing.width, drawing.height
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg"{role} '
        f'width="{width * 4 / 3:g}" height="{height * 4 / 3:g}" '
        f'viewBox="0 0 {width:g} {height:g}" font-family="{_FONTS}" '
        f'stroke-linejoin="round">'
        f"{content.replace(MARK, prefix)}</svg>"
    )


def parts(figure: Figure) -> Drawing:
    """Take a figure apart into cleaned SVG elements."""
    buffer = io.StringIO()
    # A browser looks for a character in all fonts that its reader has.
    with _style.without_glyph_warnings():
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    # Parsing drops the document type and comments.
    root = ET.fromstring(buffer.getvalue())
    _, _, width, height = (float(x) for x in root.attrib["viewBox"].split())
    names: dict[str, str] = {}
    shared: dict[str, str] = {}
    for definition in _definitions(root):
        old = definition.attrib.pop("id")
        _clean(definition)
        text = _text(definition)
        names[old] = MARK + _hash(text)
        tag, _, rest = text.partition(definition.tag.removeprefix(_SVG))
        shared[names[old]] = (
            f'{tag}{definition.tag.removeprefix(_SVG)} id="{names[old]}"{rest}'
        )
    leaves = []
    for leaf in _leaves(root):
        _clean(leaf, names)
        leaves.append(_text(_merge_dots(leaf, shared)))
    used = "".join(leaves)
    shared = {name: text for name, text in shared.items() if name in used}
    return Drawing(width, height, tuple(leaves), shared)


def _definitions(root: ET.Element) -> Iterator[ET.Element]:
    """Yield what has a name that others use, and take it out of the tree."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag != f"{_SVG}defs":
                continue
            parent.remove(child)
            # The one without an id is a style sheet; the root has it all.
            yield from (named for named in child if "id" in named.attrib)


def _leaves(element: ET.Element) -> Iterator[ET.Element]:
    """Yield what is drawn, in order, without groups that only name it."""
    for child in element:
        if child.tag == f"{_SVG}metadata":
            continue
        if child.tag == f"{_SVG}g" and set(child.attrib) <= {"id"}:
            yield from _leaves(child)
        else:
            yield child


def _clean(element: ET.Element, names: dict[str, str] | None = None) -> None:
    """Shorten an element in place; ``names`` maps old ids to new ones."""
    for node in element.iter():
        node.attrib.pop("id", None)
        node.tail = None
        if node.text is not None and not node.text.strip():
            node.text = None
        for key, value in list(node.attrib.items()):
            node.attrib[key] = _short(key, value)
        if re.fullmatch(r"rotate\(-?0 .*\)", node.get("transform", "")):
            del node.attrib["transform"]
        for key in ("style", "transform"):
            if node.get(key) == "":
                del node.attrib[key]
        _rename(node, names or {})


def _rename(node: ET.Element, names: dict[str, str]) -> None:
    """Give the new names to all that a node refers to."""
    target = node.attrib.pop(_HREF, "")
    if target:
        node.set("href", target)
    for key, value in node.attrib.items():
        if key == "href" and value.startswith("#"):
            value = f"#{names[value[1:]]}"
        node.attrib[key] = _URL.sub(
            lambda found: f"url(#{names[found[1]]})", value
        )


def _short(key: str, value: str) -> str:
    if key in _COORDINATES:
        value = _NUMBER.sub(lambda found: _round(found[0], 2), value)
    if key == "d":
        return re.sub(r"\s*([A-Za-z])\s*", r"\1", value).strip()
    if key == "transform":
        digits = 2 if "matrix" not in value and "scale" not in value else 5
        return _NUMBER.sub(lambda found: _round(found[0], digits), value)
    if key == "style":
        return _short_style(value)
    return value


def _short_style(value: str) -> str:
    value = re.sub(r"([:;,])\s+", r"\1", value.strip())
    value = _SHORTHAND.sub(_longhand, value)
    value = _OWN_FONT.sub("", value)
    value = _NUMBER.sub(lambda found: _round(found[0], 3), value)
    value = re.sub(r"#(\w)\1(\w)\2(\w)\3\b", r"#\1\2\3", value)
    return value.strip(";")


def _longhand(found: re.Match[str]) -> str:
    kinds, size, family = found.groups()
    extra = ""
    for kind in kinds.split():
        what = "style" if kind in ("oblique", "italic") else "weight"
        extra += f"font-{what}:{kind};"
    return f"{extra}font-size:{size};font-family:{family}"


def _round(number: str, digits: int) -> str:
    text = f"{float(number):.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _merge_dots(leaf: ET.Element, shared: dict[str, str]) -> ET.Element:
    """Draw equal round dots as one path, a tenth of the size.

    A stroke of no length with round ends is a dot.
    """
    uses = list(leaf)
    if len(uses) < 4 or any(use.tag != f"{_SVG}use" for use in uses):
        return leaf
    if len({(use.get("href"), use.get("style")) for use in uses}) > 1:
        return leaf
    marker = shared[uses[0].attrib["href"][1:]]
    fill = re.fullmatch(r"fill:(#\w+)", uses[0].get("style", ""))
    radius = re.search(r' d="M0 ([\d.]+)C(?:[\d. -]+C){7}[\d. -]+z"', marker)
    if not (fill and radius):
        return leaf
    path = ET.Element(f"{_SVG}path", dict(leaf.attrib))
    path.set("d", "".join(f"M{u.get('x')} {u.get('y')}h0" for u in uses))
    path.set("fill", "none")
    path.set("stroke", fill[1])
    path.set("stroke-width", _round(str(2 * float(radius[1])), 3))
    path.set("stroke-linecap", "round")
    return path


def _text(element: ET.Element) -> str:
    text = ET.tostring(element, encoding="unicode", short_empty_elements=True)
    # The root declares the namespace once for all.
    text = text.replace("ns0:", "").replace(" />", "/>")
    return re.sub(r' xmlns:ns\d="[^"]*"', "", text)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
