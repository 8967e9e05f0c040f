"""The files that chapters use, as ``registry.toml`` beside this module lists.

To add a file, add a table there: nothing else in the package names files.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from d2l.fetch.errors import unknown_file


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file of the registry.

    Attributes:
        name: How programs ask for it.
        filename: Its name in the cache, after decompression.
        digest: ``sha256:...`` or ``sha1:...`` of the file as it is kept,
            so of the decompressed bytes if it travels gzipped.
        num_bytes: Size of the file as it is kept; None if not known.
        licence: Terms of use, in a few words.
        origin: Who made it.
        urls: Public addresses, the preferred one first.
        pages: Sections of the book that use it.
        gzipped: Places hold it as ``filename + ".gz"``. They may have
            compressed it each in their own way.
        system_folder: Where a system package puts it.
        system_package: What installs that package.
        unpacked_limit: Most bytes that unpacking may write. None marks a
            file that is not an archive.
    """

    name: str
    filename: str
    digest: str
    num_bytes: int | None = None
    licence: str
    origin: str
    urls: Sequence[str]
    pages: str = ""
    gzipped: bool = False
    system_folder: str | Path | None = None
    system_package: str = ""
    unpacked_limit: int | None = None


def _read(path: Path) -> dict[str, Entry]:
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: Entry(name=name, **facts) for name, facts in tables.items()}


ENTRIES = _read(Path(__file__).with_name("registry.toml"))


def find(name: str) -> Entry:
    """Return the entry of this name.

    Raises:
        UnknownFile: There is none; the message suggests the nearest.
    """
    if name not in ENTRIES:
        raise unknown_file(name, ENTRIES)
    return ENTRIES[name]


def names() -> list[str]:
    """Return the names of all files of the registry, sorted."""
    return sorted(ENTRIES)
