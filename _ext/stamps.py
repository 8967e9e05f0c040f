"""What the notebooks' stamps say: Results, Status, and each page's foot.

``tools/record.py`` runs a page and writes a stamp into its metadata: when,
where, with what, how long, and every claim with its value. Nothing here is
typed by hand.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from _ext import pieces
from tools import pages
from tools.nbcheck.stamp import is_stale

STATUS = "chapters/appendix/status"


def number(value: Any) -> str:
    """Write a number with four significant digits, without padding."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def duration(seconds: float) -> str:
    """Write a duration as a reader would say it."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min"


def took(page: pages.Page) -> str:
    """Write how long a page ran and, if it is slow, why."""
    seconds = duration(page.stamp["seconds"])
    return f"{seconds}: {page.slow}" if page.slow else seconds


def bound(claim: dict[str, Any]) -> str:
    """Write the bound a claim was held to, and one that waits for a run."""
    if claim.get("full"):
        small, full = _side(claim["bounds"]), _side(claim["full"])
        return f"{small}; at full size {full}, not run yet"
    return _side(claim["bounds"])


def _side(bounds: Sequence[float | None]) -> str:
    low, high = bounds
    if low is not None and high is not None:
        return f"{number(low)} to {number(high)}"
    if low is not None:
        return f"at least {number(low)}"
    return f"at most {number(high)}"


def ours(claim: dict[str, Any]) -> str:
    """Write the value of a claim and how far it spreads over other seeds."""
    value, seen = number(claim["value"]), claim.get("seeds")
    if not seen or not seen["deviation"]:
        return value
    return (
        f"{value} (other seeds: {number(seen['low'])} to "
        f"{number(seen['high'])})"
    )


def data(stamp: dict[str, Any]) -> str:
    """Write the data sets a page used, and whether they were real."""
    used = stamp.get("data") or {}
    return ", ".join(f"{name} ({tier})" for name, tier in sorted(used.items()))


def day(stamp: dict[str, Any]) -> str:
    """Return the day of the recording."""
    return str(stamp["recorded"])[:10]


def stale(stamp: dict[str, Any]) -> str:
    """Say that other code made outputs that no test compares any more.

    Tests run on a processor and at small scale: whatever else was recorded
    is compared only where there is a device like the one in the stamp.
    """
    full = stamp.get("scale_matters") and stamp["scale"] == "full"
    compared = stamp["device"] == "cpu" and not full
    return "" if compared or not is_stale(stamp) else ", stale"


def torch_version(stamp: dict[str, Any]) -> str:
    """Return the release of PyTorch, without the build's suffix."""
    return str(stamp.get("versions", {}).get("torch", "")).split("+")[0]


class StampDirective(SphinxDirective):
    """A directive that reads every notebook's stamp."""

    @property
    def notebooks(self) -> tuple[pages.Page, ...]:
        """The notebooks of this book, noted as what this page depends on."""
        pieces.depend(self.env)
        return pages.notebooks(Path(self.env.srcdir))

    def link(self, page: pages.Page) -> nodes.Node:
        """Return a link to a page, with its title."""
        return pieces.link(self.env, page.name, page.title)

    def table(
        self,
        headers: str,
        rows: list[list[pieces.Content]],
        right: Sequence[int],
    ) -> list[nodes.Node]:
        """Make a table, or a sentence where there is no row."""
        if not rows:
            return [nodes.paragraph(text="Nothing has been recorded yet.")]
        return [pieces.table(headers.split(" | "), rows, right=right)]


class ResultsTable(StampDirective):
    """Every claim that a source reported too: ours beside theirs."""

    def run(self) -> list[nodes.Node]:
        """Make the table."""
        rows = [
            [
                self.link(page),
                claim["what"],
                ours(claim),
                bound(claim),
                number(claim["reported"]),
                claim["why"],
                page.stamp["scale"],
                page.stamp["device"],
            ]
            for page in self.notebooks
            for claim in page.stamp.get("claims", [])
            if claim.get("reported") is not None
        ]
        headers = (
            "Page | What | Ours | Bound | Reported | Why they differ | "
            "Scale | Device"
        )
        return self.table(headers, rows, right=(2, 4))


class ClaimsTable(StampDirective):
    """Every claim, whether or not a source reported a value."""

    def run(self) -> list[nodes.Node]:
        """Make the table."""
        rows = [
            [self.link(page), claim["what"], ours(claim), bound(claim)]
            for page in self.notebooks
            for claim in page.stamp.get("claims", [])
        ]
        return self.table("Page | What | Ours | Bound", rows, right=(2,))


class StatusTable(StampDirective):
    """Every notebook: when, where, with what and how long it last ran."""

    def run(self) -> list[nodes.Node]:
        """Make the table."""
        headers = (
            "Page | Recorded | Scale | Device | PyTorch | Data | Time | "
            "Peak memory | Cells | Claims | Checks not applied"
        )
        rows = [self._row(page) for page in self.notebooks]
        return self.table(headers, rows, right=(6, 7, 8, 9, 10))

    def _row(self, page: pages.Page) -> list[pieces.Content]:
        stamp = page.stamp
        if not stamp:
            return [self.link(page), "not yet", *[""] * 9]
        return [
            self.link(page),
            [
                nodes.inline(text=day(stamp), classes=["text-nowrap"]),
                nodes.Text(stale(stamp)),
            ],
            stamp["scale"] if stamp.get("scale_matters", True) else "any",
            stamp["device"],
            torch_version(stamp),
            data(stamp) or "none",
            took(page),
            f"{stamp['peak_memory_mb']:,.0f} MB",
            number(stamp["cells"]),
            number(len(stamp["claims"])),
            number(stamp.get("checks_not_applied", 0)),
        ]


class BookFacts(StampDirective):
    """The book in five numbers, for the front page."""

    def run(self) -> list[nodes.Node]:
        """Make the list of numbers."""
        found = nodes.bullet_list(classes=["d2l-facts"])
        for value, words in facts(self.notebooks):
            found += nodes.list_item(
                "",
                nodes.paragraph(
                    "",
                    "",
                    nodes.strong(text=value),
                    nodes.Text(" "),
                    nodes.inline(text=words),
                ),
            )
        return [found]


def facts(notebooks: Iterable[pages.Page]) -> list[tuple[str, str]]:
    """Return what the stamps of these pages add up to, as (value, words)."""
    stamps = [page.stamp for page in notebooks if page.stamp]
    claims = [claim for stamp in stamps for claim in stamp["claims"]]
    compared = [one for one in claims if one.get("reported") is not None]
    seconds = sum(stamp["seconds"] for stamp in stamps)
    latest = max(map(day, stamps), default="-")
    return [
        (number(len(stamps)), "pages executed"),
        (number(sum(stamp["cells"] for stamp in stamps)), "code cells run"),
        (number(len(claims)), "claims held"),
        (number(len(compared)), "beside reported values"),
        (duration(seconds), "to run them all"),
        (latest, "last recorded"),
    ]


def add_foot(app: Sphinx, document: nodes.document) -> None:
    """End a notebook's page with when, where and with what it was run."""
    name = app.env.docname
    path = Path(app.env.doc2path(name))
    if path.suffix != ".ipynb" or not document.children:
        return
    page = pages.Page(path, Path(app.srcdir))
    words = foot(page.stamp)
    foot_node = nodes.container(classes=["d2l-stamp"])
    foot_node += nodes.paragraph(
        "",
        "",
        nodes.Text(words + " "),
        pieces.link(app.env, STATUS, "How every page was run"),
        nodes.Text("."),
    )
    document.children[0].append(foot_node)


def seeds(stamp: dict[str, Any]) -> str:
    """Say how far the claims of a page spread over other seeds."""
    studied = [claim for claim in stamp["claims"] if "seeds" in claim]
    if not studied:
        return ""
    spread = [
        f"{claim['what']}, {number(claim['seeds']['low'])} to "
        f"{number(claim['seeds']['high'])}"
        for claim in studied
        if claim["seeds"]["deviation"]
    ]
    found = "; ".join(spread) or "every claim came out the same"
    runs = max(claim["seeds"]["runs"] for claim in studied)
    return f" With {runs} other seeds: {found}."


def foot(stamp: dict[str, Any]) -> str:
    """Say in a few sentences how a page was last run."""
    if not stamp:
        return "This page has not been recorded yet."
    scale = f" at {stamp['scale']} scale" if stamp.get("scale_matters") else ""
    num_claims = len(stamp["claims"])
    claims = "its claim" if num_claims == 1 else f"its {num_claims} claims"
    held = f"; {claims} held" if num_claims else ""
    used = data(stamp)
    return (
        f"This page was run on {day(stamp)} "
        f"with PyTorch {torch_version(stamp)} on {stamp['device']}{scale}: "
        f"{stamp['cells']} code cells in {duration(stamp['seconds'])}{held}."
        + (f" Data: {used}." if used else "")
        + seeds(stamp)
    )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives and the foot."""
    app.add_directive("results-table", ResultsTable)
    app.add_directive("claims-table", ClaimsTable)
    app.add_directive("status-table", StatusTable)
    app.add_directive("book-facts", BookFacts)
    app.connect("doctree-read", add_foot)
    return {"version": "1", "parallel_read_safe": True}
