"""A run that checked nothing does not count as a run."""

import json

import pytest

from tools import ci_summary

NOTEBOOK = {"cells": 5, "compared": 3, "claims": 2}


@pytest.fixture
def root(tmp_path):
    """A book of two pages, one of them built, with one notebook checked."""
    (tmp_path / "_build/html").mkdir(parents=True)
    (tmp_path / "_build/html/index.html").touch()
    (tmp_path / "_toc.yml").write_text(
        "root: index\nchapters:\n  - file: chapters/other\n"
    )
    report(tmp_path, NOTEBOOK)
    return tmp_path


def report(root, *notebooks):
    """Write what the checker leaves behind."""
    found = {f"{i}.ipynb": n for i, n in enumerate(notebooks)}
    text = json.dumps({"notebooks": found})
    (root / "_build/notebooks.json").write_text(text)


def test_everything_is_counted(root):
    """Over all notebooks; a page counts when its file is there."""
    report(root, NOTEBOOK, {"cells": 0, "compared": 0, "claims": 0})

    assert ci_summary.counted(root) == {
        "notebooks run": 1,
        "cells compared": 3,
        "claims checked": 2,
        "pages built": 1,
    }


@pytest.mark.parametrize("what", ["cells", "compared", "claims"])
def test_a_zero_fails(root, what, monkeypatch, capsys):
    """Each count for itself, with its name."""
    report(root, {**NOTEBOOK, what: 0})
    counts = ci_summary.counted(root)
    monkeypatch.setattr(ci_summary, "counted", lambda: counts)

    assert ci_summary.main() == 1
    assert "failed: no" in capsys.readouterr().err


def test_a_full_run_passes(root, monkeypatch, capsys):
    """With the four numbers on one line."""
    counts = ci_summary.counted(root)
    monkeypatch.setattr(ci_summary, "counted", lambda: counts)

    assert ci_summary.main() == 0
    assert "1 notebooks run, 3 cells compared" in capsys.readouterr().out


def test_no_report_is_an_error(root):
    """The notebooks were not run: nothing to count."""
    (root / "_build/notebooks.json").unlink()

    with pytest.raises(FileNotFoundError):
        ci_summary.counted(root)
