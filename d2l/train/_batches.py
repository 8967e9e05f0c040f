"""Batches ``(*inputs, targets)``, and what is known of them."""

from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor

from d2l import batching
from d2l.train._metric import Metric
from d2l.train._refuse import check_labels, check_shapes

# Any: a DataLoader gives lists, our own batches give tuples.
Batches = Iterable[Any]


class Source:
    """Where batches come from: an epoch to train on, or a pass to measure.

    Args:
        batches: Any iterable of batches.
        ignore: The label that counts nowhere, or ``None``.
    """

    def __init__(self, batches: Batches, ignore: int | None) -> None:
        self.batches = batches
        self._ignore = ignore
        self._labels = None
        if isinstance(batches, batching.Batches):
            self._labels = batches.tensors[-1]
        self._is_first = True

    def epoch(self, number: int) -> Iterator[Any]:
        """Start an epoch, counted from 0.

        Batches, or the sampler of a loader, that have a ``set_epoch`` are
        told its number, as PyTorch's own samplers want it. So the order
        depends on the epoch, and not on who has looked at them before.
        """
        sampler: Any = getattr(self.batches, "sampler", None)
        for part in (self.batches, sampler):
            if hasattr(part, "set_epoch"):
                part.set_epoch(number)
        return iter(self.batches)

    def in_order(self) -> Iterator[Any]:
        """Start a pass to measure on, which is no epoch where possible."""
        if hasattr(self.batches, "in_order"):
            return self.batches.in_order()
        return iter(self.batches)

    def look(self, y_hat: Tensor, y: Tensor) -> None:
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
        if first:
            labels = y if self._labels is None else self._labels
            check_labels(labels, y_hat.shape[1], self._ignore)
        elif self._labels is None and y.device.type == "cpu":
            check_labels(y, y_hat.shape[1], self._ignore)


def ignored(
    loss: Metric, ignore: int | None, *parts: Batches | None
) -> int | None:
    """Return the label that counts nowhere: the one given, or the loss's.

    Args:
        loss: What may have an ``ignore_index``.
        ignore: The label given, or ``None``.
        parts: Batches. Where all of their labels are known, and none is
            that of the loss, nothing need be ignored.

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
    given = [part for part in parts if part is not None]
    if any(_may_hold(part, own) for part in given):
        return own
    return None


def _may_hold(batches: Batches, label: int) -> bool:
    """Tell whether batches may have a label: our own know all of theirs."""
    if isinstance(batches, batching.Batches):
        return label in batches.tensors[-1]
    return True


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
