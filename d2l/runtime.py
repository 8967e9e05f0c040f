"""Where a page runs: its device, its seed, its scale."""

from typing import TypeVar

import torch

from d2l import _session

T = TypeVar("T")


def device() -> torch.device:
    """Return the device to compute on: cuda, else mps, else cpu.

    Returns:
        The first device that works on this machine.
    """
    return _session.accelerator() or torch.device("cpu")


def seed(n: int) -> None:
    """Seed PyTorch's random numbers, on every device.

    The package and the pages draw from no other source of randomness.

    Args:
        n: Any whole number that is not negative.

    Raises:
        ValueError: ``n`` is negative.
        TypeError: ``n`` is not a whole number.
    """
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(
            f"seed is {n!r} of type {type(n).__name__}; "
            "give a whole number such as 0"
        )
    if n < 0:
        raise ValueError(f"seed is {n}; give a whole number from 0 up")
    torch.manual_seed(n)


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
