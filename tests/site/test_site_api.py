"""The page of the package, made by Sphinx, against Python's own view."""

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

import d2l

MODULES = [importlib.import_module(f"d2l.{name}") for name in d2l.__all__]


def offered(module: ModuleType) -> list[str]:
    """Return the names that a module offers: all it defines, or lists."""
    listed = getattr(module, "__all__", None)
    return listed or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and getattr(value, "__module__", "") == module.__name__
        and (inspect.isfunction(value) or inspect.isclass(value))
    ]


@pytest.fixture(scope="module")
def reference(html: Path) -> str:
    """The page as it was built."""
    return (html / "chapters/appendix/api.html").read_text("utf-8")


@pytest.mark.parametrize("module", MODULES, ids=lambda one: one.__name__)
def test_page_has_every_name_a_module_offers(reference, module):
    """What can be called can be looked up."""
    missing = [
        name
        for name in offered(module)
        if f'id="{module.__name__}.{name}"' not in reference
    ]

    assert missing == []


def test_no_first_sentence_was_taken_for_a_type(reference):
    """Types stand in the signatures; "This: that" in a docstring is none."""
    assert "Return type" not in reference


def test_signatures_keep_defaults_and_axes_as_written(reference):
    """A reader sees what the source says, not what Python made of it."""
    text = re.sub(r"<[^>]+>", "", reference)

    assert "rtol: float = 1e-5" in text
    assert re.search(r"Float\[Tensor, .*batch channel new_height", text)


@pytest.mark.parametrize("module", MODULES, ids=lambda one: one.__name__)
def test_every_name_is_described(module):
    """No function, class or method of d2l is without a docstring."""
    silent = [
        name
        for name in offered(module)
        for value in [getattr(module, name)]
        if callable(value)
        and not isinstance(value, type(list[int]))
        and getattr(value, "__module__", "").startswith("d2l")
        and not inspect.getdoc(value)
    ]

    assert silent == []
