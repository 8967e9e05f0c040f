"""The cache folder: one slot per file, filled by one process at a time.

A file takes its name only when it is whole and its hash is right. Until
then it lies beside it under a hidden name, which the next owner of the lock
overwrites: a process that is killed leaves nothing that anybody reads.
"""

import atexit
import errno
import functools
import itertools
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol, runtime_checkable

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout
from pooch import file_hash, os_cache

from d2l import _session
from d2l.fetch.errors import ELSEWHERE, CannotKeep, NotUsable
from d2l.fetch.registry import Entry

CHUNK = 2**18
LOCK_PATIENCE = 30 * 60.0  # seconds; a large set on a slow line takes long
# File systems count time in steps of up to two seconds: a younger file may
# still change without a visible change of its times.
SETTLED = 2 * 10**9  # nanoseconds
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
ROOM = "free some space, or set D2L_DATA to a folder that has room"
MOST_WITNESSES = 1_000  # files of an unpacked archive that are looked at

if sys.platform != "win32":
    import fcntl


def cache_folder() -> Path:
    """Return the folder that keeps files, whether or not it exists."""
    if chosen := _session.choices().cache:
        return chosen
    if checkout := _session.checkout():
        return checkout / "data" / "cache"
    return Path(os_cache("deep-learning-executed"))


@functools.cache
def temporary_folder() -> Path:
    """Return a folder that goes when the process ends."""
    folder = tempfile.mkdtemp(prefix="d2l-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def matches(path: Path, digest: str) -> bool:
    """Say whether a file has this digest, ``sha256:...`` or ``sha1:...``."""
    algorithm, _, expected = digest.partition(":")
    return file_hash(str(path), alg=algorithm) == expected


@contextmanager
def keeping(path: Path) -> Iterator[None]:
    """Turn what the cache's file system refuses into ``CannotKeep``."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        advice = ELSEWHERE
        if error.errno in FULL:
            reason, advice = f"the disk is full ({reason})", ROOM
        raise CannotKeep(f"cannot write {path}: {reason}", advice) from error


class Part:
    """A file under way: counts its bytes and stops at a limit.

    Unbuffered, so that a full disk is noticed by the write that fills it.
    """

    def __init__(self, path: Path, limit: int) -> None:
        self.path = path
        self.limit = limit
        self.num_bytes = 0
        with keeping(path):
            self._file = open(path, "wb", buffering=0)  # noqa: SIM115

    def write(self, chunk: bytes) -> None:
        if self._file.closed:
            raise NotUsable("given up, after too long a silence")
        self.num_bytes += len(chunk)
        if self.num_bytes > self.limit:
            raise NotUsable(f"more than {self.limit:,} bytes came")
        rest = memoryview(chunk)
        with keeping(self.path):
            while rest:
                rest = rest[self._file.write(rest) :]

    def flush(self) -> None:
        """Do nothing: every write has already reached the system."""

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> "Part":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@runtime_checkable
class Readable(Protocol):
    """Anything that gives bytes: a file, a member of an archive."""

    def read(self, size: int, /) -> bytes: ...


def copy(source: Readable, target: Path, limit: int) -> None:
    """Copy a stream into a file of the cache, at most ``limit`` bytes.

    Raises:
        CannotKeep: The target cannot be written.
        NotUsable: The stream is longer than the limit.
        OSError: The source cannot be read.
    """
    with Part(target, limit) as part:
        while chunk := source.read(CHUNK):
            part.write(chunk)


class Slot:
    """The place of one file in the cache, and of its unpacked contents."""

    def __init__(self, entry: Entry, root: Path | None = None) -> None:
        self.entry = entry
        self.root = root or cache_folder()
        self.path = self.root / entry.filename
        self.arrival = self._hidden("arrival")
        self.part = self._hidden("part")
        self.contents = self.root / _stem(entry.filename)
        self.staging = self._hidden("unpacking")
        self._mark = self._hidden("verified")
        self._unpacked_mark = self._hidden("unpacked")

    def _hidden(self, suffix: str) -> Path:
        return self.root / f".{self.entry.filename}.{suffix}"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Own the slot; what an earlier owner left half done is removed.

        Raises:
            CannotKeep: The folder cannot be written, or another process
                did not let go of the slot.
        """
        with keeping(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            lock = self._make_lock()
            try:
                lock.acquire()
            except Timeout:
                raise CannotKeep(
                    f"another process has held {lock.lock_file} for "
                    f"{LOCK_PATIENCE / 60:.0f} minutes",
                    "end that process, or delete the file if there is none",
                ) from None
        try:
            yield
        finally:
            self._tidy()
            lock.release()

    def _make_lock(self) -> BaseFileLock:
        """Choose what the file system can do: some know no locks.

        There, the one who has made a file of another name owns the slot.
        """
        path = self._hidden("lock")
        if _can_lock(path):
            return FileLock(path, timeout=LOCK_PATIENCE)
        return SoftFileLock(self._hidden("owner"), timeout=LOCK_PATIENCE)

    def _tidy(self) -> None:
        with suppress(OSError):
            self.arrival.unlink(missing_ok=True)
            self.part.unlink(missing_ok=True)
            shutil.rmtree(self.staging, ignore_errors=True)

    def is_current(self) -> bool:
        """Say whether the file is here and right.

        A file is hashed once and then recognised by its size and times, so
        that asking for it again costs nothing; a change shows in them.
        """
        try:
            facts = _facts(self.path, self.entry.digest)
            if _read(self._mark) == facts:
                return True
            right = matches(self.path, self.entry.digest)
            age = time.time_ns() - self.path.stat().st_mtime_ns
        except OSError:
            return False
        if right and age > SETTLED:
            _note(self._mark, facts)
        return right

    def describe(self) -> str:
        """Say in words why the cache does not serve the file."""
        if not self.path.exists():
            return f"cache {self.path}: not there"
        return f"cache {self.path}: damaged, its hash is wrong"

    def accept(self) -> None:
        """Check the finished part and give it its name.

        Raises:
            NotUsable: It is not the file of the registry.
        """
        expected, came = self.entry.num_bytes, self.part.stat().st_size
        if expected is not None and came != expected:
            raise NotUsable(f"{came:,} bytes came instead of {expected:,}")
        if not matches(self.part, self.entry.digest):
            raise NotUsable(f"wrong hash, not {self.entry.digest}")
        with keeping(self.path):
            os.replace(self.part, self.path)

    def is_unpacked(self) -> bool:
        """Say whether the contents are here.

        Files that somebody added do not count. Of very many files some are
        looked at, spread over the folder: a lost folder shows.
        """
        note = _read(self._unpacked_mark)
        if not isinstance(note, dict) or note.get("digest") != (
            self.entry.digest
        ):
            return False
        try:
            return all(
                (self.contents / name).stat().st_size == size
                for name, size in note["files"].items()
            )
        except (OSError, LookupError, AttributeError):
            return False

    def accept_contents(self) -> None:
        """Give the unpacked folder its name, in place of an older one."""
        with keeping(self.contents):
            self._unpacked_mark.unlink(missing_ok=True)
            if self.contents.exists():
                shutil.rmtree(self.contents)
            os.replace(self.staging, self.contents)
            files = _witnesses(self.contents)
        _note(
            self._unpacked_mark, {"digest": self.entry.digest, "files": files}
        )


def _stem(filename: str) -> str:
    for suffix in (".tar.gz", ".tgz", ".tar", ".zip"):
        if filename.endswith(suffix):
            return filename.removesuffix(suffix)
    return f"{filename}.contents"


def _facts(path: Path, digest: str) -> dict[str, object]:
    stat = path.stat()
    return {
        "digest": digest,
        "bytes": stat.st_size,
        "modified": stat.st_mtime_ns,
        "changed": stat.st_ctime_ns,
    }


def _can_lock(path: Path) -> bool:
    """Make a file and say whether it can be locked.

    Raises:
        OSError: The file cannot be written.
    """
    with open(path, "ab") as probe:
        if sys.platform == "win32":
            return True
        try:
            fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # somebody has the lock
            return True
        except OSError:
            return False
    return True


def _witnesses(folder: Path) -> dict[str, int]:
    """Return the sizes of files spread over a folder, by name."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    step = -(-len(files) // MOST_WITNESSES) or 1
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in itertools.islice(files, 0, None, step)
    }


def _read(mark: Path) -> object:
    try:
        return json.loads(mark.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _note(mark: Path, facts: dict[str, object]) -> None:
    with suppress(OSError):  # a note saves time, nothing depends on it
        mark.write_text(json.dumps(facts), encoding="utf-8")
