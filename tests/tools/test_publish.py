"""The notebooks for Colab and Binder: set up, and otherwise untouched."""

import copy
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest

from tools import publish
from tools.nbcheck import stamp
from tools.pages import ROOT
from tools.publish import Origin, needs_gpu, published

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ORIGIN = Origin("someone/book", COMMIT)


# A folder that is looked in before all others.
PATH = "import sys; sys.path.insert(0, sys.argv[1])"


def page(*sources: str, minor: int = 5, **metadata: Any) -> dict[str, Any]:
    """Return a notebook with one code cell for each source."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    made = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    made["nbformat_minor"] = minor
    if minor < 5:
        for cell in made["cells"]:
            del cell["id"]
    return json.loads(nbformat.writes(made))


def run_setup(notebook: dict[str, Any]) -> list[str]:
    """Run the set-up cell in IPython; return what it would give to pip."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    calls: list[str] = []
    quiet = Config({"HistoryManager": {"enabled": False}})
    shell = InteractiveShell(config=quiet, user_module=ModuleType("page"))
    shell.magics_manager.register_function(calls.append, "line", "pip")
    source = "".join(notebook["cells"][1]["source"])

    shell.run_cell(source).raise_error()

    return calls


def test_a_published_page_begins_with_a_note_and_the_set_up_cell():
    """A reader first meets what the set-up is for, then the set-up."""
    made = published(page("1 + 1"), ORIGIN)

    kinds = [cell["cell_type"] for cell in made["cells"]]
    assert kinds == ["markdown", "code", "code"]
    assert all(
        cell["metadata"]["tags"] == ["d2l-setup"] for cell in made["cells"][:2]
    )
    assert "does nothing" in "".join(made["cells"][0]["source"])


def test_the_rest_of_a_page_is_not_changed():
    """Beyond the set-up, cells, outputs and metadata are those of the page."""
    before = page("1 + 1", "print('é')", language_info={"name": "python"})
    before["cells"][0]["outputs"] = [
        nbformat.v4.new_output("stream", text="2\n")
    ]

    made = published(before, ORIGIN)

    assert made["cells"][2:] == before["cells"]
    assert made["metadata"] == before["metadata"]


def test_a_published_page_keeps_the_hash_of_its_code():
    """Its stamp still belongs to it: the set-up is not part of the page."""
    original = page("1 + 1", "2 + 2")

    hashes = [
        stamp.code_hash(nbformat.reads(json.dumps(one), as_version=4))
        for one in (original, published(original, ORIGIN))
    ]

    assert hashes[0] == hashes[1]


def test_publishing_leaves_its_argument_alone():
    """The page that was handed over is still the unpublished one."""
    given = page("1", d2l={"scale_matters": True}, colab={"name": "x"})
    before = copy.deepcopy(given)

    published(given, ORIGIN)

    assert given == before


@pytest.mark.parametrize("minor", [4, 5])
def test_a_published_page_is_a_valid_notebook(minor):
    """With cell ids and without, the format's own schema accepts it."""
    made = published(page("1 + 1", minor=minor), ORIGIN)

    nbformat.validate(nbformat.from_dict(made))


def test_the_set_up_does_nothing_where_d2l_is_importable():
    """On Binder and in a checkout nothing is installed."""
    assert run_setup(published(page("1"), ORIGIN)) == []


def test_the_set_up_installs_from_the_repository_of_the_page(monkeypatch):
    """Where d2l is missing, the package of that very commit is installed."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    made = published(page("1"), ORIGIN)

    (call,) = run_setup(made)

    address = f"https://github.com/someone/book/archive/{COMMIT}.zip"
    assert (
        call == f'install --quiet "deep-learning-executed[pages] @ {address}"'
    )


@pytest.mark.parametrize(
    "files", [["__init__.py", "torch.py"], ["_session.py"]]
)
def test_the_set_up_tells_another_d2l_from_ours(tmp_path, files):
    """Another package of that name, or what its removal left of ours."""
    for name in files:
        path = tmp_path / "d2l" / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    made = published(page("1"), ORIGIN)
    code = "".join(made["cells"][1]["source"]).replace(
        "    %pip install", "    pass  #"
    )

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"{PATH}\n{code}", tmp_path],
        capture_output=True,
        text=True,
    )

    assert "ImportError: another package named d2l" in done.stderr
    assert "uninstall --yes d2l deep-learning-executed" in done.stderr


def test_the_set_up_names_the_package_of_this_project():
    """The name to install is the one that pyproject.toml gives it."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert project["project"]["name"] == publish.PACKAGE


def test_a_page_that_uses_torchtext_installs_it(monkeypatch):
    """The extra is asked for where it is used, and only there."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    (call,) = run_setup(published(page("import torchtext"), ORIGIN))

    assert "deep-learning-executed[pages,text] @" in call


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"d2l": {"scale_matters": True, "device": "cpu"}}, True),
        ({"d2l": {"scale_matters": False, "device": "cuda"}}, False),
        ({"accelerator": "GPU"}, True),
        ({"d2l": {}}, False),
        ({}, False),
    ],
)
def test_a_gpu_is_asked_for_where_scale_matters_or_the_author_asks(
    metadata, expected
):
    """A page of one size runs anywhere, whatever machine recorded it."""
    assert needs_gpu(page("1", **metadata)) is expected


def test_a_page_with_a_full_size_asks_colab_for_a_gpu():
    """Colab reads the kind of machine from the notebook's metadata."""
    large = page("1", d2l={"scale_matters": True}, colab={"name": "large"})

    made = published(large, ORIGIN)

    assert made["metadata"]["accelerator"] == "GPU"
    assert made["metadata"]["colab"] == {"name": "large", "gpuType": "T4"}
    assert "GPU" in "".join(made["cells"][0]["source"])


def test_the_choice_of_gpu_is_the_authors():
    """A page that names its GPU keeps it."""
    chosen = page("1", accelerator="GPU", colab={"gpuType": "A100"})

    made = published(chosen, ORIGIN)

    assert made["metadata"]["colab"]["gpuType"] == "A100"


def test_a_page_is_not_set_up_twice():
    """A page copied back from the published branch is an error."""
    once = published(page("1"), ORIGIN)

    with pytest.raises(ValueError, match="tagged d2l-setup already"):
        published(once, ORIGIN)


def git(folder: Path, *arguments: str) -> str:
    """Run git with an identity of its own and return what it prints."""
    person = {
        "NAME": "A. Author",
        "EMAIL": "author@example.org",
        "DATE": "2020-02-20T20:20:20+02:00",
    }
    identity = {
        f"GIT_{role}_{fact}": value
        for role in ("AUTHOR", "COMMITTER")
        for fact, value in person.items()
    }
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        env={**os.environ, **identity},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout


@pytest.fixture
def book(tmp_path, monkeypatch):
    """Return a repository of two pages, with a bare repository as origin."""
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    bare, root = tmp_path / "bare", tmp_path / "book"
    subprocess.run(["git", "init", "-q", "--bare", str(bare)], check=True)
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    git(root, "remote", "add", "origin", str(bare))
    pages = {
        "01-small.ipynb": page("1 + 1"),
        "02-large.ipynb": page("2", d2l={"scale_matters": True}),
    }
    (root / "chapters").mkdir()
    for name, content in pages.items():
        (root / "chapters" / name).write_text(json.dumps(content), "utf-8")
    (root / "start").write_text("#!/bin/bash\n", newline="\n")
    (root / "start").chmod(0o755)
    (root / ".gitignore").write_text("_build/\n")
    git(root, "add", "--all")
    git(root, "commit", "-q", "-m", "Begin")
    return root


def test_publishing_writes_every_tracked_file(book, capsys):
    """The folder is the commit, its notebooks set up, and nothing else."""
    (book / "chapters" / "03-untracked.ipynb").write_text("not a notebook")

    publish.main(["--repository", "someone/book"], root=book)

    folder = book / "_build" / "notebooks"
    found = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert found == set(git(book, "ls-files").split())
    for name in ("01-small", "02-large"):
        made = json.loads((folder / f"chapters/{name}.ipynb").read_text())
        assert made["cells"][1]["metadata"]["tags"] == ["d2l-setup"]
    assert "2 notebooks of someone/book" in capsys.readouterr().out


def test_publishing_forgets_what_an_earlier_run_wrote(book):
    """A page that has left the book leaves the branch."""
    publish.main(["--repository", "someone/book"], root=book)
    git(book, "rm", "-q", "chapters/01-small.ipynb")
    git(book, "commit", "-q", "-m", "Drop a page")

    publish.main(["--repository", "someone/book"], root=book)

    kept = (book / "_build/notebooks/chapters").iterdir()
    assert [path.name for path in kept] == ["02-large.ipynb"]


def test_pushing_stores_the_folder_as_one_commit(book):
    """The branch on origin has no past and holds everything in the folder."""
    publish.main(["--repository", "someone/book", "--push"], root=book)

    bare = book.parent / "bare"
    assert git(bare, "rev-list", "--count", "notebooks").strip() == "1"
    listed = git(bare, "ls-tree", "-r", "--name-only", "notebooks")
    assert set(listed.split()) == set(git(book, "ls-files").split())
    shown = git(bare, "show", "notebooks:chapters/01-small.ipynb")
    assert "d2l-setup" in shown
    if os.name == "posix":  # elsewhere files have no such mode
        assert "100755" in git(bare, "ls-tree", "notebooks", "start")


def test_pushing_replaces_the_branch(book):
    """What was published of an earlier commit is gone."""
    publish.main(["--repository", "someone/book", "--push"], root=book)
    git(book, "rm", "-q", "start")
    git(book, "commit", "-q", "-m", "Drop a file")

    publish.main(["--repository", "someone/book", "--push"], root=book)

    bare = book.parent / "bare"
    assert git(bare, "rev-list", "--count", "notebooks").strip() == "1"
    assert "start" not in git(bare, "ls-tree", "notebooks")


def test_a_published_commit_depends_on_its_source_alone(book):
    """Author and date are the source's: published again, it is the same."""
    publish.main(["--repository", "someone/book", "--push"], root=book)

    form = "--format=%an %ae %aI %cn %ce %cI"
    made = git(book.parent / "bare", "log", "-1", form, "notebooks")
    assert made == git(book, "log", "-1", form)


def test_pushing_leaves_the_checkout_alone(book):
    """Branch, index and working tree stay as they were."""
    (book / "start").write_text("# half an edit\n")
    (book / "new").write_text("staged\n")
    git(book, "add", "new")
    before = git(book, "status", "--porcelain"), git(book, "branch", "--all")

    publish.main(["--repository", "someone/book", "--push"], root=book)

    after = git(book, "status", "--porcelain"), git(book, "branch", "--all")
    assert after[0] == before[0]
    assert git(book, "branch") == before[1]


def test_without_a_repository_nothing_is_published(book):
    """An address is never invented; the error says how to give one."""
    with pytest.raises(SystemExit, match="GITHUB_REPOSITORY=owner/name"):
        publish.main([], root=book)

    assert not (book / "_build").exists()


def test_the_repository_is_taken_from_the_build(book, monkeypatch, capsys):
    """On GitHub's runners nobody needs to name it."""
    monkeypatch.setenv("GITHUB_REPOSITORY", "runner/book")

    publish.main([], root=book)

    assert "runner/book" in capsys.readouterr().out


def test_a_commit_without_notebooks_is_not_published(book):
    """An empty branch would take the pages from everyone who has a link."""
    git(book, "rm", "-q", "-r", "chapters")
    git(book, "commit", "-q", "-m", "Empty the book")

    with pytest.raises(SystemExit, match="no notebook under chapters/"):
        publish.main(["--repository", "someone/book", "--push"], root=book)


def test_what_colab_installs_has_every_module(tmp_path):
    """The built package holds the same modules as the checkout."""
    source = tmp_path / "source"
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "d2l", source / "d2l", ignore=unwanted)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation"]

    subprocess.run(
        [sys.executable, "-m", "pip", *build, "-w", tmp_path, source],
        check=True,
    )

    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as files:
        packed = {name for name in files.namelist() if name.startswith("d2l/")}
    assert packed == {
        path.relative_to(source).as_posix()
        for path in (source / "d2l").rglob("*")
        if path.is_file()
    }


def test_build_environment_names_the_repository(tmp_path: Path):
    """GITHUB_REPOSITORY is believed."""
    env = {"GITHUB_REPOSITORY": "owner/name"}

    assert publish.repository(tmp_path, env) == "owner/name"


@pytest.mark.parametrize(
    ("remote", "name"),
    [
        ("https://github.com/owner/name.git", "owner/name"),
        ("https://github.com/owner/name", "owner/name"),
        ("git@github.com:owner/na.me.git", "owner/na.me"),
        ("ssh://git@github.com/owner/name/", "owner/name"),
        ("https://example.org/owner/name.git", None),
        ("https://notgithub.com/owner/name.git", None),
    ],
)
def test_git_remote_names_the_repository(
    tmp_path: Path, remote: str, name: str | None
):
    """Without the variable, a remote on GitHub tells; others do not."""
    git = ["git", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "remote", "add", "origin", remote], check=True)

    assert publish.repository(tmp_path, {}) == name


def test_without_any_trace_the_repository_is_unknown(tmp_path: Path):
    """No variable and no remote: no name."""
    assert publish.repository(tmp_path, {}) is None
