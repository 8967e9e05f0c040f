"""What batches gave, left on its device until it is read at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float64
from torch import Tensor


@dataclass
class Values:
    """What batches gave, one entry per batch.

    Attributes:
        losses: Their losses.
        scores: Their metrics, unless there is none.
        norms: The norms of the gradients, where these are clipped.
        counts: How many targets count.
        num_samples: How many samples all batches held together.
    """

    losses: list[Tensor] = field(default_factory=list)
    scores: list[Tensor] = field(default_factory=list)
    norms: list[Tensor] = field(default_factory=list)
    counts: list[int | Tensor] = field(default_factory=list)
    num_samples: int = 0

    def means(self) -> tuple[float, float | None]:
        """Return the means of losses and scores over all that counts."""
        losses, counts = read(self.losses, self.counts)
        return weighted_mean(losses, counts), self.mean_score(counts)

    def mean_score(self, counts: Float64[Tensor, " batch"]) -> float | None:
        """Return the mean of the scores, if there are any."""
        if not self.scores:
            return None
        return weighted_mean(read(self.scores)[0], counts)


def weighted_mean(
    means: Float64[Tensor, " batch"], counts: Float64[Tensor, " batch"]
) -> float:
    """Return the mean of means, each weighted by what it was taken over."""
    return float((means * counts).sum() / counts.sum())


def read(
    *columns: Sequence[int | Tensor],
) -> list[Float64[Tensor, " _"]]:
    """Return columns of numbers on the CPU; a device is read once.

    The numbers are widened there: not every device has 64 bits.
    """
    stacked = [_stack(column) for column in columns]
    near = next((s for s in stacked if s.device.type != "cpu"), None)
    if near is not None:
        together = torch.cat([s.to(near.device) for s in stacked])
        stacked = list(together.cpu().split([len(s) for s in stacked]))
    return [s.double() for s in stacked]


def _stack(column: Sequence[int | Tensor]) -> Tensor:
    """Return the numbers of a column where they are, 32 bits or more."""
    tensors = [value for value in column if isinstance(value, Tensor)]
    if not tensors:
        return torch.tensor(column, dtype=torch.float32)
    stacked = torch.stack(tensors)
    wide = torch.promote_types(stacked.dtype, torch.float32)
    return stacked.to(wide)
