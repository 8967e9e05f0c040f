"""What the prose refers to exists: pages, works, names of the package."""

import ast
import importlib
import re
from collections.abc import Iterator

import pytest

from tools import pages

PAGES = pages.pages()
LINK = re.compile(r"(?<!\!)\[[^\]\n]*\]\(([^)\s]+)\)")
CITE = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")
NAME = re.compile(r"`(d2l(?:\.\w+)+)")
FENCE = re.compile(r"^(`{3,}).*?^\1", re.DOTALL | re.MULTILINE)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
each_notebook = pytest.mark.parametrize(
    "page", pages.notebooks(), ids=lambda page: page.name
)


@each_page
def test_links_lead_to_pages_of_the_book(page: pages.Page):
    """A link to a file leads to a page that _toc.yml lists."""
    listed = {one.path for one in PAGES}

    for target in LINK.findall(FENCE.sub("", page.prose)):
        if re.match(r"(https?|mailto):|#", target):
            continue
        path = (page.path.parent / target.partition("#")[0]).resolve()
        assert path in listed, f"{page.name} links to {target}"


@each_page
def test_cited_works_are_in_the_references(page: pages.Page):
    """Every key of a citation is an entry of references.bib."""
    text = (pages.ROOT / "references.bib").read_text("utf-8")
    known = set(re.findall(r"^@\w+\{([^,]+),", text, re.MULTILINE))

    for keys in CITE.findall(page.prose):
        for key in keys.split(","):
            assert key.strip() in known, f"{page.name} cites {key}"


@each_page
def test_names_of_the_package_exist(page: pages.Page):
    """Each `d2l.module.name` in prose, and each used in code, is there."""
    mentioned = set(NAME.findall(page.prose))
    used = {name for cell in page.code for name in names(cell.source)}

    missing = sorted(name for name in mentioned | used if not resolves(name))

    assert missing == [], f"{page.name} speaks of what d2l does not have"


def names(source: str) -> Iterator[str]:
    """Yield the dotted names below d2l that a program uses."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            dotted = ast.unparse(node)
            if re.fullmatch(r"d2l(\.\w+)+", dotted):
                yield dotted
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                dotted = f"{node.module}.{alias.name}"
                if dotted.startswith("d2l."):
                    yield dotted


def resolves(name: str) -> bool:
    """Whether a dotted name leads to a module, or something in one."""
    found = importlib.import_module("d2l")
    for part in name.split(".")[1:]:
        if not hasattr(found, part):
            try:
                importlib.import_module(f"{found.__name__}.{part}")
            except (AttributeError, ImportError):
                return False
        found = getattr(found, part)
    return True


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("d2l.layers.softmax", True),
        ("d2l.train.History.table", True),
        ("d2l.layers.sofmax", False),
        ("d2l.nothing", False),
    ],
)
def test_resolving_tells_names_from_typing_errors(name: str, there: bool):
    """The search for names can fail."""
    assert resolves(name) is there


def test_names_are_found_in_calls_and_imports():
    """Attributes count, however deep; plain words do not."""
    code = "from d2l.plot import curves\nd2l.train.fit(d2l.layers.softmax)"

    assert set(names(code)) >= {
        "d2l.plot.curves",
        "d2l.train.fit",
        "d2l.layers.softmax",
    }


@each_notebook
def test_prose_does_not_shout(page: pages.Page):
    """No sentence ends in an exclamation mark."""
    words = re.sub(r"`[^`]*`|\$[^$]*\$", "", FENCE.sub("", page.prose))

    assert re.findall(r".{0,40}\w!(?=\s|$)", words) == []
