"""Bytes to pictures in [0, 1] of any size, a whole batch at a time."""

import functools
import math

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

_BAND = 24  # columns of a band; 16 to 32 are about equally fast
_LARGE = 2**25  # bytes; above it, glibc asks the system for every block


def to_unit(
    images: UInt8[Tensor, "batch 1 height width"], *, size: int | None
) -> Float[Tensor, "batch 1 new_height new_width"]:
    """Scale bytes to [0, 1] and, with a size, pictures to a square."""
    X = images.to(torch.float32).div_(255)
    if size is None or X.shape[-2:] == (size, size):
        return X
    # Inside autocast, products would come out in half precision.
    with torch.autocast(X.device.type, enabled=False):
        return _resize(X, size)


def _resize(
    X: Float[Tensor, "batch 1 height width"], size: int
) -> Float[Tensor, "batch 1 size size"]:
    """Scale pictures to a square: one product for rows, one for columns."""
    height, width = X.shape[-2:]
    taller = _bilinear(height, size, X.device) @ X
    if X.device.type != "cpu":
        return taller @ _bilinear(width, size, X.device).mT
    # A column of the result needs few columns of the picture. Leaving the
    # zeros out in bands makes the larger product about twice as fast.
    rows = taller.view(-1, width)
    resized = _empty(len(X), 1, size, size)
    flat = resized.view(-1, size)
    for columns, needed, weights in _bands(width, size):
        torch.mm(rows[:, needed], weights, out=flat[:, columns])
    return resized


@functools.cache
def _bilinear(
    old: int, new: int, device: torch.device
) -> Float[Tensor, "new old"]:
    """Return the weights that turn a line of old pixels into new ones.

    A new pixel weighs the old ones by a triangle around its centre, as wide
    as the coarser of the two grids. Rows sum to a little less than 1, so
    that rounding never carries a white pixel beyond 1.
    """
    ratio = old / new
    cpu = functools.partial(torch.arange, dtype=torch.float64, device="cpu")
    centres = (cpu(new)[:, None] + 0.5) * ratio - 0.5
    weights = (1 - (cpu(old) - centres).abs() / max(ratio, 1)).clamp(min=0)
    weights = weights / weights.sum(dim=1, keepdim=True) * (1 - 2**-20)
    return weights.to(device, torch.float32)


@functools.cache
def _bands(old: int, new: int) -> list[tuple[slice, slice, Tensor]]:
    """Cut the weights into bands of columns, without the zeros around."""
    weights = _bilinear(old, new, torch.device("cpu"))
    bands = []
    for start in range(0, new, _BAND):
        band = weights[start : start + _BAND]
        used = band.any(dim=0).nonzero().flatten()
        needed = slice(int(used[0]), int(used[-1]) + 1)
        columns = slice(start, start + len(band))
        bands.append((columns, needed, band[:, needed].T.contiguous()))
    return bands


def _empty(*shape: int) -> Float[Tensor, "..."]:
    """Return room for a batch, for the CPU.

    Room for a large batch comes from the system each time. NumPy asks for it
    in large pages and PyTorch does not, which doubles the time to fill it.
    """
    if math.prod(shape) * 4 < _LARGE:
        return torch.empty(shape, dtype=torch.float32, device="cpu")
    return torch.from_numpy(np.empty(shape, dtype=np.float32))
