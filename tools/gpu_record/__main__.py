"""The command line of ``tools.gpu_record``."""

import argparse
from pathlib import Path


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.gpu_record",
        description="Record a chapter on a machine with a GPU, no network.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    pack = commands.add_parser("pack", help="collect what it lacks, here")
    pack.add_argument("--chapter", type=int, required=True)
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
    run = commands.add_parser("run", help="record the chapter, there")
    run.add_argument("--chapter", type=int, required=True)
    run.add_argument("--out", type=Path, required=True, metavar="DIR")
    run.add_argument("--minutes", type=float, default=9.0)
    run.add_argument(
        "--only", nargs="+", default=[], metavar="5.5", help="these pages"
    )
    run.add_argument("--scale", choices=["full", "small"], default="full")
    run.add_argument(
        "--plain",
        action="store_true",
        help="first compare the speed of training with the usual way",
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run one of the two commands and return the exit status."""
    options = parse(arguments)
    if options.command == "pack":
        from tools.gpu_record import pack

        return pack.main(options.chapter, options.python, options.there)
    from tools.gpu_record import run

    return run.main(
        options.chapter,
        options.out,
        minutes=options.minutes,
        only=options.only,
        scale=options.scale,
        plain=options.plain,
    )


if __name__ == "__main__":
    raise SystemExit(main())
