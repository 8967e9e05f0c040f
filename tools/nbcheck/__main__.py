"""Re-executes notebooks: ``python -m tools.nbcheck chapters -n 2``.

Every argument is pytest's or the plugin's (``--shard I/N``,
``--cell-timeout SECONDS``); without a path, all chapters are checked.
"""

import sys

import pytest

from tools.pages import ROOT


def main(arguments: list[str]) -> int:
    """Run pytest on notebooks and on nothing else.

    Returns:
        pytest's exit code: 0 when every notebook is as it says.
    """
    return int(
        pytest.main(
            [
                *("-p", "tools.nbcheck.plugin"),
                *("-c", str(ROOT / "pyproject.toml")),
                *("--rootdir", str(ROOT)),
                *("--dist", "loadfile"),
                # Notebooks hold no assertion that pytest could rewrite, and
                # nbval is imported before pytest wants to rewrite it.
                "--assert=plain",
                *("--tb", "short", "-q"),
                *(arguments or [str(ROOT / "chapters")]),
            ]
        )
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
