"""Words and letters that mean one thing in the whole book."""

import re

import pytest

from tools import pages

MENDED = (
    "index",
    "chapters/01-introduction/index",
    "chapters/02-preliminaries/index",
    "chapters/03-basics/index",
    "chapters/04-builders-guide/index",
    "chapters/appendix/notation",
    "chapters/appendix/references",
    "chapters/appendix/results",
    "chapters/appendix/status",
)
"""Pages that keep to the words and letters below, one on each line."""

ISE = (
    "optim|initial|normal|standard|regular|general|minim|maxim|memor|real|"
    "visual|summar|general|organ|recogn|quant|token|vector|categor|local|"
    "penal|central|special|character|emphas|critic|equal|util|random|factor|"
    "parametr|symbol|serial|synchron|final|formal|ideal|neutral|stabil"
)
SPELLING = {
    rf"\b(?:\w*[a-z]-)?(?:re|un|de|pre|over)?(?:{ISE})iz(?:e[ds]?|ing|ers?|"
    r"ations?|able)\b": "-ise, -isation",
    r"\bhyper-param\w*": "hyperparameter",
    r"\bmini-?batch(?<!mini-batch)\w*": "mini-batch",
    r"\bdatasets?\b": "data set",
    r"\b(?:un)?learnt\b": "learned",
    r"\bpercent\b": "per cent",
    r"\bpupils?\b": "students",
    r"\bcolor\w*": "colour",
    r"\bgr[a]y(?:s|scale)?\b": "grey",
    r"\bbehavior\w*": "behaviour",
    r"\bneighbor\w*": "neighbour",
    r"\bcenter(?:ed|s)?\b": "centre",
    r"\blabel(?:ed|ing)\b": "labelled, labelling",
    r"\bmodel(?:ed|ing)\b": "modelled, modelling",
    r"\bfavor\w*": "favour",
    r"\banalyz\w*": "analyse",
}
OPPONENT = (
    r"\bthe sources\b|\b(?:our|one|these|companion) sources?\b|"
    r"\bone of our sources\b|\bsources? of this book\b|"
    r"\bcompanion (?:notes?|sources?|documents?|texts?)\b|\bcompanions\b"
)
LETTERS = {
    r"[Ww]\}?\^\{?\((?:\d|l)\)": r"layers are numbered below: \mathbf{W}_1",
    r"\\hat\s*\{?\\?(?:mathbf|boldsymbol|bm)?\s*\{?[pP]\b": r"\hat{y}",
    r"\\mathcal\s*\{?L\b|(?<![\\\w{])L\s*=": r"\ell, the mean loss",
    r"\b[xy]_i\b(?!j)|\\mathbf\s*\{?[xy]\}?_i\b(?!j)": "x^{(i)}",
}

FENCE = re.compile(
    r"^(`{3,})(?!\{(?:math|figure|admonition)).*?^\1", re.M | re.S
)
ASIDE = re.compile(
    r"`[^`\n]*`|\]\([^)\n]*\)|https?://\S+|^:\w[\w-]*:.*$", re.MULTILINE
)
FORMULA = re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$", re.DOTALL)

mended = pytest.mark.parametrize(
    "page",
    [page for page in pages.pages() if page.name in MENDED],
    ids=lambda page: page.name,
)


def prose(text: str) -> str:
    """Return what is neither code, nor a formula, nor an address."""
    return FORMULA.sub(" ", ASIDE.sub(" ", FENCE.sub(" ", text)))


def formulas(text: str) -> str:
    """Return what stands between dollar signs, outside of code."""
    return "\n".join(FORMULA.findall(ASIDE.sub(" ", FENCE.sub(" ", text))))


def told(page: pages.Page) -> str:
    """Return the words of a page: its prose, its captions and its alts."""
    captions = [
        text
        for cell in page.code
        for part in ("figure", "image")
        for key, text in cell.metadata.get("mystnb", {}).get(part, {}).items()
        if key in {"caption", "alt"}
    ]
    return prose("\n\n".join([page.prose, *captions]))


def broken(rules: dict[str, str], text: str) -> list[str]:
    """Return what a text writes otherwise, with what it should write."""
    return [
        f"{found.group()!r}: write {instead}"
        for pattern, instead in rules.items()
        for found in re.finditer(pattern, text, re.IGNORECASE)
    ]


def test_mended_pages_exist():
    """A name in the list is a page, so that no typing error hides one."""
    assert set(MENDED) <= {page.name for page in pages.pages()}


@mended
def test_spelling_is_british_and_the_same_everywhere(page: pages.Page):
    """One spelling for each word; code keeps its own."""
    assert broken(SPELLING, told(page)) == []


@mended
def test_no_page_quarrels_with_an_absent_text(page: pages.Page):
    """Only the front page says which course texts the book follows."""
    assert page.name == "index" or not re.findall(
        OPPONENT, told(page), re.IGNORECASE
    )


@mended
def test_letters_are_those_of_the_notation_page(page: pages.Page):
    """Samples above, layers below, one letter for the loss."""
    text = formulas(page.prose)
    found = [
        f"{match.group()!r}: write {instead}"
        for pattern, instead in LETTERS.items()
        for match in re.finditer(pattern, text)
    ]

    assert found == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("An optimizer minimizes.", 2),
        ("The optimiser takes `optimizer` and sizes.", 0),
        ("```python\ncolor\n```\nA prize seized.", 0),
        ("hyper-parameters of a dataset, learnt", 3),
        ("minibatch, mini batch, mini-batches", 1),
        ("a [gray](gray.md) cat", 1),
    ],
)
def test_the_word_list_finds_what_it_should(text: str, wrong: int):
    """The search can fail, and leaves code alone."""
    assert len(broken(SPELLING, prose(text))) == wrong


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (r"$\mathbf{W}^{(1)}$ and $\hat{\mathbf{p}}$", 2),
        (r"$\mathbf{W}_1 \mathbf{x}^{(1)}$, $\hat{\mathbf y}$, $\ell$", 0),
        (r"$L = \sum_i (y_i - x_{ij})^2$", 2),
        (r"`L = 3` costs $5", 0),
    ],
)
def test_the_search_for_letters_finds_what_it_should(text: str, wrong: int):
    """The search can fail."""
    text = formulas(text)
    found = [m for p in LETTERS for m in re.finditer(p, text)]
    assert len(found) == wrong
