"""Counts what was run, compared and checked, over all processes."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PROPERTY = "nbcheck"


@dataclass
class Counts:
    """What happened in one notebook."""

    cells: int = 0
    compared: int = 0
    not_compared: Counter[str] = field(default_factory=Counter)
    claims: int = 0
    not_applied: int = 0
    stale: bool = False
    seconds: float = 0.0
    failed: list[str] = field(default_factory=list)

    def add(self, facts: dict[str, Any]) -> None:
        """Count one cell."""
        self.cells += 1
        self.claims += facts["claims"]
        self.not_applied += facts["not_applied"]
        self.stale |= facts["stale"]
        self.seconds = round(self.seconds + facts["seconds"], 3)
        if facts["outcome"] == "compared":
            self.compared += 1
        else:
            self.not_compared[facts["outcome"]] += 1


def line(notebooks: dict[str, Counts]) -> str:
    """Say in one line, always in the same words, what was done."""
    run = [counts for counts in notebooks.values() if counts.cells]
    reasons: Counter[str] = sum(
        (counts.not_compared for counts in run), Counter()
    )
    details = ", ".join(f"{n} {why}" for why, n in reasons.most_common())
    return (
        f"notebooks: {len(run)} run, "
        f"{sum(counts.compared for counts in run)} cells compared, "
        f"{reasons.total()} not compared"
        + (f" ({details})" if details else "")
        + f", {sum(counts.claims for counts in run)} claims checked"
        + _if_any(sum(c.not_applied for c in run), "checks not applied")
        + _if_any(sum(c.stale for c in run), "stale")
    )


def _if_any(number: int, what: str) -> str:
    """Say a number that should be none."""
    return f", {number} {what}" if number else ""


class Report:
    """Reads every report that reaches this process."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.notebooks: dict[str, Counts] = {}

    @property
    def path(self) -> Path:
        """Where the counts are written."""
        chosen = self.config.option.notebooks_report
        return chosen or self.config.rootpath / "_build" / "notebooks.json"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count one cell, or note a failure."""
        name, _, test = report.nodeid.partition("::")
        if not name.endswith(".ipynb"):
            return
        counts = self.notebooks.setdefault(name, Counts())
        if report.when == "call":
            facts = dict(report.user_properties).get(PROPERTY)
            if isinstance(facts, dict):
                counts.add(facts)
        if report.failed:
            counts.failed.append(test)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the counts; a run that ran nothing has failed."""
        if self.config.option.collectonly:
            return
        if session.exitstatus == 0 and not self._ran():
            session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED
        self.path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "summary": line(self.notebooks),
            "notebooks": {
                name: vars(counts)
                for name, counts in sorted(self.notebooks.items())
            },
        }
        self.path.write_text(json.dumps(content, indent=1) + "\n")

    def _ran(self) -> bool:
        """Whether any cell was run."""
        return any(counts.cells for counts in self.notebooks.values())

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        """Print the line."""
        if not self.config.option.collectonly:
            terminalreporter.write_line(line(self.notebooks))
