"""Says how much a run of all checks has checked; nothing is a failure.

A green run in which nothing was built, compared or claimed is the one fault
that no single check can see.
"""

import json
import sys
from pathlib import Path

from tools import pages


def counted(root: Path = pages.ROOT) -> dict[str, int]:
    """Return what was built and checked below ``root/_build``, by name.

    Raises:
        FileNotFoundError: The notebooks were not checked at all.
    """
    report = json.loads((root / "_build/notebooks.json").read_text("utf-8"))
    notebooks = report["notebooks"].values()
    built = root / "_build/html"
    return {
        "notebooks run": sum(n["cells"] > 0 for n in notebooks),
        "cells compared": sum(n["compared"] for n in notebooks),
        "claims checked": sum(n["claims"] for n in notebooks),
        "pages built": sum(
            (built / f"{n}.html").is_file() for n in pages.toc(root)
        ),
    }


def main() -> int:
    """Print the counts; fail when one of them is zero."""
    counts = counted()
    print(", ".join(f"{number} {name}" for name, number in counts.items()))
    empty = [name for name, number in counts.items() if number == 0]
    if empty:
        print(f"failed: no {', no '.join(empty)}", file=sys.stderr)
    return 1 if empty else 0


if __name__ == "__main__":
    sys.exit(main())
