"""Drawn patients, in the format of the diabetes table."""

import torch
from jaxtyping import Float32
from torch import Tensor

_NUM_PATIENTS, _NUM_HEALTHY = 759, 496

# Of each column: mean, standard deviation, and its weight in the score of
# health; rounded from what the real table has.
_COLUMNS = torch.tensor(
    [
        [-0.4, 0.4, -1.0],
        [0.2, 0.3, -3.5],
        [0.2, 0.2, 0.5],
        [-0.3, 0.25, -0.5],
        [-0.6, 0.3, -0.4],
        [0.0, 0.2, -2.5],
        [-0.65, 0.3, -1.0],
        [-0.5, 0.4, -0.1],
    ],
    dtype=torch.float32,
    device="cpu",
)
_SHARED = 0.2  # correlation of any two columns
_INSULIN, _MISSING = 4, 0.49


def diabetes(
    *, seed: int
) -> tuple[Float32[Tensor, "patient 8"], Float32[Tensor, "patient 1"]]:
    """Draw patients in the format of the diabetes table.

    Eight measurements in [-1, 1] that are a little correlated, the second
    the most telling, and a label, 1 for healthy, from a linear score with
    logistic noise. As in the real table, 496 of the 759 are healthy and
    half of the fifth column is 0, for "not measured". A linear model tells
    three patients in four.

    Args:
        seed: Where all draws come from; the global generator is untouched.

    Returns:
        Features and labels, float32.
    """
    generator = torch.Generator().manual_seed(seed)
    mean, deviation, weight = _COLUMNS.unbind(dim=1)
    own = _normal(_NUM_PATIENTS, 8, generator)
    common = _normal(_NUM_PATIENTS, 1, generator)
    X = mean + deviation * ((1 - _SHARED) ** 0.5 * own + _SHARED**0.5 * common)
    X = X.clamp(-1, 1)
    chance = _uniform(_NUM_PATIENTS, generator)[:, None]
    score = X @ weight[:, None] + torch.logit(chance, eps=1e-6)
    threshold = score.flatten().sort(descending=True).values[_NUM_HEALTHY - 1]
    y = (score >= threshold).to(torch.float32)
    absent = _uniform(_NUM_PATIENTS, generator) < _MISSING
    X[absent, _INSULIN] = 0
    return X, y


def _normal(
    rows: int, columns: int, generator: torch.Generator
) -> Float32[Tensor, "rows columns"]:
    """Draw from N(0, 1)."""
    return torch.randn(
        rows, columns, generator=generator, dtype=torch.float32, device="cpu"
    )


def _uniform(
    rows: int, generator: torch.Generator
) -> Float32[Tensor, " rows"]:
    """Draw from [0, 1)."""
    return torch.rand(
        rows, generator=generator, dtype=torch.float32, device="cpu"
    )
