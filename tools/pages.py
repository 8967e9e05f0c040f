"""The pages of the book: which are planned, which exist, what they say.

Everything that speaks about pages (the site's generated tables, the tests of
the book, the tools) reads them here, without PyTorch.

``python -m tools.pages`` writes ``_toc.yml`` anew: the front page, every
page of the plan that exists, and the appendix.
"""

import csv
import json
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

APPENDIX = ("notation", "results", "status", "api", "references")
ROOT = Path(__file__).resolve().parents[1]
# The tag of the cells that are put before a page where it is published.
SET_UP = "d2l-setup"


@dataclass(frozen=True)
class Planned:
    """A line of ``chapters/plan.tsv``: a chapter (``3``) or section (``3.6``).

    The number of a section is the number in its file name. ``needs`` names
    the sections of the same chapter that it builds on directly.
    """

    number: str
    folder: str
    title: str
    needs: tuple[str, ...] = ()

    @property
    def is_chapter(self) -> bool:
        """Whether this is a whole chapter."""
        return "." not in self.number

    def source(self, root: Path = ROOT) -> Path | None:
        """Return the file of this chapter or section, if there is one."""
        folder = root / "chapters" / self.folder
        if self.is_chapter:
            found = list(folder.glob("index.md"))
        else:
            number = int(self.number.split(".")[1])
            found = [
                path
                for path in folder.glob(f"{number:02d}-*")
                if path.suffix in {".ipynb", ".md"}
            ]
        if len(found) > 1:
            names = ", ".join(sorted(path.name for path in found))
            raise ValueError(f"section {self.number} has two files: {names}")
        return found[0] if found else None


@dataclass(frozen=True)
class Cell:
    """One cell of a page. A Markdown file is a page with a single cell."""

    kind: str
    source: str
    metadata: dict[str, Any] = field(default_factory=dict)
    outputs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def tags(self) -> list[str]:
        """The tags, such as ``remove-cell``."""
        return list(self.metadata.get("tags", []))


@dataclass(frozen=True)
class Page:
    """A notebook or Markdown file of the book."""

    path: Path
    root: Path = ROOT

    @property
    def name(self) -> str:
        """The path without its suffix, from the root: Sphinx's docname."""
        return self.path.relative_to(self.root).with_suffix("").as_posix()

    @property
    def number(self) -> str:
        """The number that the names of folder and file give: ``5.11``."""
        return f"{int(self.path.parent.name[:2])}.{int(self.path.name[:2])}"

    @property
    def is_notebook(self) -> bool:
        """Whether the page can be executed."""
        return self.path.suffix == ".ipynb"

    @cached_property
    def _notebook(self) -> dict[str, Any]:
        if not self.is_notebook:
            return {}
        try:
            return dict(json.loads(self.path.read_text("utf-8")))
        except json.JSONDecodeError as fault:
            raise ValueError(f"{self.path} is no notebook: {fault}") from fault

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """The cells, in order."""
        if not self.is_notebook:
            return (Cell("markdown", self.path.read_text("utf-8")),)
        return tuple(
            Cell(
                cell["cell_type"],
                _text(cell["source"]),
                cell.get("metadata", {}),
                cell.get("outputs", []),
            )
            for cell in self._notebook.get("cells", [])
        )

    @property
    def prose(self) -> str:
        """The Markdown of the page."""
        return "\n\n".join(
            cell.source for cell in self.cells if cell.kind == "markdown"
        )

    @property
    def code(self) -> tuple[Cell, ...]:
        """The code cells, in order."""
        return tuple(cell for cell in self.cells if cell.kind == "code")

    @cached_property
    def title(self) -> str:
        """The first heading, number included."""
        for line in self.prose.splitlines():
            if line.startswith("# "):
                return line[2:].strip()
        raise ValueError(f"{self.path} has no title (a line '# 3.6 ...')")

    @property
    def stamp(self) -> dict[str, Any]:
        """What ``tools/record.py`` noted when it ran the page.

        Empty when the page was never recorded or is no notebook.
        """
        metadata = self._notebook.get("metadata", {})
        return dict(metadata.get("d2l", {}))

    @property
    def slow(self) -> str:
        """Why the page takes long to run, in a phrase of its author.

        It stands in the metadata of the notebook, under ``d2l_slow``.
        """
        metadata = self._notebook.get("metadata", {})
        return str(metadata.get("d2l_slow", ""))


def _text(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def plan(root: Path = ROOT) -> tuple[Planned, ...]:
    """Read every chapter and section the book will have, in order."""
    with open(root / "chapters" / "plan.tsv", encoding="utf-8") as lines:
        return tuple(
            Planned(
                row["section"],
                row["folder"],
                row["title"],
                tuple((row["needs"] or "").split()),
            )
            for row in csv.DictReader(lines, delimiter="\t")
        )


def toc(root: Path = ROOT) -> tuple[str, ...]:
    """Read the docnames in ``_toc.yml``, in order, the front page first."""
    import yaml

    tree = yaml.safe_load((root / "_toc.yml").read_text("utf-8"))
    return tuple(_files(tree))


def _files(tree: Any) -> Iterator[str]:
    if isinstance(tree, list):
        for branch in tree:
            yield from _files(branch)
    elif isinstance(tree, dict):
        for key in ("root", "file"):
            if key in tree:
                yield tree[key]
        for branch in tree.values():
            if isinstance(branch, list):
                yield from _files(branch)


def pages(root: Path = ROOT) -> tuple[Page, ...]:
    """Return the pages that ``_toc.yml`` lists, in order."""
    return tuple(Page(source(name, root), root) for name in toc(root))


def notebooks(root: Path = ROOT) -> tuple[Page, ...]:
    """Return the notebooks among the pages, in order."""
    return tuple(page for page in pages(root) if page.is_notebook)


def meant(
    named: Iterable[Path], since: str = "", root: Path = ROOT
) -> list[Path]:
    """Return the notebooks that a command line means.

    Args:
        named: Notebooks, and folders that stand for all of theirs; none
            stands for the whole book.
        since: A commit; if given, all that differ from it, and no others.
        root: The repository.
    """
    if since:
        command = ["git", "-C", str(root), "diff", "--name-only", since]
        command += ["--diff-filter=d", "--", "chapters/*.ipynb"]
        changed = subprocess.run(
            command, check=True, capture_output=True, text=True
        )
        return [root / name for name in changed.stdout.splitlines()]
    return [
        path
        for one in [one.resolve() for one in named] or [root / "chapters"]
        for path in (sorted(one.rglob("*.ipynb")) if one.is_dir() else [one])
        if path.parent.name != ".ipynb_checkpoints"
    ]


def source(name: str, root: Path = ROOT) -> Path:
    """Return the file of a docname.

    Raises:
        FileNotFoundError: Neither a notebook nor a Markdown file has the name.
    """
    for suffix in (".ipynb", ".md"):
        path = root / (name + suffix)
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"_toc.yml lists {name}, but there is no {name}.ipynb and no {name}.md"
    )


def contents(root: Path = ROOT) -> str:
    """Return what ``_toc.yml`` has to say, given the pages that exist."""
    lines = ["format: jb-book", "root: index", "parts:"]
    lines += ["  - caption: Chapters", "    chapters:"]
    for entry in plan(root):
        path = entry.source(root)
        if path is None:
            continue
        name = Page(path, root).name
        if entry.is_chapter:
            lines.append(f"      - file: {name}")
        else:
            if not lines[-1].startswith("          "):
                lines.append("        sections:")
            lines.append(f"          - file: {name}")
    lines += ["  - caption: Appendix", "    chapters:"]
    lines += [f"      - file: chapters/appendix/{name}" for name in APPENDIX]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (ROOT / "_toc.yml").write_text(contents(), "utf-8")
