"""pytest's side of the check: a notebook is a file, a cell is a test.

Collection and reports are nbval's; execution is ``kernel``'s, the comparison
is ``compare``'s. A notebook begins with a test of its stamp, which runs
nothing, and ends with a test that every stamped claim was checked.
"""

import copy
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbval import plugin as nbval

from tools.nbcheck import compare, report, stamp
from tools.nbcheck.kernel import CellRun, KernelStopped, Session, as_stored
from tools.nbcheck.tokens import RTOL

# Seconds until a kernel runs its first cell.
STARTUP = 2.0


def pytest_addoption(
    parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager
) -> None:
    """Add our options, and nbval's where its own plugin is switched off."""
    if pluginmanager.is_blocked("nbval"):
        nbval.pytest_addoption(parser)
    group = parser.getgroup("notebooks")
    group.addoption(
        "--cell-timeout",
        type=float,
        default=float(os.environ.get("D2L_CELL_TIMEOUT", "300")),
        help="seconds a cell may take (default: $D2L_CELL_TIMEOUT or 300)",
    )
    group.addoption(
        "--shard",
        type=_shard,
        metavar="I/N",
        help="run the I-th of N parts, of about the same length each",
    )
    group.addoption(
        "--notebooks-report",
        type=Path,
        metavar="FILE",
        help="where the counts go (default: _build/notebooks.json)",
    )


def _shard(value: str) -> tuple[int, int]:
    """Read ``2/3`` as the second of three."""
    try:
        part, parts = map(int, value.split("/"))
    except ValueError:
        part, parts = 0, 0
    if not 1 <= part <= parts:
        raise pytest.UsageError(
            f"--shard is {value!r}; give I/N with 1 <= I <= N, such as 2/3"
        )
    return part, parts


def pytest_configure(config: pytest.Config) -> None:
    """Count on the one process that sees all reports."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(report.Report(config), "nbreport")


def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> "Notebook | None":
    """Collect every notebook."""
    if file_path.suffix != ".ipynb":
        return None
    if file_path.is_relative_to(parent.config.rootpath):
        return Notebook.from_parent(parent, path=file_path)
    name = file_path.as_posix()  # pytest's own would be empty
    return Notebook.from_parent(parent, path=file_path, nodeid=name)


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Keep the notebooks of this shard."""
    if config.option.shard is None:
        return
    part, parts = config.option.shard
    seconds = {
        str(item.path): item.parent.seconds
        for item in items
        if isinstance(item.parent, Notebook)
    }
    mine = shard(seconds, parts)[part - 1]
    dropped = [item for item in items if str(item.path) not in mine]
    items[:] = [item for item in items if str(item.path) in mine]
    config.hook.pytest_deselected(items=dropped)


def shard(seconds: dict[str, float], parts: int) -> list[set[str]]:
    """Divide notebooks into parts that take about the same time.

    The longest goes first, each to the part that has least to do: the same
    division on every machine.

    Args:
        seconds: How long each notebook takes, by path.
        parts: How many parts there are.

    Returns:
        The paths of each part; a part may be empty.
    """
    result: list[set[str]] = [set() for _ in range(parts)]
    load = [0.0] * parts
    for path in sorted(seconds, key=lambda path: (-seconds[path], path)):
        least = load.index(min(load))
        result[least].add(path)
        load[least] += seconds[path]
    return result


class Notebook(nbval.IPyNbFile):
    """A notebook: its stamp, its cells, its claims, and one kernel."""

    runner: Session | None = None

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the tests of this notebook in the order of its cells."""
        try:
            self.nb = nbformat.read(self.path, as_version=4)
        except Exception as error:
            raise self.CollectError(f"not a notebook: {error}") from error
        self.stamp = self.nb.metadata.get("d2l", {})
        self.problems = stamp.problems(self.nb)
        self.different = [] if self._comparable() else ["no stamp"]
        self.stopped = ""
        self.num_claims = self.num_run = 0
        yield StampTest.from_parent(self, name="stamp")
        cells = stamp.code_cells(self.nb)
        for index, cell in cells:
            options = defaultdict(
                bool, nbval.find_metadata_tags(cell.metadata)
            )
            options.update(nbval.find_comment_markers(cell.source))
            options.setdefault("check", True)
            yield CellTest.from_parent(
                self,
                name=f"cell {index}",
                cell_num=index,
                cell=cell,
                options=options,
            )
        if self.stamp.get("claims"):
            yield ClaimsTest.from_parent(self, name="claims")

    def _comparable(self) -> bool:
        """Whether the stamp says what kind of run the outputs are from."""
        return {"scale", "data", "device"} <= self.stamp.keys()

    @property
    def seconds(self) -> float:
        """Seconds the notebook will take: a minute if nobody knows."""
        return STARTUP + float(self.stamp.get("seconds", 60.0))

    def setup(self) -> None:
        """Start nothing: the first cell that runs starts the kernel."""

    def run(self, index: int) -> CellRun:
        """Run one cell and note in what its run is of another kind.

        Raises:
            KernelStopped: The kernel is gone, now or since another cell.
        """
        if self.stopped:
            raise KernelStopped(f"not run: {self.stopped}")
        try:
            if self.runner is None:
                self.runner = Session(
                    self.path,
                    copy.deepcopy(self.nb),
                    timeout=self.timeout,
                )
            result = self.runner.run(index)
            result.events.append(self.runner.probe())
        except KernelStopped:
            self.stopped = f"the kernel stopped in cell {index}"
            raise
        self.num_run += 1
        self.num_claims += len(result.of_kind("claim"))
        if not self.different:
            self.different = stamp.differences(self.stamp, result)
        return result

    def timeout(self, cell: nbformat.NotebookNode) -> float:
        """Return the seconds that a cell may take."""
        return stamp.timeout(cell, self.config.option.cell_timeout)

    def teardown(self) -> None:
        """Kill the kernel."""
        if self.runner is not None:
            self.runner.stop()
            self.runner = None


class StampTest(pytest.Item):
    """What can be said about a notebook without running it."""

    parent: Notebook

    def runtest(self) -> None:
        """Fail with everything that is wrong."""
        if self.parent.problems:
            raise NotebookFailed("\n".join(map(str, self.parent.problems)))

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """Show the message alone."""
        if isinstance(excinfo.value, NotebookFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Name the notebook and the test."""
        return self.path, 0, f"{self.parent.nodeid}::{self.name}"


class ClaimsTest(StampTest):
    """Every claim in the stamp was checked again."""

    def runtest(self) -> None:
        """Fail when this run made fewer or more claims than the stamp."""
        stamped = len(self.parent.stamp["claims"])
        if self.parent.num_run < len(stamp.code_cells(self.parent.nb)):
            if not self.parent.stopped:
                pytest.skip("not all cells were run")
            raise NotebookFailed(f"not all claims: {self.parent.stopped}")
        if self.parent.num_claims != stamped:
            raise NotebookFailed(
                f"{stamped} claims are stamped, "
                f"{self.parent.num_claims} were checked"
            )


class NotebookFailed(Exception):
    """What is wrong with a notebook as a whole."""


class CellTest(nbval.IPyNbCell):
    """One code cell: run, held to its claims, compared with its outputs."""

    def setup(self) -> None:
        """Nothing to prepare."""

    def runtest(self) -> None:
        """Run the cell.

        Raises:
            nbval.NbCellError: The kernel stopped, the cell raised, a claim
                did not hold, or the outputs differ.
        """
        facts = {"outcome": "not run", "claims": 0, "seconds": 0.0}
        facts |= {"not_applied": 0, "stale": False}
        self.user_properties.append((report.PROPERTY, facts))
        try:
            run = self.parent.run(self.cell_num)
        except KernelStopped as error:
            self.raise_cell_error(str(error))
        facts["claims"] = len(run.of_kind("claim"))
        checks = [check["applied"] for check in run.of_kind("check")]
        facts["not_applied"] = checks.count(False)
        facts["seconds"] = round(run.seconds, 3)
        facts["outcome"] = self._why_not() or "compared"
        if facts["outcome"] not in ("compared", "ignore-output"):
            facts["stale"] = stamp.is_stale(self.parent.stamp)
        if broken := stamp.broken_claims(run):
            self.raise_cell_error(broken)
        self._check_error(run)
        if facts["outcome"] == "compared":
            self._compare(run)

    def _why_not(self) -> str:
        """Say why the outputs are not compared; empty if they are."""
        if not self.options["check"]:
            return "ignore-output"
        if self.cell.execution_count is None:
            return "unexecuted"
        return "+".join(self.parent.different)

    def _check_error(self, run: CellRun) -> None:
        """Fail when the cell raised and should not, or the reverse."""
        expected = self.options["check_exception"]
        if run.error is not None and not expected:
            self.raise_cell_error(
                f"it raised {run.error.ename}: {run.error.evalue}",
                "\n".join(run.error.traceback),
            )
        if run.error is None and expected:
            self.raise_cell_error("it should raise, but it did not")

    def _compare(self, run: CellRun) -> None:
        """Fail when the outputs are not the stored ones."""
        try:
            rtol = stamp.settings(self.cell).get("rtol", RTOL)
        except ValueError as error:
            self.raise_cell_error(str(error))
        found = compare.outputs(
            as_stored(self.cell.outputs),
            run.outputs,
            rtol=rtol,
            claims=[claim["what"] for claim in run.of_kind("claim")],
        )
        if found:
            self.raise_cell_error("outputs differ: " + "\n".join(found))

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """Show the cause first, since the summary quotes the first line."""
        error = excinfo.value
        if not isinstance(error, nbval.NbCellError):
            return super().repr_failure(excinfo)
        parts = [f"cell {error.cell_num}: {error}", "", error.source]
        if error.inner_traceback:
            parts += ["", error.inner_traceback]
        return "\n".join(parts)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Name the notebook and the cell."""
        return self.path, 0, f"{self.parent.nodeid}::{self.name}"
