"""The Makefile, asked what it would do."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tools.pages import ROOT

pytestmark = pytest.mark.skipif(
    not shutil.which("make"), reason="make is not installed"
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in a folder with a space, its environment ready."""
    folder = tmp_path / "my book"
    (folder / ".venv").mkdir(parents=True)
    for name in ("requirements.lock", "pyproject.toml"):
        (folder / name).touch()
    shutil.copy(ROOT / "Makefile", folder)
    (folder / ".venv" / "ready").write_text(f"{folder.resolve()}/.venv\n")
    return folder


def plan(folder: Path, target: str) -> str:
    """Return what `make` would run for a target."""
    done = subprocess.run(
        ["make", "--dry-run", target],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_an_environment_that_is_ready_is_kept(checkout: Path):
    """Where it was made, and where the mark is of an older Makefile."""
    assert "-m venv" not in plan(checkout, "types")

    (checkout / ".venv" / "ready").write_text("")

    assert "-m venv" not in plan(checkout, "types")


def test_an_environment_is_made_anew_when_its_folder_has_moved(checkout: Path):
    """Its scripts and the path of the package name the old folder."""
    moved = checkout.rename(checkout.with_name("renamed"))

    assert "-m venv --clear .venv" in plan(moved, "lab")


def test_settings_of_the_user_do_not_reach_pip(checkout: Path):
    """`user = true` would install beside the environment, or fail."""
    (checkout / "more.mk").write_text(
        "include Makefile\nasked:\n\t@echo $$PIP_USER\n"
    )

    done = subprocess.run(
        ["make", "-f", "more.mk", "asked"],
        cwd=checkout,
        env={"PATH": "/usr/bin:/bin", "PIP_USER": "1"},
        capture_output=True,
        text=True,
    )

    assert done.stdout == "0\n"
