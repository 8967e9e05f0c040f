"""Functions that more than one chapter builds its models on."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def linear(
    X: Float[Tensor, "batch feature"],
    W: Float[Tensor, "feature output"],
    b: Float[Tensor, " output"],
) -> Float[Tensor, "batch output"]:
    """Return ``X @ W + b``, the affine map of a fully connected layer.

    Args:
        X: One sample per row.
        W: The weights. PyTorch's ``nn.Linear`` stores the transpose.
        b: The biases.

    Returns:
        The outputs, one row per sample. The page *Linear regression*
        derives the formula.

    Raises:
        ValueError: The shapes do not fit together.
    """
    if X.shape[-1] != W.shape[0] or W.shape[1:] != b.shape:
        raise ValueError(
            f"X {tuple(X.shape)}, W {tuple(W.shape)} and b {tuple(b.shape)} "
            "do not fit; expected (n, d), (d, q) and (q,)"
        )
    return X @ W + b


def squared_loss(
    y_hat: Float[Tensor, "*batch"], y: Float[Tensor, "*batch"]
) -> Float[Tensor, "*batch"]:
    """Return half the squared error of every sample.

    ``(y_hat - y) ** 2 / 2``: the half makes the derivative with respect to
    ``y_hat`` the plain error. ``nn.MSELoss`` has no half.

    Args:
        y_hat: The predictions.
        y: The targets.

    Returns:
        The losses, in squared units of the target.

    Raises:
        ValueError: The shapes differ. Subtracting ``(n,)`` from ``(n, 1)``
            would broadcast to ``(n, n)``, a wrong loss that looks right.
    """
    if y_hat.shape != y.shape:
        raise ValueError(
            f"predictions {tuple(y_hat.shape)} and targets {tuple(y.shape)} "
            "differ in shape and would broadcast; reshape one of them"
        )
    return (y_hat - y) ** 2 / 2


def softmax(X: Float[Tensor, "*batch q"]) -> Float[Tensor, "*batch q"]:
    """Turn each row of scores into probabilities.

    ``exp(x_j) / sum_k exp(x_k)``, computed after subtracting the largest
    score of the row: the result is the same and nothing overflows.

    Args:
        X: Scores (logits), classes on the last axis.

    Returns:
        Probabilities, positive; each row sums to 1. The page *Softmax
        regression from scratch* derives every line.
    """
    shifted = X - X.amax(dim=-1, keepdim=True)
    weights = shifted.exp()
    return weights / weights.sum(dim=-1, keepdim=True)


def cross_entropy(
    logits: Float[Tensor, "batch q"], y: Int[Tensor, " batch"]
) -> Float[Tensor, " batch"]:
    """Return the surprise at each label, from scores rather than softmax.

    ``logsumexp(o) - o[y]``, the negative logarithm of the probability that
    softmax gives to the label.

    Args:
        logits: Scores, one row per sample.
        y: The labels, from 0 to ``q - 1``.

    Returns:
        The losses in nats, one per sample.

    Raises:
        ValueError: A label is outside the classes.
        TypeError: The labels are no whole numbers, which would be cut off.
    """
    if y.is_floating_point():
        raise TypeError(
            f"the labels are {y.dtype}; give whole numbers, such as y.long()"
        )
    low, high = (int(y.min()), int(y.max())) if len(y) else (0, 0)
    if low < 0 or high >= logits.shape[-1]:
        raise ValueError(
            f"labels run from {low} to {high}, but the scores "
            f"have classes 0 to {logits.shape[-1] - 1}"
        )
    label_scores = logits.gather(-1, y.long()[:, None]).squeeze(-1)
    return torch.logsumexp(logits, dim=-1) - label_scores
