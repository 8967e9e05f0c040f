"""Tensors in memory, batch by batch."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from d2l.data._refuse import refuse_small


class Batches:
    """Tensors of equal length, batch by batch, again and again.

    Each ``iter`` starts the next epoch. With ``shuffle`` the order is drawn
    afresh from ``(seed, epoch)``: it differs from epoch to epoch and is the
    same in every run, on every device. The last batch holds what is left
    over. Every batch is a copy, so changing one changes nothing else, and
    two loops over the same object do not disturb each other.

    Args:
        tensors: One or more tensors; row ``i`` of each belongs to sample
            ``i``.
        batch_size: How many samples make a batch.
        shuffle: Whether each epoch has its own order.
        seed: Where the orders come from; not negative.
        device: Where the batches live. The tensors are moved there once.
            ``None`` leaves them where they are.
        limit: Keep only the first ``limit`` samples.
        prepare: What turns the picked rows of the first tensor into the
            first tensor of a batch. ``None`` leaves them as they are.

    Raises:
        ValueError: There is no tensor, their lengths differ or are zero, or
            ``batch_size``, ``limit`` or ``seed`` is too small.

    Attributes:
        tensors: The stored tensors, after ``limit``.
        batch_size: The size of every batch but perhaps the last.
        num_samples: How many samples one epoch holds.
    """

    def __init__(
        self,
        *tensors: Tensor,
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        device: torch.device | str | None = None,
        limit: int | None = None,
        prepare: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        _refuse_uneven(tensors)
        refuse_small("batch_size", batch_size, 1)
        refuse_small("seed", seed, 0)
        if limit is not None:
            refuse_small("limit", limit, 1)
        self.tensors = tuple(t[:limit].to(device) for t in tensors)
        self.num_samples = len(self.tensors[0])
        self.batch_size = batch_size
        self._shuffle = shuffle
        self._seed = seed
        self._prepare = prepare
        self._epoch = 0

    def __len__(self) -> int:
        """Return the number of batches in one epoch."""
        return -(-self.num_samples // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Start the next epoch."""
        # Any: pairs for a trainer, single tensors or triples for others.
        epoch = self._epoch
        self._epoch += 1
        order = self._order(epoch)
        starts = range(0, self.num_samples, self.batch_size)
        return (self._pick(order[i : i + self.batch_size]) for i in starts)

    def __repr__(self) -> str:
        return (
            f"Batches({len(self)} of {self.batch_size}, "
            f"{self.num_samples} samples)"
        )

    def _order(self, epoch: int) -> Int64[Tensor, " sample"]:
        """Return the samples' places in one epoch, on their device."""
        if self._shuffle:
            order = _permutation(self.num_samples, self._seed, epoch)
        else:
            order = torch.arange(self.num_samples, device="cpu")
        return order.to(self.tensors[0].device)

    def _pick(self, rows: Int64[Tensor, " batch"]) -> tuple[Tensor, ...]:
        """Return one batch."""
        first, *rest = (t.index_select(0, rows) for t in self.tensors)
        if self._prepare is not None:
            first = self._prepare(first)
        return first, *rest


def batches(
    *tensors: Tensor,
    batch_size: int,
    shuffle: bool = False,
    seed: int = 0,
    device: torch.device | str | None = None,
    limit: int | None = None,
) -> Batches:
    """Serve any tensors of equal length in batches, from memory.

    Args:
        tensors: For example features and labels; row ``i`` of each belongs
            to sample ``i``. They are kept, not copied.
        batch_size: How many samples make a batch; the last may hold fewer.
        shuffle: Whether each epoch has its own order.
        seed: Where the orders come from; not negative.
        device: Where the batches live. ``None`` leaves the tensors where
            they are.
        limit: Keep only the first ``limit`` samples.

    Returns:
        One tuple of tensors per batch, in the order of the arguments.

    Raises:
        ValueError: There is no tensor, their lengths differ or are zero, or
            ``batch_size``, ``limit`` or ``seed`` is too small.

    No argument is changed. Section 3.2 writes the slow version by hand.
    """
    return Batches(
        *tensors,
        batch_size=batch_size,
        shuffle=shuffle,
        seed=seed,
        device=device,
        limit=limit,
    )


def _permutation(
    num_samples: int, seed: int, epoch: int
) -> Int64[Tensor, " sample"]:
    """Draw the order of one epoch, the same in every run."""
    generator = np.random.default_rng([seed, epoch])
    return torch.from_numpy(generator.permutation(num_samples))


def _refuse_uneven(tensors: tuple[Tensor, ...]) -> None:
    """Raise unless there are tensors, all of one length above zero."""
    for place, tensor in enumerate(tensors):
        if not isinstance(tensor, Tensor) or tensor.ndim == 0:
            raise TypeError(
                f"argument {place + 1} is {type(tensor).__name__} without a "
                "first axis to pick samples from; give a tensor, for "
                "example torch.as_tensor(rows)"
            )
    lengths = [len(tensor) for tensor in tensors]
    if len(set(lengths)) != 1 or lengths[0] == 0:
        raise ValueError(
            f"the tensors have lengths {lengths}; give at least one, all of "
            "the same length above 0"
        )
