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

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.gpu_record.run import FOLDER, PIP, chosen
from tools.pages import ROOT

LIMIT = 60.0  # MiB
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
        (wanted - PURE, PLATFORMS),
        (wanted & PURE, ("any",)),
    ):
        download(pinned(lock, names, python), python, platforms, folder)
    compress(data_files(code), folder)
    return report(folder)


def names_there(named: list[str]) -> set[str]:
    """Return the packages that are named, or listed in a file named."""
    listed = "\n".join(
        Path(name).read_text("utf-8") if Path(name).is_file() else name
        for name in named
    )
    found = re.findall(r"^\w[\w.-]*", listed, re.MULTILINE)
    return set(map(canonicalize_name, found))


def imported(code: str) -> set[str]:
    """Return the packages that code imports, by the names they install as."""
    installed = metadata.packages_distributions()
    modules = set(_IMPORT.findall(code)) & installed.keys()
    found = [name for module in modules for name in installed[module]]
    return {str(canonicalize_name(name)) for name in found} - {OWN}


def applies(need: Requirement, python: str) -> bool:
    """Say whether a requirement is one on that machine."""
    there = {"python_version": python, "python_full_version": f"{python}.0"}
    there |= {"platform_machine": "x86_64", "platform_system": "Linux"}
    there |= {"sys_platform": "linux", "os_name": "posix", "extra": ""}
    return need.marker is None or need.marker.evaluate(there)


def needs(roots: Iterable[str], there: set[str], python: str) -> set[str]:
    """Return the packages to carry: the roots and all that they need.

    What is there is not carried, and neither is what only it needs.
    """
    found: set[str] = set()
    waiting = [canonicalize_name(name) for name in roots]
    while waiting:
        name = waiting.pop()
        if name not in found | there:
            found.add(name)
            listed = map(Requirement, metadata.requires(name) or [])
            asked = [need.name for need in listed if applies(need, python)]
            waiting += map(canonicalize_name, asked)
    return found


def pinned(lock: str, names: Iterable[str], python: str) -> str:
    """Return the lines of the lock for some packages, with their hashes.

    Raises:
        ValueError: A package is not in the lock.
    """
    blocks: dict[str, str] = {}
    for block in re.split(r"\n(?=\S)", lock):
        head, _, hashes = block.rstrip().partition("\\\n")
        if head and applies(pin := Requirement(head), python):
            line = f"{pin.name}{pin.specifier} \\\n{hashes}\n"
            blocks[canonicalize_name(pin.name)] = line
    if missing := sorted(set(names) - blocks.keys()):
        raise ValueError(f"not in the lock: {', '.join(missing)}")
    return "".join(blocks[name] for name in sorted(names))


def download(
    requirements: str, python: str, platforms: Iterable[str], folder: Path
) -> None:
    """Fill ``wheels`` with the packages, for that machine's Python."""
    listed = folder / "requirements.txt"
    listed.write_text(requirements, encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", *PIP]
    command += ["--only-binary=:all:", "--require-hashes"]
    command += ["--implementation=cp", f"--python-version={python}"]
    command += [f"--platform={platform}" for platform in platforms]
    command += [f"--requirement={listed}", f"--dest={folder / 'wheels'}"]
    subprocess.run(command, check=True)


def data_files(code: str) -> list[Path]:
    """Return the files of the data sets that code asks for."""
    from d2l import fetch

    sets = tuple(f"{one or other}_" for one, other in _USED.findall(code))
    return [
        fetch.file(name)
        for name in fetch.names()
        if f"{name}_".startswith(sets)
    ]


def compress(files: Iterable[Path], folder: Path) -> None:
    """Leave the files in one archive, as small as they get."""
    with tarfile.open(folder / "data.tar.xz", "w:xz") as archive:
        for path in files:
            archive.add(path, path.name)


def report(folder: Path, limit: float = LIMIT) -> int:
    """Print what the folder weighs; 1 if that is too much to travel."""
    parts = [path for path in folder.rglob("*") if path.is_file()]
    sizes = sorted((p.stat().st_size / 2**20, p.name) for p in parts)[::-1]
    total = sum(size for size, _ in sizes)
    print(f"{len(sizes)} files, {total:.1f} MiB in {folder.name}/")
    if total <= limit:
        return 0
    largest = (f"  {size:6.1f} MiB  {name}" for size, name in sizes[:5])
    print(
        f"more than {limit:g} MiB; the largest are",
        *largest,
        "give --there the packages that the machine has already",
        sep="\n",
        file=sys.stderr,
    )
    return 1
