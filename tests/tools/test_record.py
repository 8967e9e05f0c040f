"""Recording: what is written, what is refused, what stays the same."""

import copy
import datetime
import json
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import (
    new_code_cell,
    new_markdown_cell,
    new_notebook,
    new_output,
)

from tests.tools import nbcheck_faults as faults
from tools import record
from tools.nbcheck import stamp
from tools.nbcheck.kernel import ROOT, CellRun, as_stored


@pytest.fixture
def page(tmp_path):
    """Return a notebook with a claim and two figures, not yet recorded."""
    (tmp_path / "tiny.py").write_text(faults.TINY)
    nb = faults.page()
    nb.metadata = {
        "kernelspec": {"name": "elsewhere", "display_name": "Elsewhere"},
        "jupytext": {"formats": "md:myst"},
        "widgets": {"state": {}},
    }
    nb.cells[0].metadata = {"execution": {"start": "now"}, "scrolled": True}
    nb.cells.insert(0, new_markdown_cell("# 1.1 Cats"))
    path = tmp_path / "page.ipynb"
    nbformat.write(nb, path)
    return path


def test_a_recorded_notebook_has_outputs_and_a_stamp(page, capsys):
    """The stamp says what the run did; the last line says it in short."""
    assert record.main([str(page), "--scale", "small"]) == 0

    nb = nbformat.read(page, as_version=4)
    assert nb.cells[1].outputs[0].text == "a small cat\n"
    assert [cell.execution_count for cell in nb.cells[1:]] == [*range(1, 10)]
    found = nb.metadata["d2l"]
    assert found["code"] == stamp.code_hash(nb)
    assert (found["scale"], found["scale_matters"]) == ("small", True)
    assert found["device"] == "cpu"
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"torch", "numpy"} <= found["versions"].keys()
    assert found["data"] == {"toy": "sample"}
    assert found["peak_memory_mb"] > 20
    assert found["seconds"] > 0
    assert (found["cells"], found["figures"]) == (9, 2)
    assert datetime.date.fromisoformat(found["recorded"])
    assert found["claims"] == [
        {
            "what": "accuracy",
            "value": 0.815,
            "bounds": [0.8, None],
            "full": None,
            "small": None,
            "sample": None,
            "reported": None,
            "why": None,
            "data": None,
        }
    ]
    assert "9 cells, 1 claims, 2 figures, " in capsys.readouterr().out


def test_recording_again_changes_nothing_but_the_measurements(page):
    """The file has one canonical form, down to the names of the cells."""
    texts = []
    for _ in range(2):
        record.record(page)
        nb = json.loads(page.read_text())
        for name in ("seconds", "peak_memory_mb", "recorded"):
            del nb["metadata"]["d2l"][name]
        texts.append(json.dumps(nb))

    assert texts[0] == texts[1]
    assert nb["nbformat_minor"] == 5
    assert nb["metadata"].keys() == {"d2l", "kernelspec", "language_info"}
    assert nb["metadata"]["kernelspec"]["name"] == "python3"
    assert nb["cells"][1]["metadata"] == {}


def test_a_refused_notebook_is_left_alone(page, capsys):
    """The file keeps every byte; the message names the cell and the cause."""
    nb = nbformat.read(page, as_version=4)
    nb.cells[3].source = "raise ValueError('a dog')"
    nbformat.write(nb, page)
    before = page.read_bytes()

    assert record.main([str(page)]) == 1

    assert page.read_bytes() == before
    message = capsys.readouterr().err
    assert "cell 3: it raised ValueError: a dog" in message
    assert "raise ValueError" in message
    assert {path.name for path in page.parent.iterdir()} <= {
        "page.ipynb",
        "tiny.py",
        "__pycache__",
    }


@pytest.mark.parametrize(
    ("metadata", "match"),
    [
        ({}, "no alternative text"),
        ({"mystnb": {"image": {"alt": " "}}}, "no alternative text"),
        ({"d2l": {"rtol": 1}}, "without a reason"),
    ],
)
def test_a_figure_without_words_is_not_recorded(tmp_path, metadata, match):
    """What the check would refuse is not written."""
    path = tmp_path / "page.ipynb"
    code = "from IPython.display import SVG\nSVG('<svg></svg>')"
    cell = new_code_cell(code, metadata=metadata)
    nbformat.write(new_notebook(cells=[cell]), path)

    with pytest.raises(record.NotRecorded, match=match):
        record.record(path)


def test_a_cell_has_only_its_time(tmp_path):
    """A hanging cell is killed after the limit that is given."""
    path = tmp_path / "page.ipynb"
    cell = new_code_cell("import time\ntime.sleep(60)")
    nbformat.write(new_notebook(cells=[cell]), path)

    with pytest.raises(record.NotRecorded, match="took longer than 1 s"):
        record.record(path, timeout=1)


def test_a_kernel_knows_the_package_its_folder_and_nothing_else(
    tmp_path, monkeypatch
):
    """The page imports d2l, lies in its folder, and sees no user profile."""
    monkeypatch.setenv("EXPECTED", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "profile"))
    startup = tmp_path / "profile" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("mine = 1")
    folder = tmp_path / "chapter"
    folder.mkdir()
    code = (
        "import os, d2l\n"
        "package = os.path.dirname(os.path.dirname(d2l.__file__))\n"
        "print(os.path.basename(os.getcwd()),\n"
        "      os.path.samefile(package, os.environ['EXPECTED']),\n"
        "      'mine' in globals(), os.environ['D2L_RECORDING'])"
    )
    path = folder / "page.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(code)]), path)

    record.record(path)

    (cell,) = nbformat.read(path, as_version=4).cells
    assert cell.outputs[0].text == "chapter True False 1\n"


def test_a_notebook_that_cannot_be_read_is_refused(tmp_path):
    """Neither a missing file nor other text is a notebook."""
    other = tmp_path / "other.ipynb"
    other.write_text("not json")

    for path in (other, tmp_path / "missing.ipynb"):
        with pytest.raises(record.NotRecorded, match="not a readable"):
            record.record(path)


def error(name="ValueError"):
    """Return the output of a cell that raised."""
    return new_output("error", ename=name, evalue="no", traceback=[])


RAISES = {"tags": ["raises-exception"]}


@pytest.mark.parametrize(
    ("metadata", "run", "match"),
    [
        ({}, CellRun(error=error()), "it raised ValueError: no"),
        (RAISES, CellRun(), "nothing was raised"),
        (
            {},
            CellRun(
                events=[
                    {"kind": "claim", "what": "x", "value": 1, "holds": False}
                ]
            ),
            "a claim does not hold: x = 1",
        ),
        (
            {},
            CellRun(
                outputs=[new_output("stream", text=f"{ROOT}/d2l/data.py")]
            ),
            "names a folder of this machine",
        ),
        ({}, CellRun(), "^$"),
        (RAISES, CellRun(error=error()), "^$"),
    ],
)
def test_what_must_not_be_published_is_refused(metadata, run, match):
    """Errors, broken claims and paths are refused, and nothing else."""
    cell = new_code_cell("1", metadata=metadata)

    reason = record.refusal(cell, run)

    assert reason == "" if match == "^$" else match in reason


def test_cells_are_named_after_what_they_say():
    """A cell that is put in front leaves the other names alone."""
    nb = new_notebook(
        cells=[new_code_cell("a"), new_markdown_cell("a"), new_code_cell("a")]
    )
    names = [cell.id for cell in record.canonical(nb).cells]

    nb.cells.insert(0, new_code_cell("b"))
    longer = [cell.id for cell in record.canonical(nb).cells]

    assert len(set(names)) == 3
    assert longer[1:] == names


def test_tidying_leaves_its_argument_alone():
    """The canonical form is a copy."""
    nb = new_notebook(
        cells=[new_code_cell("a", metadata={"scrolled": True})],
        metadata={"widgets": {}},
    )
    before = copy.deepcopy(nb)

    record.canonical(nb)

    assert nb == before


def test_chunks_of_a_stream_are_one_output():
    """Between two other outputs each stream stands once, stdout first."""
    picture = new_output("display_data", {"text/plain": "<figure>"})
    chunks = [
        new_output("stream", name="stderr", text="careful"),
        new_output("stream", name="stdout", text="a"),
        new_output("stream", name="stdout", text="b\n"),
        picture,
        new_output("stream", name="stdout", text=" 10%\r 100%\n"),
    ]

    merged = as_stored(chunks)

    assert [(out.get("name"), out.get("text")) for out in merged] == [
        ("stdout", "ab\n"),
        ("stderr", "careful"),
        (None, None),
        ("stdout", " 100%\n"),
    ]
    assert chunks[1].text == "a"


def test_widgets_and_dates_are_not_kept():
    """A widget needs a kernel and a date changes: neither is an output."""
    widget = new_output(
        "display_data",
        {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "x"},
    )
    svg = "<svg>\n <metadata>\n  today\n </metadata>\n <g/></svg>"
    figure = new_output("display_data", {"image/svg+xml": svg})

    (kept,) = as_stored([widget, figure])

    assert kept.data["image/svg+xml"] == "<svg>\n <g/></svg>"


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    """There is no moment with half a file, and nothing is left over."""
    path = tmp_path / "page.ipynb"
    path.write_text("old")

    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr(record.os, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        record._write(path, "new")

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_keeps_the_permissions_of_the_old(tmp_path):
    """Recording does not hide a notebook from the group."""
    path = Path(tmp_path, "page.ipynb")
    path.write_text("old")
    path.chmod(0o644)

    record._write(path, "new")

    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o644
