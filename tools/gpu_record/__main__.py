"""The command line of ``tools.gpu_record``."""

import argparse
from importlib import import_module
from pathlib import Path


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.gpu_record",
        description="Record a chapter on a machine with a GPU, no network.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    pack = commands.add_parser("pack", help="collect what it lacks, here")
    run = commands.add_parser("run", help="record the chapter, there")
    for command in (pack, run):
        command.add_argument("--chapter", type=int, required=True)
    pack.add_argument(
        "--python", default="3.12", help="its Python (default: %(default)s)"
    )
    pack.add_argument(
        "--there",
        nargs="+",
        default=[],
        metavar="NAME",
        help="packages it has, or files with what 'pip freeze' prints there",
    )
    run.add_argument("--out", type=Path, required=True, metavar="DIR")
    run.add_argument("--minutes", type=float, default=9.0)
    run.add_argument(
        "--only", nargs="+", default=[], metavar="5.5", help="these pages"
    )
    run.add_argument("--scale", choices=["full", "small"], default="full")
    run.add_argument(
        "--bench", action="store_true", help="measure training first"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run one of the two commands and return the exit status."""
    options = vars(parse(arguments))
    command = import_module(f"tools.gpu_record.{options.pop('command')}")
    return int(command.main(**options))


if __name__ == "__main__":
    raise SystemExit(main())
