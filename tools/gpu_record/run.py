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
PIP = ("--quiet", "--disable-pip-version-check", "--no-deps")
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
    if unknown := ", ".join(sorted(set(only) - known.keys())):
        raise ValueError(f"no page {unknown}; there are {', '.join(known)}")
    pages = [
        page
        for number, page in known.items()
        if (number in only if only else page.stamp.get("scale_matters", True))
    ]
    return sorted(pages, key=lambda p: float(p.stamp.get("seconds", UNKNOWN)))


def prepare(folder: Path, scale: str) -> dict[str, str]:
    """Install the wheels, unpack the data; return the environment.

    The wheels go into a folder of their own that comes first on the path.
    It is made anew: a half-made folder of an earlier run does no harm.
    """
    site, data = folder / "site", folder / "data.tar.xz"
    shutil.rmtree(site, ignore_errors=True)
    if wheels := sorted(map(str, folder.glob("wheels/*.whl"))):
        command = [sys.executable, "-m", "pip", "install", *PIP]
        command += ["--no-index", "--no-cache-dir", "--no-compile"]
        command += ["--no-warn-script-location", f"--target={site}"]
        subprocess.run([*command, *wheels], check=True)
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
    took: Outcome = {"seconds": round(time.monotonic() - start, 1)}
    if status is None:
        return {"status": "stopped, the time was up", **took}
    if status:
        said = re.search(r"NOT RECORDED\n(.*)", output)
        reason = said.group(1) if said else output.strip().split("\n")[-1]
        return {"status": "failed", **took, "reason": reason}
    stamp = Page(path, root).stamp
    took |= {"device": stamp["device"], "scale": stamp["scale"]}
    return {"status": "recorded", **took, "claims": len(stamp["claims"])}


def call(
    command: list[str],
    environment: dict[str, str],
    folder: Path,
    limit: float,
    log: Path,
) -> tuple[int | None, str]:
    """Run a command; return its status, None if it took too long, and text.

    It is interrupted first, so that it can stop the kernel it started. (A
    shell lets the jobs behind ``&`` ignore interrupts, and what they start;
    neither this process nor the command does.)
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        command,
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=limit)
        status: int | None = process.returncode
    except subprocess.TimeoutExpired:
        status = None
        process.send_signal(signal.SIGINT)
        try:
            output, _ = process.communicate(timeout=GRACE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
    with log.open("a", encoding="utf-8") as file:
        file.write(output)
    return status, output


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
