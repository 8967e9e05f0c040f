"""Where a page runs: its device, its seed, its scale, its clock."""

import operator
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import SupportsIndex, TypeVar

import torch

from d2l import _session

T = TypeVar("T")


def device() -> torch.device:
    """Return the device to compute on: cuda, else mps, else cpu.

    It is tried once per process: one that is announced and fails its first
    operation is given up, and a printed line says so. The environment
    variable ``D2L_DEVICE`` (``cpu``, ``cuda`` or ``mps``) forces one.

    Returns:
        The first device that works on this machine.

    Raises:
        RuntimeError: The device that ``D2L_DEVICE`` asks for does not work.
        ValueError: ``D2L_DEVICE`` is none of the three.
    """
    return _session.accelerator() or torch.device("cpu")


def seed(n: SupportsIndex) -> None:
    """Seed PyTorch's random numbers, on every device.

    The package and the pages draw from no other source of randomness. To
    repeat a page with other numbers, set the environment variable
    ``D2L_SEED``: it is added to every seed.

    Args:
        n: A whole number from 0 to 2**63 - 1.

    Raises:
        ValueError: ``n`` is negative or too large.
        TypeError: ``n`` is not a whole number.
    """
    try:
        number = operator.index(n)
    except TypeError:
        number = None
    if number is None or isinstance(n, bool):
        raise TypeError(
            f"seed is {n!r} of type {type(n).__name__}; "
            "give a whole number such as 0"
        )
    shifted = _session.shifted(number)
    if not 0 <= number <= shifted < 2**63:
        raise ValueError(f"seed is {number}; give one from 0 to 2**63 - 1")
    torch.manual_seed(shifted)


def scale(*, full: T, small: T) -> T:
    """Choose between the full-size experiment and its small version.

    Full when an accelerator is at hand, else small; the environment
    variable ``D2L_SCALE`` (``full`` or ``small``) overrides.

    Args:
        full: What the chapter describes.
        small: What fits two processor cores and a minute.

    Returns:
        One of the two, as it was given.

    Raises:
        ValueError: ``D2L_SCALE`` is neither ``full`` nor ``small``.

    Example:
        ``num_epochs, size = scale(full=(5, 224), small=(2, 64))``
    """
    name = _session.scale_name()
    _session.event("scale", scale=name)
    return full if name == "full" else small


@dataclass(frozen=True)
class Timing:
    """How long a call takes, measured several times.

    Attributes:
        median: Seconds of the middle run, or the mean of the middle two.
        low: Seconds of the fastest run.
        high: Seconds of the slowest run.
    """

    median: float
    low: float
    high: float


def seconds(
    call: Callable[[], object],
    *,
    repeat: int = 5,
    warm: int = 1,
    device: torch.device | str | None = None,
) -> Timing:
    """Measure how long a call takes, until its device has finished.

    An accelerator works on after a call has returned: before the clock is
    started and before it is stopped, it is waited for.

    Args:
        call: What to measure; its result is dropped.
        repeat: How many runs are measured.
        warm: How many runs go before, unmeasured: the first one pays for
            compiling, for memory and for caches.
        device: Where the call computes; ``None`` is `device()`.

    Returns:
        Median, fastest and slowest run, in seconds of a clock on the wall.

    Raises:
        ValueError: ``repeat`` is below 1 or ``warm`` below 0.
    """
    if repeat < 1 or warm < 0:
        raise ValueError(
            f"repeat is {repeat} and warm is {warm}; measure at least one "
            "run, after none or more"
        )
    place = torch.device(device or _session.accelerator() or "cpu")
    for _ in range(warm):
        call()
    times = []
    for _ in range(repeat):
        _wait_for(place)
        start = time.perf_counter()
        call()
        _wait_for(place)
        times.append(time.perf_counter() - start)
    return Timing(statistics.median(times), min(times), max(times))


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
