"""Means of metrics over all samples, in the right mode."""

import contextlib
from collections.abc import Callable, Iterable, Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from d2l.train._place import Model, Place, find

Batches = Iterable[tuple[Tensor, Tensor]]
Metric = Callable[[Tensor, Tensor], Tensor]


def accuracy(
    y_hat: Float[Tensor, "batch q *rest"], y: Int[Tensor, "batch *rest"]
) -> Float[Tensor, ""]:
    """Return the share of samples whose largest score is at the label.

    Args:
        y_hat: Scores or probabilities, classes on axis 1.
        y: The labels, from 0 to ``q - 1``.

    Returns:
        A number from 0 to 1, on the device of the arguments.

    Raises:
        TypeError: ``y`` holds no class labels but floating-point targets.
    """
    if y.is_floating_point():
        raise TypeError(
            f"accuracy compares class labels, but y is {y.dtype}; for a "
            "regression give metric=None or a metric of your own"
        )
    return (y_hat.argmax(dim=1) == y).float().mean()


def evaluate(
    model: Model,
    batches: Batches,
    *,
    metric: Metric = accuracy,
    device: torch.device | str | None = None,
    fast: bool = False,
) -> float:
    """Return the mean of a metric over all samples.

    The model runs in ``eval()`` mode and without gradients; afterwards every
    part of it is in the mode it was in before.

    Args:
        model: A module, or a function of the inputs.
        batches: Batches ``(inputs, targets)``; a short last one counts by
            its size.
        metric: Takes ``(outputs, targets)`` and returns a mean over the
            batch, or one value per sample. A loss is a metric too.
        device: Where to compute; a module is moved there. ``None`` takes
            ``d2l.runtime.device()``.
        fast: As for ``fit``, whose test metric it then repeats.

    Returns:
        The mean per sample.

    Raises:
        ValueError: The batches are empty.
    """
    place = find(device, fast)
    place.take(model)
    with place.tuned():
        mean, _ = measure(model, batches, metric, None, place)
    return mean


def measure(
    model: Model,
    batches: Batches,
    first: Metric,
    second: Metric | None,
    place: Place,
) -> tuple[float, float | None]:
    """Return the sample means of one or two metrics, in eval mode."""
    firsts, seconds, sizes = [], [], []
    with modes_restored(model), torch.no_grad():
        if isinstance(model, nn.Module):
            model.eval()
        for X, y in batches:
            X, y = place.move(X), place.move(y)
            y_hat = place.forward(model, X)
            firsts.append(first(y_hat, y).mean())
            if second:
                seconds.append(second(y_hat, y).mean())
            sizes.append(len(y))
    if not sizes:
        raise ValueError("there is no batch to evaluate on")
    return (
        weighted_mean(firsts, sizes),
        weighted_mean(seconds, sizes) if second else None,
    )


@contextlib.contextmanager
def modes_restored(model: Model) -> Iterator[None]:
    """Put every part of a module back into the mode it was found in."""
    modules = list(model.modules()) if isinstance(model, nn.Module) else []
    modes = [module.training for module in modules]
    try:
        yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode


def weighted_mean(values: list[Tensor], sizes: list[int]) -> float:
    """Return the mean per sample of means per batch; read once."""
    stacked = torch.stack(values).double().cpu()
    weights = torch.tensor(sizes, dtype=torch.float64)
    return float((stacked * weights).sum() / weights.sum())
