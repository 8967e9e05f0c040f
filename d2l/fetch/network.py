"""Downloads with bounded patience.

A process waits for silent servers no longer than ``PATIENCE``, or the
environment's ``D2L_PATIENCE``, in all, and leaves a note in the cache folder
so that the next ones do not wait again, unless they have more patience.
A slow line is not a dead one: only time in which nothing (or next to
nothing) arrives is counted.
"""

import functools
import re
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from pooch import HTTPDownloader

from d2l import _session
from d2l.fetch.cache import Part
from d2l.fetch.errors import CannotKeep, NotUsable

if TYPE_CHECKING:
    import requests
    from tqdm import tqdm

# Ten seconds are what a dead network may cost a process, all told.
PATIENCE = 9.0  # seconds that all silent servers may cost one process
PER_ADDRESS = 4.5  # seconds that one of them may cost, half of it all
SLOWEST = 20_000.0  # bytes per second; below this, waiting time adds up
# A chunk is seen when it is whole: it must be small against what the slowest
# line brings in a second, or a slow line looks like a silent one.
CHUNK = 2**13  # bytes
NOTABLE = 1.0  # seconds; what failed faster may be asked again
MEMORY = 600.0  # seconds for which a silent server is left alone
BAR_DELAY = 2.0  # seconds before a download shows a progress bar


@dataclass
class Network:
    """What one process is willing to wait for, and what it has waited.

    Attributes:
        patience: Seconds that silent servers may cost in all.
        per_address: Seconds that one address may cost.
        lost: Seconds they have cost so far.
    """

    patience: float = PATIENCE
    per_address: float = PER_ADDRESS
    lost: float = field(default=0.0, init=False)

    def download(self, url: str, part: Part) -> None:
        """Write what an address serves into a part; the caller closes it.

        Raises:
            NotUsable: It was silent, answered with an error, or broke off;
                or it was silent a short while ago and was not asked.
            CannotKeep: The part cannot be written.
        """
        silence = Silence(part.path.parent, self.per_address)
        silence.refuse(url)
        allowed = min(self.per_address, self.patience - self.lost)
        if allowed <= 0:
            raise NotUsable(
                f"not asked, silent servers cost {self.lost:.0f} s before "
                "(restart the program to ask again)"
            )
        transfer = _Transfer(url, part, allowed)
        transfer.start()
        waited = _wait(transfer, part, allowed)
        try:
            transfer.conclude()
        except NotUsable:
            self.lost += waited
            if waited >= min(NOTABLE, self.per_address):
                silence.note(url)
            if self.lost >= self.patience:
                silence.note_all()
            raise


@functools.cache
def of_this_process() -> Network:
    """Return the one patience that this process has for all servers."""
    patience = _session.choices().patience
    if patience is None:
        return Network()
    return Network(patience, patience / 2)


class Silence:
    """Notes in the cache folder about servers that did not answer.

    Args:
        folder: The cache folder.
        patience: Seconds that this process waits for one server.
    """

    def __init__(self, folder: Path, patience: float) -> None:
        self._folder = folder
        self._patience = patience

    def _path(self, host: str) -> Path:
        safe = re.sub(r"[^\w.-]", "-", host)
        return self._folder / f".silent-{safe}"

    def note(self, url: str) -> None:
        """Leave the server of this address alone for a while."""
        self._touch(urlsplit(url).netloc)

    def note_all(self) -> None:
        """Leave the network alone for a while."""
        self._touch("network")

    def _touch(self, host: str) -> None:
        with suppress(OSError):  # the next process will find out by itself
            self._path(host).write_text(f"{self._patience:g}")

    def refuse(self, url: str) -> None:
        """Raise if the server, or the whole network, was silent lately.

        Raises:
            NotUsable: It was, for somebody at least as patient; the message
                names the note to delete.
        """
        for host in (urlsplit(url).netloc, "network"):
            path = self._path(host)
            try:
                age = time.time() - path.stat().st_mtime
                waited = float(path.read_text())
            except (OSError, ValueError):
                continue
            if abs(age) < MEMORY and waited >= self._patience:
                raise NotUsable(
                    f"not asked, silent {age:.0f} s ago "
                    f"(delete {path} to ask again)"
                )


class _Transfer(threading.Thread):
    """One download in the background, where looking up a name may hang.

    No timeout bounds a name server; a thread can be left behind instead.
    It is a daemon, and the caller closes its part, so it can do no harm.
    """

    def __init__(self, url: str, part: Part, allowed: float) -> None:
        super().__init__(daemon=True, name=f"download {url}")
        self._url = url
        self._part = part
        self._allowed = allowed
        self._error: Exception | None = None

    def run(self) -> None:
        # The downloader does not hang up when it fails; the hook lets us.
        answers: list[requests.Response] = []
        download = HTTPDownloader(
            chunk_size=CHUNK,
            timeout=self._allowed + 1,
            # Files are wanted as they lie on the server, not re-encoded.
            headers={"Accept-Encoding": "identity"},
            hooks={"response": lambda answer, **_: answers.append(answer)},
        )
        try:
            download(self._url, self._part, None)
        except Exception as error:
            self._error = error
        finally:
            for answer in answers:
                answer.close()

    def conclude(self) -> None:
        """Raise what went wrong, in plain words, if anything did."""
        came = self._part.num_bytes
        after = f" after {came:,} bytes" if came else ""
        if self.is_alive():
            raise NotUsable(
                f"silent for {self._allowed:.1f} s{after} "
                "(D2L_PATIENCE=60 waits longer)"
            )
        if isinstance(self._error, NotUsable | CannotKeep):
            raise self._error
        if self._error is not None:
            raise NotUsable(f"{_plainly(self._error)}{after}")


def _wait(transfer: _Transfer, part: Part, allowed: float) -> float:
    """Wait for the end, or for too much silence; return its seconds."""
    silent, seen, before = 0.0, 0, time.monotonic()
    bar = _progress_bar(part)
    try:
        while transfer.is_alive() and silent < allowed:
            transfer.join(min(0.1, allowed - silent))
            now, num_bytes = time.monotonic(), part.num_bytes
            silent += now - before - (num_bytes - seen) / SLOWEST
            silent = max(silent, 0.0)
            bar.update(num_bytes - seen)
            seen, before = num_bytes, now
    finally:
        bar.close()
    return silent


def _progress_bar(part: Part) -> "tqdm[NoReturn]":
    from tqdm.auto import tqdm

    return tqdm(
        desc=part.path.name.strip("."),
        unit="B",
        unit_scale=True,
        delay=BAR_DELAY,
        leave=False,
        disable=not _session.watched(),
    )


def _plainly(error: Exception) -> str:
    """Say what a failed request comes down to."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP {error.response.status_code} {error.response.reason}"
    cause: BaseException = error
    while cause.__context__ is not None:
        cause = cause.__context__
    words = getattr(cause, "strerror", None) or str(cause)
    return words or type(cause).__name__
