"""The map of the book: what there is to read, and what needs what."""

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from _ext import pieces
from tools import pages


class BookMap(SphinxDirective):
    """The chapters and their sections; with a number, that chapter's only.

    Sections in ``_toc.yml`` are links; the others are marked as planned. The
    list of one chapter has arcs beside it, from each section to those that
    build on it.
    """

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make one box for each chapter, or the list of one chapter."""
        pieces.depend(self.env)
        self.root = Path(self.env.srcdir)
        self.listed = set(pages.toc(self.root))
        plan = pages.plan(self.root)
        if self.arguments:
            chapter = self.arguments[0]
            listed = self._sections(plan, chapter)
            arcs = dependencies(plan, chapter)
            if not arcs:
                return [listed]
            drawn = nodes.raw("", picture(listed, arcs), format="html")
            box = nodes.container(classes=["d2l-needs"])
            box += [drawn, listed]
            legend = nodes.paragraph(
                text="An arrow leads from a section to one that builds on it."
            )
            return [legend, box]
        grid = nodes.container(classes=["d2l-map"])
        for entry in plan:
            if entry.is_chapter:
                later = [] if self._page(entry) else ["d2l-later"]
                box = nodes.container(classes=["d2l-map-chapter", *later])
                box += nodes.paragraph("", "", *self._entry(entry))
                box += self._sections(plan, entry.number)
                grid += box
        return [grid]

    def _sections(
        self, plan: Sequence[pages.Planned], chapter: str
    ) -> nodes.bullet_list:
        found = nodes.bullet_list(classes=["d2l-sections"])
        for entry in plan:
            if entry.number.startswith(chapter + "."):
                found += nodes.list_item(
                    "", nodes.paragraph("", "", *self._entry(entry))
                )
        if not found.children:
            raise self.error(f"chapters/plan.tsv has no chapter {chapter}")
        return found

    def _page(self, entry: pages.Planned) -> pages.Page | None:
        """Return the page of an entry, if the book has it."""
        source = entry.source(self.root)
        if source is None:
            return None
        page = pages.Page(source, self.root)
        return page if page.name in self.listed else None

    def _entry(self, entry: pages.Planned) -> list[nodes.Node]:
        page = self._page(entry)
        number = nodes.inline(text=entry.number, classes=["d2l-number"])
        space = nodes.Text(" ")
        if page is None:
            title: nodes.Node = nodes.inline("", "", nodes.Text(entry.title))
            hidden = nodes.inline(
                text=" (planned)", classes=["visually-hidden"]
            )
            title += hidden
            return [
                nodes.inline(
                    "", "", number, space, title, classes=["d2l-planned"]
                )
            ]
        title = page.title.removeprefix(entry.number).strip()
        return [number, space, pieces.link(self.env, page.name, title)]


Arc = tuple[str, str]
WIDTH = 32  # of the picture, in tenths of a row


def dependencies(plan: Sequence[pages.Planned], chapter: str) -> list[Arc]:
    """Return the pairs (section, section that builds on it) of a chapter."""
    return [
        (needed, entry.number)
        for entry in plan
        if entry.number.startswith(chapter + ".")
        for needed in entry.needs
    ]


def picture(listed: nodes.bullet_list, arcs: Sequence[Arc]) -> str:
    """Draw the arcs as an SVG whose rows are those of the list.

    The style sheet makes each row of the list, and of the picture, equally
    high. Its label says the same in words, for those who hear it.
    """
    rows = {
        item.astext().split()[0]: place
        for place, item in enumerate(listed.children)
    }
    height = 10 * len(rows)
    paths = []
    for start, end in arcs:
        top, bottom = 10 * rows[start] + 5, 10 * rows[end] + 5
        reach = WIDTH - 3 - min(WIDTH - 5, 3 + 3 * (rows[end] - rows[start]))
        paths.append(
            f'<path d="M{WIDTH - 3} {top}C{reach} {top} {reach} {bottom} '
            f'{WIDTH - 3} {bottom}"><title>{end} builds on {start}</title>'
            f'</path><path class="d2l-tip" d="M{WIDTH - 4} {bottom - 1.4}'
            f'L{WIDTH - 1} {bottom}L{WIDTH - 4} {bottom + 1.4}Z"/>'
        )
    dots = "".join(
        f'<circle cx="{WIDTH - 3}" cy="{10 * place + 5}" r="1"/>'
        for place in sorted({rows[start] for start, _ in arcs})
    )
    words = html.escape(in_words(arcs))
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" preserveAspectRatio="none" '
        f'role="img" aria-label="{words}" style="--d2l-rows: {len(rows)}">'
        f"{''.join(paths)}{dots}</svg>"
    )


def in_words(arcs: Sequence[Arc]) -> str:
    """Say what the arcs show."""
    needs: dict[str, list[str]] = {}
    for start, end in arcs:
        needs.setdefault(end, []).append(start)
    return "What builds on what: " + "; ".join(
        f"{end} on {' and '.join(starts)}" for end, starts in needs.items()
    )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("book-map", BookMap)
    return {"version": "1", "parallel_read_safe": True}
