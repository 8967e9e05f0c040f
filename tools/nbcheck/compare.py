"""How the outputs of a cell differ from the stored ones.

``outputs`` compares all outputs of a cell: text by ``tokens``, HTML and SVG
by ``markup``, pixels by ``picture``. Everything returns what is different, in
words, and nothing when all is the same.
"""

import itertools
import json
from collections.abc import Collection, Sequence
from typing import Any

from nbformat import NotebookNode

from tools.nbcheck import markup, picture
from tools.nbcheck.tokens import RTOL, Tolerance, text


def outputs(
    stored: Sequence[NotebookNode],
    fresh: Sequence[NotebookNode],
    *,
    rtol: float = RTOL,
    claims: Collection[str] = (),
) -> list[str]:
    """Say how the outputs of a cell differ from the stored ones.

    Args:
        stored: What the notebook shows.
        fresh: What the cell has just given.
        rtol: How far a number may move, relative to its size.
        claims: What the claims of this cell are about; the values that
            their lines print may move within their bounds.

    Returns:
        One entry for each output that differs; empty when all agree.
    """
    kinds = [_kind(out) for out in stored], [_kind(out) for out in fresh]
    if kinds[0] != kinds[1]:
        return [
            f"stored outputs: {', '.join(kinds[0]) or 'none'}; "
            f"now: {', '.join(kinds[1]) or 'none'}"
        ]
    tolerance = Tolerance(rtol)
    return [
        f"output {number} ({kind}): {difference}"
        for number, kind, old, new in zip(
            itertools.count(1), kinds[0], stored, fresh
        )
        if (difference := _output(old, new, tolerance, claims))
    ]


def _kind(output: NotebookNode) -> str:
    """Name the type of an output and all that it holds."""
    if output.output_type == "stream":
        return str(output.name)
    if output.output_type == "error":
        return "error"
    return f"{output.output_type} {' '.join(sorted(output.data))}"


def _output(
    stored: NotebookNode,
    fresh: NotebookNode,
    tolerance: Tolerance,
    claims: Collection[str],
) -> str:
    """Say how two outputs of the same type differ."""
    if stored.output_type == "stream":
        return text(stored.text, fresh.text, tolerance, claims)
    if stored.output_type == "error":
        return text(
            f"{stored.ename}: {stored.evalue}",
            f"{fresh.ename}: {fresh.evalue}",
            tolerance,
        )
    differences = (
        _content(kind, stored.data[kind], fresh.data[kind], tolerance)
        for kind in sorted(stored.data)
    )
    return next(filter(None, differences), "")


def _content(kind: str, stored: Any, fresh: Any, tolerance: Tolerance) -> str:
    """Say how two contents of one MIME type differ."""
    if kind in {"text/html", "image/svg+xml"}:
        return markup.difference(stored, fresh, tolerance)
    if kind.startswith("image/"):
        return picture.difference(stored, fresh)
    if not isinstance(stored, str) or not isinstance(fresh, str):
        stored, fresh = (json.dumps(x, indent=1) for x in (stored, fresh))
    return text(stored, fresh, tolerance)
