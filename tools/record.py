"""Run notebooks from a clean kernel; write their outputs and stamps.

    python tools/record.py chapters/03-basics/06-*.ipynb [--scale full]

A notebook is written only when every cell ran, every claim held and every
figure has a text for those who cannot see it. The file is brought into one
canonical form, so that recording it again changes little in a diff.
"""

import argparse
import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

if __name__ == "__main__":  # as a file, Python looks beside it, in tools/
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from tools import seeds
from tools.nbcheck import stamp
from tools.nbcheck.kernel import CellRun, KernelStopped, Session

DEFAULT_TIMEOUT = 300.0

_KERNEL = {
    "kernelspec": {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    },
    # Without the version, which the stamp gives: fewer lines in a diff.
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}
_DROP = {"jupytext", "signature", "toc", "vscode", "widgets"}
_DROP_FROM_CELL = {
    "ExecuteTime",
    "collapsed",
    "execution",
    "jupyter",
    "scrolled",
    "trusted",
}


class NotRecorded(Exception):
    """A notebook that must not be written, and why."""


def record(
    path: Path,
    *,
    scale: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> dict[str, Any]:
    """Run a notebook, then write its outputs and stamp in its place.

    Args:
        path: The notebook. It is replaced in one step, or left alone.
        scale: ``full`` or ``small``; ``None`` lets the device decide.
        timeout: Seconds a cell may take unless its metadata allows more.

    Returns:
        The stamp.

    Raises:
        NotRecorded: The file is no notebook, a cell raised or took too
            long, a claim did not hold, or a figure is missing or has no
            alternative text. The file is as it was.
    """
    try:
        notebook = nbformat.read(path, as_version=4)
    except (OSError, ValueError) as error:
        raise NotRecorded(f"not a readable notebook: {error}") from error
    notebook = canonical(notebook)
    run = _execute(path, notebook, scale=scale, timeout=timeout)
    try:
        old = notebook.metadata.get("d2l", {})
        notebook.metadata["d2l"] = stamp.make(notebook, run)
        seeds.keep(old, notebook.metadata["d2l"], notebook)
    except ValueError as error:
        raise NotRecorded(str(error)) from error
    if found := stamp.problems(notebook):
        raise NotRecorded("\n".join(str(problem) for problem in found))
    nbformat.validate(notebook)
    _write(path, nbformat.writes(notebook) + "\n")
    return dict(notebook.metadata["d2l"])


def canonical(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook in canonical form, without outputs.

    Format 4.5; a cell is named after what it says, so that its name stays
    when others come and go; no record of times, widgets or editors.
    """
    cells = []
    seen: set[str] = set()
    for old in notebook.cells:
        cell = NotebookNode(
            cell_type=old.cell_type,
            id=_cell_id(old, seen),
            metadata={
                name: value
                for name, value in old.metadata.items()
                if name not in _DROP_FROM_CELL
            },
            source=old.source,
        )
        if old.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
        elif "attachments" in old:
            cell.attachments = old.attachments
        cells.append(cell)
    kept = {k: v for k, v in notebook.metadata.items() if k not in _DROP}
    return nbformat.from_dict(
        {
            "cells": cells,
            "metadata": {**kept, **_KERNEL},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    )


def _cell_id(cell: NotebookNode, seen: set[str]) -> str:
    """Return a name made of the content, and note that it is taken."""
    digest = hashlib.sha256(f"{cell.cell_type}\0{cell.source}".encode())
    name = digest.hexdigest()[:8]
    number = 1
    while (unique := name if number == 1 else f"{name}-{number}") in seen:
        number += 1
    seen.add(unique)
    return unique


def _execute(
    path: Path, notebook: NotebookNode, *, scale: str | None, timeout: float
) -> stamp.Run:
    """Run every code cell and keep the outputs in the notebook."""
    run = stamp.Run()
    session = Session(
        path,
        notebook,
        scale=scale,
        timeout=lambda cell: stamp.timeout(cell, timeout),
    )
    try:
        for index, cell in stamp.code_cells(notebook):
            try:
                done = session.run(index)
            except KernelStopped as error:
                raise NotRecorded(_message(index, cell, str(error))) from None
            if why := refusal(cell, done):
                raise NotRecorded(_message(index, cell, why))
            cell.outputs, cell.execution_count = done.outputs, done.count
            run.cells.append(done)
        run.probe = session.probe()
    finally:
        session.stop()
    return run


def refusal(cell: NotebookNode, run: CellRun) -> str:
    """Say why what a cell did must not be published; empty if it may."""
    if broken := stamp.broken_claims(run):
        return broken
    expected = stamp.RAISES in stamp.tags(cell)
    if run.error is not None and not expected:
        return f"it raised {run.error.ename}: {run.error.evalue}"
    if run.error is None and expected:
        return f"it is tagged {stamp.RAISES}, but nothing was raised"
    if leak := stamp.machine_path(run.outputs):
        return f"its output names a folder of this machine: {leak}"
    return ""


def _message(index: int, cell: NotebookNode, why: str) -> str:
    """Return the reason with the cell it concerns."""
    code = "\n".join(f"    {line}" for line in cell.source.splitlines())
    return f"cell {index}: {why}\n{code}"


def _write(path: Path, text: str) -> None:
    """Put the new file in the place of the old one, in one step."""
    mode = path.stat().st_mode & 0o777
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="+", type=Path, metavar="NB")
    parser.add_argument("--scale", choices=["full", "small"])
    parser.add_argument(
        "--timeout",
        type=float,
        default=DEFAULT_TIMEOUT,
        help="seconds a cell may take (default: %(default)g)",
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Record the notebooks named on the command line.

    Returns:
        0 when all were written, else 1.
    """
    options = _parse(arguments)
    failed = 0
    for path in options.notebooks:
        print(f"{path} ...", flush=True)
        try:
            done = record(path, scale=options.scale, timeout=options.timeout)
        except NotRecorded as error:
            failed += 1
            print(f"{path}: NOT RECORDED\n{error}", file=sys.stderr)
            continue
        print(
            f"{path}: {done['cells']} cells, {len(done['claims'])} claims, "
            f"{done['figures']} figures, {done['seconds']} s"
        )
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
