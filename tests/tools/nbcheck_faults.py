"""A small notebook, and copies of it with one fault each.

The notebook needs no PyTorch, so that thirty kernels start in a minute: the
module ``tiny`` stands in for the part of ``d2l`` that leaves events.
"""

import base64
import copy
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from tools.nbcheck import stamp

TINY = '''
"""What a page needs of d2l, without PyTorch."""

import base64, json, os, signal, struct, time, zlib

from IPython.display import SVG, Image, display


def event(kind, **facts):
    if "D2L_EVENTS" in os.environ:
        with open(os.environ["D2L_EVENTS"], "a") as log:
            log.write(json.dumps({"kind": kind, **facts}) + "\\n")


def claim(what, value, at_least):
    holds = value >= at_least
    bounds = [at_least, None]
    event("claim", what=what, value=value, bounds=bounds, holds=holds)
    assert holds, what
    print(f"claim: {what} = {value:.5g} (at least {at_least:g})")


def size():
    event("scale", scale="small")
    return 2


def tier():
    event("data", name="toy", tier="sample")
    return "sample"


def line(y):
    return SVG(f"""<svg xmlns="http://www.w3.org/2000/svg" width="100"
    height="50"><path id="curve" d="M0 0L50 {y}L100 50"/>
    <use href="#curve"/><text x="1" y="9">loss 0.25</text></svg>""")


def hang():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    time.sleep(600)
'''


def png(shift: int) -> bytes:
    """Return a picture of 16 x 16 grey pixels, a ramp."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    rows = b"".join(
        b"\0" + bytes((16 * x + shift * y) % 256 for x in range(16))
        for y in range(16)
    )
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def encoded(shift: int) -> str:
    """Return the picture as a notebook stores it."""
    return base64.b64encode(png(shift)).decode()


def figure(name: str) -> dict[str, Any]:
    """Return the metadata of a figure."""
    return {
        "mystnb": {
            "figure": {"name": name, "caption": "A figure."},
            "image": {"alt": "A line that goes down."},
        }
    }


# The place of each cell, so that a fault can name what it breaks.
TEXT, FLOAT, WHOLE, LINE, RAMP, CLAIM, ERROR, SIZE, TIER = range(9)


def page() -> NotebookNode:
    """Return the notebook, not yet recorded."""
    picture = f"tiny.Image(tiny.base64.b64decode({encoded(0)!r}))"
    return new_notebook(
        cells=[
            new_code_cell("import tiny\nprint('a small cat')"),
            new_code_cell("x = 0.3\nx"),
            new_code_cell("print(7, 'cats')"),
            new_code_cell("tiny.line(20)", metadata=figure("fig-line")),
            new_code_cell(picture, metadata=figure("fig-ramp")),
            new_code_cell("tiny.claim('accuracy', 0.815, 0.8)"),
            new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]}),
            new_code_cell("print('size', tiny.size())"),
            new_code_cell("print('data', tiny.tier())"),
        ]
    )


@dataclass(frozen=True)
class Fault:
    """A change to the recorded notebook, and whether it must be caught."""

    what: str
    plant: Callable[[NotebookNode], object]
    caught: bool = True

    @property
    def slug(self) -> str:
        """A file name."""
        return re.sub(r"\W+", "-", self.what).strip("-").lower()


FAULTS: list[Fault] = []


def fault(
    what: str, *, caught: bool = True
) -> Callable[[Callable[[NotebookNode], object]], object]:
    """Add a function to the list of faults."""

    def add(plant: Callable[[NotebookNode], object]) -> object:
        FAULTS.append(Fault(what, plant, caught))
        return plant

    return add


def restamp(nb: NotebookNode) -> None:
    """Make the stamp agree with the code: the fault is elsewhere."""
    nb.metadata["d2l"]["code"] = stamp.code_hash(nb)


def recode(nb: NotebookNode, place: int, source: str) -> None:
    """Change the code of a cell as if it had been recorded so."""
    nb.cells[place].source = source
    restamp(nb)


def shown(nb: NotebookNode, place: int) -> NotebookNode:
    """Return the data of the first output of a cell."""
    return nb.cells[place].outputs[0].data


@fault("nothing is changed", caught=False)
def _(nb):
    pass


@fault("0.3 becomes 0.3000001 in an output", caught=False)
def _(nb):
    shown(nb, FLOAT)["text/plain"] = "0.3000001"


@fault("0.3 becomes 0.31 in an output")
def _(nb):
    shown(nb, FLOAT)["text/plain"] = "0.31"


@fault("a whole number is changed")
def _(nb):
    nb.cells[WHOLE].outputs[0].text = "8 cats\n"


@fault("a word is changed")
def _(nb):
    nb.cells[TEXT].outputs[0].text = "a small dog\n"


@fault("a cell raises")
def _(nb):
    recode(nb, WHOLE, "print(7, 'cats')\nraise ValueError('no')")


@fault("a cell that should raise does not")
def _(nb):
    recode(nb, ERROR, "x = 1 / 1")


@fault("a claim does not hold")
def _(nb):
    recode(nb, CLAIM, "tiny.claim('accuracy', 0.815, 0.9)")


@fault("a claim does not hold and the cell hides it")
def _(nb):
    recode(
        nb,
        CLAIM,
        "try:\n    tiny.claim('accuracy', 0.815, 0.9)\n"
        "except AssertionError:\n"
        "    print('claim: accuracy = 0.815 (at least 0.8)')",
    )


def restate(nb, value):
    """Change the value of the claim in its output and in the stamp."""
    output = nb.cells[CLAIM].outputs[0]
    output.text = output.text.replace("0.815", f"{value}")
    nb.metadata["d2l"]["claims"][0]["value"] = value


@fault("the value of a claim moves within its bound", caught=False)
def _(nb):
    restate(nb, 0.9)


@fault("the stored value of a claim breaks its bound")
def _(nb):
    restate(nb, 0.7)


@fault("the value of a claim is changed in the output alone")
def _(nb):
    output = nb.cells[CLAIM].outputs[0]
    output.text = output.text.replace("0.815", "0.8231")


@fault("the bound of a claim is changed in the output")
def _(nb):
    output = nb.cells[CLAIM].outputs[0]
    output.text = output.text.replace("least 0.8", "least 0.805")


@fault("a stamped claim is no longer made")
def _(nb):
    nb.metadata["d2l"]["claims"] *= 2


@fault("an output is missing")
def _(nb):
    nb.cells[WHOLE].outputs = []


@fault("there is an extra output")
def _(nb):
    nb.cells[WHOLE].outputs.append(
        nbformat.v4.new_output("display_data", {"text/plain": "7"})
    )


@fault("two outputs are in the wrong order")
def _(nb):
    recode(nb, WHOLE, "tiny.display(1)\ntiny.display('two')")
    nb.cells[WHOLE].outputs = [
        nbformat.v4.new_output("display_data", {"text/plain": text})
        for text in ("'two'", "1")
    ]


@fault("an output is of another type")
def _(nb):
    nb.cells[WHOLE].outputs[0].name = "stderr"


@fault("an SVG figure is replaced by another")
def _(nb):
    svg = shown(nb, LINE)
    svg["image/svg+xml"] = svg["image/svg+xml"].replace("L50 20", "L50 30")


@fault("a label in an SVG figure is changed")
def _(nb):
    svg = shown(nb, LINE)
    svg["image/svg+xml"] = svg["image/svg+xml"].replace("loss", "cost")


@fault("a point in an SVG figure moves by 0.01 %", caught=False)
def _(nb):
    svg = shown(nb, LINE)
    svg["image/svg+xml"] = svg["image/svg+xml"].replace("L50 20", "L50 20.01")


@fault("names inside an SVG figure are random", caught=False)
def _(nb):
    svg = shown(nb, LINE)
    svg["image/svg+xml"] = svg["image/svg+xml"].replace("curve", "p9f8e7d")


@fault("a PNG figure is replaced by another")
def _(nb):
    shown(nb, RAMP)["image/png"] = encoded(3)


@fault("a PNG figure is replaced by garbage")
def _(nb):
    shown(nb, RAMP)["image/png"] = base64.b64encode(b"garbage").decode()


@fault("a figure is lost")
def _(nb):
    recode(nb, LINE, "curve = tiny.line(20)")
    nb.cells[LINE].outputs = []


@fault("a figure has no alternative text")
def _(nb):
    del nb.cells[LINE].metadata["mystnb"]["image"]


@fault("a cell was not executed")
def _(nb):
    nb.cells[WHOLE].outputs = []
    nb.cells[WHOLE].execution_count = None


@fault("code was edited after the stamp")
def _(nb):
    nb.cells[FLOAT].source = "x = 0.30\nx"


@fault("two cells changed places")
def _(nb):
    nb.cells[FLOAT], nb.cells[WHOLE] = nb.cells[WHOLE], nb.cells[FLOAT]


@fault("cells were run out of order")
def _(nb):
    for place in (FLOAT, WHOLE):
        cell = nb.cells[place]
        cell.execution_count = 5 - cell.execution_count
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count


@fault("there is no stamp")
def _(nb):
    del nb.metadata["d2l"]


@fault("there is no cell")
def _(nb):
    nb.cells = []
    restamp(nb)


@fault("a cell asks to be skipped")
def _(nb):
    nb.cells[WHOLE].metadata["tags"] = ["nbval-skip"]


@fault("a tolerance is widened without a reason")
def _(nb):
    nb.cells[FLOAT].metadata["d2l"] = {"rtol": 0.1}


@fault("recorded at another scale", caught=False)
def _(nb):
    nb.metadata["d2l"]["scale"] = "full"
    nb.cells[SIZE].outputs[0].text = "size 5\n"


@fault("recorded on another tier of data", caught=False)
def _(nb):
    nb.metadata["d2l"]["data"] = {"toy": "real"}
    nb.cells[TIER].outputs[0].text = "data real\n"


@fault("recorded at another scale and a claim does not hold")
def _(nb):
    nb.metadata["d2l"]["scale"] = "full"
    nb.cells[CLAIM], nb.cells[SIZE] = nb.cells[SIZE], nb.cells[CLAIM]
    recode(nb, SIZE, "tiny.claim('accuracy', 0.815, 0.9)")


@fault("a cell hangs and cannot be interrupted")
def _(nb):
    recode(nb, WHOLE, "print(7, 'cats')\ntiny.hang()")


@fault("the kernel dies")
def _(nb):
    recode(nb, WHOLE, "print(7, 'cats')\ntiny.os._exit(1)")


def plant_all(recorded: NotebookNode, folder: Path) -> None:
    """Write a copy of the recorded notebook for each fault."""
    folder.mkdir()
    (folder / "tiny.py").write_text(TINY)
    for each in FAULTS:
        nb = copy.deepcopy(recorded)
        each.plant(nb)
        nbformat.write(nb, folder / f"{each.slug}.ipynb")
