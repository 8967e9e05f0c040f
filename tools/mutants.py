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
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, NamedTuple

import coverage
import pytest

from tools.pages import ROOT

PATIENCE = 30.0  # seconds, and five times what the tests took before
OPTIONS = ["-q", "-p", "no:cacheprovider"]
_SWAPS = {
    **{"Lt": "LtE GtE", "LtE": "Lt Gt", "Gt": "GtE LtE", "GtE": "Gt Lt"},
    **{"Eq": "NotEq", "NotEq": "Eq", "Is": "IsNot", "IsNot": "Is"},
    **{"In": "NotIn", "NotIn": "In", "And": "Or", "Or": "And"},
    **{"Add": "Sub", "Sub": "Add", "Mult": "Div", "Div": "Mult"},
    **{"FloorDiv": "Mult", "Mod": "Mult", "Pow": "Mult"},
}


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
    lines = source.encode().splitlines(keepends=True)  # columns count bytes
    found = []
    for node, around, new in _faults(ast.parse(source)):
        first, last = node.lineno - 1, node.end_lineno
        left = lines[first][: node.col_offset]
        right = lines[last - 1][node.end_col_offset :]
        now = left + new.encode() + right
        whole = b"".join([*lines[:first], now, *lines[last:]])
        found.append(
            Mutant(
                file,
                " ".join(b"".join(lines[first:last]).decode().split()),
                " ".join(now.decode().split()),
                range(around.lineno, around.end_lineno + 1),
                whole.decode(),
            )
        )
    return found


def _faults(node: Any, around: Any = None) -> Iterator[tuple[Any, Any, str]]:
    """Yield a node, the statement it is in, and a text to put there."""
    if isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    ):
        return
    around = node if isinstance(node, ast.stmt) else around
    for place, new in _changes(node):
        yield place, around, new
    for name, value in ast.iter_fields(node):
        if name not in {"annotation", "returns", "decorator_list"}:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _faults(child, around)


def _changes(node: Any) -> Iterator[tuple[Any, str]]:
    """Yield a node, or the part of it to replace, and what to put there."""
    match node:
        case ast.Compare(ops=ops):
            for i, old in enumerate(ops):
                for new in _others(old):
                    swapped = [*ops[:i], new, *ops[i + 1 :]]
                    yield node, _with(node, ops=swapped)
        case ast.BinOp(op=old) | ast.BoolOp(op=old):
            for new in _others(old):
                yield node, _with(node, op=new)
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node, ast.unparse(node.operand)
        case ast.Constant(value=bool()):
            yield node, str(not node.value)
        case ast.Constant(value=int() | float() as value):
            yield node, repr(value + 1)
        case ast.If(test=test) | ast.While(test=test):
            if not isinstance(test, ast.Compare | ast.UnaryOp):
                yield test, f"not ({ast.unparse(test)})"
        case ast.Return(value=ast.expr() as value):
            if ast.unparse(value) != "None":
                yield node, "return None"
        case ast.Raise() | ast.AugAssign() | ast.Break() | ast.Continue():
            yield node, "pass"
        case ast.Expr(value=ast.Call()):
            yield node, "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield node, "pass"


def _others(old: ast.AST) -> list[Any]:
    """Return the operators that are tried in the place of one."""
    names = _SWAPS.get(type(old).__name__, "")
    return [getattr(ast, name)() for name in names.split()]


def _with(node: Any, **changed: Any) -> str:
    """Return the text of an expression with another operator."""
    fields = dict(ast.iter_fields(node)) | changed
    return f"({ast.unparse(type(node)(**fields))})"


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
        own = shutil.ignore_patterns(".*", "_build", "cache", "__pycache__")
        shutil.copytree(root, self.root, ignore=own, dirs_exist_ok=True)
        self.root.chmod(0o755)  # some tests give their rights away
        self._status(tests, Watch(self.root), 1800)
        notes = json.loads((self.root / "watched.json").read_text("utf-8"))
        self.seconds: dict[str, float] = notes["seconds"]
        self._lines: dict[str, dict[str, list[str]]] = notes["lines"]
        self.left_out: list[str] = notes["failed"]

    def tests(self, mutant: Mutant) -> list[str]:
        """Return the tests that may notice a mutant, the fastest first.

        For what runs while a module is imported these are all that use it.
        """
        lines = self._lines.get(mutant.file, {})
        own = {t for line in mutant.lines for t in lines.get(str(line), ())}
        found = own or {t for users in lines.values() for t in users}
        return sorted(found, key=self.seconds.__getitem__)

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
        """Write a module, and remove what was compiled from another text."""
        path.write_text(text, "utf-8")
        Path(cache_from_source(str(path))).unlink(missing_ok=True)

    def _status(self, files: list[str], plugin: object, limit: float) -> int:
        """Run tests in a process of their own; 0 when all of them pass."""
        fork = multiprocessing.get_context("fork")
        child: Any = fork.Process(target=self._run, args=(files, plugin))
        child.start()
        child.join(limit)
        if child.exitcode is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.join()
        return int(child.exitcode)

    def _run(self, files: list[str], plugin: object) -> None:
        """Run tests in this process, in silence and at home in the copy."""
        os.setsid()
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
        os._exit(pytest.main([*OPTIONS, *files], [plugin]))


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
        known = self._seconds.get(report.nodeid, 0.0)
        self._seconds[report.nodeid] = known + report.duration
        if report.failed:
            self._failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        self._cover.stop()
        seen = self._cover.get_data()
        good = self._seconds.keys() - self._failed
        lines = {
            Path(file).relative_to(self._root).as_posix(): {
                line: sorted(good.intersection(tests))
                for line, tests in seen.contexts_by_lineno(file).items()
            }
            for file in seen.measured_files()
        }
        failed = sorted(self._failed)
        notes = {"seconds": self._seconds, "lines": lines, "failed": failed}
        (self._root / "watched.json").write_text(json.dumps(notes), "utf-8")


class Only:
    """Runs the tests that are named, in that order, until one fails."""

    def __init__(self, names: list[str]) -> None:
        self._order = {name: place for place, name in enumerate(names)}

    def pytest_collection_modifyitems(self, session: Any, items: Any) -> None:
        items[:] = [item for item in items if item.nodeid in self._order]
        items.sort(key=lambda item: self._order[item.nodeid])
        session.config.option.maxfail = 1


def equivalents(root: Path) -> dict[tuple[str, str, str], str]:
    """Read why nobody can notice: by file, line and what it becomes."""
    text = (root / "tools/mutants.toml").read_text("utf-8")
    listed = tomllib.loads(text).get("equivalent", [])
    return {(x["file"], x["before"], x["now"]): x["why"] for x in listed}


def sample(
    root: Path, modules: Iterable[str], number: int, seed: int
) -> list[Mutant]:
    """Draw mutants of files and folders that are not listed as equivalent."""
    listed, found = equivalents(root), []
    for module in map(root.joinpath, modules):
        for path in sorted(module.rglob("*.py")) or [module]:
            name = path.relative_to(root).as_posix()
            found += mutants(name, path.read_text("utf-8"))
    open_ = [mutant for mutant in found if mutant[:3] not in listed]
    drawn = random.Random(seed).sample(open_, min(number, len(open_)))
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
        for test in shop.left_out:
            print(f"left out, it fails anyway: {test}", file=sys.stderr)
        for mutant in drawn:
            if shop.survives(mutant):
                print(mutant, flush=True)
            else:
                killed += 1
    print(f"{killed} of {len(drawn)} mutants were noticed")
    return 0 if killed >= 0.9 * len(drawn) else 1


if __name__ == "__main__":
    sys.exit(main())
