"""Unpacking of archives that stay below their own folder.

Names and sizes are checked before the first byte is written. An archive with
one bad member is refused whole: its folder takes its name when all is there.
"""

import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath

from d2l.fetch.cache import keeping
from d2l.fetch.errors import NotUsable

MOST_MEMBERS = 300_000
BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError)


def extract(archive: Path, folder: Path, *, limit: int) -> None:
    """Write the files of a zip or tar archive below a new folder.

    Args:
        archive: The archive; ``.zip`` is a zip file, all else a tar file.
        folder: Must not exist; after an error, what is in it is worthless.
        limit: Most bytes that all files together may have.

    Raises:
        NotUsable: The archive is broken, too large, or has members that
            would land elsewhere or are devices; or Python is older than
            3.11.4 and cannot tell.
        CannotKeep: The folder cannot be written.
    """
    if not hasattr(tarfile, "data_filter"):
        raise NotUsable(
            f"{archive.name} stays packed: this Python cannot refuse unsafe "
            "members of an archive; Python 3.11.4 and later can"
        )
    try:
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive) as opened:
                infos = opened.infolist()
                # As stored: the other attribute has been made safe already.
                sizes = ((m.orig_filename, m.file_size) for m in infos)
                _refuse_unsafe(archive, sizes, limit)
                with keeping(folder):
                    opened.extractall(folder)
        else:
            with tarfile.open(archive) as tar:
                sizes = ((m.name, m.size) for m in tar)
                _refuse_unsafe(archive, sizes, limit)
                with keeping(folder):  # refuses devices, links leading out
                    tar.extractall(folder, filter="data")
    except tarfile.FilterError as error:
        raise NotUsable(f"{archive.name} is refused: {error}") from error
    except BROKEN as error:
        raise NotUsable(f"{archive.name} cannot be read: {error}") from error


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
    archive: Path, members: Iterable[tuple[str, int]], limit: int
) -> None:
    total = 0
    for count, (name, num_bytes) in enumerate(members, start=1):
        if reason := why_unsafe(name):
            raise NotUsable(f"{archive.name} is refused: {name!r} {reason}")
        total += num_bytes
        if total > limit or count > MOST_MEMBERS:
            raise NotUsable(
                f"{archive.name} is refused: up to {name!r} it holds "
                f"{count:,} members and {total:,} bytes; "
                f"{MOST_MEMBERS:,} and {limit:,} are allowed"
            )
