"""Collect what a machine with PyTorch and no network lacks.

Wheels in the versions of ``requirements.lock``, checked against its hashes,
and the data sets that the chapter reads, compressed. ``.gpu/`` is ignored by
git and written anew.
"""

import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.gpu_record.run import FOLDER, chosen
from tools.pages import ROOT

LIMIT = 60 * 2**20  # bytes
# What it takes to execute a page and to draw, whatever the page imports.
ROOTS = (
    *("nbformat", "nbclient", "ipykernel", "jupyter-client", "nbval"),
    *("matplotlib", "pandas", "pooch", "filelock", "tqdm", "jaxtyping"),
    "ipywidgets",
)
# A machine with PyTorch and torchvision has these.
THERE = ("torch", "torchvision", "numpy", "pillow")
# Needed on paper only: a debugger, completion, and the part of the widgets
# that runs in a browser.
NOT_NEEDED = (
    *("debugpy", "jedi", "parso"),
    *("jupyterlab-widgets", "widgetsnbextension"),
)
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux2014_x86_64")
# Also to be had without compiled parts, and so a fifth of the size.
PURE = {"fonttools"}
OWN = "deep-learning-executed"

_IMPORT = re.compile(r"^\s*(?:import|from)\s+(\w+)", re.MULTILINE)
_USED = re.compile(r"\bdata\.(\w+)\(|\bfetch\.\w+\(\s*[\"'](\w+)")


def main(
    chapter: int, python: str, there: list[str], *, root: Path = ROOT
) -> int:
    """Fill the folder, print its size, and return the exit status."""
    code = "\n".join(
        cell.source for page in chosen(root, chapter) for cell in page.code
    )
    present = {*THERE, *NOT_NEEDED, *names_there(there)}
    wanted = needs([*ROOTS, *imported(code)], present, python)
    lock = (root / "requirements.lock").read_text(encoding="utf-8")
    folder = root / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for names, platforms in (
        (set(wanted) - PURE, PLATFORMS),
        (PURE & set(wanted), ("any",)),
    ):
        pins = pinned(lock, sorted(names), python)
        download(pins, python, platforms, folder)
    compress(data_files(code), folder)
    return report(folder)


def names_there(named: list[str]) -> set[str]:
    """Return the packages that are named, or listed in a file named."""
    lines = []
    for name in named:
        path = Path(name)
        known = path.read_text(encoding="utf-8") if path.is_file() else name
        lines += known.splitlines()
    names = (re.match(r"[A-Za-z0-9._-]+", line) for line in lines)
    return {canonicalize_name(name.group()) for name in names if name}


def imported(code: str) -> list[str]:
    """Return the packages that code imports, by the names they install as."""
    modules = set(_IMPORT.findall(code))
    installed = metadata.packages_distributions()
    found = {name for module in modules for name in installed.get(module, [])}
    return sorted(set(map(canonicalize_name, found)) - {OWN})


def environment(python: str) -> dict[str, str]:
    """Return what the markers of requirements ask about that machine."""
    there = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "platform_machine": "x86_64",
        "platform_system": "Linux",
        "sys_platform": "linux",
        "os_name": "posix",
        "extra": "",
    }
    return {**{k: str(v) for k, v in default_environment().items()}, **there}


def needs(roots: Iterable[str], there: set[str], python: str) -> list[str]:
    """Return the packages to carry: the roots and all that they need.

    What is there is not carried, and neither is what only it needs.
    """
    asked = environment(python)
    found: set[str] = set()
    waiting = [canonicalize_name(name) for name in roots]
    while waiting:
        name = waiting.pop()
        if name in found or name in there:
            continue
        found.add(name)
        for line in metadata.requires(name) or []:
            need = Requirement(line)
            if need.marker is None or need.marker.evaluate(asked):
                waiting.append(canonicalize_name(need.name))
    return sorted(found)


def pinned(lock: str, names: Iterable[str], python: str) -> str:
    """Return the lines of the lock for some packages, with their hashes.

    Raises:
        ValueError: A package is not in the lock.
    """
    asked = environment(python)
    blocks: dict[str, str] = {}
    for block in re.split(r"\n(?=\S)", lock.strip()):
        head, _, hashes = block.partition("\\\n")
        pin, _, marker = head.partition(";")
        if marker.strip() and not Marker(marker.strip()).evaluate(asked):
            continue
        name = canonicalize_name(pin.partition("==")[0].strip())
        blocks[name] = f"{pin.strip()} \\\n{hashes}"
    names = list(names)
    if missing := [name for name in names if name not in blocks]:
        raise ValueError(f"not in the lock: {', '.join(missing)}")
    return "\n".join(blocks[name] for name in names) + "\n"


def download(
    requirements: str, python: str, platforms: Iterable[str], folder: Path
) -> None:
    """Fill ``wheels`` with the packages, for that machine's Python."""
    listed = folder / "requirements.txt"
    listed.write_text(requirements, encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet"]
    command += ["--disable-pip-version-check", "--no-deps", "--only-binary"]
    command += [":all:", "--implementation", "cp", "--require-hashes"]
    command += ["--python-version", python, "--requirement", str(listed)]
    command += ["--dest", str(folder / "wheels")]
    for platform in platforms:
        command += ["--platform", platform]
    subprocess.run(command, check=True)


def data_files(code: str) -> list[Path]:
    """Return the files of the data sets that code asks for."""
    from d2l import fetch

    used = {name for pair in _USED.findall(code) for name in pair if name}
    return [
        fetch.file(name)
        for name in fetch.names()
        if any(name == u or name.startswith(f"{u}_") for u in used)
    ]


def compress(files: Iterable[Path], folder: Path) -> None:
    """Leave the files in one archive, as small as they get."""
    with tarfile.open(folder / "data.tar.xz", "w:xz") as archive:
        for path in files:
            archive.add(path, path.name)


def report(folder: Path, limit: int = LIMIT) -> int:
    """Print what the folder weighs; 1 if that is too much to travel."""
    parts = [path for path in folder.rglob("*") if path.is_file()]
    sizes = sorted(((p.stat().st_size, p.name) for p in parts), reverse=True)
    total = sum(size for size, _ in sizes)
    print(f"{len(sizes)} files, {total / 2**20:.1f} MiB in {folder.name}/")
    if total <= limit:
        return 0
    largest = "".join(
        f"\n  {size / 2**20:6.1f} MiB  {name}" for size, name in sizes[:5]
    )
    print(
        f"more than {limit / 2**20:g} MiB; the largest are{largest}\n"
        "give --there the packages that the machine has already",
        file=sys.stderr,
    )
    return 1
