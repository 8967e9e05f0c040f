"""Launch buttons: the page's own file, or none at all.

Two small sites are built from the real configuration: one by a build that
knows its repository, one by a build that does not.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools import pages

REPOSITORY = "example-owner/example-repo"
SECTIONS = (
    "chapters/02-preliminaries/02-data-manipulation",
    "chapters/03-basics/06-softmax-regression-scratch",
)
_BUILD = "from jupyter_book.cli.main import main; main()"


def small_site(folder: Path, repository: str | None) -> Path:
    """Build two pages that share everything but their text."""
    for name in ("_config.yml", "references.bib", "_ext", "_static"):
        source = pages.ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    (folder / "tools").mkdir()
    for name in ("__init__.py", "pages.py", "publish.py"):
        shutil.copy(pages.ROOT / "tools" / name, folder / "tools")
    listed = "".join(f"  - file: {name}\n" for name in SECTIONS)
    (folder / "_toc.yml").write_text(
        f"format: jb-book\nroot: index\nchapters:\n{listed}"
        "  - file: chapters/appendix/status\n",
    )
    (folder / "index.md").write_text("# Front\n\nWords.\n")
    for name in SECTIONS:
        path = folder / f"{name}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(notebook(name)))
    (folder / "chapters/appendix").mkdir()
    (folder / "chapters/appendix/status.md").write_text("# Status\n")
    env = {k: v for k, v in os.environ.items() if k != "GITHUB_REPOSITORY"}
    if repository:
        env["GITHUB_REPOSITORY"] = repository
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, "build", str(folder), "-W", "-n"],
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "_build" / "html"


def notebook(title: str) -> dict[str, Any]:
    """Return a notebook with one cell."""
    return {
        "cells": [
            {"cell_type": "markdown", "metadata": {}, "source": f"# {title}"},
            {
                "cell_type": "code",
                "metadata": {},
                "source": "1 + 1",
                "execution_count": 1,
                "outputs": [],
            },
        ],
        "metadata": {
            "kernelspec": {
                "name": "python3",
                "display_name": "Python 3",
                "language": "python",
            }
        },
        "nbformat": 4,
        "nbformat_minor": 4,
    }


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site whose build knows its repository."""
    return small_site(tmp_path_factory.mktemp("known"), REPOSITORY)


@pytest.fixture(scope="module")
def unknown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site whose build does not know its repository."""
    return small_site(tmp_path_factory.mktemp("unknown"), None)


@pytest.mark.parametrize("name", SECTIONS)
def test_buttons_open_the_file_of_their_page(known: Path, name: str):
    """Colab and Binder get the path of the page, on branch notebooks."""
    text = (known / f"{name}.html").read_text("utf-8")

    colab = re.findall(r'href="(https://colab[^"]*)"', text)
    binder = re.findall(r'href="(https://mybinder[^"]*)"', text)

    assert colab == [
        "https://colab.research.google.com/github/"
        f"{REPOSITORY}/blob/notebooks/{name}.ipynb"
    ]
    assert binder == [
        f"https://mybinder.org/v2/gh/{REPOSITORY}/notebooks"
        f"?urlpath=lab/tree/{name}.ipynb"
    ]
    assert f'repo: "{REPOSITORY}"' in text
    assert 'ref: "notebooks"' in text


@pytest.mark.parametrize("name", SECTIONS)
def test_without_a_repository_only_the_download_stays(
    unknown: Path, name: str
):
    """No address is invented."""
    text = (unknown / f"{name}.html").read_text("utf-8")

    assert not re.search("colab|binder|thebe|github", text, re.IGNORECASE)
    assert "btn-download-source-button" in text


@pytest.mark.browser
def test_thebe_is_fetched_after_a_click_only(
    known: Path, serve: Callable[..., Any], visit: Callable[..., Any]
):
    """Opening a page asks nobody; the Live Code button does."""
    with serve(known) as address, visit(SECTIONS[0], at=address) as seen:
        assert all(url.startswith(address) for url in seen.requests)

        seen.page.locator(".dropdown-launch-buttons > button").click()
        seen.page.locator(".btn-launch-thebe").click()
        seen.page.wait_for_timeout(300)

        assert any("thebe" in url for url in seen.requests[-1:])
        assert not seen.requests[-1].startswith(address)
