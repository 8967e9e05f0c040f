"""The API page: every public name of ``d2l``, with the words of its source."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from tools import api


class ApiReference(SphinxDirective):
    """A section for each module, in reStructuredText."""

    def run(self) -> list[nodes.Node]:
        """Read the modules and describe them."""
        root = Path(self.env.srcdir)
        for path in sorted((root / "d2l").rglob("*.py")):
            self.env.note_dependency(str(path.relative_to(root)))
        api.module.cache_clear()
        return [self._module(module) for module in api.modules(root)]

    def _module(self, module: api.Module) -> nodes.section:
        section = nodes.section(ids=[nodes.make_id(module.name)])
        section += nodes.title(text=module.name)
        self.state.document.note_implicit_target(section)
        text = "\n".join(lines(module))
        section += self.parse_text_to_nodes(text)
        return section


def lines(module: api.Module) -> Iterator[str]:
    """Yield the reStructuredText of a module."""
    yield from [f".. py:module:: {module.name}", "", ""]
    yield from [api.markup(module.doc), ""]
    for name in module.names:
        yield from _name(name)


def _name(name: api.Name) -> Iterator[str]:
    yield from _declaration(name)
    yield ""
    for line in _body(name):
        yield "   " + line if line else ""
    yield ""


def _declaration(name: api.Name) -> Iterator[str]:
    if name.kind == "property":
        yield f".. py:property:: {name.name}"
        yield f"   :type: {name.signature}"
    else:
        yield f".. py:{name.kind}:: {name.name}{name.signature}"


def _body(name: api.Name) -> Iterator[str]:
    doc = api.parse(name.doc)
    yield from api.markup(doc.text).splitlines()
    yield ""
    for kind, fields in (
        ("param", doc.args),
        ("ivar", doc.attributes),
        ("raises", doc.raises),
    ):
        for field, text in fields:
            field = field.replace("*", r"\*")
            yield from _field(f"{kind} {field}", text)
    for kind, text in (("returns", doc.returns), ("yields", doc.yields)):
        if text:
            yield from _field(kind, text)
    yield ""
    for member in name.members:
        yield from _name(member)


def _field(head: str, text: str) -> Iterator[str]:
    first, *rest = api.markup(text).splitlines() or [""]
    yield f":{head}: {first}"
    for line in rest:
        yield "   " + line if line else ""


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("d2l-api", ApiReference)
    return {"version": "1", "parallel_read_safe": True}
