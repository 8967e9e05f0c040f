"""What is committed belongs to everyone: no traces of one machine."""

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tools import pages

INDEXES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL",
           "UV_DEFAULT_INDEX", "UV_INDEX")  # fmt: skip
PUBLIC = {"pypi.org", "files.pythonhosted.org", "download.pytorch.org"}


def committed() -> list[Path]:
    """Return the text files under version control."""
    try:
        listed = subprocess.run(
            ["git", "-C", str(pages.ROOT), "ls-files", "-z"],
            capture_output=True,
            check=True,
        ).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is no git checkout")
    paths = [pages.ROOT / name for name in listed.split("\0") if name]
    return [path for path in paths if path.is_file() and is_text(path)]


def is_text(path: Path) -> bool:
    """Whether a file holds no zero byte where it begins."""
    with path.open("rb") as file:
        return b"\0" not in file.read(4096)


def traces() -> list[re.Pattern[str]]:
    """Return what would show where a file was written."""
    home = str(Path.home())
    roots = {str(pages.ROOT) + "/", *([home + "/"] if home != "/" else [])}
    hosts = {
        urlsplit(url).hostname or ""
        for variable in INDEXES
        for url in os.environ.get(variable, "").split()
    }
    found = [rf"(?<![\w.]){re.escape(root)}" for root in roots]
    found += [re.escape(host) for host in hosts - PUBLIC - {""}]
    found += [r"/(?:home|Users)/[a-z]\w*/", r"/site-packages/"]
    return [re.compile(pattern) for pattern in found]


def test_files_do_not_tell_whose_machine_wrote_them():
    """No path of this checkout or home, and no private package index."""
    patterns = traces()
    told = [
        f"{path.relative_to(pages.ROOT)}: {found.group()}"
        for path in committed()
        if path != Path(__file__).resolve()
        for pattern in patterns
        for found in [pattern.search(path.read_text("utf-8", "replace"))]
        if found
    ]

    assert told == []


def test_lock_holds_no_index_address():
    """Where packages come from is the installer's own business."""
    text = (pages.ROOT / "requirements.lock").read_text("utf-8")

    assert not re.search(r"--(extra-)?index-url|https?://", text)


def test_plan_of_the_site_is_plain_text():
    """The plan has three columns, or four, and no space at the edges."""
    text = (pages.ROOT / "chapters" / "plan.tsv").read_text("utf-8")

    for line in text.splitlines():
        cells = line.split("\t")
        assert len(cells) in (3, 4)
        assert all(cell == cell.strip() != "" for cell in cells)
