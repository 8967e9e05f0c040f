"""Repeat pages with every seed shifted; say which bounds seeds contradict.

    python -m tools.seeds chapters/03-basics/10-* -n 10
    python -m tools.seeds chapters --report

``D2L_SEED`` is added to the seeds given to ``d2l.runtime.seed``, to seeded
loaders and to the page's own generators. What each claim came to is kept in
``_build/seeds``, so that a study can be interrupted and goes on; range, mean
and deviation go into the stamp. They stay there as long as the page computes
the same up to the claim: bounds, printing, checks and whatever comes after it
are no reason to run again. The report lists claims that would fail in more
than one of a hundred runs, whose bounds are so wide that hardly anything
would fail, or that too few runs have tried.
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
ENOUGH = 5  # runs, before bounds are judged by them
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


Found = list[tuple[str, float, str]]
"""What the claims of a run said, their values, what the page had computed."""


def computed(notebook: NotebookNode) -> dict[int, str]:
    """Return the SHA-256 of what the page computes up to each claim.

    Keys are the places of cells with claims. Only what these are about
    counts of them; other claims, checks and printed lines have no part.
    """
    found, before = {}, hashlib.sha256()
    for index, cell in stamp.code_cells(notebook):
        if stamp.SET_UP in stamp.tags(cell):
            continue
        try:
            tree = ast.parse(cell.source)
        except SyntaxError:  # a command of the notebook's
            before.update(cell.source.encode())
            continue
        claims = [_about(node) for node in ast.walk(tree) if _is_claim(node)]
        if not claims and "remove-cell" in stamp.tags(cell):
            continue
        before.update(ast.unparse(_Quiet().visit(tree)).encode())
        if claims:
            here = before.copy()
            here.update("\n".join(claims).encode())
            found[index] = here.hexdigest()
    return found


def _is_claim(node: ast.AST) -> bool:
    """Tell a call of ``claim``."""
    return isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
        "check.claim"
    )


def _about(call: Any) -> str:
    """Return what a claim is about: its words and its value."""
    given = {word.arg: word.value for word in call.keywords}
    names = ("what", "value")[len(call.args[:2]) :]
    kept = [*call.args[:2], *(given[name] for name in names)]
    return ", ".join(map(ast.unparse, kept))


class _Quiet(ast.NodeTransformer):
    """Takes away what prints or checks."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        name = ast.unparse(node.value).split("(")[0]
        return None if ".check." in name or name == "print" else node

    def visit_Assert(self, node: ast.Assert) -> None:
        return None


def repeat(path: Path, shift: int) -> Found:
    """Run a page once with its seeds shifted, whatever fails.

    Raises:
        SystemExit: The kernel stopped: what claims it missed is not known.
    """
    notebook = nbformat.read(path, as_version=4)
    codes = computed(notebook)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(_START))
    os.environ["D2L_SEED"] = str(shift)
    session = Session(
        path, notebook, timeout=lambda cell: stamp.timeout(cell, 1200)
    )
    found: Found = []
    try:
        for index, _ in stamp.code_cells(notebook):
            for event in session.run(index).of_kind("claim"):
                code = codes.get(index - 1, "")
                found.append((event["what"], float(event["value"]), code))
    except KernelStopped as error:
        raise SystemExit(f"{path}: {error}") from error
    finally:
        session.stop()
        del os.environ["D2L_SEED"]
    return found


def study(path: Path, number: int, raw: Path = RAW) -> None:
    """Repeat a page until there are so many runs, then change its stamp.

    Two runs are enough where nothing depends on the seed.
    """
    notebook = nbformat.read(path, as_version=4)
    codes = set(computed(notebook).values())
    file = raw / f"{path.parent.name}-{path.stem}.json"
    runs: dict[str, Found] = {}
    if file.exists():
        runs = json.loads(file.read_text("utf-8"))
    claims = notebook.metadata["d2l"]["claims"]
    for turn in range(1, number + 1):
        shift = turn * STRIDE
        whole = [
            run for run in runs.values() if codes <= {code for *_, code in run}
        ]
        found = spread(claims, whole, codes)
        if turn > 2 and not any(seen and seen["deviation"] for seen in found):
            break
        if runs.get(str(shift)) not in whole:
            runs[str(shift)] = repeat(path, shift)
            raw.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(runs), "utf-8")
    found = spread(claims, list(runs.values()), codes)
    for claim, seen in zip(claims, found, strict=True):
        claim.pop("seeds", None)
        if seen:
            claim["seeds"] = seen
    path.write_text(nbformat.writes(notebook) + "\n", "utf-8")


def spread(
    claims: Sequence[dict[str, Any]], runs: Sequence[Found], codes: set[str]
) -> list[dict[str, Any] | None]:
    """Return how far each claim spreads; None where fewer than two runs say.

    Claims are matched by their words and, among equal ones, by order.
    """
    found: list[dict[str, Any] | None] = []
    places: dict[str, int] = {}
    for claim in claims:
        what = claim["what"]
        place = places[what] = places.get(what, -1) + 1
        seen = []
        for run in runs:
            same = [entry for entry in run if entry[0] == what]
            seen += [
                entry
                for entry in same[place : place + 1]
                if entry[2] in codes and math.isfinite(entry[1])
            ]
        found.append(_summary(seen) if len(seen) > 1 else None)
    return found


def _summary(seen: Found) -> dict[str, Any]:
    """Return range, mean and deviation, to five digits."""
    values = [value for _, value, _ in seen]
    facts = {
        "low": min(values),
        "high": max(values),
        "mean": statistics.fmean(values),
        "deviation": statistics.stdev(values),
    }
    if facts["high"] - facts["low"] <= 1e-6 * abs(facts["high"]):
        facts["deviation"] = 0.0
    rounded = {name: float(f"{fact:.5g}") for name, fact in facts.items()}
    return {"runs": len(values), "code": seen[0][2], **rounded}


def keep(
    old: dict[str, Any], new: dict[str, Any], notebook: NotebookNode
) -> None:
    """Give a new stamp what a study found, where the page computes the same.

    Args:
        old: The stamp before, perhaps empty.
        new: The stamp that takes its place.
        notebook: The page.
    """
    codes = set(computed(notebook).values())
    known: dict[str, list[Any]] = {}
    for claim in old.get("claims", []):
        known.setdefault(claim["what"], []).append(claim.get("seeds"))
    for claim in new["claims"]:
        seen = known.get(claim["what"]) and known[claim["what"]].pop(0)
        if seen and seen["code"] in codes:
            claim["seeds"] = seen


def verdict(claim: dict[str, Any]) -> str:
    """Say what shifted seeds have against the bounds of a claim, or nothing.

    The next run is taken to be one more draw from a normal distribution, of
    which only so many are known: Student's t.
    """
    from scipy.stats import t

    seen = claim.get("seeds")
    if not seen:
        return "not studied"
    if not seen["deviation"] or _NAMES_A_SEED.search(claim["what"]):
        return ""
    if seen["runs"] < ENOUGH:
        return "too few runs"
    low, high = claim["bounds"]
    if (low is not None and seen["low"] < low) or (
        high is not None and seen["high"] > high
    ):
        return "a run was outside the bounds"
    scale = seen["deviation"] * math.sqrt(1 + 1 / seen["runs"])
    room = [
        sign * (seen["mean"] - side) / scale
        for sign, side in zip((1, -1), claim["bounds"], strict=True)
        if side is not None
    ]
    chance = sum(float(t.sf(side, seen["runs"] - 1)) for side in room)
    if chance > MOST_FAILURES:
        return f"{100 * chance:.0f} of a hundred runs would fail"
    if min(room) > FAR:
        return f"the nearest bound is {min(room):.0f} deviations away"
    return ""


def report(paths: Sequence[Path]) -> Iterator[str]:
    """Yield a line for every claim whose bounds do not fit its spread."""
    for path in paths:
        facts = nbformat.read(path, as_version=4).metadata.get("d2l", {})
        for claim in facts.get("claims", []):
            if words := verdict(claim):
                line = f"{path.stem}: {claim['what']}: {words}"
                if seen := claim.get("seeds"):
                    line += (
                        f"; {seen['low']:g} to {seen['high']:g} in "
                        f"{seen['runs']} runs, bounds {claim['bounds']}"
                    )
                yield line


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
