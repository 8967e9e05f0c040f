"""Bring the table of files in data/README.md up to date with the registry.

Run it as ``python -m tools.data_table``.
"""

from collections.abc import Iterator
from pathlib import Path

from d2l.fetch.registry import ENTRIES

README = Path(__file__).parents[1] / "data" / "README.md"
HEAD = "| Name | File | Bytes | What and whose | Terms | Used in | Hash |"


def rows() -> Iterator[str]:
    """Give the lines of the table, files in the order of their names."""
    yield HEAD
    yield "|---|---|---:|---|---|---|---|"
    for name, entry in sorted(ENTRIES.items()):
        size = f"{entry.num_bytes:,}" if entry.num_bytes else "not known"
        yield (
            f"| `{name}` | {entry.filename} | {size} | {entry.origin} "
            f"| {entry.licence} | {entry.pages} | `{entry.digest}` |"
        )


def updated(text: str) -> str:
    """Return the text with its table replaced."""
    before, _, after = text.partition(HEAD)
    return before + "\n".join(rows()) + "\n\n" + after.partition("\n\n")[2]


if __name__ == "__main__":
    README.write_text(
        updated(README.read_text(encoding="utf-8")), encoding="utf-8"
    )
