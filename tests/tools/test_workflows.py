"""The workflows do what `make` does, and ask for nothing they do not need.

That they are valid is checked by `make lint`, against GitHub's schema.
"""

import re
import shlex
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tools.pages import ROOT

# Runs outside of make, because it is what brings make to Windows.
SET_UP = {"choco install make --no-progress --yes"}

Workflow = dict[str, Any]


def workflows() -> dict[str, Workflow]:
    """Return each workflow by file name, every scalar as it is written."""
    return {
        path.name: yaml.load(path.read_text("utf-8"), yaml.BaseLoader)
        for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    }


ALL = pytest.mark.parametrize(
    "workflow", workflows().values(), ids=workflows().keys()
)


def jobs(workflow: Workflow) -> Iterator[Workflow]:
    """Yield the jobs that have steps of their own."""
    for job in workflow["jobs"].values():
        if "uses" not in job:
            yield job


def commands(workflow: Workflow) -> list[str]:
    """Return every command line that the steps of a workflow run.

    A target that a matrix names is put in its place.
    """
    return [
        line.replace("${{ matrix.target }}", target)
        for job in jobs(workflow)
        for target in job.get("strategy", {})
        .get("matrix", {})
        .get("target", [""])
        for step in job["steps"]
        for line in step.get("run", "").splitlines()
    ]


def makefile() -> tuple[set[str], set[str]]:
    """Return the targets of the Makefile, and the variables that it reads."""
    text = (ROOT / "Makefile").read_text("utf-8")
    targets = re.findall(r"^([a-z]+):", text, re.MULTILINE)
    return set(targets), set(re.findall(r"\$\(([A-Z]+)\)", text))


def test_there_is_a_workflow_for_each_purpose():
    """Changes, publication, GPU runners and the weekly run."""
    assert set(workflows()) == {
        "ci.yml",
        "publish.yml",
        "gpu.yml",
        "weekly.yml",
    }


@ALL
def test_every_step_is_a_target_that_runs_here_too(workflow):
    """A command in a workflow is `make TARGET`, and the Makefile has it."""
    targets, variables = makefile()

    for command in set(commands(workflow)) - SET_UP:
        plain = re.sub(r"\$\{\{.*?\}\}", "0", command)
        program, *words = shlex.split(plain)

        assert program == "make", command
        goals = [word for word in words if "=" not in word]
        assert goals, command
        assert set(goals) <= targets, command
        given = {word.split("=")[0] for word in words if "=" in word}
        assert given <= variables, command


@ALL
def test_a_workflow_can_only_read_unless_a_job_asks(workflow):
    """The rights of the whole are to read; a job adds what it must write."""
    assert workflow["permissions"] == {"contents": "read"}


@ALL
def test_runs_of_a_workflow_do_not_pile_up(workflow):
    """Each belongs to a group in which one runs at a time."""
    assert workflow["concurrency"]["group"]


def test_no_two_workflows_share_a_group():
    """A workflow that calls another would wait for itself forever."""
    groups = [w["concurrency"]["group"] for w in workflows().values()]

    assert len(set(groups)) == len(groups)


@ALL
def test_every_job_ends(workflow):
    """A job that hangs is stopped before GitHub's six hours, or at them."""
    for job in jobs(workflow):
        assert int(job["timeout-minutes"]) <= 360


@ALL
def test_every_action_is_pinned_to_a_major_version(workflow):
    """And comes from GitHub itself."""
    used = [
        step["uses"]
        for job in jobs(workflow)
        for step in job["steps"]
        if "uses" in step
    ]

    assert used
    for action in used:
        assert re.fullmatch(r"actions/[a-z-]+@v\d+", action), action


def test_only_the_job_that_pushes_keeps_credentials():
    """Elsewhere what the book's code runs cannot write to the repository."""
    for workflow in workflows().values():
        for job in jobs(workflow):
            writes = job.get("permissions", {}).get("contents") == "write"
            for step in job["steps"]:
                if step.get("uses", "").startswith("actions/checkout@"):
                    kept = step.get("with", {}).get("persist-credentials")
                    assert writes is (kept != "false")


def test_changes_run_on_every_system_from_the_oldest_python():
    """Linux, macOS and Windows, starting where requires-python starts."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    matrix = workflows()["ci.yml"]["jobs"]["test"]["strategy"]["matrix"]

    systems = {name.split("-")[0] for name in matrix["os"]}
    assert systems == {"ubuntu", "macos", "windows"}
    assert f">={matrix['python'][0]}" == project["requires-python"]
    assert len(matrix["python"]) == 2
    assert "make test" in commands(workflows()["ci.yml"])


def test_changed_pages_run_as_on_an_accelerator_and_without_hidden_cells():
    """For a pull request, which says what it is compared with."""
    job = workflows()["ci.yml"]["jobs"]["changed"]

    assert job["if"] == "github.event_name == 'pull_request'"
    assert job["steps"][0]["with"]["fetch-depth"] == "0"
    base = "SINCE=${{ github.event.pull_request.base.sha }}"
    assert {f"make pretend {base}", f"make visible {base}"} <= set(
        commands(workflows()["ci.yml"])
    )


def test_a_push_to_main_is_checked_before_it_is_published():
    """Site and notebooks wait for the checks of every change."""
    publish = workflows()["publish.yml"]

    assert publish["on"] == {"push": {"branches": ["main"]}}
    assert publish["jobs"]["check"]["uses"] == "./.github/workflows/ci.yml"
    assert "workflow_call" in workflows()["ci.yml"]["on"]
    assert publish["jobs"]["site"]["needs"] == "check"
    assert publish["jobs"]["notebooks"]["needs"] == "check"
    assert publish["jobs"]["deploy"]["needs"] == "site"


def test_gpu_runners_record_every_chapter_and_keep_it():
    """At full scale; what was recorded can be fetched, failures or not."""
    gpu = workflows()["gpu.yml"]

    chapters = gpu["jobs"]["full"]["strategy"]["matrix"]["chapter"]
    written = (ROOT / "chapters").glob("*/[0-9]*.ipynb")
    assert chapters == sorted({path.parent.name[:2] for path in written})
    (command,) = commands(gpu)
    assert command.startswith("make record SCALE=full")
    assert "chapters/${{ matrix.chapter }}-*/[0-9]*.ipynb" in command
    *_, upload = gpu["jobs"]["full"]["steps"]
    assert upload["uses"].startswith("actions/upload-artifact@")
    assert upload["if"] == "${{ !cancelled() }}"


def test_gpu_runners_never_see_a_pull_request():
    """A machine that is not thrown away runs reviewed code only."""
    gpu = workflows()["gpu.yml"]

    assert set(gpu["on"]) == {"schedule", "workflow_dispatch"}
    assert "vars.GPU_RUNNER != ''" in gpu["jobs"]["full"]["if"]


def test_the_weekly_run_tries_the_newest_versions():
    """Once a week, changed or not, with the lock made anew and as it is."""
    weekly = workflows()["weekly.yml"]

    (when,) = weekly["on"]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", when["cron"])
    assert commands(weekly)[:3] == ["make lock", "make book", "make test"]


def test_the_weekly_run_tries_what_takes_long():
    """Visible cells alone, other seeds, lines broken on purpose."""
    weekly = workflows()["weekly.yml"]

    deeper = {"make visible", "make seeds", "make mutants"}
    assert deeper <= set(commands(weekly))
