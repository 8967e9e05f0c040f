"""Metrics: functions of outputs and targets."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

Metric = Callable[[Tensor, Tensor], Tensor]


def accuracy(
    y_hat: Float[Tensor, "batch q *rest"], y: Int[Tensor, "batch *rest"]
) -> Float[Tensor, ""]:
    """Return the share of labels at which the score is largest.

    Args:
        y_hat: Scores or probabilities, classes on axis 1.
        y: The labels, from 0 to ``q - 1``.

    Returns:
        A number from 0 to 1, on the device of the arguments. Where a score
        is not a number, neither is the accuracy.

    Raises:
        TypeError: ``y`` holds no class labels but floating-point targets.
        ValueError: The shapes do not fit; ``(n, 1)`` against ``(n,)`` would
            broadcast to ``(n, n)``.
    """
    return hits(y_hat, y).mean()


def hits(
    y_hat: Float[Tensor, "batch q *rest"], y: Int[Tensor, "batch *rest"]
) -> Float[Tensor, "batch *rest"]:
    """Return 1 where the largest score is at the label, else 0, or NaN."""
    if y.is_floating_point():
        raise TypeError(
            f"accuracy compares class labels, but y is {y.dtype}; for a "
            "regression give metric=None or a metric of your own"
        )
    if y_hat.ndim < 2 or y_hat.shape[:1] + y_hat.shape[2:] != y.shape:
        raise ValueError(
            f"scores of shape {tuple(y_hat.shape)} and labels of shape "
            f"{tuple(y.shape)} do not fit and might broadcast; expected "
            "(batch, classes) and (batch,), further axes after these"
        )
    largest, place = y_hat.max(dim=1)
    right = (place == y).float()
    return torch.where(largest.isnan(), largest, right)
