"""What README, CONTRIBUTING and the decisions say can be done and found."""

import re
from pathlib import Path

import pytest

from tools.pages import ROOT

DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "LICENSES").glob("*.md")),
]
ALL = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=[path.name for path in DOCUMENTS]
)


def code(document: Path) -> list[str]:
    """Return what a document sets as code, inline or line by line."""
    text = document.read_text("utf-8")
    blocks = re.findall(r"^```.*?\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    plain = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return lines + re.findall(r"`([^`\n]+)`", plain)


@ALL
def test_every_make_command_is_a_target(document):
    """A reader who types what is written gets what is promised."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))

    for command in code(document):
        if command.startswith("make "):
            words = command.split()[1:]
            goals = {word for word in words if "=" not in word}
            assert goals <= targets, command


@ALL
def test_every_link_within_the_project_leads_somewhere(document):
    """A relative link is a file or folder beside the document."""
    text = document.read_text("utf-8")

    for link in re.findall(r"\]\(([^)#]+)", text):
        if "://" not in link:
            assert (document.parent / link).exists(), link


def test_the_layout_table_names_what_exists():
    """Each place in the README's table is in the repository."""
    readme = (ROOT / "README.md").read_text("utf-8")
    table = readme.split("## What is where")[1].split("## Licence")[0]

    places = [
        name
        for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        for name in re.findall(r"`([^`]+)`", row)
    ]
    assert len(places) > 8
    for place in places:
        assert (ROOT / place).exists(), place


def test_every_environment_variable_is_explained():
    """The README's table has each variable that a user may set."""
    private = {"D2L_EVENTS", "D2L_RECORDING"}  # between tools and kernels
    sources = [p.read_text("utf-8") for p in (ROOT / "d2l").rglob("*.py")]
    used = set(re.findall(r"\bD2L_[A-Z]+\b", "\n".join(sources)))

    readme = (ROOT / "README.md").read_text("utf-8")
    explained = set(re.findall(r"^\| `(D2L_[A-Z]+)`", readme, re.MULTILINE))

    assert explained == used - private


def test_the_start_is_two_commands():
    """The README's first block is what its first page promises."""
    readme = (ROOT / "README.md").read_text("utf-8")
    first = readme.split("```")[1].strip().splitlines()

    assert first == ["make book", "make test"]


def test_decisions_are_numbered_in_order():
    """Each has its own number, which is in its file name and its title."""
    paths = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [int(path.name[:4]) for path in paths]

    assert len(set(numbers)) == len(numbers)
    for number, path in zip(numbers, paths, strict=True):
        title = path.read_text("utf-8").splitlines()[0]
        assert re.match(rf"# 0*{number}\b", title), path.name


def test_decisions_are_one_page():
    """Whoever asks why reads the whole answer."""
    for path in (ROOT / "docs" / "decisions").glob("*.md"):
        words = path.read_text("utf-8").split()
        assert len(words) <= 700, f"{path.name}: {len(words)} words"
