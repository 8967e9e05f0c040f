"""Batches ``(*inputs, targets)``, and what is known of them."""

import functools
import math
from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor

from d2l import batching
from d2l.train._metric import Metric
from d2l.train._refuse import Range, check_labels, check_shapes, range_of

# Any: a DataLoader gives lists, our own batches give tuples.
Batches = Iterable[Any]


class Source:
    """Where batches come from: an epoch to train on, or a pass to measure.

    Args:
        batches: Any iterable of batches.
    """

    def __init__(self, batches: Batches) -> None:
        self.batches = batches
        self._is_first = True

    def epoch(self, number: int) -> Iterator[Any]:
        """Start an epoch, counted from 0.

        Batches, or the sampler of a loader, that have a ``set_epoch`` are
        told its number, as PyTorch's own samplers want it. So the order
        depends on the epoch, and not on who has looked at them before.
        """
        samplers = ("sampler", "batch_sampler")
        parts: list[Any] = [self.batches]
        parts += [getattr(self.batches, name, None) for name in samplers]
        for part in parts:
            if hasattr(part, "set_epoch"):
                part.set_epoch(number)
        return iter(self.batches)

    def in_order(self) -> Iterator[Any]:
        """Start a pass to measure on, which is no epoch where possible."""
        if hasattr(self.batches, "in_order"):
            return self.batches.in_order()
        return iter(self.batches)

    def look(self, y_hat: Tensor, y: Tensor, ignore: int | None) -> None:
        """Refuse outputs and targets that do not fit, before they are used.

        The first batch shows whether the shapes fit. Labels are looked at
        wherever that costs no wait for a device: our own batches know all
        of theirs, those of others are looked at while they are on the CPU.
        """
        first, self._is_first = self._is_first, False
        if first:
            check_shapes(y_hat, y)
        if y.is_floating_point() or y.shape == y_hat.shape:
            return
        labels = self._stored
        if labels is None and (first or y.device.type == "cpu"):
            check_labels(range_of(y, ignore), y_hat.shape[1])
        elif labels is not None and first:
            known = self._range
            if ignore is not None and self.may_hold(ignore):
                known = range_of(labels, ignore)
            check_labels(known, y_hat.shape[1])

    def may_hold(self, label: int) -> bool:
        """Tell whether a label may come: our own batches know all theirs."""
        low, high = self._range
        return low <= label <= high

    @property
    def _stored(self) -> Tensor | None:
        """Return all targets, if they are known."""
        if isinstance(self.batches, batching.Batches):
            return self.batches.tensors[-1]
        return None

    @functools.cached_property
    def _range(self) -> Range:
        """Return the least and the greatest target; read once."""
        if self._stored is None:
            return -math.inf, math.inf
        return range_of(self._stored)


def ignored(
    loss: Metric, ignore: int | None, sources: Iterable[Source]
) -> int | None:
    """Return the label that counts nowhere: the one given, or the loss's.

    Where none of the sources can have the label of the loss, nothing need
    be ignored.

    Raises:
        ValueError: The loss leaves out another label.
    """
    own = getattr(loss, "ignore_index", None)
    if own is None or ignore == own:
        return ignore
    if ignore is not None:
        raise ValueError(
            f"ignore is {ignore}, but the loss leaves out label {own}; give "
            f"the loss ignore_index={ignore}"
        )
    return own if any(source.may_hold(own) for source in sources) else None


def split(batch: object) -> tuple[list[Tensor], Tensor]:
    """Return the inputs and the targets of a batch.

    Raises:
        TypeError: It is no tuple or list of two or more tensors.
    """
    if not isinstance(batch, tuple | list):
        raise TypeError(
            f"a batch is a {type(batch).__name__}; give batches of the form "
            "(*inputs, targets), for example (X, y)"
        )
    for part in batch:
        if not isinstance(part, Tensor):
            raise TypeError(
                f"a batch holds a {type(part).__module__}."
                f"{type(part).__name__}; give tensors, for example by "
                "torch.as_tensor"
            )
    if len(batch) < 2:
        raise TypeError(
            f"a batch holds {len(batch)} tensors; give (*inputs, targets), "
            "at least one of each"
        )
    *inputs, targets = batch
    return inputs, targets
