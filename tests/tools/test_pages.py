"""Which notebooks a command line means."""

import subprocess
from pathlib import Path

from tools import pages


def test_a_folder_means_its_notebooks_and_nothing_means_the_book(
    tmp_path: Path,
):
    """In order; a file means itself, whatever is beside it."""
    for name in ("b/2", "b/1", "a/1", "b/.ipynb_checkpoints/2-checkpoint"):
        path = tmp_path / "chapters" / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    folder, single = (tmp_path / "chapters" / n for n in ("b", "a/1.ipynb"))

    found = pages.meant([folder, single], root=tmp_path)
    whole = pages.meant([], root=tmp_path)

    assert [
        p.relative_to(tmp_path / "chapters").as_posix() for p in found
    ] == [
        "b/1.ipynb",
        "b/2.ipynb",
        "a/1.ipynb",
    ]
    assert whole == [found[2], *found[:2]]


def test_changed_pages_are_those_that_differ_and_exist(tmp_path: Path):
    """A page that went away, or that is as it was, is not run."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c"]
    git += ["user.email=a@example.org"]
    folder = tmp_path / "chapters" / "01-a"
    folder.mkdir(parents=True)
    for name in ("same", "gone", "other"):
        (folder / f"{name}.ipynb").write_text("1\n")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], check=True)
    (folder / "gone.ipynb").unlink()
    (folder / "other.ipynb").write_text("2\n")
    (folder / "note.md").write_text("2\n")

    found = pages.meant([folder], "HEAD", root=tmp_path)

    assert found == [folder / "other.ipynb"]
