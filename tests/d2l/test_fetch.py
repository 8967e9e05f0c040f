"""Files by name: every place, every fault, nothing unverified.

All addresses are on loopback, and all files are made by the tests, but for
the last section, which reads the real mirror and package where there are
such.
"""

import atexit
import dataclasses
import errno
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock, SoftFileLock
from hypothesis import given
from hypothesis import strategies as st

from d2l import _session, fetch
from d2l.fetch import archive, cache, network, places
from d2l.fetch.cache import Part, Slot
from d2l.fetch.errors import NotUsable
from d2l.fetch.network import Network
from d2l.fetch.places import obtain, unfold
from d2l.fetch.registry import ENTRIES, Entry
from tests.d2l.fetch_server import (
    Server,
    body,
    paced,
    page,
    refused_url,
    running,
    stalling,
    truncated,
)

CONTENT = b"It was the best of times, it was the worst of times.\n" * 20
OTHER = CONTENT.swapcase()
LARGE = bytes(range(256)) * 2000  # half a megabyte
REAL_MIRROR = os.environ.get("D2L_MIRROR", "")
REPOSITORY = Path(__file__).resolve().parents[2]

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, no mirror, no proxy."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("D2L_DATA", str(folder))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    for name in ("D2L_MIRROR", "D2L_OFFLINE", "D2L_RECORDING"):
        monkeypatch.delenv(name, raising=False)
    network.of_this_process.cache_clear()
    cache.temporary_folder.cache_clear()
    return folder


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on loopback, without any file yet."""
    with running() as server:
        yield server


def entry_of(content: bytes, *urls: str, **changes: Any) -> Entry:
    """Describe a file with this content at these addresses."""
    facts: dict[str, Any] = {
        "name": "novel",
        "filename": "novel.txt",
        "digest": f"sha256:{hashlib.sha256(content).hexdigest()}",
        "num_bytes": len(content),
        "licence": "public domain",
        "origin": "this test",
        "urls": urls,
    }
    return Entry(**(facts | changes))


def visible(folder: Path) -> list[str]:
    """List what a person sees in a folder: no locks and no notes."""
    if not folder.is_dir():
        return []
    return sorted(
        p.name for p in folder.iterdir() if not p.name.startswith(".")
    )


def unfinished(folder: Path) -> list[str]:
    """List files under way."""
    kinds = (".part", ".arrival", ".unpacking")
    return sorted(p.name for p in folder.iterdir() if p.suffix in kinds)


def make_mirror(tmp_path: Path, **files: bytes) -> Path:
    """Write files into a folder; underscores stand for dots."""
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    for name, content in files.items():
        (mirror / name.replace("_", ".")).write_bytes(content)
    return mirror


# Places, in order


def test_a_download_arrives_whole_and_only_once(server: Server, home: Path):
    """What comes is what was served; the second call asks nobody."""
    entry = entry_of(CONTENT, server.serve("novel", body(CONTENT)))

    first, second = obtain(entry), obtain(entry)

    assert first == second == home / "novel.txt"
    assert first.read_bytes() == CONTENT
    assert server.hits["novel"] == 1
    assert unfinished(home) == []


def test_each_place_is_asked_only_when_the_ones_before_have_failed(
    server: Server,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """The order is cache, mirror, system package, addresses in turn."""
    mirror = make_mirror(tmp_path, novel_txt=CONTENT)
    system = tmp_path / "system"
    shutil.copytree(mirror, system)
    monkeypatch.setenv("D2L_MIRROR", str(mirror))
    entry = entry_of(
        CONTENT,
        server.serve("first", body(CONTENT)),
        server.serve("second", body(CONTENT)),
        system_folder=system,
    )
    in_order: list[Callable[[], object]] = [
        (home / "novel.txt").unlink,
        (mirror / "novel.txt").unlink,
        (system / "novel.txt").unlink,
        lambda: server.serve("first", page(404)),
    ]

    sources = []
    for drop in in_order:
        obtain(entry)
        sources.append(dict(server.hits))
        drop()
        (home / "novel.txt").unlink(missing_ok=True)
    obtain(entry)

    # The mirror, the mirror again, the package, then the addresses.
    assert sources == [{}, {}, {}, {"first": 1}]
    assert server.hits == {"first": 2, "second": 1}


def test_a_mirror_may_be_a_base_url(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    """The file's name is appended, with or without a slash between."""
    base = server.serve("mirror/", page(404))
    server.serve("mirror/novel.txt", body(CONTENT))

    for mirror in (base, base.rstrip("/")):
        monkeypatch.setenv("D2L_MIRROR", mirror)
        path = obtain(entry_of(CONTENT))
        assert path.read_bytes() == CONTENT
        path.unlink()


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("kind", ["folder", "url"])
def test_a_mirror_may_hold_a_gzipped_file_either_way(
    suffix: str,
    kind: str,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """Packed or not, the decompressed file is verified and kept."""
    content = gzip.compress(CONTENT) if suffix else CONTENT
    server.serve(f"novel.txt{suffix}", body(content))
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / f"novel.txt{suffix}").write_bytes(content)
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("D2L_MIRROR", url if kind == "url" else str(folder))

    path = obtain(entry_of(CONTENT, gzipped=True))

    assert path.name == "novel.txt"
    assert path.read_bytes() == CONTENT


def test_gzip_may_have_been_undone_on_the_way(server: Server):
    """Some servers decompress what they send; the file is the same."""
    url = server.serve("novel.gz", body(CONTENT))

    path = obtain(entry_of(CONTENT, url, gzipped=True))

    assert path.read_bytes() == CONTENT


def test_the_cache_is_below_data_in_a_checkout(
    monkeypatch: pytest.MonkeyPatch,
):
    """A checkout keeps its files; an installed package uses the user's."""
    monkeypatch.delenv("D2L_DATA")

    assert cache.cache_folder() == REPOSITORY / "data" / "cache"

    monkeypatch.setattr(_session, "__file__", "/lib/d2l/_session.py")
    folder = cache.cache_folder()
    assert folder.is_relative_to(Path.home()) or os.name != "posix"
    assert "deep-learning-executed" in folder.parts


def test_offline_never_touches_the_network(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    """Neither addresses nor a mirror with an address are asked."""
    monkeypatch.setenv("D2L_OFFLINE", "1")
    url = server.serve("novel.txt", body(CONTENT))
    monkeypatch.setenv("D2L_MIRROR", url.removesuffix("/novel.txt"))

    with pytest.raises(fetch.DataUnavailable, match="D2L_OFFLINE is set"):
        obtain(entry_of(CONTENT, url))

    assert server.hits == {}


def test_offline_still_uses_what_is_on_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A mirror in a folder is no network."""
    monkeypatch.setenv("D2L_OFFLINE", "1")
    mirror = make_mirror(tmp_path, novel_txt=CONTENT)
    monkeypatch.setenv("D2L_MIRROR", str(mirror))

    assert obtain(entry_of(CONTENT)).read_bytes() == CONTENT


# Servers that fail


FAULTS = {
    "wrong bytes": (body(OTHER), "wrong hash"),
    "an error page": (page(404), "HTTP 404 Not Found"),
    "an error page called a success": (page(200), "bytes came instead of"),
    "half the body": (
        truncated(CONTENT[:500], declared=len(CONTENT)),
        "500 bytes read, 560 more expected",
    ),
    "half the body, of no length": (
        truncated(CONTENT[:500], declared=None),
        "500 bytes came instead of 1,060",
    ),
    "a body without end": (
        truncated(CONTENT * 100, declared=None),
        r"more than 66,596 bytes came",
    ),
    "no byte at all": (stalling(b"", declared=9), r"silent for 0\.3 s"),
    "half the body, then silence": (
        stalling(CONTENT[:500], declared=len(CONTENT)),
        r"silent for 0\.3 s",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_address_leaves_nothing_and_says_why(
    fault: str, server: Server, home: Path
):
    """The only address fails: no file, whole or half, and a clear error."""
    behaviour, reason = FAULTS[fault]
    url = server.serve("faulty", behaviour)

    with pytest.raises(fetch.DataUnavailable, match=reason) as caught:
        obtain(entry_of(CONTENT, url), network=Network(1.0, 0.3))

    assert visible(home) == unfinished(home) == []
    assert f"public address {url}: " in str(caught.value)


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_faulty_address_the_next_is_asked(
    fault: str, server: Server, home: Path
):
    """The second address makes up for the first, whatever it did."""
    behaviour, _ = FAULTS[fault]
    urls = (
        server.serve("faulty", behaviour),
        server.serve("sound", body(CONTENT)),
    )
    # A silent server is left alone under its name; the sound one is
    # another server.
    urls = (urls[0], urls[1].replace("127.0.0.1", "localhost"))

    path = obtain(entry_of(CONTENT, *urls), network=Network(1.0, 0.3))

    assert path.read_bytes() == CONTENT
    assert server.hits == {"faulty": 1, "sound": 1}
    assert unfinished(home) == []


def test_a_refused_connection_is_no_reason_to_stop(server: Server):
    """Nobody listens at the first address: the second is asked."""
    refused = refused_url()

    path = obtain(
        entry_of(CONTENT, refused, server.serve("sound", body(CONTENT)))
    )
    path.unlink()
    with pytest.raises(fetch.DataUnavailable, match="refused"):
        obtain(entry_of(CONTENT, refused))

    assert server.hits["sound"] == 1


@posix
def test_a_refused_connection_is_said_in_the_words_of_the_system():
    """Not in those of the three libraries between."""
    refused = refused_url()

    with pytest.raises(fetch.DataUnavailable) as caught:
        obtain(entry_of(CONTENT, refused))

    words = os.strerror(errno.ECONNREFUSED)
    assert caught.value.reason == f"public address {refused}: {words}"


def test_a_file_of_unknown_size_ends_somewhere(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    """A body without end does not fill the disk."""
    monkeypatch.setattr(places, "UNKNOWN_SIZE_LIMIT", 1000)
    url = server.serve("novel", body(CONTENT))

    with pytest.raises(fetch.DataUnavailable, match="more than 1,000 bytes"):
        obtain(entry_of(CONTENT, url, num_bytes=None))


def test_a_file_of_unknown_size_may_be_large(server: Server):
    """The limit is there for bodies without end, not for data sets."""
    url = server.serve("novel", body(LARGE))

    path = obtain(entry_of(LARGE, url, num_bytes=None))

    assert path.read_bytes() == LARGE


def test_a_broken_gzip_file_counts_as_damaged(server: Server, home: Path):
    """Cut short or scrambled, the file is not kept."""
    packed = gzip.compress(CONTENT)
    scrambled = packed[:10] + b"\xff" * 50  # no such kind of block

    for content in (packed[:-20], scrambled):
        url = server.serve("novel.gz", body(content))
        with pytest.raises(fetch.DataUnavailable, match=re.escape(url)):
            obtain(entry_of(CONTENT, url, gzipped=True))

    assert visible(home) == unfinished(home) == []


def test_a_gzip_bomb_is_not_blown_up(server: Server, home: Path):
    """Decompression stops soon after the size of the registry."""
    url = server.serve("novel.gz", body(gzip.compress(bytes(10**8))))

    with pytest.raises(fetch.DataUnavailable, match="more than 66,596"):
        obtain(entry_of(CONTENT, url, gzipped=True))

    assert visible(home) == unfinished(home) == []


# Servers that keep silent


def test_silent_servers_cost_a_process_no_more_than_its_patience(
    server: Server,
):
    """Ten files at ten silent servers cost as much as two."""
    patience = Network(patience=0.6, per_address=0.3)
    stalled = [socket.create_server(("127.0.0.1", 0)) for _ in range(10)]
    start = time.monotonic()

    for number, silent in enumerate(stalled):
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/file"
        entry = entry_of(CONTENT, url, filename=f"{number}.txt")
        with pytest.raises(fetch.DataUnavailable, match="silent"):
            obtain(entry, network=patience)

    elapsed = time.monotonic() - start
    for silent in stalled:
        silent.close()
    assert 0.6 <= elapsed < 1.5


def test_the_patience_of_a_process_is_ten_seconds_at_most():
    """The defaults are what the tests above scale down."""
    assert Network().patience <= 10.0
    assert Network().per_address <= Network().patience
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    [row] = [x for x in readme.splitlines() if "| `D2L_PATIENCE`" in x]
    assert row.endswith(f"| {Network().patience:g} |")


def test_a_silent_server_is_remembered_for_the_next_process(server: Server):
    """The note keeps others from waiting, and names itself."""
    url = server.serve("novel", stalling(b"", declared=9))
    entry = entry_of(CONTENT, url)
    with pytest.raises(fetch.DataUnavailable, match="silent for"):
        obtain(entry, network=Network(1.0, 0.3))

    start = time.monotonic()
    with pytest.raises(fetch.DataUnavailable, match="silent 0 s ago") as told:
        obtain(entry, network=Network(1.0, 0.3))

    assert time.monotonic() - start < 0.2
    assert server.hits["novel"] == 1
    [note] = re.findall(r"delete (\S+) to ask again", str(told.value))
    assert Path(note).is_file()


@pytest.mark.parametrize("how", ["deleted", "aged"])
def test_a_silent_server_is_asked_again_later(
    how: str, server: Server, home: Path
):
    """Once the note is old or gone, the server gets another chance."""
    entry = entry_of(CONTENT, server.serve("novel", stalling(b"", declared=9)))
    with pytest.raises(fetch.DataUnavailable):
        obtain(entry, network=Network(1.0, 0.3))
    server.serve("novel", body(CONTENT))

    [note] = home.glob(".silent-*")
    if how == "deleted":
        note.unlink()
    else:
        long_ago = time.time() - network.MEMORY - 1
        os.utime(note, (long_ago, long_ago))

    path = obtain(entry, network=Network(1.0, 0.3))
    assert path.read_bytes() == CONTENT


def test_who_is_more_patient_asks_a_silent_server_again(server: Server):
    """The note says how long others waited."""
    entry = entry_of(CONTENT, server.serve("novel", stalling(b"", declared=9)))
    for patience in (Network(0.4, 0.2), Network(0.4, 0.2)):
        with pytest.raises(fetch.DataUnavailable):
            obtain(entry, network=patience)
    assert server.hits["novel"] == 1
    server.serve("novel", body(CONTENT))

    path = obtain(entry, network=Network(0.8, 0.4))

    assert path.read_bytes() == CONTENT


def test_the_environment_sets_the_patience(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    """A server may be silent for half of D2L_PATIENCE; the error says so."""
    monkeypatch.setenv("D2L_PATIENCE", "0.6")
    url = server.serve("novel", stalling(b"", declared=9))

    with pytest.raises(
        fetch.DataUnavailable, match=r"silent for 0\.3 s \(D2L_PATIENCE=60"
    ):
        obtain(entry_of(CONTENT, url))


def test_all_downloads_of_a_process_share_its_patience(
    monkeypatch: pytest.MonkeyPatch,
):
    """What one file has cost, the next cannot cost again."""
    assert network.of_this_process() is network.of_this_process()
    assert network.of_this_process() == Network()


def test_a_dead_network_is_remembered_whole(server: Server):
    """Once all patience is spent, no server at all is asked."""
    stalled = server.serve("stalled", stalling(b"", declared=9))
    sound = server.serve("sound", body(CONTENT))
    with pytest.raises(fetch.DataUnavailable):
        obtain(entry_of(CONTENT, stalled), network=Network(0.3, 0.3))

    other = sound.replace("127.0.0.1", "localhost")
    with pytest.raises(fetch.DataUnavailable, match=r"\.silent-network"):
        obtain(entry_of(CONTENT, other), network=Network(0.3, 0.3))

    assert server.hits["sound"] == 0


def test_patience_that_is_spent_does_not_need_a_note(
    server: Server, home: Path
):
    """The process itself remembers, also where notes get lost."""
    patience = Network(0.3, 0.3)
    stalled = server.serve("stalled", stalling(b"", declared=9))
    sound = server.serve("sound", body(CONTENT))
    with pytest.raises(fetch.DataUnavailable):
        obtain(entry_of(CONTENT, stalled), network=patience)
    for note in home.glob(".silent-*"):
        note.unlink()

    with pytest.raises(fetch.DataUnavailable, match="restart the program"):
        obtain(entry_of(CONTENT, sound), network=patience)

    assert server.hits["sound"] == 0


def test_a_name_server_that_hangs_costs_no_more(
    monkeypatch: pytest.MonkeyPatch,
):
    """No timeout of sockets covers the look-up of names; ours does."""
    over = threading.Event()

    def hang(*_: object, **__: object) -> None:
        over.wait(20)
        raise socket.gaierror("nobody knows")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    entry = entry_of(CONTENT, "http://nowhere.invalid/novel")
    start = time.monotonic()

    with pytest.raises(fetch.DataUnavailable, match="silent for"):
        obtain(entry, network=Network(1.0, 0.3))

    elapsed = time.monotonic() - start
    over.set()
    assert elapsed < 1.0


def test_a_trickle_counts_as_silence(server: Server):
    """A byte now and then does not keep a process waiting for ever."""
    url = server.serve("novel", paced(CONTENT, step=1, pause=0.02))
    start = time.monotonic()

    with pytest.raises(fetch.DataUnavailable, match="silent for"):
        obtain(entry_of(CONTENT, url), network=Network(1.0, 0.3))

    assert time.monotonic() - start < 1.5


def test_a_line_slower_than_the_slowest_is_given_up(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    """Though something comes all the time, it will not come to an end."""
    monkeypatch.setattr(network, "SLOWEST", 200_000.0)
    url = server.serve("novel", paced(LARGE, step=2**13, pause=0.1))
    start = time.monotonic()

    with pytest.raises(fetch.DataUnavailable, match="silent for"):
        obtain(entry_of(LARGE, url), network=Network(1.0, 0.3))

    assert 0.4 < time.monotonic() - start < 4.0


def test_a_download_that_was_given_up_writes_no_more(tmp_path: Path):
    """Its thread may wake up later, and is told so."""
    part = Part(tmp_path / "part", limit=10)
    part.write(b"before")

    part.close()

    with pytest.raises(NotUsable, match="given up"):
        part.write(b"after")
    assert part.path.read_bytes() == b"before"


def test_a_slow_line_is_not_a_dead_one(server: Server):
    """What keeps coming may take longer than the patience."""
    url = server.serve("novel", paced(LARGE, step=64_000, pause=0.1))
    start = time.monotonic()

    path = obtain(entry_of(LARGE, url), network=Network(1.0, 0.3))

    assert time.monotonic() - start > 0.6
    assert path.read_bytes() == LARGE


def test_a_fast_start_buys_no_patience_for_a_later_silence(server: Server):
    """Half a megabyte in no time, then nothing: given up as usual."""
    url = server.serve("novel", stalling(LARGE, declared=2 * len(LARGE)))
    start = time.monotonic()

    with pytest.raises(fetch.DataUnavailable, match=r"after 5\d\d,\d+ bytes"):
        obtain(entry_of(LARGE * 2, url), network=Network(1.0, 0.3))

    assert time.monotonic() - start < 1.0


# Processes side by side

OBTAIN = """
import json, sys
from d2l.fetch.places import obtain
from d2l.fetch.registry import Entry
print(obtain(Entry(**json.loads(sys.argv[1]))))
"""


def start_process(entry: Entry) -> subprocess.Popen[str]:
    """Ask for a file in a process of its own."""
    facts = dataclasses.asdict(entry)
    return subprocess.Popen(
        [sys.executable, "-c", OBTAIN, json.dumps(facts)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens in another process."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "nothing happened in 20 s"
        time.sleep(0.01)


def test_eight_processes_make_one_download(server: Server, home: Path):
    """They ask at once; one fetches, the others find the file."""
    url = server.serve("novel", paced(LARGE, step=100_000, pause=0.2))
    entry = entry_of(LARGE, url)

    processes = [start_process(entry) for _ in range(8)]
    results = [process.communicate(timeout=60) for process in processes]

    assert results == [(f"{home / 'novel.txt'}\n", "")] * 8
    assert (home / "novel.txt").read_bytes() == LARGE
    assert server.hits["novel"] == 1


@posix
def test_a_killed_process_leaves_no_half_file(server: Server, home: Path):
    """Nothing is visible after the kill, and the next run recovers."""
    half = stalling(LARGE[:250_000], declared=len(LARGE))
    entry = entry_of(LARGE, server.serve("novel", half))
    arrival = Slot(entry).arrival
    process = start_process(entry)
    wait_until(lambda: arrival.exists() and arrival.stat().st_size > 0)

    process.send_signal(signal.SIGKILL)
    process.communicate()

    assert visible(home) == []
    assert unfinished(home) == [arrival.name]
    server.serve("novel", body(LARGE))
    assert obtain(entry).read_bytes() == LARGE
    assert unfinished(home) == []


def test_an_interrupted_download_is_tidied_up(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
):
    """Ctrl-C while waiting passes through and leaves nothing behind."""
    url = server.serve("novel", stalling(CONTENT[:9], declared=1060))

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(network._Transfer, "join", interrupt)
    with pytest.raises(KeyboardInterrupt):
        obtain(entry_of(CONTENT, url))

    assert visible(home) == unfinished(home) == []


def test_a_lock_that_is_never_released_is_reported(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
):
    """Waiting for another process ends, too."""
    monkeypatch.setattr(cache, "LOCK_PATIENCE", 0.1)
    entry = entry_of(CONTENT, server.serve("novel", body(CONTENT)))
    home.mkdir()

    with (
        FileLock(home / ".novel.txt.lock"),
        pytest.raises(fetch.DataUnavailable, match="another process") as told,
    ):
        obtain(entry)

    assert "  - end that process, or delete the file" in str(told.value)
    assert "free some space" not in str(told.value)


NO_LOCKS = [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EIO]


@pytest.fixture(params=NO_LOCKS)
def no_locks(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system as of clusters, which refuses every lock."""
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_: object) -> None:
        raise OSError(request.param, "no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)


def test_a_file_system_without_locks_keeps_files(
    no_locks: None, server: Server, home: Path
):
    """Also beside the file that an older lock has left; nothing stays."""
    entry = entry_of(CONTENT, server.serve("novel", body(CONTENT)))
    home.mkdir()
    (home / ".novel.txt.lock").touch()
    start = time.monotonic()

    assert obtain(entry).read_bytes() == CONTENT

    assert time.monotonic() - start < 2
    assert not (home / ".novel.txt.owner").exists()


def test_without_locks_there_is_still_one_owner(
    no_locks: None, home: Path, monkeypatch: pytest.MonkeyPatch
):
    """Who has made the file owns the slot; the error names the file."""
    monkeypatch.setattr(cache, "LOCK_PATIENCE", 0.1)
    home.mkdir()
    owner = home / ".novel.txt.owner"

    with (
        SoftFileLock(owner),
        pytest.raises(fetch.DataUnavailable, match=f"has held {owner} for"),
    ):
        obtain(entry_of(CONTENT))


# The cache folder


@pytest.mark.parametrize("damage", [OTHER, CONTENT[:500], b""])
def test_a_damaged_file_in_the_cache_is_replaced(
    damage: bytes, server: Server, home: Path
):
    """Same size or not, a change is noticed and put right."""
    entry = entry_of(CONTENT, server.serve("novel", body(CONTENT)))
    path = obtain(entry)

    path.write_bytes(damage)

    assert obtain(entry).read_bytes() == CONTENT
    assert server.hits["novel"] == 2


@posix
def test_a_file_is_replaced_whole_not_overwritten(server: Server, home: Path):
    """Who is reading the old file goes on reading the old file."""
    home.mkdir()
    (home / "novel.txt").write_bytes(OTHER)

    with open(home / "novel.txt", "rb", buffering=0) as reader:
        obtain(entry_of(CONTENT, server.serve("novel", body(CONTENT))))

        assert reader.read() == OTHER


@posix
def test_damage_is_noticed_even_behind_an_old_date(server: Server):
    """A file that was verified, changed, and given its old date back."""
    entry = entry_of(CONTENT, server.serve("novel", body(CONTENT)))
    path = obtain(entry)
    os.utime(path, (10**9, 10**9))
    obtain(entry)

    path.write_bytes(OTHER)
    os.utime(path, (10**9, 10**9))

    assert obtain(entry).read_bytes() == CONTENT


def test_a_damaged_file_that_cannot_be_replaced_is_an_error(home: Path):
    """It is never handed out; the message says that it is damaged."""
    home.mkdir()
    (home / "novel.txt").write_bytes(OTHER)

    with pytest.raises(fetch.DataUnavailable, match="damaged"):
        obtain(entry_of(CONTENT))


def test_a_file_put_into_the_cache_by_hand_is_welcome(home: Path):
    """The advice of the error message works."""
    entry = entry_of(CONTENT)
    with pytest.raises(fetch.DataUnavailable) as caught:
        obtain(entry)
    [place] = re.findall(r"put the file \(\S+\) at (\S+)", str(caught.value))

    Path(place).write_bytes(CONTENT)

    assert obtain(entry) == Path(place)


def test_a_verified_file_is_not_hashed_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    """Size and times are enough to recognise a settled file."""
    entry = entry_of(CONTENT, server.serve("novel", body(CONTENT)))
    path = obtain(entry)
    os.utime(path, (10**9, 10**9))
    obtain(entry)

    def refuse(*_: object) -> bool:
        raise AssertionError("hashed again")

    monkeypatch.setattr(cache, "matches", refuse)

    assert obtain(entry) == path


def test_a_young_file_is_hashed_each_time(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    """It may change within one step of the file system's clock."""
    entry = entry_of(CONTENT, server.serve("novel", body(CONTENT)))
    obtain(entry)
    hashed = []

    def count(path: Path, digest: str) -> bool:
        hashed.append(path)
        return True

    monkeypatch.setattr(cache, "matches", count)
    obtain(entry)
    obtain(entry)

    assert len(hashed) == 2


def test_a_new_digest_in_the_registry_outdates_the_cache(server: Server):
    """A verified file of the old release is not taken for the new one."""
    old = entry_of(CONTENT, server.serve("novel", body(CONTENT)))
    os.utime(obtain(old), (10**9, 10**9))
    obtain(old)

    new = entry_of(OTHER, server.serve("novel", body(OTHER)))

    assert obtain(new).read_bytes() == OTHER


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be somebody whom permissions bind, also where tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache folder that everybody can read and nobody can write."""
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    folder = root / "cache"
    folder.mkdir()
    folder.chmod(0o555)
    monkeypatch.setenv("D2L_DATA", str(folder))
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(root)


@posix
def test_a_read_only_cache_serves_what_it_has(read_only: Path):
    """Nothing needs to be written to read a file."""
    read_only.chmod(0o755)
    (read_only / "novel.txt").write_bytes(CONTENT)
    read_only.chmod(0o555)

    with unprivileged():
        path = obtain(entry_of(CONTENT))

    assert path == read_only / "novel.txt"
    assert [p.name for p in read_only.iterdir()] == ["novel.txt"]


@posix
def test_beside_a_read_only_cache_the_mirror_is_read_in_place(
    read_only: Path, monkeypatch: pytest.MonkeyPatch
):
    """A verified file of the mirror is handed out where it lies."""
    mirror = make_mirror(read_only.parent, novel_txt=CONTENT)
    monkeypatch.setenv("D2L_MIRROR", str(mirror))

    with unprivileged():
        path = obtain(entry_of(CONTENT))

    assert path == mirror / "novel.txt"


@posix
@pytest.mark.parametrize("where", ["mirror", "system"])
def test_beside_a_read_only_cache_a_gzipped_file_is_unpacked_elsewhere(
    where: str, read_only: Path, monkeypatch: pytest.MonkeyPatch
):
    """What is on the machine is used, once per process, and goes with it."""
    folder = make_mirror(read_only.parent, novel_txt_gz=gzip.compress(CONTENT))
    entry = entry_of(CONTENT, gzipped=True)
    if where == "mirror":
        monkeypatch.setenv("D2L_MIRROR", str(folder))
    else:
        entry = dataclasses.replace(entry, system_folder=folder)

    with unprivileged():
        path = obtain(entry)
        again = obtain(entry)

    assert path.read_bytes() == CONTENT
    assert path == again
    assert path.is_relative_to(tempfile.gettempdir())
    assert list(read_only.iterdir()) == []


def test_what_was_unpacked_elsewhere_goes_with_the_process(
    monkeypatch: pytest.MonkeyPatch,
):
    """Temporary folders would pile up otherwise."""
    at_the_end: list[Callable[[], object]] = []
    monkeypatch.setattr(
        atexit,
        "register",
        lambda *call, **options: at_the_end.append(partial(*call, **options)),
    )
    folder = cache.temporary_folder()
    (folder / "novel.txt").write_bytes(CONTENT)

    for call in at_the_end:
        call()

    assert not folder.exists()
    cache.temporary_folder.cache_clear()


@posix
def test_beside_a_read_only_cache_every_place_of_the_machine_is_named(
    read_only: Path, monkeypatch: pytest.MonkeyPatch
):
    """The error tells what was tried, and which package would help."""
    mirror = make_mirror(read_only.parent, novel_txt=OTHER)
    monkeypatch.setenv("D2L_MIRROR", str(mirror))
    entry = entry_of(
        CONTENT,
        gzipped=True,
        system_folder=read_only.parent / "system",
        system_package="apt-get install novel",
    )

    with unprivileged(), pytest.raises(fetch.DataUnavailable) as caught:
        obtain(entry)

    message = str(caught.value)
    for part in (
        f"mirror {mirror / 'novel.txt'}: wrong hash",
        f"mirror {mirror / 'novel.txt.gz'}: not there",
        f"system package {read_only.parent / 'system' / 'novel.txt'}: not",
        "apt-get install novel",
        "set D2L_DATA to a folder that can be written",
    ):
        assert part in message
    assert caught.value.reason.startswith("cannot write ")
    assert "free some space" not in message


@posix
def test_a_wrong_file_of_the_mirror_is_not_read_in_place(
    read_only: Path, monkeypatch: pytest.MonkeyPatch
):
    """Without a cache the hash counts as much as with one."""
    mirror = make_mirror(read_only.parent, novel_txt=OTHER)
    monkeypatch.setenv("D2L_MIRROR", str(mirror))

    with unprivileged(), pytest.raises(fetch.DataUnavailable):
        obtain(entry_of(CONTENT))


@posix
def test_a_read_only_cache_is_named_with_the_way_out(
    read_only: Path, server: Server
):
    """No download begins that could not be kept."""
    entry = entry_of(CONTENT, server.serve("novel", body(CONTENT)))

    with (
        unprivileged(),
        pytest.raises(fetch.DataUnavailable, match="set D2L_DATA") as caught,
    ):
        obtain(entry)

    assert f"cannot write {read_only}" in str(caught.value)
    assert "public address" not in str(caught.value)  # it was not asked
    assert server.hits == {}


@posix
def test_a_read_only_cache_is_noticed_before_its_lock_is_awaited(
    read_only: Path, monkeypatch: pytest.MonkeyPatch
):
    """On Windows, a lock that nobody may take looks like a taken one."""

    class Endless:
        def __init__(self, *_: object, **__: object) -> None: ...

        def acquire(self) -> None:
            raise AssertionError("waits for half an hour")

    monkeypatch.setattr(cache, "FileLock", Endless)

    with unprivileged(), pytest.raises(fetch.DataUnavailable):
        obtain(entry_of(CONTENT))


def test_a_cache_folder_that_is_a_file_is_an_error(home: Path):
    """D2L_DATA names something that cannot hold files."""
    home.write_bytes(b"")

    with pytest.raises(fetch.DataUnavailable, match="cannot write"):
        obtain(entry_of(CONTENT))


full_disk = pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="needs /dev/full"
)


@full_disk
@pytest.mark.parametrize("hidden", ["part", "arrival"])
def test_a_full_disk_is_an_error_without_a_half_file(
    hidden: str, server: Server, home: Path
):
    """While it arrives or while it is copied: clear words, no remains."""
    urls = [server.serve(name, body(CONTENT)) for name in ("first", "second")]
    entry = entry_of(CONTENT, *urls)
    home.mkdir()
    getattr(Slot(entry), hidden).symlink_to("/dev/full")

    with pytest.raises(
        fetch.DataUnavailable, match="the disk is full"
    ) as told:
        obtain(entry)

    assert "free some space" in str(told.value)
    assert visible(home) == unfinished(home) == []
    assert server.hits == {"first": 1}, "another server has no more room"


@full_disk
def test_beside_a_full_disk_the_mirror_is_read_in_place(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """What need not be copied is still there."""
    mirror = make_mirror(tmp_path, novel_txt=CONTENT)
    monkeypatch.setenv("D2L_MIRROR", str(mirror))
    home.mkdir()
    Slot(entry_of(CONTENT)).part.symlink_to("/dev/full")

    assert obtain(entry_of(CONTENT)) == mirror / "novel.txt"


@posix
@pytest.mark.parametrize("room", [100_000, len(LARGE) - 100])
def test_a_file_size_limit_counts_as_a_full_disk(
    room: int, server: Server, home: Path
):
    """A quota that strikes in the middle of a file leaves nothing."""
    import resource

    entry = entry_of(LARGE, server.serve("novel", body(LARGE)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))

    try:
        with pytest.raises(fetch.DataUnavailable, match="the disk is full"):
            obtain(entry)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert visible(home) == unfinished(home) == []


# Archives

Members = dict[str, bytes]
GOOD: Members = {"set/train/0.txt": b"zero", "set/train/1.txt": b"", "c": b"c"}


def zipped(members: Members, *links: str) -> bytes:
    """Make a zip archive; links are stored as symbolic links."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(zipfile.ZipInfo(name), content)
        for name in links:
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o120777 << 16
            made.writestr(info, "/etc")
    return buffer.getvalue()


def tarred(members: Members, **odd: bytes) -> bytes:
    """Make a tar.gz archive; odd members have these types."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as made:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
        for name, kind in odd.items():
            info = tarfile.TarInfo(name)
            info.type = kind
            info.linkname = "/etc/passwd"
            made.addfile(info)
    return buffer.getvalue()


def archive_entry(
    content: bytes, filename: str, server: Server, limit: int = 1000
) -> Entry:
    """Serve an archive and describe it."""
    url = server.serve(filename, body(content))
    return entry_of(content, url, filename=filename, unpacked_limit=limit)


def tree(folder: Path) -> Members:
    """Read all files below a folder."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file()
    }


@pytest.mark.parametrize(
    ("content", "filename"),
    [(zipped(GOOD), "good.zip"), (tarred(GOOD), "good.tar.gz")],
)
def test_unpacking_gives_the_members(
    content: bytes, filename: str, server: Server, home: Path
):
    """The folder is named after the archive and holds what it held."""
    entry = archive_entry(content, filename, server)

    first = unfold(entry)
    (home / filename).unlink()  # to save space, it is not needed any more
    second = unfold(entry)

    assert first == second == home / "good"
    assert tree(first) == GOOD
    assert unfinished(home) == []
    assert server.hits == {filename: 1}


def test_an_archive_is_unpacked_once_for_all_who_wait(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    """Nobody replaces the folder that another has begun to read."""
    entry = archive_entry(zipped(GOOD), "good.zip", server)
    obtain(entry)
    unpacked = []

    def slowly(*args: Any, **options: Any) -> None:
        time.sleep(0.2)
        archive.extract(*args, **options)
        unpacked.append(args)

    monkeypatch.setattr(places, "extract", slowly)
    threads = [threading.Thread(target=unfold, args=[entry]) for _ in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(unpacked) == 1
    assert tree(unfold(entry)) == GOOD


EVIL = {
    "zip climbing": (zipped({"a/../../b": b""}), "zip", "climbs out"),
    "tar climbing": (tarred({"../b": b""}), "tar.gz", "climbs out"),
    "zip absolute": (zipped({"/tmp/b": b""}), "zip", "absolute"),
    "tar absolute": (tarred({"/tmp/b": b""}), "tar.gz", "absolute"),
    "zip drive": (zipped({"C:/b": b""}), "zip", "absolute"),
    "zip drive alone": (zipped({"C:b": b""}), "zip", "absolute"),
    "tar backslash": (tarred({"..\\b": b""}), "tar.gz", "not portable"),
    "zip stream": (zipped({"aa:b": b""}), "zip", "not portable"),
    "zip null": (
        zipped({"a+b": b""}).replace(b"a+b", b"a\0b"),
        "zip",
        "not portable",
    ),
    "tar link": (tarred({}, b=tarfile.SYMTYPE), "tar.gz", "is a link"),
    "tar hard link": (tarred({}, b=tarfile.LNKTYPE), "tar.gz", "is a link"),
    "tar device": (tarred({}, b=tarfile.CHRTYPE), "tar.gz", "special file"),
    "tar pipe": (tarred({}, b=tarfile.FIFOTYPE), "tar.gz", "special file"),
    "zip too large": (zipped({"b": bytes(1001)}), "zip", "1,001 bytes"),
    "tar too large": (
        tarred({"a": bytes(501), "b": bytes(500)}),
        "tar.gz",
        "1,001 bytes",
    ),
    "zip cut short": (zipped(GOOD)[:-30], "zip", "cannot be read"),
    "tar cut short": (tarred(GOOD)[:-30], "tar.gz", "cannot be read"),
    "no archive": (CONTENT, "zip", "cannot be read"),
}


@pytest.mark.parametrize("evil", EVIL)
def test_an_evil_archive_is_refused_whole(
    evil: str, server: Server, home: Path, tmp_path: Path
):
    """The member is named; not even the good members are written."""
    content, suffix, reason = EVIL[evil]
    entry = archive_entry(content, f"evil.{suffix}", server)
    outside = sorted(tmp_path.iterdir())

    with pytest.raises(fetch.DataUnavailable, match=reason) as caught:
        unfold(entry)

    if reason != "cannot be read":
        assert re.search(r"evil\..* is refused: .*b'", str(caught.value))
    assert visible(home) == [f"evil.{suffix}"]
    assert unfinished(home) == []
    assert sorted(tmp_path.iterdir()) == sorted({*outside, home})


def test_a_tar_link_that_leads_out_is_refused(server: Server, home: Path):
    """Also by a path that only climbs; nothing is written."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as made:
        for name, target in (("good", "."), ("bad", "set/../../b")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            made.addfile(info)
    entry = archive_entry(buffer.getvalue(), "evil.tar.gz", server)

    with pytest.raises(fetch.DataUnavailable, match=r"'bad' would link to"):
        unfold(entry)

    assert visible(home) == ["evil.tar.gz"]
    assert unfinished(home) == []


def test_a_python_that_cannot_refuse_members_unpacks_nothing(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
):
    """Before 3.11.4 tarfile has no filters."""
    monkeypatch.delattr(tarfile, "data_filter")
    entry = archive_entry(tarred(GOOD), "good.tar.gz", server)

    with pytest.raises(fetch.DataUnavailable, match=r"Python 3\.11\.4"):
        unfold(entry)

    assert visible(home) == ["good.tar.gz"]
    assert unfinished(home) == []


@pytest.mark.parametrize("make", [zipped, tarred])
def test_contents_may_be_as_large_as_the_registry_allows(
    make: Callable[[Members], bytes], server: Server
):
    """To the byte."""
    members = {"a": bytes(600), "b": bytes(400)}
    suffix = "zip" if make is zipped else "tar.gz"
    entry = archive_entry(make(members), f"large.{suffix}", server, limit=1000)

    assert tree(unfold(entry)) == members


@posix
@pytest.mark.parametrize("make", [zipped, tarred])
def test_contents_that_do_not_fit_are_an_error_without_remains(
    make: Callable[[Members], bytes], server: Server, home: Path
):
    """The archive fits, its contents do not: the advice is to make room."""
    import resource

    suffix = "zip" if make is zipped else "tar.gz"
    content = make({"a": bytes(10**6)})
    entry = archive_entry(content, f"large.{suffix}", server, limit=10**6)
    obtain(entry)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10**5, hard))

    try:
        with pytest.raises(fetch.DataUnavailable, match="free some space"):
            unfold(entry)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert visible(home) == [f"large.{suffix}"]
    assert unfinished(home) == []


def test_a_link_in_a_zip_is_a_file_like_others(server: Server):
    """It holds the path that it would lead to, and leads nowhere."""
    folder = unfold(archive_entry(zipped({}, "b"), "links.zip", server))

    assert not (folder / "b").is_symlink()
    assert tree(folder) == {"b": b"/etc"}


def test_too_many_members_are_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    """Empty files have no size, but a million of them fill a disk, too."""
    monkeypatch.setattr(archive, "MOST_MEMBERS", 2)

    with pytest.raises(fetch.DataUnavailable, match="3 members"):
        unfold(archive_entry(zipped(GOOD), "many.zip", server))


@given(st.lists(st.text("ab./\\:~\0", max_size=4), max_size=5))
def test_a_safe_name_stays_below_its_folder(pieces: list[str]):
    """Whatever the name is made of: accepted means inside."""
    name = "/".join(pieces)
    root = Path("/folder/of/the/archive")

    if archive.why_unsafe(name) is None:
        target = Path(os.path.normpath(root / name))
        assert target.is_relative_to(root)


@pytest.mark.parametrize("name", ["a", "a/b.txt", "./a", "a//b", "a/..b/c"])
def test_an_ordinary_name_is_safe(name: str):
    """The rules refuse no more than they must."""
    assert archive.why_unsafe(name) is None


def test_contents_that_were_changed_are_unpacked_again(server: Server):
    """A lost file and a cut file are noticed."""
    entry = archive_entry(zipped(GOOD), "good.zip", server)
    folder = unfold(entry)

    (folder / "c").unlink()
    assert tree(unfold(entry)) == GOOD
    (folder / "set/train/0.txt").write_bytes(b"z")
    assert tree(unfold(entry)) == GOOD

    assert server.hits == {"good.zip": 1}


def test_a_file_that_was_added_to_the_contents_is_left_alone(server: Server):
    """Systems and people leave files; nobody's reading is interrupted."""
    entry = archive_entry(zipped(GOOD), "good.zip", server)
    folder = unfold(entry)

    (folder / ".DS_Store").write_bytes(b"seen")

    assert tree(unfold(entry)) == GOOD | {".DS_Store": b"seen"}


def test_of_very_many_files_some_are_looked_at(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
):
    """At most so many, the first of them and others at equal distances."""
    monkeypatch.setattr(cache, "MOST_WITNESSES", 3)
    members = {f"{number}.txt": b"x" * number for number in range(8)}
    entry = archive_entry(zipped(members), "many.zip", server)
    folder = unfold(entry)

    note = json.loads((home / ".many.zip.unpacked").read_text())
    assert note["files"] == {"0.txt": 0, "3.txt": 3, "6.txt": 6}
    (folder / "6.txt").unlink()
    assert tree(unfold(entry)) == members


@pytest.mark.parametrize("damage", ["", "[]", '{"files": 3}', None])
def test_without_a_note_of_them_contents_are_unpacked_again(
    damage: str | None, server: Server, home: Path
):
    """A note that is lost, damaged or of an older release proves nothing."""
    entry = archive_entry(zipped(GOOD), "good.zip", server)
    folder = unfold(entry)
    (folder / "c").unlink()
    note = home / ".good.zip.unpacked"
    if damage is None:
        note.unlink()
    else:
        digest = json.dumps(entry.digest)
        note.write_text(damage.replace("{", f'{{"digest": {digest}, '))

    assert tree(unfold(entry)) == GOOD


def test_a_new_archive_replaces_the_old_contents(server: Server):
    """Nothing of the old folder is left among the new files."""
    unfold(archive_entry(zipped(GOOD), "good.zip", server))

    folder = unfold(archive_entry(zipped({"d": b"d"}), "good.zip", server))

    assert tree(folder) == {"d": b"d"}


def test_a_half_unpacked_folder_is_started_over(server: Server, home: Path):
    """What a killed process left does not end up among the contents."""
    entry = archive_entry(zipped(GOOD), "good.zip", server)
    left = Slot(entry).staging
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"half")

    assert tree(unfold(entry)) == GOOD
    assert unfinished(home) == []


def test_a_single_file_is_not_unpacked():
    """The error says which function is the right one."""
    with pytest.raises(ValueError, match=r"use d2l\.fetch\.file\('novel'\)"):
        unfold(entry_of(CONTENT))


# Words and names


def test_an_unknown_name_is_answered_with_the_nearest():
    """The message suggests one name and lists all."""
    with pytest.raises(
        fetch.UnknownFile, match="did you mean 'time_machine'"
    ) as caught:
        fetch.file("timemachine")

    assert all(name in str(caught.value) for name in fetch.names())
    with pytest.raises(fetch.UnknownFile, match="no file is called 'zzz'"):
        fetch.unpack("zzz")


def test_the_error_names_every_place_and_a_way_out(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Cache, mirror, package, each address; and what to do about it."""
    monkeypatch.setenv("D2L_MIRROR", str(tmp_path / "mirror"))
    urls = [server.serve("a", page(404)), refused_url()]
    entry = entry_of(
        CONTENT,
        *urls,
        system_folder=tmp_path / "system",
        system_package="apt-get install novel",
    )

    with pytest.raises(fetch.DataUnavailable) as caught:
        obtain(entry)

    message = str(caught.value)
    for part in (
        "'novel' (novel.txt, 1,060 bytes)",
        f"cache {tmp_path / 'cache' / 'novel.txt'}: not there",
        f"mirror {tmp_path / 'mirror' / 'novel.txt'}: not there",
        f"system package {tmp_path / 'system' / 'novel.txt'}: not there",
        f"public address {urls[0]}: HTTP 404",
        f"public address {urls[1]}: ",
        "D2L_MIRROR",
        entry.digest,
        "apt-get install novel",
    ):
        assert part in message
    assert "novel.txt.gz" not in message, "it is not said to be gzipped"


def test_a_long_download_shows_a_bar(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    """The bar appears after a while and counts the bytes."""
    monkeypatch.setattr(_session, "watched", lambda: True)
    monkeypatch.setattr(network, "BAR_DELAY", 0.1)
    url = server.serve("novel", paced(LARGE, step=128_000, pause=0.2))

    obtain(entry_of(LARGE, url))

    assert "novel.txt" in capfd.readouterr().err


def test_a_bar_counts_the_bytes_and_goes(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
):
    """Its last number is the size of the file; no line of it is left."""
    monkeypatch.setattr(_session, "watched", lambda: True)
    make, bars = network._progress_bar, []

    def note(part: Part) -> Any:
        bars.append(make(part))
        return bars[-1]

    monkeypatch.setattr(network, "_progress_bar", note)
    url = server.serve("novel", paced(LARGE, step=128_000, pause=0.15))

    obtain(entry_of(LARGE, url))

    [bar] = bars
    assert bar.n == len(LARGE)
    assert not bar.leave


# The registry


@pytest.mark.parametrize("name", fetch.names())
def test_an_entry_is_complete(name: str):
    """Digest, licence, origin and address are there and have their form."""
    entry = ENTRIES[name]

    assert re.fullmatch("sha256:[0-9a-f]{64}|sha1:[0-9a-f]{40}", entry.digest)
    assert entry.licence
    assert entry.origin
    assert entry.urls
    for url in entry.urls:
        assert url.startswith("https://") or "s3-website" in url
    is_archive = entry.filename.endswith((".zip", ".tar.gz"))
    assert is_archive == (entry.unpacked_limit is not None)


def test_no_two_files_share_a_name_in_the_cache():
    """Neither as files nor as unpacked folders."""
    slots = [Slot(entry) for entry in ENTRIES.values()]

    assert len({slot.path for slot in slots}) == len(slots)
    assert len({slot.contents for slot in slots}) == len(slots)


UNREACHABLE = {"ptb", "imdb", "glove_6b_50d", "glove_6b_100d", "hotdog"}


@pytest.mark.skipif(not Path(REAL_MIRROR).is_dir(), reason="needs D2L_MIRROR")
@pytest.mark.skipif(not REAL_MIRROR, reason="needs D2L_MIRROR")
@pytest.mark.parametrize(
    "name",
    [
        name
        for name in fetch.names()
        if name not in UNREACHABLE and not name.startswith("fashion")
    ],
)
def test_the_real_mirror_holds_what_the_registry_says(
    name: str, monkeypatch: pytest.MonkeyPatch
):
    """Real files pass their hash, and are not fetched from elsewhere."""
    monkeypatch.setenv("D2L_MIRROR", REAL_MIRROR)
    monkeypatch.setenv("D2L_OFFLINE", "1")

    assert fetch.file(name).stat().st_size == ENTRIES[name].num_bytes


@pytest.mark.skipif(
    not Path("/usr/share/datasets/fashion-mnist").is_dir(),
    reason="needs Debian's dataset-fashion-mnist",
)
@pytest.mark.parametrize("part", ["test_images", "test_labels"])
def test_debians_fashion_mnist_is_the_real_one(
    part: str, monkeypatch: pytest.MonkeyPatch
):
    """Recompressed by Debian, it has the bytes of the original."""
    monkeypatch.setenv("D2L_OFFLINE", "1")

    path = fetch.file(f"fashion_mnist_{part}")

    assert path.stat().st_size == ENTRIES[f"fashion_mnist_{part}"].num_bytes
