"""Record the pages of a chapter one by one until the time is up.

Starts with the standard library alone. After each page what there is lies in
the folder, so that a run that is cut off leaves its results too: the
recorded notebooks in ``notebooks.tar.gz`` (unpack it in the repository),
``log.txt`` and ``summary.json``.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.pages import ROOT, Page

FOLDER = ".gpu"
RESERVE = 5.0  # seconds, to put things away at the end
SHORTEST = 10.0  # seconds; with less left, no page is started
GRACE = 10.0  # seconds for a page to stop its kernel when told to
UNKNOWN = 60.0  # seconds, for a page that has never been recorded

Outcome = dict[str, Any]


def main(
    chapter: int,
    out: Path,
    *,
    minutes: float = 9.0,
    only: Sequence[str] = (),
    scale: str = "full",
    bench: bool = False,
    root: Path = ROOT,
) -> int:
    """Record a chapter; return 0 when every page was recorded."""
    deadline = time.monotonic() + 60 * minutes - RESERVE
    todo = chosen(root, chapter, only)
    out.mkdir(parents=True, exist_ok=True)
    log = out / "log.txt"
    log.write_text("", encoding="utf-8")
    environment = prepare(root / FOLDER, scale)
    if bench:
        command = [sys.executable, "-m", "tools.bench", "an epoch"]
        left = deadline - time.monotonic()
        print(call(command, environment, ROOT, left, log)[1])
    outcomes = [
        {"path": str(page.path.relative_to(root)), "status": "not started"}
        for page in todo
    ]
    for page, outcome in zip(todo, outcomes, strict=True):
        left = deadline - time.monotonic()
        if left >= SHORTEST:
            outcome.update(record(page.path, environment, left, root, log))
        print(*outcome.values(), sep="  ", flush=True)
        put_away(outcomes, root, out)
    return 0 if all(o["status"] == "recorded" for o in outcomes) else 1


def chosen(root: Path, chapter: int, only: Sequence[str] = ()) -> list[Page]:
    """Return the pages to record, the quick ones first.

    So a limit cuts few. A page that is the same program everywhere need not
    be recorded on another machine, nor need what it imports travel there.

    Args:
        root: The repository.
        chapter: Its number.
        only: Numbers such as ``5.5``; empty means all that have a full
            scale, or may have one because they were never recorded.

    Raises:
        ValueError: The chapter has no notebook, or no page of that number.
    """
    paths = sorted(root.glob(f"chapters/{chapter:02}-*/[0-9]*.ipynb"))
    known = {page.number: page for page in (Page(p, root) for p in paths)}
    if not known:
        raise ValueError(f"chapter {chapter} has no notebook in {root}")
    if unknown := set(only) - set(known):
        raise ValueError(
            f"no page {', '.join(sorted(unknown))}; there are "
            f"{', '.join(known)}"
        )
    return sorted(
        (
            page
            for name, page in known.items()
            if (name in only if only else page.stamp.get("scale_matters", 1))
        ),
        key=lambda page: float(page.stamp.get("seconds", UNKNOWN)),
    )


def prepare(folder: Path, scale: str) -> dict[str, str]:
    """Install the wheels, unpack the data; return the environment.

    The wheels go into a folder of their own that comes first on the path.
    It is made anew: a half-made folder of an earlier run does no harm.
    """
    site, data = folder / "site", folder / "data.tar.xz"
    shutil.rmtree(site, ignore_errors=True)
    if wheels := sorted(folder.glob("wheels/*.whl")):
        command = [sys.executable, "-m", "pip", "install", "--quiet"]
        command += ["--no-index", "--no-deps", "--no-cache-dir"]
        command += ["--disable-pip-version-check", "--no-warn-script-location"]
        command += ["--no-compile", "--target", str(site)]
        subprocess.run([*command, *map(str, wheels)], check=True)
    environment = {**os.environ, "D2L_OFFLINE": "1", "D2L_SCALE": scale}
    if data.exists():
        with tarfile.open(data) as archive:
            archive.extractall(folder / "cache", filter="data")
        environment["D2L_DATA"] = str(folder / "cache")
    path = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**environment, "PYTHONPATH": os.pathsep.join(path)}


def record(
    path: Path,
    environment: dict[str, str],
    limit: float,
    root: Path,
    log: Path,
) -> Outcome:
    """Record one page in a process of its own, and say what happened."""
    start = time.monotonic()
    command = [sys.executable, str(ROOT / "tools" / "record.py"), str(path)]
    command += ["--scale", environment["D2L_SCALE"], "--timeout", str(limit)]
    status, output = call(command, environment, root, limit, log)
    seconds = round(time.monotonic() - start, 1)
    if status is None:
        return {"status": "stopped, the time was up", "seconds": seconds}
    if status:
        said = re.search(r"NOT RECORDED\n(.*)", output)
        reason = said.group(1) if said else output.strip().split("\n")[-1]
        return {"status": "failed", "seconds": seconds, "reason": reason}
    stamp = Page(path, root).stamp
    facts = {name: stamp[name] for name in ("device", "scale")}
    claims = len(stamp["claims"])
    return {
        "status": "recorded",
        "seconds": seconds,
        **facts,
        "claims": claims,
    }


def call(
    command: list[str],
    environment: dict[str, str],
    folder: Path,
    limit: float,
    log: Path,
) -> tuple[int | None, str]:
    """Run a command; return its status, None if it took too long, and text.

    It is interrupted first, so that it can stop the kernel it started. (A
    shell lets the jobs behind ``&`` ignore interrupts; this one heeds them.)
    """
    process = subprocess.Popen(
        command,
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        preexec_fn=heed_interrupts,
    )
    status: int | None = None
    try:
        output, _ = process.communicate(timeout=limit)
        status = process.returncode
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        try:
            output, _ = process.communicate(timeout=GRACE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
    with log.open("a", encoding="utf-8") as file:
        file.write(output)
    return status, output


def heed_interrupts() -> None:
    """Let an interrupt do what it usually does, in a new process."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def put_away(outcomes: list[Outcome], root: Path, out: Path) -> None:
    """Leave what is recorded so far, in one step each."""
    part = out / ".part"
    with tarfile.open(part, "w:gz") as archive:
        for outcome in outcomes:
            if outcome["status"] == "recorded":
                archive.add(root / outcome["path"], outcome["path"])
    part.replace(out / "notebooks.tar.gz")
    part.write_text(json.dumps(outcomes, indent=1), encoding="utf-8")
    part.replace(out / "summary.json")
