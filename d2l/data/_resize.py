"""Bytes to pictures in [0, 1] of any size, a whole batch at a time."""

import collections
import functools
import math
import weakref

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from d2l.batching import refuse_small

_BAND = 16  # lines of a band; 12 to 24 are about equally fast


def to_unit(
    images: UInt8[Tensor, "batch channel height width"],
    *,
    size: int | None = None,
) -> Float[Tensor, "batch channel new_height new_width"]:
    """Scale bytes to [0, 1] and, with a size, pictures to a square.

    Bilinearly, by weighing pixel centres (``align_corners=False``),
    antialiased when they shrink.

    Args:
        images: Pictures as bytes, any number of channels.
        size: The new height and width in pixels; ``None`` keeps both.

    Returns:
        Values in [0, 1], float32 in any surroundings.

    Raises:
        ValueError: The pictures are no bytes with four axes, or ``size``
            is below 1.
    """
    if images.dtype != torch.uint8 or images.ndim != 4:
        raise ValueError(
            f"the pictures are {images.dtype} of shape "
            f"{tuple(images.shape)}; give torch.uint8, values 0 to 255, of "
            "shape (batch, channels, height, width)"
        )
    if size is not None:
        refuse_small("size", size, 1)
    if size is None or images.shape[-2:] == (size, size):
        return images.to(torch.float32).div_(255)
    kind = images.device.type
    if torch.is_autocast_enabled(kind):
        # Products would come out in half precision. (Leaving autocast costs
        # a tenth of the time of a batch, so it is not done for nothing.)
        with torch.autocast(kind, enabled=False):
            return to_unit(images, size=size)
    if kind == "cpu":
        return _resize_in_bands(images, size)
    return _resize(images.to(torch.float32).div_(255), size)


def _resize(
    X: Float[Tensor, "batch channel height width"], size: int
) -> Float[Tensor, "batch channel size size"]:
    """Scale pictures to a square: one product for rows, one for columns."""
    height, width = X.shape[-2:]
    taller = _bilinear(height, size, X.device) @ X
    return taller @ _bilinear(width, size, X.device).mT


def _resize_in_bands(
    images: UInt8[Tensor, "batch channel height width"], size: int
) -> Float[Tensor, "batch channel size size"]:
    """Do the same on a CPU, from bytes, without multiplying by zeros.

    A new row or column needs few of the old ones. For the first product
    the rows of all pictures lie side by side, for the second the columns.
    A channel is treated like a picture.
    """
    *_, height, width = images.shape
    by_row = images.reshape(-1, height, width).permute(1, 0, 2)
    n = by_row.shape[1]
    lines = by_row.to(
        torch.float32, memory_format=torch.contiguous_format
    ).view(height, -1)
    tall = _empty(size, n * width)
    for rows, needed, weights in _bands_of_bytes(height, size):
        torch.mm(weights, lines[needed], out=tall[rows])
    # (size, n, width) -> (n * size, width)
    tall = tall.view(size, n, width).permute(1, 0, 2).reshape(-1, width)
    resized = _empty(*images.shape[:2], size, size)
    flat = resized.view(-1, size)
    for columns, needed, weights in _bands(width, size):
        torch.mm(tall[:, needed], weights, out=flat[:, columns])
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
    """Cut the weights into bands of new lines, without the zeros around."""
    weights = _bilinear(old, new, torch.device("cpu"))
    bands = []
    for start in range(0, new, _BAND):
        band = weights[start : start + _BAND]
        used = band.any(dim=0).nonzero().flatten()
        needed = slice(int(used[0]), int(used[-1]) + 1)
        lines = slice(start, start + len(band))
        bands.append((lines, needed, band[:, needed].T.contiguous()))
    return bands


@functools.cache
def _bands_of_bytes(old: int, new: int) -> list[tuple[slice, slice, Tensor]]:
    """Return the bands for a product from the left, from bytes to [0, 1]."""
    return [
        (lines, needed, (weights.T / 255).contiguous())
        for lines, needed, weights in _bands(old, new)
    ]


def _empty(*shape: int) -> Float[Tensor, "..."]:
    """Return room for a batch, for the CPU, used before if possible.

    Fresh memory has to be cleared by the system page by page, which takes
    as long as the two products. So a block whose tensor has gone is lent
    again; one that anybody still holds, by whatever view, is not.
    """
    num = math.prod(shape)
    spare = _spare(num)
    try:
        block = spare.pop()
    except IndexError:
        block = _aligned(num)
    lent = block.view()  # the tensor keeps this alive, and nobody else
    weakref.finalize(lent, spare.append, block).atexit = False
    return torch.from_numpy(lent).view(shape)


def _aligned(num: int) -> np.ndarray:
    """Return room that begins with a cache line, as PyTorch's does."""
    line = 64  # bytes; NumPy promises only 16, and then stores straddle
    room = np.empty(num + line // 4, dtype=np.float32)
    start = -room.ctypes.data % line // 4
    return room[start : start + num]


@functools.lru_cache(maxsize=4)
def _spare(num: int) -> collections.deque[np.ndarray]:
    """Return the blocks of so many numbers that nobody uses, two at most."""
    return collections.deque(maxlen=2)
