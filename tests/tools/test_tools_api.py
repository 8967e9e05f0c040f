"""The reference of d2l, read from source, against Python's own view."""

import importlib
import inspect

import pytest

from tools import api


@pytest.mark.parametrize("module", api.modules(), ids=lambda one: one.name)
def test_reference_lists_what_the_module_offers(module: api.Module):
    """Read from source or asked at run time, the public names are one."""
    found = importlib.import_module(module.name)
    public = getattr(found, "__all__", None) or [
        name for name in vars(found) if not name.startswith("_")
    ]
    offered = {
        name
        for name in public
        for value in [getattr(found, name)]
        if getattr(value, "__module__", "").startswith(module.name)
        and (inspect.isfunction(value) or inspect.isclass(value))
    }

    listed = {one.name for one in module.names if one.kind != "data"}

    assert listed == offered


@pytest.mark.parametrize("module", api.modules(), ids=lambda one: one.name)
def test_reference_shows_the_parameters_python_sees(module: api.Module):
    """A signature names the parameters of its function or method."""
    found = importlib.import_module(module.name)
    shown = [
        (one.signature, getattr(found, one.name))
        for one in module.names
        if one.kind == "function"
    ] + [
        (member.signature, getattr(getattr(found, one.name), member.name))
        for one in module.names
        for member in one.members
        if member.kind == "method"
    ]

    for signature, function in shown:
        for name in inspect.signature(function).parameters:
            assert name == "self" or name in signature


def test_reference_covers_every_public_name_with_words():
    """No function or class of d2l is without a docstring."""
    silent = [
        f"{module.name}.{one.name}"
        for module in api.modules()
        for one in module.names
        if one.kind != "data" and not one.doc
    ]

    assert silent == []


def test_docstring_is_split_into_its_parts():
    """Sections end where text without indentation begins."""
    doc = (
        "Do it.\n\nArgs:\n    x: What\n        it is.\n    y: Other.\n\n"
        "Returns:\n    A sum: all of it.\n\nRaises:\n    ValueError: Not so.\n"
        "\nLast words."
    )

    parts = api.parse(doc)

    assert parts.text == "Do it.\n\nLast words."
    assert parts.args == [("x", "What\nit is."), ("y", "Other.")]
    assert parts.returns == "A sum: all of it."
    assert parts.raises == [("ValueError", "Not so.")]


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("use `a_b`", "use ``a_b``"),
        ("``grad_`` and zero_", r"``grad_`` and zero\_"),
        ("|a - b|", r"\|a - b\|"),
        ("the *first* of", "the *first* of"),
        ("pass *args", r"pass \*args"),
        ("one\ntwo", "one two"),
        ("- a\n  b\n- c", "- a b\n\n- c"),
        ("so::\n\n    x = 1", "so:\n\n::\n\n    x = 1"),
    ],
)
def test_words_survive_as_they_are(words: str, written: str):
    """What means something only to reStructuredText is written out."""
    assert api.markup(words) == written


def test_methods_leave_out_self_and_keep_the_rest(tmp_path):
    """A method is shown as it is called."""
    folder = tmp_path / "d2l"
    folder.mkdir()
    (folder / "one.py").write_text(
        "class C:\n    def f(self, a, *b, c=1): pass\n"
        "    def _g(self): pass\n"
        "    @property\n    def size(self) -> int: pass\n"
    )

    ((kind,),) = [module.names for module in api.modules(tmp_path)]

    assert [(one.kind, one.name, one.signature) for one in kind.members] == [
        ("method", "f", "(a, *b, c=1)"),
        ("property", "size", "int"),
    ]


def test_reading_imports_nothing(tmp_path):
    """Source that cannot be imported can still be described."""
    folder = tmp_path / "d2l"
    folder.mkdir()
    (folder / "one.py").write_text(
        '"""Words."""\nimport nothing_of_that_name\n\n'
        'def f(x: "A[B, \'c d\']", *, y=1) -> int:\n    """Do."""\n'
        "def _hidden(): pass\nLIMIT = 3\n"
    )
    (folder / "_own.py").write_text("def g(): pass\n")

    (module,) = api.modules(tmp_path)

    assert (module.name, module.doc) == ("d2l.one", "Words.")
    assert [(one.kind, one.name) for one in module.names] == [
        ("function", "f"),
        ("data", "LIMIT"),
    ]
    assert module.names[0].signature.endswith("*, y=1) -> int")
