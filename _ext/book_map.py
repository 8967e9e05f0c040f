"""The map of the book: what there is to read, and what is planned."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from _ext import markup
from tools import pages


class BookMap(SphinxDirective):
    """The chapters and their sections; with a number, that chapter's only.

    Sections in ``_toc.yml`` are links; the others are marked as planned.
    """

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make one box for each chapter, or the list of one chapter."""
        markup.depend(self.env)
        self.root = Path(self.env.srcdir)
        self.listed = set(pages.toc(self.root))
        plan = pages.plan(self.root)
        if self.arguments:
            chapter = self.arguments[0]
            return [self._sections(plan, chapter)]
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
        return [number, space, markup.link(self.env, page.name, title)]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("book-map", BookMap)
    return {"version": "1", "parallel_read_safe": True}
