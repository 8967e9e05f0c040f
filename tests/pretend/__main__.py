"""Run pages on a pretended accelerator: which cells would a real one stop?

    python -m tests.pretend --as mps --fast chapters/05-cnn/08-*.ipynb
    python -m tests.pretend --as cuda --fast --changed-since origin/main

Without a path, all pages. Nothing is compared with the stored outputs.
``--fast`` cuts every pass to four batches and enforces neither assertions nor
bounds: only devices, types and copies are judged. A cell that fails there
without any device, too, fails because of that cutting, and is not counted.
The exit status is 1 when a page fails.
"""

import argparse
import ast
import contextlib
import io
import itertools
import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("D2L_SCALE", "small")
os.environ["D2L_RECORDING"] = "1"

import nbformat
import torch

from tests.pretend.device import POISON, Accelerator, Fault
from tools.pages import ROOT, meant

NUM_BATCHES = 4


def run(page: Path, kind: str | None, is_fast: bool) -> dict[str, Any]:
    """Run the cells of a page here, in this process.

    Args:
        page: A notebook.
        kind: Which device is pretended, if any.
        is_fast: Whether passes are cut and values not judged.

    Returns:
        ``faults`` and ``errors``, messages by cell (counted from 0 over all
        cells), and ``waits``, how often the host waited for the device.
    """
    from IPython.core.interactiveshell import InteractiveShell

    torch.set_num_threads(1)  # a second one would wait for its core
    os.chdir(page.parent)
    warnings.simplefilter("ignore")
    found: dict[str, Any] = {"faults": {}, "errors": {}, "waits": 0}
    shell = InteractiveShell.instance()
    if is_fast:
        _cut()
        shell.ast_transformers.append(_Unasserted())
    with contextlib.ExitStack() as stack:
        pretended = kind and stack.enter_context(Accelerator(kind))
        for sink in (contextlib.redirect_stdout, contextlib.redirect_stderr):
            stack.enter_context(sink(io.StringIO()))
        for number, cell in enumerate(nbformat.read(page, 4).cells):
            if cell.cell_type != "code":
                continue
            result = shell.run_cell(cell.source)
            error = result.error_before_exec or result.error_in_exec
            if error and "raises-exception" not in cell.metadata.get(
                "tags", []
            ):
                text = f"{type(error).__name__}: {error}".partition("\n")[0]
                is_fault = isinstance(error, Fault) or str(POISON) in text
                found["faults" if is_fault else "errors"][number] = text
        if pretended:
            found["waits"] = pretended.waits
    return found


class _Unasserted(ast.NodeTransformer):
    """Evaluates what is asserted, and goes on."""

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        return ast.copy_location(ast.Expr(node.test), node)


def _cut() -> None:
    """Cut every pass to a few batches, and hold no value to its bound."""
    from torch.utils.data import DataLoader

    import d2l
    from d2l.batching import Batches

    serve, iterate = Batches._serve, DataLoader.__iter__

    def few(self: Any, order: Any, epoch: int, num: int) -> Iterator[Any]:
        return serve(self, order, epoch, min(num, NUM_BATCHES))

    def few_of_loader(self: Any) -> Iterator[Any]:
        return itertools.islice(iterate(self), NUM_BATCHES)

    mock.patch.object(Batches, "_serve", few).start()
    mock.patch.object(DataLoader, "__iter__", few_of_loader).start()
    for name in ("claim", "close", "equal", "between", "raises"):
        setattr(d2l.check, name, _lenient(getattr(d2l.check, name)))


def _lenient(call: Callable[..., None]) -> Callable[..., None]:
    def check(*args: Any, **kwargs: Any) -> None:
        try:
            call(*args, **kwargs)
        except AssertionError as error:
            if "attribute 'device'" in str(error):
                raise Fault(str(error)) from error

    return check


def _apart(page: Path, kind: str | None, is_fast: bool) -> dict[str, Any]:
    """Run a page in a child that has everything imported already."""
    fork = multiprocessing.get_context("fork")
    results, mine = fork.Pipe(duplex=False)

    def work() -> None:
        mine.send(run(page, kind, is_fast))

    child = fork.Process(target=work)
    child.start()
    mine.close()
    try:
        return results.recv()
    except EOFError:
        return {"faults": {0: "the process died"}, "errors": {}, "waits": 0}
    finally:
        child.join()


def judge(page: Path, kind: str, is_fast: bool) -> tuple[str, bool]:
    """Run a page; return its row of the table, and whether it passes."""
    start = time.monotonic()
    found = _apart(page, kind, is_fast)
    faults: dict[int, str] = found["faults"] | found["errors"]
    if is_fast and found["errors"]:
        cut = _apart(page, None, is_fast)["errors"]
        faults = {n: text for n, text in faults.items() if n not in cut}
    name = page.relative_to(ROOT / "chapters").with_suffix("")
    result = f"FAILS in {len(faults)}" if faults else "passes"
    seconds = f"{time.monotonic() - start:.0f} s"
    row = f"{name!s:44} {kind:5} {result:11} {seconds:>6}"
    row += f" {found['waits']:7} waits"
    lines = [f"    cell {n}: {faults[n][:160]}" for n in sorted(faults)]
    return "\n".join([row, *lines]), not faults


def main(arguments: list[str]) -> int:
    """Print a row for every page and device; return 1 if one fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.pretend")
    parser.add_argument("pages", nargs="*", type=Path)
    parser.add_argument(
        "--as", dest="kinds", choices=["cuda", "mps", "both"], default="both"
    )
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--changed-since", default="", metavar="COMMIT")
    options = parser.parse_args(arguments)
    kinds = ["cuda", "mps"] if options.kinds == "both" else [options.kinds]
    import matplotlib.pyplot  # noqa: F401  the children find it imported

    passed = []
    for page in meant(options.pages, options.changed_since):
        for kind in kinds:
            row, is_good = judge(page, kind, options.fast)
            print(row, flush=True)
            passed.append(is_good)
    print(f"{sum(passed)} of {len(passed)} pass")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
