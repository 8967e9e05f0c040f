"""Fashion-MNIST: the real pictures, or drawn ones where there are none."""

import functools
import math
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from d2l import fetch, samples
from d2l.batching import Batches, refuse_small
from d2l.data._resize import to_unit
from d2l.data._tier import real_or_sample

FASHION_CLASSES: tuple[str, ...] = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)

_NUM_DRAWN = (12_000, 2_000)

_Parts = tuple[
    tuple[UInt8[Tensor, "train 1 28 28"], Int64[Tensor, " train"]],
    tuple[UInt8[Tensor, "test 1 28 28"], Int64[Tensor, " test"]],
]


def fashion_mnist(
    batch_size: int,
    *,
    resize: int | None = None,
    device: torch.device | str | None = None,
    limit: int | None = None,
    seed: int = 0,
) -> tuple[Batches, Batches]:
    """Load Fashion-MNIST as training and test batches.

    Grey pictures of ten kinds of garment (Xiao, Rasul and Vollgraf, 2017),
    60,000 for training and 10,000 for testing. Where they cannot be had, or
    with ``D2L_SAMPLES=1`` in the environment, the embedded sample stands in
    (12,000 and 2,000 drawn garments, the same shapes, types and labels),
    and one printed line says so. `provenance` tells which it was.

    Args:
        batch_size: How many pictures make a batch; the last may hold fewer.
        resize: Height and width in pixels to scale the pictures to,
            bilinearly, by weighing pixel centres (``align_corners=False``,
            antialiased when they shrink). ``None`` keeps 28.
        device: Where the batches live. The whole set is moved there once,
            as bytes. ``None`` is the CPU.
        limit: Keep only the first ``limit`` pictures of each part.
        seed: Where the order of the training pictures comes from.

    Returns:
        Training batches, in a new order each epoch, and test batches, in
        the order of the file. A batch is ``X``, float32 of shape
        ``(batch, 1, height, width)`` with values in [0, 1], and ``y``,
        int64 of shape ``(batch,)``, places in `FASHION_CLASSES`.

    Raises:
        ValueError: An argument is too small, or a file is not what its
            name says.
    """
    if resize is not None:
        refuse_small("resize", resize, 1)
    train, test = (
        Batches(
            *part,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            device=device,
            limit=limit,
            prepare=functools.partial(to_unit, size=resize),
        )
        for part, shuffle in zip(_fashion(), (True, False), strict=True)
    )
    return train, test


def _fashion() -> _Parts:
    """Return the real pictures, or drawn ones where there are none."""
    return real_or_sample(
        "fashion_mnist",
        _real_fashion,
        _drawn_fashion,
        file="fashion_mnist_train_images",
        notice=(
            "Fashion-MNIST cannot be had here: using the embedded sample "
            f"of {_NUM_DRAWN[0]:,} + {_NUM_DRAWN[1]:,} drawn garments."
        ),
    )


def _real_fashion() -> _Parts:
    """Read the four files of the set."""
    images, labels = (
        [
            _read_idx(fetch.file(f"fashion_mnist_{split}_{kind}"), num_axes)
            for split in ("train", "test")
        ]
        for kind, num_axes in (("images", 3), ("labels", 1))
    )
    train, test = (
        (X[:, None], y.long()) for X, y in zip(images, labels, strict=True)
    )
    return train, test


def _drawn_fashion() -> _Parts:
    """Draw the embedded sample."""
    num_train, num_test = _NUM_DRAWN
    return samples.fashion(num_train=num_train, num_test=num_test, seed=0)


def _read_idx(path: Path, num_axes: int) -> UInt8[Tensor, "..."]:
    """Read an IDX file of bytes (LeCun's format of the MNIST files).

    Two zero bytes, the type (8 is a byte), the number of axes, then each
    length as a big-endian 32-bit integer, then the values.

    Raises:
        ValueError: The header or the size of the file says otherwise.
    """
    content = bytearray(path.read_bytes())
    start = 4 + 4 * num_axes
    if content[:4] != bytes([0, 0, 8, num_axes]) or len(content) < start:
        raise ValueError(
            f"{path} begins with {content[:4].hex(' ') or 'nothing'}; an IDX "
            f"file of bytes with {num_axes} axes begins with 00 00 08 "
            f"{num_axes:02x} and {num_axes} lengths; remove the file so that "
            "it is fetched again"
        )
    shape = np.frombuffer(content[4:start], dtype=">u4").tolist()
    if len(content) != start + math.prod(shape):
        raise ValueError(
            f"{path} has {len(content):,} bytes; with the shape {shape} of "
            f"its header it would have {start + math.prod(shape):,}; remove "
            "the file so that it is fetched again"
        )
    values = torch.frombuffer(content, dtype=torch.uint8, offset=start)
    return values.view(shape)
