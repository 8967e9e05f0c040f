"""Run what a page shows, without its hidden cells.

    python -m tools.visible chapters/05-convolutional-networks/05-*

Live code on the site, and whoever types a page in, has the visible cells
alone. They must run from top to bottom; what they print is compared
elsewhere.
"""

import argparse
import dataclasses
from pathlib import Path

import nbformat

from tools import pages
from tools.nbcheck import stamp
from tools.nbcheck.kernel import KernelStopped, Session
from tools.record import DEFAULT_TIMEOUT, refusal


def fault(path: Path, *, timeout: float = DEFAULT_TIMEOUT) -> str:
    """Return the first fault of the visible cells; empty if they run.

    Args:
        path: The notebook; it is read and not changed.
        timeout: Seconds a cell may take unless its metadata allows more.
    """
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [
        cell
        for cell in notebook.cells
        if "remove-cell" not in stamp.tags(cell)
    ]
    session = Session(
        path, notebook, timeout=lambda cell: stamp.timeout(cell, timeout)
    )
    try:
        for index, cell in stamp.code_cells(notebook):
            run = session.run(index)
            # What it prints, warnings and their paths too, is not judged.
            if why := refusal(cell, dataclasses.replace(run, outputs=[])):
                return f"{why}\n{cell.source}"
    except KernelStopped as error:
        return f"{error}\n{cell.source}"
    finally:
        session.stop()
    return ""


def main(arguments: list[str] | None = None) -> int:
    """Run the notebooks named, or all; return 1 if one has a fault."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="*", type=Path, metavar="NB")
    parser.add_argument("--changed-since", default="", metavar="COMMIT")
    given = parser.parse_args(arguments)
    num_failed = 0
    notebooks = pages.meant(given.paths, given.changed_since)
    for path in notebooks:
        why = fault(path)
        num_failed += bool(why)
        print(f"{path.name}: {why or 'runs'}", flush=True)
    print(f"{len(notebooks) - num_failed} passed, {num_failed} failed")
    return 1 if num_failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
