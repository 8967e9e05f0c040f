"""Break lines of the package on purpose, and see whether a test notices.

    python -m tools.mutants d2l/train d2l/check.py -n 200

A *mutant* is a module with one small fault: another comparison, a number one
higher, a statement gone. The tests that run its lines are run against it in a
copy of the tree, by a process forked from one that has imported PyTorch
(Windows cannot). A mutant that no test notices *survives* and is shown;
``tools/mutants.toml`` lists those that behave like the original, and why.
Strings and annotations stay: no test should hold every message to its words.
"""

import argparse
import ast
import copy
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import coverage
import pytest

from tools.pages import ROOT

PATIENCE = 30.0  # seconds, and five times what the tests took before
OPTIONS = ["-q", "-p", "no:cacheprovider"]
_SWAPS = (
    "Lt-LtE Lt-GtE LtE-Lt LtE-Gt Gt-GtE Gt-LtE GtE-Gt GtE-Lt Eq-NotEq "
    "NotEq-Eq In-NotIn NotIn-In Is-IsNot IsNot-Is And-Or Or-And Add-Sub "
    "Sub-Add Mult-Div Div-Mult FloorDiv-Mult Mod-Mult Pow-Mult"
)


class Mutant(NamedTuple):
    """A module with one fault: the line that was, the line that is."""

    file: str
    before: str
    now: str
    lines: range  # the statement; a test that runs one of them may notice
    source: str

    def __str__(self) -> str:
        return f"{self.file}:{self.lines[0]}\n- {self.before}\n+ {self.now}"


def mutants(file: str, source: str) -> list[Mutant]:
    """Return every mutant of a module."""
    text = source.encode()  # the columns of a syntax tree count bytes
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []
    for node, around, new in _faults(ast.parse(source), None):
        first, last = starts[node.lineno - 1], starts[node.end_lineno]
        begin = first + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        line = text[first:begin] + new.encode() + text[end:last]
        found.append(
            Mutant(
                file,
                " ".join(text[first:last].decode().split()),
                " ".join(line.decode().split()),
                range(around.lineno, around.end_lineno + 1),
                (text[:first] + line + text[last:]).decode(),
            )
        )
    return found


def _faults(node: ast.AST, around: Any) -> Iterator[tuple[Any, Any, str]]:
    """Yield a node, the statement it is in, and a text to put there."""
    if isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    ):
        return
    if isinstance(node, ast.stmt):
        around = node
    match node:
        case ast.Compare(ops=operators):
            for place, old in enumerate(operators):
                for new in _others(old):
                    changed = copy.deepcopy(node)
                    changed.ops[place] = new
                    yield node, around, f"({ast.unparse(changed)})"
        case ast.BinOp(op=old) | ast.BoolOp(op=old):
            for new in _others(old):
                other = copy.deepcopy(node)
                other.op = new
                yield node, around, f"({ast.unparse(other)})"
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield node, around, ast.unparse(operand)
        case ast.Constant(value=bool() as value):
            yield node, around, str(not value)
        case ast.Constant(value=int() | float() as value):
            yield node, around, repr(value + 1)
        case ast.If(test=test) | ast.While(test=test):
            if not isinstance(test, ast.Compare | ast.UnaryOp):
                yield test, around, f"not ({ast.unparse(test)})"
        case ast.Return(value=value) if value and ast.unparse(value) != "None":
            yield node, around, "return None"
        case (
            ast.Raise()
            | ast.AugAssign()
            | ast.Break()
            | ast.Continue()
            | ast.Expr(value=ast.Call())
            | ast.Assign(targets=[ast.Attribute() | ast.Subscript()])
        ):
            yield node, around, "pass"
    for name, value in ast.iter_fields(node):
        if name not in {"annotation", "returns", "decorator_list"}:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _faults(child, around)


def _others(old: ast.AST) -> list[Any]:
    """Return the operators that are tried in the place of one."""
    pairs = (pair.split("-") for pair in _SWAPS.split())
    return [getattr(ast, b)() for a, b in pairs if a == type(old).__name__]


class Workshop:
    """A copy of a tree, and which test runs which line of it.

    Args:
        root: The tree. It is left alone.
        place: The empty folder of the copy.
        tests: Files and folders.
    """

    def __init__(self, root: Path, place: Path, tests: list[str]) -> None:
        import torch  # noqa: F401  so that no mutant has to

        self.root = place.resolve()
        command = ["git", "ls-files", "-z", "-co", "--exclude-standard"]
        listed = subprocess.check_output(command, cwd=root, text=True)
        for name in filter(None, listed.split("\0")):
            if (root / name).is_file():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(root / name, self.root / name)
        self._time = time.time() - 1e6
        self._status(tests, Watch(self.root), 1800)
        notes = json.loads((self.root / "watched.json").read_text("utf-8"))
        self.seconds: dict[str, float] = notes["seconds"]
        self._lines: dict[str, dict[str, list[str]]] = notes["lines"]

    def tests(self, mutant: Mutant) -> list[str]:
        """Return the tests that may notice a mutant, the fastest first.

        For what runs while a module is imported these are all that use it.
        """
        lines = self._lines.get(mutant.file, {})
        own = {t for line in mutant.lines for t in lines.get(str(line), ())}
        found = own & self.seconds.keys() or {
            test for users in lines.values() for test in users
        }
        return sorted(
            found & self.seconds.keys(), key=self.seconds.__getitem__
        )

    def survives(self, mutant: Mutant) -> bool:
        """Say whether all of them pass, or there is none."""
        path, tests = self.root / mutant.file, self.tests(mutant)
        whole = path.read_text("utf-8")
        limit = PATIENCE + 5 * sum(self.seconds[test] for test in tests)
        try:
            self._write(path, mutant.source)
            files = sorted({test.split("::")[0] for test in tests})
            return not files or not self._status(files, Only(tests), limit)
        finally:
            self._write(path, whole)

    def _write(self, path: Path, text: str) -> None:
        """Write a module at a time of its own, lest an old .pyc be taken."""
        path.write_text(text, "utf-8")
        self._time += 10
        os.utime(path, (self._time, self._time))

    def _status(self, files: list[str], plugin: object, limit: float) -> int:
        """Run tests in a process of their own; 0 when all of them pass."""
        child = os.fork()
        if child == 0:
            try:
                os.setsid()
                self._move_in()
                os._exit(pytest.main([*OPTIONS, *files], [plugin]))
            finally:
                os._exit(70)
        end = time.monotonic() + limit
        while time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return 1

    def _move_in(self) -> None:
        """Make this process silent, and at home in the copy."""
        os.chdir(self.root)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nothing, stream)
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
        os.environ["PYTHONPATH"] = str(self.root)
        sys.path.insert(0, str(self.root))
        for name in list(sys.modules):
            if name.split(".")[0] in {"d2l", "tools", "_ext"}:
                del sys.modules[name]


class Watch:
    """Notes how long each test takes and which lines it runs.

    A test that fails without any fault is left out.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._cover = coverage.Coverage(
            None, source=[str(root)], config_file=False
        )
        self._seconds: dict[str, float] = {}
        self._failed: set[str] = set()

    def pytest_sessionstart(self) -> None:
        self._cover.start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._cover.switch_context(nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if not report.passed:
            self._failed.add(report.nodeid)
        known = self._seconds.get(report.nodeid, 0.0)
        self._seconds[report.nodeid] = known + report.duration

    def pytest_sessionfinish(self) -> None:
        self._cover.stop()
        seen = self._cover.get_data()
        for test in self._failed:
            del self._seconds[test]
        notes = {
            "seconds": self._seconds,
            "lines": {
                Path(file)
                .relative_to(self._root)
                .as_posix(): seen.contexts_by_lineno(file)
                for file in seen.measured_files()
            },
        }
        (self._root / "watched.json").write_text(json.dumps(notes), "utf-8")


class Only:
    """Runs the tests that are named, in that order, until one fails."""

    def __init__(self, names: list[str]) -> None:
        self._order = {name: place for place, name in enumerate(names)}

    def pytest_collection_modifyitems(self, session: Any, items: Any) -> None:
        items[:] = [item for item in items if item.nodeid in self._order]
        items.sort(key=lambda item: self._order[item.nodeid])
        session.config.option.maxfail = 1


def equivalents(root: Path) -> list[tuple[str, str, str, str]]:
    """Read the mutants nobody can notice: file, line, what it becomes, why."""
    text = (root / "tools/mutants.toml").read_text("utf-8")
    listed = tomllib.loads(text).get("equivalent", [])
    return [(x["file"], x["before"], x["now"], x["why"]) for x in listed]


def sample(
    root: Path, modules: Iterable[str], number: int, seed: int
) -> list[Mutant]:
    """Draw mutants of files and folders that are not listed as equivalent."""
    listed = {entry[:3] for entry in equivalents(root)}
    found = []
    for module in map(root.joinpath, modules):
        for path in sorted(module.rglob("*.py")) or [module]:
            name = path.relative_to(root).as_posix()
            found += mutants(name, path.read_text("utf-8"))
    found = [mutant for mutant in found if mutant[:3] not in listed]
    drawn = random.Random(seed).sample(found, min(number, len(found)))
    return sorted(drawn, key=lambda mutant: (mutant.file, mutant.lines[0]))


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Print the survivors of a sample; 0 when at least nine in ten die."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="+")
    parser.add_argument("-n", type=int, default=200, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="which sample")
    parser.add_argument("--tests", nargs="+", default=["tests/d2l"])
    options = parser.parse_args(arguments)
    drawn = sample(root, options.modules, options.n, options.seed)
    killed = 0
    with tempfile.TemporaryDirectory(prefix="d2l-mutants-") as place:
        shop = Workshop(root, Path(place), options.tests)
        for mutant in drawn:
            if shop.survives(mutant):
                print(mutant, flush=True)
            else:
                killed += 1
    print(f"{killed} of {len(drawn)} mutants were noticed")
    return 0 if killed >= 0.9 * len(drawn) else 1


if __name__ == "__main__":
    sys.exit(main())
