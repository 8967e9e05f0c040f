"""Tensors in memory, batch by batch.

Below the data sets and the texts, which both need epochs whose order comes
from a seed. A set that fits in memory is decoded once; each batch is picked
and prepared as one tensor. Sets larger than memory are not handled here.
"""

from collections.abc import Callable, Iterator
from numbers import Integral
from types import ModuleType
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from d2l import _session


class Batches:
    """Tensors of equal length, batch by batch, again and again.

    Each ``iter`` starts the next epoch. With ``shuffle`` the order is drawn
    afresh from ``(seed, epoch)``: it differs from epoch to epoch and is the
    same in every run, on every device. ``set_epoch`` says which epoch comes
    next; ``d2l.train.fit`` does so, and whoever only measures takes
    `in_order`, which counts no epoch. Every batch is a copy, so changing one
    changes nothing else, and two loops over the same object do not disturb
    each other. Section 3.2 writes the slow version by hand.

    Args:
        tensors: One or more tensors, for example features and labels; row
            ``i`` of each belongs to sample ``i``. They are kept, not copied.
        batch_size: How many samples make a batch.
        shuffle: Whether each epoch has its own order.
        seed: Where the orders and the draws of ``prepare`` come from; not
            negative.
        device: Where the batches live. The tensors are moved there once.
            ``None`` leaves them where they are.
        limit: Keep only the first ``limit`` samples.
        drop_last: Leave out a last batch that is not full. Batch
            normalisation cannot train on a batch of one.
        prepare: What turns the picked rows of the first tensor into the
            first tensor of a batch. What it draws from PyTorch's random
            numbers is seeded by ``(seed, epoch, batch)``, and the numbers
            outside stay as they were. ``None`` leaves the rows as they are.

    Raises:
        ValueError: There is no tensor, their lengths differ or are zero,
            ``batch_size``, ``limit`` or ``seed`` is too small, or nothing
            is left without the last batch.
        TypeError: An argument is not a tensor with a first axis.

    Attributes:
        tensors: The stored tensors, after ``limit``.
        batch_size: The size of every batch but perhaps the last.
        num_samples: How many samples are stored.
    """

    def __init__(
        self,
        *tensors: Tensor,
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        device: torch.device | str | None = None,
        limit: int | None = None,
        drop_last: bool = False,
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
        if drop_last and self.num_samples < batch_size:
            raise ValueError(
                f"{self.num_samples} samples fill no batch of {batch_size}, "
                "and the last one is to be left out; give a smaller "
                "batch_size, or drop_last=False"
            )
        self._shuffle = shuffle
        self._seed = _session.shifted(seed)
        self._drop_last = drop_last
        self._prepare = prepare
        self._epoch = 0

    def __len__(self) -> int:
        """Return the number of batches in one epoch."""
        if self._drop_last:
            return self.num_samples // self.batch_size
        return -(-self.num_samples // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Start the next epoch."""
        # Any: pairs for a trainer, single tensors or triples for others.
        epoch = self._epoch
        self._epoch += 1
        return self._serve(self._order(epoch), epoch, len(self))

    def __repr__(self) -> str:
        return (
            f"Batches({len(self)} of {self.batch_size}, "
            f"{self.num_samples} samples)"
        )

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch the next ``iter`` starts, counted from 0.

        Raises:
            ValueError: The number is negative or not whole.
        """
        refuse_small("epoch", epoch, 0)
        self._epoch = epoch

    def in_order(self) -> Iterator[tuple[Any, ...]]:
        """Return all samples in the order stored, and count no epoch.

        A last batch that is not full comes too; ``prepare`` draws what it
        draws in epoch 0.
        """
        order = torch.arange(self.num_samples, device="cpu")
        num_batches = -(-self.num_samples // self.batch_size)
        return self._serve(self._moved(order), 0, num_batches)

    def _serve(
        self, order: Int64[Tensor, " sample"], epoch: int, num_batches: int
    ) -> Iterator[tuple[Any, ...]]:
        """Return the batches of one epoch, each when it is asked for."""
        size = self.batch_size
        seeds = _seeds(num_batches, self._seed, epoch)
        return (
            self._pick(order[i * size : (i + 1) * size], int(seeds[i]))
            for i in range(num_batches)
        )

    def _order(self, epoch: int) -> Int64[Tensor, " sample"]:
        """Return the samples' places in one epoch, on their device."""
        if self._shuffle:
            return self._moved(
                seeded_order(self.num_samples, self._seed, epoch)
            )
        return self._moved(torch.arange(self.num_samples, device="cpu"))

    def _moved(
        self, order: Int64[Tensor, " sample"]
    ) -> Int64[Tensor, " sample"]:
        """Return places where the samples are."""
        return order.to(self.tensors[0].device)

    def _pick(
        self, rows: Int64[Tensor, " batch"], seed: int
    ) -> tuple[Tensor, ...]:
        """Return one batch."""
        first, *rest = (t.index_select(0, rows) for t in self.tensors)
        if self._prepare is not None:
            first = _seeded(self._prepare, first, seed)
        return first, *rest


def seeded_order(
    num_samples: int, seed: int, epoch: int
) -> Int64[Tensor, " sample"]:
    """Draw the order of one epoch, the same in every run.

    Args:
        num_samples: How many places there are.
        seed: Not negative.
        epoch: Counted from 0; another one gives another order.

    Returns:
        The places from 0 on, mixed, on the CPU.
    """
    generator = np.random.default_rng([seed, epoch])
    return torch.from_numpy(generator.permutation(num_samples))


def refuse_small(name: str, value: int, least: int) -> None:
    """Raise unless the value is a whole number and large enough.

    Raises:
        ValueError: It is not; the message gives the name and the least.
    """
    if not isinstance(value, Integral) or value < least:
        raise ValueError(
            f"{name} is {value!r}; give a whole number, {least} or more"
        )


def _seeds(num_batches: int, seed: int, epoch: int) -> np.ndarray:
    """Return a seed for every batch of an epoch."""
    key = np.random.SeedSequence([seed, epoch, 1])
    return key.generate_state(num_batches, np.uint64)


def _seeded(
    prepare: Callable[[Tensor], Tensor], rows: Tensor, seed: int
) -> Tensor:
    """Prepare rows with draws of their own; those outside go on as before.

    ``torch.random.fork_rng`` does the same, and takes longer than picking a
    batch.
    """
    outside = torch.default_generator.get_state()
    device = _random_numbers_of(rows.device)
    if device:
        there = device.get_rng_state(rows.device)
        drawn = torch.Generator(rows.device).manual_seed(seed)
        device.set_rng_state(drawn.get_state(), rows.device)
    torch.default_generator.manual_seed(seed)
    try:
        return prepare(rows)
    finally:
        torch.default_generator.set_state(outside)
        if device:
            device.set_rng_state(there, rows.device)


def _random_numbers_of(device: torch.device) -> ModuleType | None:
    """Return what keeps the random numbers of a device in use, if any."""
    if device.type == "cuda" and torch.cuda.is_initialized():
        return torch.cuda
    if device.type == "mps" and torch.backends.mps.is_built():
        return torch.mps
    return None


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
