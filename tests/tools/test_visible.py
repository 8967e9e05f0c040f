"""The visible cells of a page alone run, or the fault is named."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tools import visible


def page(folder: Path, *sources: str, hidden: str) -> Path:
    """Write a notebook whose second cell is hidden."""
    cells = [new_code_cell(source) for source in sources]
    cells.insert(1, new_code_cell(hidden, metadata={"tags": ["remove-cell"]}))
    path = folder / "page.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    return path


@pytest.mark.parametrize(
    ("hidden", "why"),
    [("assert x == 1", ""), ("y = 2", "NameError: name 'y' is not defined")],
)
def test_what_a_hidden_cell_makes_is_missed(tmp_path, hidden, why):
    """A check may stay away; a name that the page needs may not."""
    last = "x + 1" if not why else "x + y"
    path = page(tmp_path, "x = 1", last, hidden=hidden)
    before = path.read_bytes()

    found = visible.fault(path)

    assert (why in found) if why else found == ""
    assert path.read_bytes() == before
