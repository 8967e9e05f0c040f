"""The mean of a metric over batches."""

import torch

from d2l import batching
from d2l.train._batches import Batches, Source, ignored
from d2l.train._metric import Metric, accuracy
from d2l.train._place import Model, find
from d2l.train._task import Task


def evaluate(
    model: Model,
    batches: Batches,
    *,
    metric: Metric = accuracy,
    device: torch.device | str | None = None,
    fast: bool = False,
    ignore: int | None = None,
) -> float:
    """Return the mean of a metric over all targets.

    The model runs in ``eval()`` mode, without gradients and without a state
    from before; afterwards every part of it is in the mode and the state it
    was in before. Batches from memory come in the order stored, and no
    epoch of theirs is counted.

    Args:
        model: A module, or a function of the inputs.
        batches: Batches ``(*inputs, targets)``; a short last one counts by
            its size.
        metric: Takes ``(outputs, targets)`` and returns a mean over the
            batch, or one value per target. A loss is a metric too.
        device: Where to compute; a module is moved there. ``None`` takes
            ``d2l.runtime.device()`` for a module, and leaves the batches of
            a function where they are.
        fast: As for ``fit``, whose test metric it then repeats.
        ignore: As for ``fit``.

    Returns:
        The mean per label or, where targets are no labels, per sample.

    Raises:
        ValueError: The batches are empty, shapes of outputs and targets do
            not fit, or a label is outside the classes.
        TypeError: A batch is no tuple of tensors.
    """
    near = None
    if isinstance(batches, batching.Batches):
        near = batches.tensors[0].device
    place = find(device, fast, model, near)
    place.take(model)
    source = Source(batches)
    ignore = ignored(metric, ignore, [source])
    task = Task(model, metric, None, place, ignore)
    with place.tuned():
        return task.measure(source)[0]
