"""The public names of ``d2l``, read from its source without importing it.

A build of the site thus needs no PyTorch, and signatures read exactly as they
were written: ``X: Float[Tensor, "batch feature"]``.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tools.pages import ROOT

_SECTION = re.compile(
    r"^(Args|Returns|Yields|Raises|Attributes|Examples?|Notes?):$"
)
_FIELD = re.compile(r"^(\*{0,2}[\w., ]+?)(?: \([^)]*\))?: ?(.*)$")
_LITERAL = re.compile(r"(``.+?``)", re.DOTALL)


@dataclass(frozen=True)
class Name:
    """A public function, class, method, property or constant."""

    kind: str
    name: str
    signature: str = ""
    doc: str = ""
    members: tuple["Name", ...] = ()


@dataclass(frozen=True)
class Module:
    """A public module and what it offers."""

    name: str
    doc: str
    names: tuple[Name, ...] = ()


@dataclass
class Docstring:
    """A docstring in its parts."""

    text: str = ""
    args: list[tuple[str, str]] = field(default_factory=list)
    attributes: list[tuple[str, str]] = field(default_factory=list)
    returns: str = ""
    yields: str = ""
    raises: list[tuple[str, str]] = field(default_factory=list)


def modules(root: Path = ROOT) -> tuple[Module, ...]:
    """Return the public modules of ``d2l``, by name."""
    return tuple(
        module(path, f"d2l.{path.stem}")
        for path in sources(root)
        if not path.stem.startswith("_")
    )


def sources(root: Path = ROOT) -> list[Path]:
    """Return the modules and packages directly below ``d2l``."""
    package = root / "d2l"
    return sorted(
        path
        for path in package.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    )


@cache
def module(path: Path, name: str) -> Module:
    """Read one module; of a package, what its ``__init__`` exports."""
    tree = ast.parse(_file(path).read_text("utf-8"))
    return Module(name, ast.get_docstring(tree) or "", tuple(_names(path)))


def _file(path: Path) -> Path:
    return path / "__init__.py" if path.is_dir() else path


def _names(path: Path) -> Iterator[Name]:
    """Yield the public names of a module in the order of its source."""
    tree = ast.parse(_file(path).read_text("utf-8"))
    wanted = _exported(tree)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and path.is_dir():
            yield from _imported(path, node, wanted)
            continue
        found = _definition(node)
        if found and (found.name in wanted if wanted else _public(found.name)):
            yield found


def _exported(tree: ast.Module) -> set[str]:
    """Return ``__all__``, empty if there is none."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "__all__"
            for target in node.targets
        ):
            return set(ast.literal_eval(node.value))
    return set()


def _imported(
    package: Path, node: ast.ImportFrom, wanted: set[str]
) -> Iterator[Name]:
    """Yield what a package's ``__init__`` takes from its own modules."""
    below = f"d2l.{package.name}."
    if not (node.module or "").startswith(below):
        return
    inner = package / ((node.module or "").removeprefix(below) + ".py")
    taken = {alias.asname or alias.name for alias in node.names}
    for found in _names(inner):
        if found.name in taken and (not wanted or found.name in wanted):
            yield found


def _definition(node: ast.stmt) -> Name | None:
    """Describe a definition at the top of a module."""
    if isinstance(node, ast.FunctionDef):
        doc = ast.get_docstring(node) or ""
        return Name("function", node.name, _signature(node), doc)
    if isinstance(node, ast.ClassDef):
        return _class(node)
    if isinstance(node, ast.AnnAssign | ast.Assign):
        targets = (
            [node.target] if isinstance(node, ast.AnnAssign) else node.targets
        )
        if isinstance(targets[0], ast.Name) and targets[0].id.isupper():
            return Name("data", targets[0].id)
    return None


def _class(node: ast.ClassDef) -> Name:
    """Describe a class by its constructor and its public members."""
    members, signature, fields = [], "", []
    for item in node.body:
        if isinstance(item, ast.FunctionDef):
            if item.name == "__init__":
                signature = _signature(item, method=True).split(" -> ")[0]
            elif _public(item.name):
                members.append(_method(item))
        elif isinstance(item, ast.AnnAssign) and _is_dataclass(node):
            fields.append(ast.unparse(item))
    if fields and not signature:
        signature = "(" + ", ".join(_quotes(one) for one in fields) + ")"
    doc = ast.get_docstring(node) or ""
    bases = {ast.unparse(base) for base in node.bases}
    error = any(base.endswith(("Error", "Exception")) for base in bases)
    kind = "exception" if error else "class"
    return Name(kind, node.name, signature, doc, tuple(members))


def _is_dataclass(node: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(one) for one in node.decorator_list)


def _method(node: ast.FunctionDef) -> Name:
    decorators = {ast.unparse(one) for one in node.decorator_list}
    doc = ast.get_docstring(node) or ""
    if decorators & {"property", "cached_property"}:
        return Name("property", node.name, _returned(node), doc)
    return Name("method", node.name, _signature(node, method=True), doc)


def _signature(node: ast.FunctionDef, *, method: bool = False) -> str:
    arguments = node.args
    if method and arguments.args:
        arguments = ast.arguments(
            posonlyargs=arguments.posonlyargs,
            args=arguments.args[1:],
            vararg=arguments.vararg,
            kwonlyargs=arguments.kwonlyargs,
            kw_defaults=arguments.kw_defaults,
            kwarg=arguments.kwarg,
            defaults=arguments.defaults,
        )
    returned = _returned(node)
    text = _quotes(f"({ast.unparse(arguments)})")
    return f"{text} -> {returned}" if returned else text


def _returned(node: ast.FunctionDef) -> str:
    return _quotes(ast.unparse(node.returns)) if node.returns else ""


def _quotes(code: str) -> str:
    return code.replace("'", '"')


def _public(name: str) -> bool:
    return not name.startswith("_")


def parse(doc: str) -> Docstring:
    """Split a docstring in Google's style into its parts."""
    parts = Docstring()
    text: list[str] = []
    for head, lines in _sections(doc):
        if head == "Args":
            parts.args += _fields(lines)
        elif head == "Attributes":
            parts.attributes += _fields(lines)
        elif head == "Raises":
            parts.raises += _fields(lines)
        elif head == "Returns":
            parts.returns = "\n".join(lines).strip()
        elif head == "Yields":
            parts.yields = "\n".join(lines).strip()
        else:
            text += [f"**{head}**", "", *lines, ""] if head else [*lines, ""]
    parts.text = re.sub(r"\n{3,}", "\n\n", "\n".join(text)).strip()
    return parts


def _sections(doc: str) -> Iterator[tuple[str, list[str]]]:
    """Yield (heading, lines); running text has the empty heading."""
    head, lines = "", list[str]()
    for line in doc.splitlines():
        found = _SECTION.match(line)
        leaves = head and line and not line.startswith(" ")
        if found or leaves:
            yield head, lines
            head, lines = (found.group(1), []) if found else ("", [line])
        else:
            lines.append(line.removeprefix("    ") if head else line)
    yield head, lines


def _fields(lines: list[str]) -> list[tuple[str, str]]:
    """Read ``name: what it means`` with indented continuation lines."""
    found: list[tuple[str, str]] = []
    for line in lines:
        start = None if line.startswith(" ") else _FIELD.match(line)
        if start:
            found.append((start.group(1), start.group(2)))
        elif found:
            name, text = found[-1]
            found[-1] = name, f"{text}\n{line.strip()}".strip()
    return found


def markup(text: str) -> str:
    """Make reStructuredText of a docstring's words.

    Paragraphs and list items become single lines, indented blocks become
    literal ones, backticks become literals, and signs that mean something
    only to reStructuredText are written as themselves.
    """
    blocks = re.split(r"\n\s*\n", text.strip("\n"))
    return "\n\n".join(_block(block) for block in blocks if block.strip())


def _block(block: str) -> str:
    lines = block.splitlines()
    if lines[0].lstrip().startswith(">>>"):
        return "\n".join(lines)
    if all(line.startswith("  ") for line in lines):
        return "::\n\n" + "\n".join(lines)
    items: list[str] = []
    for line in map(str.strip, lines):
        if not items or re.match(r"[-*] |\d+\. ", line):
            items.append(line)
        else:
            items[-1] += " " + line
    separator = "\n\n" if len(items) > 1 else ""
    return separator.join(_words(item) for item in items)


def _words(text: str) -> str:
    text = re.sub(r"::$", ":", text)
    text = re.sub(r"(?<!`)`([^`\n]+)`(?!`)", r"``\1``", text)
    pieces = _LITERAL.split(text)
    pieces[::2] = [_escape(piece) for piece in pieces[::2]]
    return "".join(pieces)


def _escape(text: str) -> str:
    text = re.sub(r"(?<=\w)_(?!\w)", r"\\_", text)
    text = text.replace("|", r"\|")
    # An asterisk stays a mark of emphasis only where it has a partner.
    return re.sub(
        r"(\*{1,2})(\w[^*\n]*?\w|\w)\1|\*",
        lambda found: found.group() if found.group(1) else r"\*",
        text,
    )
