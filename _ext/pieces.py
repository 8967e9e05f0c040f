"""Pieces of document that more than one extension makes."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from docutils import nodes
from sphinx import addnodes
from sphinx.environment import BuildEnvironment

from tools import pages

Content: TypeAlias = str | nodes.Node | Sequence[nodes.Node]


def link(env: BuildEnvironment, name: str, text: str) -> nodes.Node:
    """Return a link to a page, by its docname."""
    return addnodes.pending_xref(
        "",
        nodes.inline(text, text),
        refdomain="std",
        reftype="doc",
        reftarget="/" + name,
        refexplicit=True,
        refwarn=True,
        refdoc=env.docname,
    )


def table(
    headers: Sequence[str],
    rows: Iterable[Sequence[Content]],
    *,
    right: Sequence[int] = (),
) -> nodes.table:
    """Return a table whose columns in ``right`` are aligned to the right."""
    group = nodes.tgroup(cols=len(headers))
    group += [nodes.colspec(colwidth=1) for _ in headers]
    group += nodes.thead("", _row(headers, right))
    group += nodes.tbody("", *[_row(row, right) for row in rows])
    return nodes.table("", group, classes=["d2l-table"])


def _row(cells: Sequence[Content], right: Sequence[int]) -> nodes.row:
    row = nodes.row()
    for place, cell in enumerate(cells):
        classes = ["text-right"] if place in right else []
        row += nodes.entry(
            "", nodes.paragraph("", "", *inline(cell)), classes=classes
        )
    return row


def inline(content: Content) -> list[nodes.Node]:
    """Return content as nodes that a paragraph can hold."""
    if isinstance(content, str):
        return [nodes.Text(content)]
    if isinstance(content, nodes.Node):
        return [content]
    return list(content)


def depend(env: BuildEnvironment) -> None:
    """Rebuild the page being read when any page or the plan changes."""
    env.note_dependency("_toc.yml")
    env.note_dependency("chapters/plan.tsv")
    root = pages.Path(env.srcdir)
    for page in pages.pages(root):
        if page.is_notebook:
            env.note_dependency(str(page.path.relative_to(root)))
