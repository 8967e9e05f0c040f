"""What is chosen once per process, and what this process has used.

The scale, the device, the folders and the switches are read from the
environment when they are first needed and stay as they are: two halves of a
page never run under different choices. The tier of a data set is decided by
the first attempt to read it. Below every other module, so that claims know
which bound applies and ``tools/record.py`` learns what a notebook did.

What else the package keeps changes no number: what silent servers have cost
and a folder for files that the cache cannot keep (``fetch``), memory to lend
(``data``), and results of pure functions.
"""

import functools
import json
import math
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:  # fetching a file needs no PyTorch
    import torch

Scale = Literal["full", "small"]
Tier = Literal["real", "sample"]

_YES = ("1", "true", "yes", "on")
_NO = ("", "0", "false", "no", "off")
_DEVICES = ("cpu", "cuda", "mps")

_tiers: dict[str, Tier] = {}
_reasons: dict[str, str] = {}
kept: dict[str, Any] = {}  # what was read of each data set


@dataclass(frozen=True)
class Choices:
    """What the environment asks for, read once.

    Attributes:
        scale: ``D2L_SCALE``; ``None`` lets the device decide.
        device: ``D2L_DEVICE``; ``None`` takes the first that works.
        seed_shift: ``D2L_SEED``, added to every seed of a page.
        samples: ``D2L_SAMPLES``: embedded samples even where the real data
            is at hand.
        offline: ``D2L_OFFLINE``: the network is not touched.
        cache: ``D2L_DATA``, absolute; ``None`` is the usual place.
        mirror: ``D2L_MIRROR``: a base URL, an absolute folder, or none.
        patience: ``D2L_PATIENCE``: seconds that silent servers may cost;
            ``None`` is the usual patience.
        recording: ``D2L_RECORDING``: nobody watches, the output is kept.
        events: ``D2L_EVENTS``: the file that keeps what a page did.
    """

    scale: Scale | None
    device: str | None
    seed_shift: int
    samples: bool
    offline: bool
    cache: Path | None
    mirror: str | Path | None
    patience: float | None
    recording: bool
    events: Path | None


@functools.cache
def choices() -> Choices:
    """Return what was chosen for this process; the first call reads it.

    Raises:
        ValueError: A variable has a value that it cannot have; the message
            names both.
    """
    mirror = os.environ.get("D2L_MIRROR", "").removeprefix("file://")
    is_url = mirror.startswith(("http://", "https://"))
    scale = _one_of("D2L_SCALE", ("full", "small"), "let the device decide")
    return Choices(
        scale="full" if scale == "full" else "small" if scale else None,
        device=_one_of("D2L_DEVICE", _DEVICES, "take the first that works"),
        seed_shift=int(_number("D2L_SEED", whole=True) or 0),
        samples=flag("D2L_SAMPLES"),
        offline=flag("D2L_OFFLINE"),
        cache=_folder(os.environ.get("D2L_DATA", "")),
        mirror=mirror if is_url else _folder(mirror),
        patience=_number("D2L_PATIENCE", whole=False),
        recording=flag("D2L_RECORDING"),
        events=_folder(os.environ.get("D2L_EVENTS", "")),
    )


def flag(name: str) -> bool:
    """Say whether a switch of the environment is on.

    Raises:
        ValueError: It is neither on nor off.
    """
    value = os.environ.get(name, "").strip().lower()
    if value in _YES or value in _NO:
        return value in _YES
    raise ValueError(f"{name} is {value!r}; set it to 1 or 0, or leave it out")


def _one_of(name: str, known: tuple[str, ...], otherwise: str) -> str | None:
    value = os.environ.get(name, "")
    if value and value not in known:
        *first, last = map(repr, known)
        raise ValueError(
            f"{name} is {value!r}; set it to {', '.join(first)} or {last}, "
            f"or leave it out to {otherwise}"
        )
    return value or None


def _number(name: str, *, whole: bool) -> float | None:
    value = os.environ.get(name, "")
    if not value:
        return None
    try:
        number = int(value) if whole else float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        kind = "a whole number" if whole else "seconds"
        raise ValueError(f"{name} is {value!r}; give {kind}, 0 or more")
    return number


def _folder(name: str) -> Path | None:
    """Return an absolute path, whatever folder a page runs in.

    In a checkout a relative one starts there, else where the program is.
    """
    if not name:
        return None
    return ((checkout() or Path.cwd()) / Path(name).expanduser()).absolute()


def checkout() -> Path | None:
    """Return the checkout that this package lies in, if it does."""
    root = Path(__file__).resolve().parents[1]
    return root if (root / "pyproject.toml").is_file() else None


def forget() -> None:
    """Choose and decide everything anew: for tests."""
    choices.cache_clear()
    accelerator.cache_clear()
    _tiers.clear()
    _reasons.clear()
    kept.clear()


def event(kind: str, **facts: object) -> None:
    """Append one fact as a JSON line to the file named by ``D2L_EVENTS``.

    Without that variable nothing happens.
    """
    if path := choices().events:
        with open(path, "a", encoding="utf-8") as log:
            log.write(json.dumps({"kind": kind, **facts}) + "\n")


def note_data(name: str, tier: Tier, reason: str = "") -> None:
    """Note that a data set was used; its first tier stays.

    Raises:
        RuntimeError: It came from the other tier before.
    """
    if _tiers.setdefault(name, tier) != tier:
        raise RuntimeError(
            f"{name} came as {_tiers[name]} before and now as {tier}"
        )
    if reason:
        _reasons[name] = reason
    event("data", name=name, tier=tier)


def provenance() -> dict[str, Tier]:
    """Return the tier of every data set used so far, by name."""
    return dict(_tiers)


def reasons() -> dict[str, str]:
    """Return why the sample stood in, for each set where it did."""
    return dict(_reasons)


def recording() -> bool:
    """Say whether the output is being recorded, with nobody watching."""
    return choices().recording


def watched() -> bool:
    """Say whether a person sees the output as it comes."""
    terminal = sys.stderr is not None and sys.stderr.isatty()
    return (terminal or "ipykernel" in sys.modules) and not recording()


def shifted(seed: int) -> int:
    """Return a seed, moved on when a page is repeated with others."""
    return seed + choices().seed_shift


@functools.cache
def accelerator() -> "torch.device | None":
    """Return the first accelerator that works here: cuda, mps, or none.

    One that is announced and fails its first operation is given up, and a
    line says so.

    Raises:
        RuntimeError: ``D2L_DEVICE`` asks for one that does not work.
    """
    import torch

    asked = choices().device
    announced: dict[str, Callable[[], bool]] = {
        "cuda": torch.cuda.is_available,
        "mps": torch.backends.mps.is_available,
    }
    names = announced if asked is None else {asked} - {"cpu"}
    for name in names:
        why = "it is not there"
        if announced[name]():
            why = _fault(name)
        if not why:
            return torch.device(name)
        if asked:
            raise RuntimeError(f"D2L_DEVICE asks for {name}, but {why}")
        if announced[name]():
            print(f"{name} is announced but fails ({why}); going on without.")
    return None


def _fault(device: str) -> str:
    """Say why a first small operation fails; empty if it does not."""
    import torch

    try:
        ones = torch.ones(8, device=device)
        total = float((ones * ones).sum())
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        return str(error).partition("\n")[0] or type(error).__name__
    return "" if total == 8 else f"eight ones add up to {total:g}"


def scale_name() -> Scale:
    """Return the scale in force: ``D2L_SCALE``, else full with a device."""
    return choices().scale or ("full" if accelerator() else "small")
