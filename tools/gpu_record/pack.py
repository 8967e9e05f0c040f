"""Collect what a machine with PyTorch and no network lacks.

Wheels in the versions of ``requirements.lock``, checked against its hashes,
and the data sets that the chapter reads, compressed. ``.gpu/`` is ignored by
git and written anew.
"""

import lzma
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.gpu_record import pages

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ".gpu"
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
# Also to be had without compiled parts, and so a fifth of the size.
PURE = ("fonttools",)
PLATFORMS = (
    *("manylinux_2_28_x86_64", "manylinux_2_27_x86_64"),
    *("manylinux_2_24_x86_64", "manylinux_2_17_x86_64"),
    *("manylinux_2_12_x86_64", "manylinux_2_5_x86_64"),
    *("manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64"),
)

_IMPORT = re.compile(r"^\s*(?:import|from)\s+(\w+)", re.MULTILINE)
_USED = re.compile(r"\bdata\.(\w+)\(|\bfetch\.\w+\(\s*[\"'](\w+)")


def main(
    chapter: int, python: str, there: list[str], *, root: Path = ROOT
) -> int:
    """Fill the folder, print its size, and return the exit status."""
    present = {*THERE, *NOT_NEEDED, *names_there(there)}
    recorded = pages.ordered(pages.find(root, chapter), [])
    code = "\n".join(page.code for page in recorded)
    wanted = needs([*ROOTS, *imported(code)], present, python)
    lock = (root / "requirements.lock").read_text(encoding="utf-8")
    folder = root / FOLDER
    shutil.rmtree(folder / "wheels", ignore_errors=True)
    for platforms, names in (
        (PLATFORMS, [name for name in wanted if name not in PURE]),
        (("any",), [name for name in wanted if name in PURE]),
    ):
        pins = pinned(lock, names, python)
        download(pins, python, platforms, folder / "wheels")
    compress(data_files(code), folder / "data")
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
    own = canonicalize_name("deep-learning-executed")
    return sorted({canonicalize_name(name) for name in found} - {own})


def environment(python: str) -> dict[str, str]:
    """Return what the markers of requirements ask about that machine."""
    return {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "platform_machine": "x86_64",
        "platform_system": "Linux",
        "sys_platform": "linux",
        "os_name": "posix",
        "extra": "",
    }


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
    """Fill a folder with wheels for that machine's Python."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet"]
    command += ["--disable-pip-version-check", "--no-deps", "--only-binary"]
    command += [":all:", "--implementation", "cp", "--require-hashes"]
    command += ["--python-version", python, "--dest", str(folder)]
    for platform in platforms:
        command += ["--platform", platform]
    with tempfile.TemporaryDirectory() as scratch:
        listed = Path(scratch, "requirements.txt")
        listed.write_text(requirements, encoding="utf-8")
        command += ["--requirement", str(listed)]
        subprocess.run(command, check=True)


def data_files(code: str) -> dict[str, Path]:
    """Return the files of the data sets that code asks for, by name."""
    from d2l import fetch

    used = {name for pair in _USED.findall(code) for name in pair if name}
    wanted = [
        name
        for name in fetch.names()
        if any(name == u or name.startswith(f"{u}_") for u in used)
    ]
    return {name: fetch.file(name) for name in wanted}


def compress(files: dict[str, Path], folder: Path) -> None:
    """Leave each file in the folder, as small as it gets."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {folder / f"{path.name}.xz": path for path in files.values()}
    for old in set(folder.iterdir()) - set(wanted):
        old.unlink()
    for target, path in wanted.items():
        if not target.exists():
            part = target.with_suffix(".part")
            part.write_bytes(lzma.compress(path.read_bytes()))
            part.replace(target)


def report(folder: Path, limit: int = LIMIT) -> int:
    """Print what the folder weighs; 1 if that is too much to travel."""
    parts = [
        p for kind in ("wheels", "data") for p in folder.glob(f"{kind}/*")
    ]
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
