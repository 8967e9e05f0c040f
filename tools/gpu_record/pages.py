"""Which pages of a chapter to record, and in what order."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

UNKNOWN = 60.0  # seconds, for a page that has never been recorded


@dataclass(frozen=True)
class Page:
    """One notebook of a chapter."""

    path: Path
    number: str
    stamp: dict[str, Any]

    @property
    def needs_device(self) -> bool:
        """Whether full scale is another run than the one that is stamped.

        A page that was never recorded may be; one that asked for its scale
        is, and the others are the same program everywhere.
        """
        return bool(self.stamp.get("scale_matters", True))

    @property
    def seconds(self) -> float:
        return float(self.stamp.get("seconds", UNKNOWN))

    @property
    def code(self) -> str:
        """The code cells, one after the other."""
        return "\n".join(
            "".join(cell["source"])
            for cell in _read(self.path)["cells"]
            if cell["cell_type"] == "code"
        )


def find(root: Path, chapter: int) -> list[Page]:
    """Return the pages of a chapter in the order of the book.

    Raises:
        ValueError: There is no such chapter, or it has no notebook.
    """
    paths = sorted(root.glob(f"chapters/{chapter:02}-*/[0-9]*.ipynb"))
    if not paths:
        raise ValueError(f"chapter {chapter} has no notebook in {root}")
    return [
        Page(path, _number(path), _read(path)["metadata"].get("d2l", {}))
        for path in paths
    ]


def ordered(pages: list[Page], only: list[str]) -> list[Page]:
    """Return the pages to record, the quick ones first.

    So a limit cuts few. A page that is the same program everywhere need not
    be recorded on another machine, nor need what it imports travel there.

    Args:
        pages: All pages of the chapter.
        only: Numbers such as ``5.5``; empty means all that have a full
            scale.

    Raises:
        ValueError: A number is not among the pages.
    """
    known = {page.number for page in pages}
    if unknown := [number for number in only if number not in known]:
        raise ValueError(
            f"no page {', '.join(unknown)}; there are "
            f"{', '.join(page.number for page in pages)}"
        )
    chosen = [
        page
        for page in pages
        if (page.number in only if only else page.needs_device)
    ]
    return sorted(chosen, key=lambda page: page.seconds)


def _number(path: Path) -> str:
    """Return the number of a page, 5.11, from its place."""
    chapter, page = path.parent.name[:2], path.name[:2]
    return f"{int(chapter)}.{int(page)}"


def _read(path: Path) -> dict[str, Any]:
    """Read a notebook without nbformat, which may not be there yet."""
    return json.loads(path.read_text(encoding="utf-8"))
