"""Repeat pages with every seed shifted; say which bounds seeds contradict.

    python -m tools.seeds chapters/03-basics/10-* -n 10
    python -m tools.seeds chapters --report

``D2L_SEED`` is added to the seeds given to ``d2l.runtime.seed``, to seeded
loaders and to the page's own generators. What each claim came to is kept in
``_build/seeds``, so that a study can be interrupted and goes on; range, mean
and deviation go into the stamp. They stay there as long as the page computes
the same: other bounds, words and hidden checks are no reason to run again.
The report lists claims that would fail in more than one of a hundred runs, or
whose bounds are so wide that hardly anything would fail. What comes out the
same with every seed has no entry.
"""

import argparse
import ast
import hashlib
import json
import math
import os
import re
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from tools.nbcheck import stamp
from tools.nbcheck.kernel import KernelStopped, Session
from tools.pages import ROOT, meant

RAW = ROOT / "_build/seeds"
STRIDE = 10_000  # pages that average over seeds 0, 1, ... share none
MOST_FAILURES = 0.01
FAR = 8.0  # deviations from the mean to a bound that hardly holds anything

_NAMES_A_SEED = re.compile(r"\bseed \d")  # ... and is true of no other

_START = """
import os, torch, d2l.check

class Generator(torch.Generator):
    def manual_seed(self, seed):
        super().manual_seed(seed + int(os.environ["D2L_SEED"]))
        return self

def going_on(check):
    def call(*args, **kwargs):
        try:
            check(*args, **kwargs)
        except AssertionError as error:
            print(error)
    return call

torch.Generator = Generator
d2l.check.claim = going_on(d2l.check.claim)
d2l.check.between = going_on(d2l.check.between)
"""


def computation(notebook: NotebookNode) -> str:
    """Return the SHA-256 of what the page computes, bounds left out."""
    sort = _Sort()
    parts = []
    for _, cell in stamp.code_cells(notebook):
        hidden = "remove-cell" in stamp.tags(cell)
        if stamp.SET_UP in stamp.tags(cell) or (
            hidden and ".claim(" not in cell.source
        ):
            continue
        try:
            parts.append(ast.unparse(sort.visit(ast.parse(cell.source))))
        except SyntaxError:  # a command of the notebook's
            parts.append(cell.source)
    text = "\n".join(filter(None, parts + sort.claims))
    return hashlib.sha256(text.encode()).hexdigest()


class _Sort(ast.NodeTransformer):
    """Takes away what prints or checks; keeps what claims are about."""

    def __init__(self) -> None:
        self.claims: list[str] = []

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        name = ast.unparse(node.value).split("(")[0]
        if name.endswith("check.claim") and isinstance(node.value, ast.Call):
            call = node.value
            given = {word.arg: word.value for word in call.keywords}
            names = ("what", "value")[len(call.args[:2]) :]
            kept = [*call.args[:2], *(given[name] for name in names)]
            self.claims += map(ast.unparse, kept)
        return None if ".check." in name or name == "print" else node

    def visit_Assert(self, node: ast.Assert) -> None:
        return None


def repeat(path: Path, shift: int) -> dict[str, Any]:
    """Run a page once with its seeds shifted, whatever fails.

    Returns:
        ``claims``, pairs of what and value, and ``stopped``, why it ended
        early; empty if it did not.
    """
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(_START))
    os.environ["D2L_SEED"] = str(shift)
    session = Session(
        path, notebook, timeout=lambda cell: stamp.timeout(cell, 1200)
    )
    found: dict[str, Any] = {"claims": [], "stopped": ""}
    try:
        for index, _ in stamp.code_cells(notebook):
            for event in session.run(index).of_kind("claim"):
                found["claims"].append([event["what"], event["value"]])
    except KernelStopped as error:
        found["stopped"] = str(error)
    finally:
        session.stop()
        del os.environ["D2L_SEED"]
    return found


def study(path: Path, number: int, raw: Path = RAW) -> None:
    """Repeat a page until there are so many runs, then change its stamp.

    Two runs are enough where nothing depends on the seed.
    """
    notebook = nbformat.read(path, as_version=4)
    code = computation(notebook)
    file = raw / f"{path.parent.name}-{path.stem}.json"
    known = json.loads(file.read_text("utf-8")) if file.exists() else {}
    runs = known["runs"] if known.get("code") == code else []
    for turn in range(len(runs) + 1, number + 1):
        if len(runs) > 1 and not any(spread(notebook, runs)):
            break
        done = repeat(path, turn * STRIDE)
        if done["stopped"]:  # it says nothing about the claims it missed
            raise SystemExit(f"{path}: {done['stopped']}")
        runs.append(done)
        raw.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"code": code, "runs": runs}), "utf-8")
    if len(runs) > 1:
        facts = notebook.metadata["d2l"]
        facts["seeds"] = {"code": code, "runs": len(runs)}
        found = spread(notebook, runs)
        for claim, seen in zip(facts["claims"], found, strict=True):
            claim.pop("seeds", None)
            if seen:
                claim["seeds"] = seen
        path.write_text(nbformat.writes(notebook) + "\n", "utf-8")


def spread(
    notebook: NotebookNode, runs: Sequence[dict[str, Any]]
) -> list[dict[str, Any] | None]:
    """Return how far each stamped claim spreads; None for no spread at all.

    Claims are matched by their words and, among equal ones, by order.
    """
    found: list[dict[str, Any] | None] = []
    seen: dict[str, int] = {}
    for claim in notebook.metadata["d2l"]["claims"]:
        what = claim["what"]
        place = seen[what] = seen.get(what, -1) + 1
        values = []
        for run in runs:
            same = [value for name, value in run["claims"] if name == what]
            values += [float(value) for value in same[place : place + 1]]
        found.append(_summary([v for v in values if math.isfinite(v)]))
    return found


def _summary(values: list[float]) -> dict[str, Any] | None:
    """Return range, mean and deviation, to five digits."""
    if not values or max(values) - min(values) <= 1e-6 * abs(max(values)):
        return None
    facts = {
        "low": min(values),
        "high": max(values),
        "mean": statistics.fmean(values),
        "deviation": statistics.stdev(values),
    }
    rounded = {name: float(f"{fact:.5g}") for name, fact in facts.items()}
    return {"runs": len(values), **rounded}


def keep(old: dict[str, Any], new: dict[str, Any], code: str) -> None:
    """Give a new stamp what a study found, if the page computes the same.

    Args:
        old: The stamp before, perhaps empty.
        new: The stamp that takes its place.
        code: The hash of ``computation``.
    """
    if old.get("seeds", {}).get("code") != code:
        return
    if [c["what"] for c in old["claims"]] != [
        c["what"] for c in new["claims"]
    ]:
        return
    new["seeds"] = old["seeds"]
    for before, now in zip(old["claims"], new["claims"], strict=True):
        if "seeds" in before:
            now["seeds"] = before["seeds"]


def verdict(claim: dict[str, Any]) -> str:
    """Say what shifted seeds have against the bounds of a claim, or nothing.

    The next run is taken to be one more draw from a normal distribution, of
    which only so many are known: Student's t.
    """
    from scipy.stats import t

    seen = claim.get("seeds")
    if not seen or seen["runs"] < 2 or _NAMES_A_SEED.search(claim["what"]):
        return ""
    scale = seen["deviation"] * math.sqrt(1 + 1 / seen["runs"])
    room = [
        sign * (seen["mean"] - bound) / scale
        for sign, bound in zip((1, -1), claim["bounds"], strict=True)
        if bound is not None
    ]
    chance = sum(float(t.sf(side, seen["runs"] - 1)) for side in room)
    low, high = claim["bounds"]
    if (low is not None and seen["low"] < low) or (
        high is not None and seen["high"] > high
    ):
        return "a run was outside the bounds"
    if chance > MOST_FAILURES:
        return f"{100 * chance:.0f} of a hundred runs would fail"
    if min(room) > FAR:
        return f"the nearest bound is {min(room):.0f} deviations away"
    return ""


def report(paths: Sequence[Path]) -> Iterator[str]:
    """Yield a line for every claim whose bounds do not fit its spread."""
    for path in paths:
        facts = nbformat.read(path, as_version=4).metadata.get("d2l", {})
        if "seeds" not in facts:
            yield f"{path.stem}: not studied"
        for claim in facts.get("claims", []):
            if words := verdict(claim):
                seen = claim["seeds"]
                yield (
                    f"{path.stem}: {claim['what']}: {words}; {seen['low']:g} "
                    f"to {seen['high']:g} in {seen['runs']} runs, bounds "
                    f"{tuple(claim['bounds'])}"
                )


def main(arguments: list[str] | None = None) -> int:
    """Study the notebooks, or report on what was found before."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="+", type=Path, metavar="NB")
    parser.add_argument("-n", type=int, default=10, help="runs of each page")
    parser.add_argument("--report", action="store_true", help="run nothing")
    options = parser.parse_args(arguments)
    paths = meant(options.notebooks)
    for path in [] if options.report else paths:
        print(f"{path} ...", flush=True)
        study(path, options.n)
    print(*report(paths), sep="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
