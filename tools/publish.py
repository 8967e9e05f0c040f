"""Make what Colab and Binder open: the branch ``notebooks``.

The branch holds the last commit of this repository with one difference: each
notebook begins with a set-up cell, which installs ``d2l`` where it is missing
(Colab) and does nothing where it is there (Binder, a checkout), and asks for
a GPU if the page has a full size that wants one. Nothing else in a notebook
is changed. The branch is a single commit that can always be made again, so a
push replaces it; nobody should work on it.
"""

import argparse
import copy
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.pages import ROOT, SET_UP

BRANCH = "notebooks"
PACKAGE = "deep-learning-executed"
Notebook = dict[str, Any]

NOTE = """\
> **Running this page in Colab.**
> The next cell installs `d2l`, the module that the pages of this book share.
> Run it first. Where `d2l` is there already, it does nothing."""
GPU_NOTE = """
> The page asks Colab for a GPU, because its experiments are large.
> Without one it runs all the same, at its small size."""
SETUP = """\
from importlib import util

if util.find_spec("d2l") is None:
    book = "{address}"
    %pip install --quiet "{package} @ {{book}}"
elif not util.find_spec("d2l").origin or not util.find_spec("d2l._session"):
    raise ImportError(
        "another package named d2l is installed; run\\n"
        "    %pip uninstall --yes d2l {name}\\n"
        "in a new cell, restart the kernel, and run this cell again"
    )"""

_GITHUB = re.compile(
    r"(?<![\w.-])github\.com[/:]([\w.-]+/[\w.-]+?)(?:\.git)?/?$"
)


@dataclass(frozen=True)
class Origin:
    """Where a published page comes from."""

    repository: str
    commit: str

    @property
    def archive(self) -> str:
        """The address of everything in the repository at that commit."""
        return (
            f"https://github.com/{self.repository}/archive/{self.commit}.zip"
        )


def repository(root: Path, env: dict[str, str] | None = None) -> str | None:
    """Return ``owner/name`` of the GitHub repository, or None if unknown."""
    named = (os.environ if env is None else env).get("GITHUB_REPOSITORY")
    if named:
        return named
    try:
        remote = subprocess.run(
            ["git", "-C", str(root), "remote", "get-url", "origin"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    found = _GITHUB.search(remote)
    return found.group(1) if found else None


def needs_gpu(page: Notebook) -> bool:
    """Tell whether a page is better off with a GPU.

    It is when its stamp says that its full size differs from its small one,
    or when its author asked for one (``accelerator: GPU``).
    """
    metadata = page.get("metadata", {})
    stamp = metadata.get("d2l", {})
    return bool(stamp.get("scale_matters")) or (
        metadata.get("accelerator") == "GPU"
    )


def published(page: Notebook, origin: Origin) -> Notebook:
    """Return a copy of a page as it is opened in Colab and on Binder.

    Args:
        page: A notebook, format 4, as JSON gives it.
        origin: Where the set-up cell installs the package from.

    Raises:
        ValueError: The page has a set-up cell already, so it was published
            before, or copied back from the published branch.
    """
    if any(_is_setup(cell) for cell in page["cells"]):
        raise ValueError(
            f"the page has a cell tagged {SET_UP} already; publish the page "
            "of the main branch, which has none"
        )
    page = copy.deepcopy(page)
    gpu = needs_gpu(page)
    page["cells"][:0] = _setup_cells(page, origin, gpu=gpu)
    if gpu:
        page["metadata"]["accelerator"] = "GPU"
        page["metadata"].setdefault("colab", {}).setdefault("gpuType", "T4")
    return page


def _is_setup(cell: Notebook) -> bool:
    return SET_UP in cell.get("metadata", {}).get("tags", [])


def _setup_cells(
    page: Notebook, origin: Origin, *, gpu: bool
) -> list[Notebook]:
    wants_text = any(
        cell["cell_type"] == "code" and "torchtext" in "".join(cell["source"])
        for cell in page["cells"]
    )
    setup = SETUP.format(
        address=origin.archive,
        name=PACKAGE,
        package=PACKAGE + ("[pages,text]" if wants_text else "[pages]"),
    )
    note = {
        "cell_type": "markdown",
        "metadata": {"tags": [SET_UP]},
        "source": (NOTE + (GPU_NOTE if gpu else "")).splitlines(True),
    }
    code = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"tags": [SET_UP]},
        "outputs": [],
        "source": setup.splitlines(True),
    }
    if page.get("nbformat_minor", 0) >= 5:  # before 4.5 cells have no id
        note["id"], code["id"] = f"{SET_UP}-note", SET_UP
    return [note, code]


def write(root: Path, folder: Path, origin: Origin) -> tuple[int, int]:
    """Fill a folder with the published form of a commit.

    Args:
        root: The repository.
        folder: A folder that does not exist yet.
        origin: The commit to publish, and the repository's name.

    Returns:
        How many notebooks there are, and how many of them ask for a GPU.
    """
    archive = _git(root, "archive", "--format=tar", origin.commit)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")

    num_gpu = 0
    paths = sorted((folder / "chapters").rglob("*.ipynb"))
    for path in paths:
        page = published(json.loads(path.read_text("utf-8")), origin)
        num_gpu += needs_gpu(page)
        text = json.dumps(page, indent=1, ensure_ascii=False) + "\n"
        path.write_text(text, "utf-8", newline="\n")
    return len(paths), num_gpu


def commit(root: Path, folder: Path, origin: Origin) -> str:
    """Store a folder as a commit without parents, on no branch.

    Author and date are those of the published commit, so that publishing it
    again gives the same commit. The working tree and the index stay as they
    are.

    Returns:
        The name of the new commit, 40 hexadecimal digits.
    """
    form = "--format=%cn%n%ce%n%cI"
    facts = _git(root, "log", "-1", form, origin.commit).decode()
    name, email, date = facts.splitlines()
    person = {"NAME": name, "EMAIL": email, "DATE": date}
    signed = {
        f"GIT_{role}_{fact}": value
        for role in ("AUTHOR", "COMMITTER")
        for fact, value in person.items()
    }
    with tempfile.TemporaryDirectory() as scratch:
        index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
        work_tree = f"--work-tree={folder.resolve()}"
        _git(root, work_tree, "add", "--all", "--force", ":/", env=index)
        tree = _git(root, "write-tree", env=index).decode().strip()
    message = f"Publish the notebooks of {origin.commit}"
    made = _git(root, "commit-tree", tree, "-m", message, env=signed)
    return made.decode().strip()


def _git(
    root: Path, *arguments: str, env: dict[str, str] | None = None
) -> bytes:
    """Run git in the repository and return what it prints."""
    done = subprocess.run(
        ["git", "-C", str(root), *arguments],
        env={**os.environ, **(env or {})},
        capture_output=True,
        check=False,
    )
    if done.returncode:
        what = " ".join(arguments[:2])
        raise SystemExit(f"git {what} failed: {done.stderr.decode().strip()}")
    return done.stdout


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> None:
    """Write the folder; with ``--push`` replace the branch on ``origin``."""
    parser = argparse.ArgumentParser(
        prog="make publish", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--repository", help="owner/name on GitHub")
    parser.add_argument("--push", action="store_true", help=f"push {BRANCH}")
    chosen = parser.parse_args(arguments)

    name = chosen.repository or repository(root)
    if name is None:
        raise SystemExit(
            "The set-up cell must name the repository it installs from, and "
            "there is none: set GITHUB_REPOSITORY=owner/name, or add a git "
            "remote 'origin' on GitHub."
        )
    head = _git(root, "rev-parse", "HEAD").decode().strip()
    origin = Origin(name, head)

    folder = root / "_build" / BRANCH
    shutil.rmtree(folder, ignore_errors=True)
    num_pages, num_gpu = write(root, folder, origin)
    if not num_pages:
        raise SystemExit(f"{head} has no notebook under chapters/")
    print(
        f"{num_pages} notebooks of {name} at {head[:10]}, "
        f"{num_gpu} asking for a GPU, in {folder.relative_to(root)}"
    )
    if chosen.push:
        made = commit(root, folder, origin)
        _git(root, "push", "--force", "origin", f"{made}:refs/heads/{BRANCH}")
        print(f"pushed to branch {BRANCH} as {made[:10]}")


if __name__ == "__main__":
    main(sys.argv[1:])
