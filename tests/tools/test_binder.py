"""What Binder builds: versions of the lock, torch for the CPU, small scale."""

import os
import re
import subprocess
import sys

import pytest

from tools.pages import ROOT

BINDER = ROOT / ".binder"

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Binder's scripts run on Linux"
)


@pytest.fixture
def installed(tmp_path):
    """Run postBuild with a stand-in for pip.

    Returns the words pip was called with, and the constraints it was given.
    """
    pip = tmp_path / "pip"
    pip.write_text(
        "#!/bin/bash\n"
        f'printf "%s\\n" "$@" > {tmp_path}/words\n'
        'while [ "$1" != --constraint ]; do shift; done\n'
        f'cp "$2" {tmp_path}/constraints\n'
    )
    pip.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"

    subprocess.run(
        [str(BINDER / "postBuild")],
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        check=True,
    )

    words = (tmp_path / "words").read_text().splitlines()
    return words, (tmp_path / "constraints").read_text().splitlines()


def test_binder_takes_every_version_from_the_lock(installed):
    """Each pin of the lock is a constraint, without its hashes."""
    _, constraints = installed

    lock = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^[\w.\[\]-]+==\S+", lock, re.MULTILINE)
    assert len(pins) > 100
    assert [line.split(" ")[0] for line in constraints] == pins
    assert not [line for line in constraints if "--hash" in line]
    assert not [line for line in constraints if line.endswith("\\")]


def test_binder_constraints_are_requirements(installed):
    """What is left of a line of the lock is one that pip can read."""
    from packaging.requirements import Requirement

    _, constraints = installed

    assert [Requirement(line) for line in constraints]


def test_binder_installs_the_checkout_with_torch_for_the_cpu(installed):
    """The package comes from the repository, torch from the CPU index."""
    words, _ = installed

    assert words[0] == "install"
    assert words[words.index("--editable") + 1].startswith(".")
    index = words[words.index("--extra-index-url") + 1]
    assert index == "https://download.pytorch.org/whl/cpu"


def test_binder_runs_at_small_scale():
    """Whatever Binder starts finds D2L_SCALE=small and its own arguments."""
    environ = {k: v for k, v in os.environ.items() if k != "D2L_SCALE"}
    started = subprocess.run(
        [
            str(BINDER / "start"),
            "sh",
            "-c",
            'echo "$D2L_SCALE $1"',
            "_",
            "a b",
        ],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )

    assert started.stdout == "small a b\n"


def test_binder_uses_a_python_that_the_package_supports():
    """The Python of runtime.txt satisfies requires-python."""
    import tomllib

    from packaging.specifiers import SpecifierSet

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runtime = (BINDER / "runtime.txt").read_text().strip()

    assert runtime.startswith("python-")
    supported = SpecifierSet(project["requires-python"])
    assert runtime.removeprefix("python-") in supported
