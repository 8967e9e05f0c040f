"""What a notebook says about its last run, and whether it can be true.

The stamp lies in the metadata of the notebook, under ``d2l``. ``make`` writes
it from what a run did; ``problems`` finds what contradicts it without running
anything.
"""

import functools
import hashlib
import json
import re
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from tools.nbcheck.kernel import CellRun, interpreter
from tools.pages import ROOT, SET_UP

VERSIONS = ("torch", "torchvision", "numpy", "matplotlib", "pandas")
CLAIM = (
    "what",
    "value",
    "bounds",
    "full",
    "small",
    "sample",
    "reported",
    "why",
    "data",
)
IGNORE_OUTPUT = "nbval-ignore-output"
RAISES = "raises-exception"

_PICTURE = re.compile(r"<(svg|img|canvas)\b", re.IGNORECASE)
_NO_ALT = re.compile(r"!\[\s*\]\(")
_SETTINGS = {"rtol", "timeout", "why"}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and the cell it is wrong in."""

    what: str
    cell: int | None = None

    def __str__(self) -> str:
        where = "notebook" if self.cell is None else f"cell {self.cell}"
        return f"{where}: {self.what}"


@dataclass
class Run:
    """What a whole notebook did, cell by cell."""

    cells: list[CellRun] = field(default_factory=list)
    probe: dict[str, Any] = field(default_factory=dict)

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Return the events of one kind, in order."""
        return [event for cell in self.cells for event in cell.of_kind(kind)]


def code_cells(notebook: NotebookNode) -> list[tuple[int, NotebookNode]]:
    """Return the code cells with their places among all cells.

    Places count from 0 over code and Markdown cells alike.
    """
    return [
        (index, cell)
        for index, cell in enumerate(notebook.cells)
        if cell.cell_type == "code"
    ]


def code_hash(notebook: NotebookNode) -> str:
    """Return the SHA-256 of the code cells, in order.

    Markdown, metadata and outputs have no part in it, nor has the set-up
    cell that a published copy begins with.
    """
    sources = [
        cell.source
        for _, cell in code_cells(notebook)
        if SET_UP not in cell.metadata.get("tags", [])
    ]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


@functools.cache
def package_hash() -> str:
    """Return the SHA-256 of the code of ``d2l``, which outputs depend on."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "d2l").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        digest.update(f"{name}\0{path.read_text('utf-8')}\0".encode())
    return digest.hexdigest()


def is_stale(stamp: dict[str, Any]) -> bool:
    """Tell whether other code than today's made the outputs.

    That is the package and PyTorch; the cells themselves have a test of
    their own. Harmless while outputs are compared, since then they agree.
    """
    torch = _versions().get("torch")
    made = stamp.get("d2l"), stamp.get("versions", {}).get("torch")
    return made != (package_hash(), torch)


def settings(cell: NotebookNode) -> dict[str, Any]:
    """Return what the ``d2l`` metadata of a cell sets: rtol, timeout.

    Raises:
        ValueError: A setting is unknown or not a positive number, or a
            tolerance is given without saying why.
    """
    found = dict(cell.metadata.get("d2l", {}))
    if unknown := sorted(found.keys() - _SETTINGS):
        raise ValueError(
            f"cell metadata d2l has {', '.join(unknown)}; "
            f"it may have {', '.join(sorted(_SETTINGS))}"
        )
    for name in found.keys() - {"why"}:
        value = found[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"d2l.{name} is {value!r}; give a number")
        if value <= 0:
            raise ValueError(f"d2l.{name} is {value!r}; give more than 0")
    if "rtol" in found and not str(found.get("why", "")).strip():
        raise ValueError(
            "d2l.rtol widens the comparison without a reason; "
            "say in d2l.why what makes these numbers differ between runs"
        )
    return found


def timeout(cell: NotebookNode, default: float) -> float:
    """Return the seconds a cell may take: its own limit if it is higher."""
    return max(default, float(cell.metadata.get("d2l", {}).get("timeout", 0)))


def tags(cell: NotebookNode) -> set[str]:
    """Return the tags of a cell."""
    return set(cell.metadata.get("tags", []))


def make(notebook: NotebookNode, run: Run) -> dict[str, Any]:
    """Return the stamp for a notebook that has just run.

    Args:
        notebook: The notebook, with its code as it was run.
        run: What its cells did.
    """
    scales = {event["scale"] for event in run.events("scale")}
    tiers = {(e["name"], e["tier"]) for e in run.events("data")}
    if len(scales) > 1 or len(dict(tiers)) < len(tiers):
        found = ", ".join(sorted([*scales, *map(" ".join, tiers)]))
        raise ValueError(f"one run has one scale and tier, not: {found}")
    checks = [event["applied"] for event in run.events("check")]
    probe = run.probe
    stamp = {
        "code": code_hash(notebook),
        "d2l": package_hash(),
        "scale": next(iter(scales), "full"),
        "scale_matters": bool(scales),
        "device": probe["device"],
        "python": interpreter(),
        "versions": _versions(),
        "data": dict(sorted(tiers)),
        "seconds": round(sum(cell.seconds for cell in run.cells), 2),
        "peak_memory_mb": round(probe["peak_memory_mb"]),
        "recorded": datetime.now(UTC).date().isoformat(),
        "cells": len(run.cells),
        "figures": sum(has_figure(cell.outputs) for cell in run.cells),
        "checks_not_applied": checks.count(False),
        "claims": [
            {name: event.get(name) for name in CLAIM}
            for event in run.events("claim")
        ],
    }
    if probe["device"] != "cpu" and probe["name"]:
        stamp["device_name"] = probe["name"]
    return stamp


def _versions() -> dict[str, str]:
    """Return the versions of the libraries that outputs depend on."""
    found = {}
    for name in VERSIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def differences(stamp: dict[str, Any], run: CellRun) -> list[str]:
    """Say in what this run is of another kind than the stamped one.

    Args:
        stamp: The stamp of the notebook.
        run: The cell that was just run, with the probe after it.

    Returns:
        Some of ``scale``, ``data`` and ``device``; empty while outputs can
        be compared.
    """
    found = []
    if any(event["scale"] != stamp["scale"] for event in run.of_kind("scale")):
        found.append("scale")
    if any(
        event["tier"] != stamp["data"].get(event["name"])
        for event in run.of_kind("data")
    ):
        found.append("data")
    for probe in run.of_kind("probe"):
        recorded, used = stamp["device"], probe["device"]
        absent = recorded != "cpu" and probe["at_hand"] not in (None, recorded)
        if absent or used not in ("cpu", recorded):
            found.append("device")
            break
    return found


def broken_claims(run: CellRun) -> str:
    """Name the claims of a cell that do not hold; empty if all do.

    A claim that the cell itself catches is broken all the same.
    """
    broken = [
        f"{event['what']} = {event['value']}"
        for event in run.of_kind("claim")
        if not event["holds"]
    ]
    return f"a claim does not hold: {'; '.join(broken)}" if broken else ""


def claims_misprinted(notebook: NotebookNode) -> list[str]:
    """Return the lines that stamped claims should have printed and did not."""
    printed = [
        line
        for _, cell in code_cells(notebook)
        for output in cell.outputs
        if output.output_type == "stream"
        for line in output.text.splitlines()
    ]
    wanted = [
        f"claim: {claim['what']} = {float(claim['value']):.5g} ("
        for claim in notebook.metadata["d2l"]["claims"]
    ]
    return [
        head.removesuffix(" (")
        for head in wanted
        if not any(line.startswith(head) for line in printed)
    ]


def machine_path(outputs: list[NotebookNode]) -> str:
    """Return a folder of this machine that outputs show to every reader."""
    shown = json.dumps(outputs, ensure_ascii=False).replace("\\\\", "\\")
    folders = [str(ROOT), sys.prefix]
    if Path.home() != Path("/"):
        folders.append(f"{Path.home()}/")
    return next((folder for folder in folders if folder in shown), "")


def problems(notebook: NotebookNode) -> list[Problem]:
    """Find what is wrong with a notebook without running it."""
    cells = code_cells(notebook)
    if not cells:
        return [Problem("there is no code cell; a page without code is .md")]
    found = _stamp_problems(notebook)
    for place, (index, cell) in enumerate(cells, start=1):
        found += [Problem(what, index) for what in _cell_problems(cell, place)]
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown" and _NO_ALT.search(cell.source):
            found.append(Problem("a picture has no alternative text", index))
    return found


def _stamp_problems(notebook: NotebookNode) -> list[Problem]:
    """Find what is wrong with the stamp as such."""
    stamp = notebook.metadata.get("d2l")
    if not stamp:
        return [Problem("it has no stamp; record it with make record")]
    needed = {"code", "scale", "scale_matters", "device", "data", "claims"}
    if missing := sorted(needed - stamp.keys()):
        return [Problem(f"its stamp lacks {', '.join(missing)}; record it")]
    if stamp["code"] != code_hash(notebook):
        return [Problem("its code is newer than its stamp; record it again")]
    return [
        Problem(f"no output shows what the stamp has: {line}")
        for line in claims_misprinted(notebook)
    ]


def _cell_problems(cell: NotebookNode, place: int) -> list[str]:
    """Find what is wrong with the ``place``-th code cell, from 1."""
    found = []
    try:
        settings(cell)
    except ValueError as error:
        found.append(str(error))
    if "nbval-skip" in tags(cell) or "NBVAL_SKIP" in cell.source:
        found.append("it asks to be skipped, but nothing stays unexecuted")
    if not cell.source.strip():
        found.append("it is empty")
    elif cell.execution_count is None:
        found.append("it was not executed")
    elif cell.execution_count != place:
        found.append(
            f"its execution count is {cell.execution_count}, but it is code "
            f"cell {place}: the notebook was not run from top to bottom"
        )
    return found + _figure_problems(cell)


def _figure_problems(cell: NotebookNode) -> list[str]:
    """Find a figure that is lost or that a screen reader cannot tell."""
    mystnb = cell.metadata.get("mystnb", {})
    drawn = has_figure(cell.outputs)
    found = []
    if "figure" in mystnb and not drawn:
        found.append("its figure is lost: the metadata names one, no output")
    if drawn and not str(mystnb.get("image", {}).get("alt", "")).strip():
        found.append(
            "its figure has no alternative text; "
            "say what it shows in the metadata mystnb.image.alt"
        )
    return found


def has_figure(outputs: list[NotebookNode]) -> bool:
    """Tell whether the outputs show a picture."""
    for output in outputs:
        data = output.get("data", {})
        if any(kind.startswith("image/") for kind in data):
            return True
        if _PICTURE.search(data.get("text/html", "")):
            return True
    return False
