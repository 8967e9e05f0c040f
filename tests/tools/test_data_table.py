"""The table of files in data/README.md."""

from tools import data_table


def test_the_table_of_files_is_that_of_the_registry():
    """``python -m tools.data_table`` brings it up to date."""
    text = data_table.README.read_text(encoding="utf-8")

    assert data_table.updated(text) == text


def test_only_the_table_is_replaced():
    """What stands before and after it stays."""
    text = data_table.README.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    [row] = [x for x in lines if x.startswith("| `diabetes`")]

    assert data_table.updated(text.replace(row, "")) == text
