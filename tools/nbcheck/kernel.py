"""A clean kernel that runs the cells of one notebook.

The recorder and the checker use the same kernel, so that they see the same
outputs. It does not decide what a good outcome is.
"""

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any, cast

from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import (
    CellExecutionError,
    CellTimeoutError,
    DeadKernelError,
)
from nbclient.util import run_sync
from nbformat import NotebookNode
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager

from tools.pages import ROOT

_FRESH_LINE = re.compile(r"^.*\r(?=[^\n])", re.MULTILINE)
_SVG_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)

# Runs in the kernel after a cell and leaves one line among the events. The
# device is the one in use, not the one at hand: a page that computes on the
# processor is the same page on a machine with a GPU.
_PROBE = """
import json, os, sys

def peak_megabytes():
    try:
        import resource
    except ImportError:
        import psutil
        return psutil.Process().memory_info().peak_wset / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)

def devices(torch):
    if torch is None:
        return "cpu", None, ""
    if torch.cuda.is_available():
        name = torch.cuda.get_device_name()
        return ("cuda" if torch.cuda.is_initialized() else "cpu"), "cuda", name
    if torch.backends.mps.is_available():
        used = torch.mps.driver_allocated_memory() > 0
        return ("mps" if used else "cpu"), "mps", "Apple GPU"
    return "cpu", "cpu", ""

used, at_hand, name = devices(sys.modules.get("torch"))
with open(os.environ["D2L_EVENTS"], "a", encoding="utf-8") as log:
    fact = dict(kind="probe", device=used, at_hand=at_hand, name=name,
                peak_memory_mb=peak_megabytes())
    log.write(json.dumps(fact) + "\\n")
"""


class KernelStopped(Exception):
    """The kernel died, or was killed because a cell took too long."""


@dataclass
class CellRun:
    """What one cell did."""

    outputs: list[NotebookNode] = field(default_factory=list)
    count: int | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    error: NotebookNode | None = None
    seconds: float = 0.0

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """Return the events of one kind: claim, data, probe or scale."""
        return [event for event in self.events if event["kind"] == kind]


class Session:
    """A kernel of this interpreter, in the notebook's folder, just started.

    Whatever kernels are registered on this machine, and whatever the user
    keeps in an IPython profile, has no influence. The repository is on the
    path, so that ``import d2l`` works.

    Args:
        path: The file the notebook was read from.
        notebook: The notebook. It is changed: cells receive their outputs.
        timeout: Gives the seconds that a cell may take.
        scale: ``full`` or ``small``; ``None`` leaves the choice to the
            environment.

    Raises:
        RuntimeError: The kernel does not start.
    """

    def __init__(
        self,
        path: Path,
        notebook: NotebookNode,
        *,
        timeout: Callable[[NotebookNode], float],
        scale: str | None = None,
    ) -> None:
        self.notebook = notebook
        self._timeout = timeout
        self._folder = tempfile.TemporaryDirectory(prefix="d2l-kernel-")
        self._events = Path(self._folder.name, "events.jsonl")
        self._events.touch()
        self._log = Path(self._folder.name, "stderr.txt")
        self._read = 0
        self._client = NotebookClient(
            notebook,
            km=AsyncKernelManager(
                kernel_name=CURRENT_ENV_KERNEL_NAME,
                kernel_spec_manager=NbvalKernelspecManager(),
            ),
            timeout_func=timeout,
            iopub_timeout=30,
            record_timing=False,
            store_widget_state=False,
            skip_cells_with_tag="",
            # An error that a page shows is one line, without paths.
            extra_arguments=["--InteractiveShell.xmode=Minimal"],
            shutdown_kernel="immediate",
        )
        self._client.log.setLevel("CRITICAL")
        try:
            with self._log.open("w", encoding="utf-8") as log:
                self._client.start_new_kernel(
                    cwd=str(path.resolve().parent),
                    env=self._environment(scale),
                    stderr=log,
                )
            self._client.start_new_kernel_client()
        except BaseException:
            self.stop()
            raise

    def _environment(self, scale: str | None) -> dict[str, str]:
        """Return the environment of the kernel."""
        known = os.environ.get("PYTHONPATH")
        path = [str(ROOT), *([known] if known else [])]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path),
            "IPYTHONDIR": self._folder.name,
            "D2L_RECORDING": "1",
            "D2L_EVENTS": str(self._events),
        }
        # Folders mean the same in a page's folder as where the command was
        # given; and a kernel that drops assertions checks nothing.
        for name in {"D2L_DATA", "D2L_MIRROR"} & environment.keys():
            if environment[name] and "://" not in environment[name]:
                folder = Path(environment[name]).expanduser()
                environment[name] = str(folder.absolute())
        environment.pop("PYTHONOPTIMIZE", None)
        if scale:
            environment["D2L_SCALE"] = scale
        return environment

    def run(self, index: int) -> CellRun:
        """Run one cell and report what it did, errors included.

        Args:
            index: Which of ``notebook.cells``, a code cell.

        Raises:
            KernelStopped: The kernel died, or the cell took longer than it
                may and the kernel was killed.
        """
        cell = self.notebook.cells[index]
        start = time.monotonic()
        try:
            self._client.execute_cell(cell, index)
        except CellExecutionError:
            pass  # The error is among the outputs.
        except CellTimeoutError:
            self.stop()
            raise KernelStopped(
                f"the cell took longer than {self._timeout(cell):g} s; "
                "its kernel was killed"
            ) from None
        except DeadKernelError:
            last_words = self._log.read_text(errors="replace")[-1000:].strip()
            self.stop()
            raise KernelStopped(
                "the kernel died in this cell (killed, out of memory, or "
                f"the cell ended the process)\n{last_words}".strip()
            ) from None
        seconds = time.monotonic() - start
        outputs = as_stored(cell.outputs)
        errors = [out for out in outputs if out.output_type == "error"]
        return CellRun(
            outputs=outputs,
            count=cell.execution_count,
            events=self._new_events(),
            error=errors[-1] if errors else None,
            seconds=seconds,
        )

    def probe(self) -> dict[str, Any]:
        """Return the device in use, those at hand, and the peak memory.

        Raises:
            KernelStopped: The kernel does not answer.
        """
        client = cast(AsyncKernelClient, self._client.kc)
        code = f"exec({_PROBE!r}, {{}})"
        try:
            run_sync(client.execute_interactive)(
                code, silent=True, store_history=False, timeout=30
            )
            return self._new_events()[-1]
        except (RuntimeError, TimeoutError, Empty, IndexError):
            self.stop()
            raise KernelStopped("the kernel died after this cell") from None

    def _new_events(self) -> list[dict[str, Any]]:
        """Return the events since the last call."""
        with self._events.open(encoding="utf-8") as log:
            log.seek(self._read)
            lines = log.readlines()
            self._read = log.tell()
        return [json.loads(line) for line in lines]

    @property
    def running(self) -> bool:
        """Whether the kernel can run another cell."""
        return self._client.km is not None and self._client.kc is not None

    def stop(self) -> None:
        """Kill the kernel and remove its files. Twice does no harm."""
        if self._client.km is not None:
            if self._client.km.has_kernel:
                self._client._cleanup_kernel()
            self._client.km = self._client.kc = None
        self._folder.cleanup()


def as_stored(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Return the outputs in their one canonical form.

    Chunks of a stream between two other outputs become one, standard output
    before standard error (their true order is chance); lines rewritten by a
    carriage return keep their last state; widget views are left out; an SVG
    loses its metadata, which holds the date.
    """
    result: list[NotebookNode] = []
    streams: dict[str, NotebookNode] = {}
    for output in outputs:
        output = NotebookNode(output)
        if any("jupyter.widget" in kind for kind in output.get("data", {})):
            continue
        if output.output_type != "stream":
            streams = {}
            _tidy_data(output)
            result.append(output)
        elif output.name in streams:
            streams[output.name].text += output.text
        else:
            streams[output.name] = output
            at = len(result)
            if output.name == "stdout" and "stderr" in streams:
                at -= 1
            result.insert(at, output)
    for output in result:
        if output.output_type == "stream":
            output.text = _FRESH_LINE.sub("", output.text)
    return result


def _tidy_data(output: NotebookNode) -> None:
    """Drop what differs from run to run."""
    data = output.get("data", {})
    for kind, content in data.items():
        if kind == "image/svg+xml":
            data[kind] = _SVG_METADATA.sub("", content)
        elif kind.startswith("image/"):
            data[kind] = content.strip()


def interpreter() -> str:
    """Return the version of this Python, which runs the kernels too."""
    return ".".join(map(str, sys.version_info[:3]))
