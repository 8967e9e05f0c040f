"""From place to place until one gives the right file."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from d2l import _session
from d2l.fetch.archive import extract
from d2l.fetch.cache import Part, Slot, copy, matches, temporary_folder
from d2l.fetch.errors import CannotKeep, NotUsable, unavailable
from d2l.fetch.network import Network, of_this_process
from d2l.fetch.registry import Entry

GZIP_MAGIC = b"\x1f\x8b"
UNKNOWN_SIZE_LIMIT = 2 * 10**9  # bytes, for files of unknown size
UNUSABLE = (NotUsable, OSError, EOFError, zlib.error)
HOPELESS = (
    "tell the maintainers: the archive has the hash of the registry, "
    "so another download would not help"
)


def obtain(entry: Entry, *, network: Network | None = None) -> Path:
    """Return a verified local copy of a file.

    Where the cache cannot keep it, what lies on this machine is used in its
    place, or from a folder of this process if it has to be decompressed.

    Args:
        entry: What to look for.
        network: How long to wait for servers; as this process, if None.

    Raises:
        DataUnavailable: No place had the file, or it cannot be kept.
    """
    slot = Slot(entry)
    if slot.is_current():
        return slot.path
    attempts: list[str] = []
    try:
        with slot.lock():
            if not slot.is_current():  # unless the last owner brought it
                attempts.append(slot.describe())
                _fill(slot, network or of_this_process(), attempts)
            return slot.path
    except CannotKeep as error:
        attempts.append(str(error))
        return _without_cache(entry, attempts, error)


def unfold(entry: Entry, *, network: Network | None = None) -> Path:
    """Return a folder with the contents of an archive.

    Args:
        entry: The archive.
        network: How long to wait for servers; as this process, if None.

    Raises:
        ValueError: It is not an archive.
        DataUnavailable: It cannot be had, read, kept, or was refused.
    """
    if entry.unpacked_limit is None:
        raise ValueError(
            f"{entry.name!r} is a single file, {entry.filename}, not an "
            f"archive; use d2l.fetch.file({entry.name!r})"
        )
    slot = Slot(entry)
    if slot.is_unpacked():
        return slot.contents
    archive = obtain(entry, network=network)
    try:
        with slot.lock():
            if not slot.is_unpacked():
                extract(archive, slot.staging, limit=entry.unpacked_limit)
                slot.accept_contents()
            return slot.contents
    except (CannotKeep, NotUsable) as error:
        advice = error.advice if isinstance(error, CannotKeep) else HOPELESS
        raise unavailable(
            f"The contents of {_title(entry)}", [str(error)], [advice]
        ) from error


def _fill(slot: Slot, network: Network, attempts: list[str]) -> None:
    for title, place in _places(slot.entry):
        try:
            if isinstance(place, Path):
                _bring(slot, place)
            else:
                _download(slot, place, network)
            slot.accept()
            return
        except FileNotFoundError:
            attempts.append(f"{title} {place}: not there")
        except UNUSABLE as error:
            attempts.append(f"{title} {place}: {error}")
    raise unavailable(_title(slot.entry), attempts, _advice(slot.entry))


def _places(entry: Entry) -> Iterator[tuple[str, Path | str]]:
    """Give the places outside the cache, the nearest first."""
    mirror = _session.choices().mirror
    if isinstance(mirror, Path):
        for filename in _filenames(entry):
            yield "mirror", mirror / filename
    elif mirror:
        for filename in reversed(_filenames(entry)):
            yield "mirror", f"{mirror.rstrip('/')}/{filename}"
    if entry.system_folder:
        for filename in _filenames(entry):
            yield "system package", Path(entry.system_folder, filename)
    for url in entry.urls:
        yield "public address", url


def _filenames(entry: Entry) -> list[str]:
    if entry.gzipped:
        return [entry.filename, f"{entry.filename}.gz"]
    return [entry.filename]


def _download(slot: Slot, url: str, network: Network) -> None:
    if _session.choices().offline:
        raise NotUsable("not asked, D2L_OFFLINE is set")
    with Part(slot.arrival, _limit(slot.entry)) as part:
        network.download(url, part)
    _bring(slot, slot.arrival)


def _bring(slot: Slot, source: Path) -> None:
    """Copy a file, decompressed if need be, into the part of its slot."""
    with open(source, "rb") as stream:
        packed = slot.entry.gzipped and stream.read(2) == GZIP_MAGIC
        stream.seek(0)
        if packed:
            with gzip.open(stream) as contents:
                copy(contents, slot.part, _limit(slot.entry))
        else:
            copy(stream, slot.part, _limit(slot.entry))


def _limit(entry: Entry) -> int:
    # A gzipped file may be a little longer than what it holds.
    if entry.num_bytes is None:
        return UNKNOWN_SIZE_LIMIT
    return entry.num_bytes + 2**16


def _without_cache(
    entry: Entry, attempts: list[str], error: CannotKeep
) -> Path:
    """Return a copy that lies on this machine, outside the cache.

    Raises:
        DataUnavailable: There is none.
    """
    for title, place in _places(entry):
        if not isinstance(place, Path):
            continue
        try:
            if matches(place, entry.digest):
                return place
            spare = Slot(entry, temporary_folder())
            with spare.lock():
                if not spare.is_current():
                    _bring(spare, place)
                    spare.accept()
                return spare.path
        except FileNotFoundError:
            attempts.append(f"{title} {place}: not there")
        except (CannotKeep, *UNUSABLE) as fault:
            attempts.append(f"{title} {place}: {fault}")
    raise unavailable(
        _title(entry),
        attempts,
        [error.advice, *_package(entry)],
        reason=str(error),
    )


def _title(entry: Entry) -> str:
    size = f", {entry.num_bytes:,} bytes" if entry.num_bytes else ""
    return f"{entry.name!r} ({entry.filename}{size})"


def _advice(entry: Entry) -> list[str]:
    slot = Slot(entry)
    advice = [
        "connect to the network, leave D2L_OFFLINE unset, and run again",
        f"or put the file ({entry.digest}) at {slot.path}",
        "or set D2L_MIRROR to a folder or base URL that has "
        + " or ".join(_filenames(entry)),
    ]
    return advice + _package(entry)


def _package(entry: Entry) -> list[str]:
    if not entry.system_package:
        return []
    return [f"or, on Debian and Ubuntu: {entry.system_package}"]
