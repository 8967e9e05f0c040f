"""Samples of a linear relation."""

import functools

import torch
from jaxtyping import Float
from torch import Tensor

from d2l import _session
from d2l.batching import refuse_small


def linear(
    w: Float[Tensor, " feature"] | list[float],
    b: float,
    *,
    num_samples: int,
    noise: float = 0.01,
    seed: int = 0,
) -> tuple[Float[Tensor, "sample feature"], Float[Tensor, "sample 1"]]:
    """Draw samples of a linear relation with Gaussian noise.

    ``y = X @ w + b + noise * e``, with ``X`` and ``e`` from N(0, 1).

    Args:
        w: One weight per feature.
        b: The bias.
        num_samples: How many samples to draw.
        noise: Standard deviation of the noise, in the units of ``y``.
        seed: Where the draws come from; the global generator is untouched.

    Returns:
        Features and targets, float32.

    Raises:
        ValueError: ``w`` is not a flat list of at least one weight,
            ``num_samples`` is below 1, or ``noise`` is negative.

    No argument is changed. Section 3.2 draws these data by hand.
    """
    weights = torch.as_tensor(w, dtype=torch.float32, device="cpu").detach()
    if weights.ndim != 1 or len(weights) == 0:
        raise ValueError(
            f"w has shape {tuple(weights.shape)}; give one weight per "
            "feature, such as [2.0, -3.4]"
        )
    refuse_small("num_samples", num_samples, 1)
    if not noise >= 0:
        raise ValueError(f"noise is {noise!r}; give a number of 0 or more")
    draw = functools.partial(
        torch.randn,
        generator=torch.Generator().manual_seed(_session.shifted(seed)),
        dtype=torch.float32,
        device="cpu",
    )
    X = draw(num_samples, len(weights))
    y = X @ weights[:, None] + b + noise * draw(num_samples, 1)
    return X, y
