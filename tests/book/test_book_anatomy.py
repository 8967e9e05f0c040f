"""Every section is made of the same parts, and its cells are readable."""

import ast
import builtins
import re
from collections.abc import Iterator

import pytest

from tools import pages

NOTEBOOKS = pages.notebooks()
FIGURE = re.compile(r"image/(png|svg\+xml)")
MAX_LINES, MAX_HIDDEN, MAX_COLUMNS = 25, 40, 79

each_notebook = pytest.mark.parametrize(
    "page", NOTEBOOKS, ids=lambda page: page.name
)


@each_notebook
def test_section_opens_with_a_question(page: pages.Page):
    """Title first, then a question that the page answers."""
    opening = page.cells[0]

    assert opening.kind == "markdown"
    assert opening.source.startswith("# ")
    assert "?" in opening.source, "no question before the first code"


@each_notebook
def test_section_ends_with_summary_and_exercises(page: pages.Page):
    """What is now known, then what to do with it."""
    headings = re.findall(r"^## (.+)$", page.prose, re.MULTILINE)

    assert headings[-2:] == ["Summary", "Exercises"]


@each_notebook
def test_exercises_are_numbered_and_solved(page: pages.Page):
    """Three to eight exercises, each with the solution that follows it."""
    number = page.title.split()[0].replace(".", "-")

    exercises = re.findall(r"\{exercise\}[^\n]*\n:label: (\S+)", page.prose)
    solutions = re.findall(
        r"\{solution(?:-start)?\} (\S+)\n:class: dropdown", page.prose
    )

    assert 3 <= len(exercises) <= 8
    assert exercises == [
        f"ex-{number}-{place}" for place in range(1, len(exercises) + 1)
    ]
    assert solutions == exercises


@each_notebook
def test_figures_have_name_caption_and_description(page: pages.Page):
    """Every figure can be referred to, and read without being seen."""
    for cell in page.code:
        if not draws(cell) or "remove-cell" in cell.tags:
            continue
        told = cell.metadata.get("mystnb", {})
        figure, image = told.get("figure", {}), told.get("image", {})
        first = cell.source.splitlines()[0]
        assert figure.get("name", "").startswith("fig-"), first
        assert len(figure.get("caption", "")) > 10, first
        assert len(image.get("alt", "")) > 10, first
        assert image["alt"] != figure["caption"], first


def draws(cell: pages.Cell) -> bool:
    """Whether a cell's outputs hold a figure."""
    kinds = {
        kind: "".join(content) if isinstance(content, list) else content
        for output in cell.outputs
        for kind, content in output.get("data", {}).items()
    }
    return any(map(FIGURE.match, kinds)) or "d2l-explore" in kinds.get(
        "text/html", ""
    )


def test_figure_names_are_unique():
    """No two figures of the book share a name."""
    names = [
        cell.metadata["mystnb"]["figure"]["name"]
        for page in NOTEBOOKS
        for cell in page.code
        if "figure" in cell.metadata.get("mystnb", {})
    ]

    assert sorted(names) == sorted(set(names))


@each_notebook
def test_cells_are_short_and_narrow(page: pages.Page):
    """A cell is read at one glance, and fits beside its neighbours."""
    for cell in page.code:
        lines = cell.source.splitlines()
        assert lines, "an empty code cell"
        hidden = "remove-cell" in cell.tags
        assert len(lines) <= (MAX_HIDDEN if hidden else MAX_LINES), lines[0]
        assert max(map(len, lines)) <= MAX_COLUMNS, lines[0]


@each_notebook
def test_cells_show_what_they_end_in(page: pages.Page):
    """No cell ends with a semicolon to hide its value."""
    for cell in page.code:
        assert not cell.source.rstrip().endswith(";"), cell.source


@each_notebook
def test_imports_stand_in_one_cell(page: pages.Page):
    """What a page uses is imported at its beginning.

    Hidden checks and folded solutions may bring what only they need.
    """
    importing = [
        place
        for place, cell in enumerate(lesson(page))
        if "remove-cell" not in cell.tags
        and any(
            isinstance(node, ast.Import | ast.ImportFrom)
            for node in ast.parse(cell.source).body
        )
    ]

    assert importing == [0]


def lesson(page: pages.Page) -> list[pages.Cell]:
    """Return the code cells before the exercises."""
    found = []
    for cell in page.cells:
        if cell.kind == "markdown" and "\n## Exercises" in "\n" + cell.source:
            break
        if cell.kind == "code":
            found.append(cell)
    return found


@each_notebook
def test_page_checks_itself(page: pages.Page):
    """A hidden cell, or a claim in view, holds the prose to the numbers."""
    checks = [
        cell
        for cell in page.code
        if re.search(r"\bd2l\.check\.\w+\(|^assert ", cell.source, re.M)
    ]

    assert checks


def claims(page: pages.Page) -> Iterator[tuple[pages.Cell, ast.Call]]:
    """Yield every claim of a page, with the cell it stands in."""
    for cell in page.code:
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == (
                "d2l.check.claim"
            ):
                yield cell, node


@each_notebook
def test_claims_stand_in_folded_cells_of_their_own(page: pages.Page):
    """What a reader sees is the code, and the line that the claim prints."""
    for cell, claim in claims(page):
        assert "hide-input" in cell.tags, ast.unparse(claim.args[0])


@each_notebook
def test_other_folded_cells_say_what_they_hide(page: pages.Page):
    """The site's usual words are those for a claim."""
    claiming = [cell for cell, _ in claims(page)]
    for cell in page.code:
        if "hide-input" in cell.tags and cell not in claiming:
            told = cell.metadata.get("mystnb", {})
            assert "code_prompt_show" in told, cell.source


@each_notebook
def test_a_claim_is_about_something_computed(page: pages.Page):
    """A number that was typed in cannot be wrong."""
    computed = ast.Name | ast.Call | ast.Attribute | ast.Subscript
    for _, claim in claims(page):
        parts = list(ast.walk(claim.args[1]))
        assert any(isinstance(part, computed) for part in parts), ast.unparse(
            claim
        )


@each_notebook
def test_a_bound_takes_a_side(page: pages.Page):
    """A difference that may be of either sign is no difference.

    Bounds that are as wide on both sides say just that: none was found. On
    a drawn sample there may be nothing to find.
    """
    for _, claim in claims(page):
        given = {k.arg: k.value for k in claim.keywords}
        for bounds in (claim.args[2], given.get("small")):
            sides = literal(bounds)
            if isinstance(sides, tuple) and None not in sides:
                low, high = sides
                assert not low < 0 < high or low == -high, ast.unparse(claim)


def literal(node: ast.expr | None) -> object:
    """Return what an expression of constants means, None for any other."""
    try:
        return None if node is None else ast.literal_eval(node)
    except ValueError:
        return None


@each_notebook
def test_the_visible_cells_need_no_hidden_one(page: pages.Page):
    """Whoever types in what the page shows has all that it takes.

    Live code on the site has nothing else. That the cells run is tried by
    ``make visible``.
    """
    made = set(dir(builtins)) | {"display", "get_ipython"}
    for cell in page.code:
        if "remove-cell" in cell.tags:
            continue
        tree = ast.parse(cell.source)
        made |= names_made(tree)
        missing = names_used(tree) - made
        assert not missing, f"{missing} is not made so far: {cell.source}"


def names_used(tree: ast.Module) -> set[str]:
    """Return every name that code reads."""
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def names_made(tree: ast.Module) -> set[str]:
    """Return every name that code gives to something."""
    made = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                made.add(node.name)
            case ast.Name(ctx=ast.Store()):
                made.add(node.id)
            case ast.alias():
                made.add((node.asname or node.name).split(".")[0])
            case ast.arg():
                made.add(node.arg)
            case ast.ExceptHandler(name=str(name)):
                made.add(name)
    return made


@each_notebook
def test_a_slow_page_says_why(page: pages.Page):
    """More than 40 seconds on the machine that recorded it needs a reason."""
    assert page.stamp["seconds"] <= 40 or page.slow
