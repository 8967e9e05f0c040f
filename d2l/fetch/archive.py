"""Unpacking of archives that stay below their own folder.

Everything is checked before the first byte is written: an archive with one
bad member is refused whole.
"""

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, cast

from d2l.fetch.cache import copy, keeping
from d2l.fetch.errors import NotUsable

MOST_MEMBERS = 300_000
BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError)


@dataclass(frozen=True)
class Member:
    """One file, folder or something else in an archive.

    Attributes:
        name: Its path, as the archive gives it.
        kind: ``file``, ``folder``, or what it is instead.
        num_bytes: Size of its contents.
        open: Gives its contents.
    """

    name: str
    kind: str
    num_bytes: int
    open: Callable[[], IO[bytes]]


def extract(archive: Path, folder: Path, *, limit: int) -> None:
    """Write the files of a zip or tar archive below a new folder.

    Args:
        archive: The archive; ``.zip`` is a zip file, all else a tar file.
        folder: Must not exist.
        limit: Most bytes that all files together may have.

    Raises:
        NotUsable: The archive is broken, too large, or has members that
            are no plain files or folders below its own folder.
        CannotKeep: The folder cannot be written.
    """
    with _reading(archive), _members(archive) as members:
        _refuse_unsafe(archive, members(), limit)
        with keeping(folder):
            folder.mkdir()
        for member in members():
            _write(member, folder)


def why_unsafe(name: str) -> str | None:
    """Say why a member of this name would be refused, or None."""
    path = PurePosixPath(name)
    if PureWindowsPath(name).anchor:  # "/...", "\\\\..." or "C:..."
        return "has an absolute path"
    if ".." in path.parts:
        return "climbs out of its folder with '..'"
    if any(character in name for character in "\\:\0"):
        return "has a character in its name that is not portable"
    return None


def _refuse_unsafe(
    archive: Path, members: Iterator[Member], limit: int
) -> None:
    total = 0
    for count, member in enumerate(members, start=1):
        reason = why_unsafe(member.name)
        if member.kind not in ("file", "folder"):
            reason = f"is a {member.kind}, not a file"
        if reason:
            raise NotUsable(
                f"{archive.name} is refused: {member.name!r} {reason}"
            )
        total += member.num_bytes
        if total > limit or count > MOST_MEMBERS:
            raise NotUsable(
                f"{archive.name} is refused: up to {member.name!r} it holds "
                f"{count:,} members and {total:,} bytes; "
                f"{MOST_MEMBERS:,} and {limit:,} are allowed"
            )


def _write(member: Member, folder: Path) -> None:
    target = folder / member.name
    with keeping(target):
        parent = target if member.kind == "folder" else target.parent
        parent.mkdir(parents=True, exist_ok=True)
    if member.kind == "file":
        with member.open() as contents:
            copy(contents, target, member.num_bytes)


@contextmanager
def _reading(archive: Path) -> Iterator[None]:
    try:
        yield
    except BROKEN as error:
        raise NotUsable(f"{archive.name} cannot be read: {error}") from error


@contextmanager
def _members(archive: Path) -> Iterator[Callable[[], Iterator[Member]]]:
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as opened:
            yield lambda: _zip_members(opened)
    else:
        with tarfile.open(archive) as opened:
            yield lambda: _tar_members(opened)


def _zip_members(archive: zipfile.ZipFile) -> Iterator[Member]:
    for info in archive.infolist():
        # The upper half holds the Unix mode, or 0 where there was none.
        mode = info.external_attr >> 16
        kind = "folder" if info.is_dir() else "file"
        if stat.S_ISLNK(mode):
            kind = "link"
        yield Member(
            # As stored: the other attribute has been made safe already.
            info.orig_filename,
            kind,
            info.file_size,
            partial(archive.open, info),
        )


def _tar_members(archive: tarfile.TarFile) -> Iterator[Member]:
    for info in archive:
        kind = "device"
        if info.isfile():
            kind = "file"
        elif info.isdir():
            kind = "folder"
        elif info.issym() or info.islnk():
            kind = "link"
        yield Member(
            info.name,
            kind,
            info.size,
            # Files have contents; the None of other kinds is not asked for.
            cast(
                "Callable[[], IO[bytes]]", partial(archive.extractfile, info)
            ),
        )
