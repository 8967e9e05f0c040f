"""Record the pages of a chapter one by one until the time is up.

Starts with the standard library alone. After each page what there is lies in
the folder, so that a run that is cut off leaves its results too: the
recorded notebooks in ``notebooks.tar.gz`` (unpack it in the repository),
``log.txt``, ``summary.json``, and with ``--plain`` also ``speed.json``.
"""

import itertools
import json
import lzma
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tools.gpu_record.pages import Page, find, ordered

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ".gpu"
RESERVE = 5.0  # seconds, to put things away at the end
SHORTEST = 10.0  # seconds; with less left, no page is started
GRACE = 10.0  # seconds for a page to stop its kernel when told to
SPEED_LIMIT = 180.0  # seconds that the comparison of speeds may take


@dataclass
class Outcome:
    """What became of a page: recorded, failed, stopped or not started."""

    page: str
    path: str
    status: str = "not started"
    seconds: float = 0.0
    device: str = ""
    scale: str = ""
    claims: int = 0
    reason: str = ""

    def __str__(self) -> str:
        line = (
            f"{self.page:<6}{Path(self.path).stem:<34}{self.seconds:>7.1f} s  "
            f"{self.device or '-':<5}{self.claims:>3} claims  {self.status}"
        )
        return f"{line}: {self.reason}" if self.reason else line


class Log:
    """Writes to a file and, when asked, to the screen too."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8")

    def say(self, line: str) -> None:
        print(line, flush=True)
        self.note(line)

    def note(self, text: str) -> None:
        self._file.write(text.rstrip() + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def main(
    chapter: int,
    out: Path,
    *,
    minutes: float = 9.0,
    only: list[str] | None = None,
    scale: str = "full",
    plain: bool = False,
    root: Path = ROOT,
) -> int:
    """Record a chapter; return 0 when every page was recorded."""
    deadline = time.monotonic() + 60 * minutes - RESERVE
    todo = ordered(find(root, chapter), only or [])
    out.mkdir(parents=True, exist_ok=True)
    log = Log(out / "log.txt")
    try:
        environment = prepare(root / FOLDER, scale)
        if plain:
            compare_speeds(root, out, environment, deadline, log)
        outcomes = [
            Outcome(page.number, str(page.path.relative_to(root)))
            for page in todo
        ]
        for page, outcome in zip(todo, outcomes, strict=True):
            if deadline - time.monotonic() >= SHORTEST:
                record(page, outcome, environment, deadline, root, log)
            log.say(str(outcome))
            put_away(outcomes, root, out)
    finally:
        log.close()
    return 0 if all(o.status == "recorded" for o in outcomes) else 1


def prepare(folder: Path, scale: str) -> dict[str, str]:
    """Install the wheels, unpack the data; return the environment.

    The wheels go into a folder of their own that comes first on the path.
    Both are made anew: a half-made folder of an earlier run does no harm.
    """
    site, cache = folder / "site", folder / "cache"
    shutil.rmtree(site, ignore_errors=True)
    if wheels := sorted(folder.glob("wheels/*.whl")):
        command = [sys.executable, "-m", "pip", "install", "--quiet"]
        command += ["--no-index", "--no-deps", "--no-cache-dir"]
        command += ["--disable-pip-version-check", "--no-warn-script-location"]
        command += ["--no-compile", "--target", str(site)]
        subprocess.run([*command, *map(str, wheels)], check=True)
    cache.mkdir(parents=True, exist_ok=True)
    for packed in sorted(folder.glob("data/*.xz")):
        with (
            lzma.open(packed) as source,
            (cache / packed.stem).open("wb") as f,
        ):
            shutil.copyfileobj(source, f)
    known = os.environ.get("PYTHONPATH")
    path = [str(site), *([known] if known else [])]
    data = {"D2L_DATA": str(cache)} if any(folder.glob("data/*.xz")) else {}
    return {
        **os.environ,
        **data,
        "PYTHONPATH": os.pathsep.join(path),
        "D2L_OFFLINE": "1",
        "D2L_SCALE": scale,
    }


def record(
    page: Page,
    outcome: Outcome,
    environment: dict[str, str],
    deadline: float,
    root: Path,
    log: Log,
) -> None:
    """Record one page in a process of its own, and say what happened."""
    start = time.monotonic()
    left = deadline - start
    command = [sys.executable, str(ROOT / "tools" / "record.py")]
    command += [str(page.path), "--scale", environment["D2L_SCALE"]]
    command += ["--timeout", str(left)]
    status, output = call(command, environment, root, left)
    log.note(output)
    outcome.seconds = round(time.monotonic() - start, 1)
    if status is None:
        outcome.status = "stopped"
        outcome.reason = "the time was up"
    elif status:
        outcome.status = "failed"
        outcome.reason = _reason(output)
    else:
        notebook = json.loads(page.path.read_text(encoding="utf-8"))
        stamp = notebook["metadata"]["d2l"]
        outcome.status = "recorded"
        outcome.device, outcome.scale = stamp["device"], stamp["scale"]
        outcome.claims = len(stamp["claims"])


def _reason(output: str) -> str:
    """Return the line that says why a page was not recorded."""
    lines = [line for line in output.splitlines() if line.strip()]
    for line, following in itertools.pairwise(lines):
        if line.endswith("NOT RECORDED"):
            return following
    return lines[-1] if lines else "it said nothing"


def call(
    command: list[str],
    environment: dict[str, str],
    folder: Path,
    limit: float,
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
    try:
        output, _ = process.communicate(timeout=limit)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    try:
        output, _ = process.communicate(timeout=GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
    return None, output


def heed_interrupts() -> None:
    """Let an interrupt do what it usually does, in a new process."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def compare_speeds(
    root: Path,
    out: Path,
    environment: dict[str, str],
    deadline: float,
    log: Log,
) -> None:
    """Measure training beside the usual way, and leave the numbers."""
    command = [sys.executable, "-m", "tools.gpu_record.speed"]
    command += [str((out / "speed.json").resolve())]
    limit = min(SPEED_LIMIT, deadline - time.monotonic())
    here = {**environment, "PYTHONUNBUFFERED": "1"}
    status, output = call(command, here, ROOT, limit)
    log.say(output.rstrip())
    if status != 0:
        log.say(f"speed: not all measured (status {status})")


def put_away(outcomes: list[Outcome], root: Path, out: Path) -> None:
    """Leave what is recorded so far, in one step each."""
    part = out / ".part"
    with tarfile.open(part, "w:gz") as archive:
        for outcome in outcomes:
            if outcome.status == "recorded":
                archive.add(root / outcome.path, outcome.path)
    part.replace(out / "notebooks.tar.gz")
    part.write_text(json.dumps([asdict(o) for o in outcomes], indent=1))
    part.replace(out / "summary.json")
