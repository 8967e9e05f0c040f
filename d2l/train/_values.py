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
    near = next((s.device for s in stacked if s.device.type != "cpu"), None)
    there = [place for place, s in enumerate(stacked) if s.device == near]
    if there:
        together = torch.cat([stacked[place] for place in there]).cpu()
        parts = together.split([len(stacked[place]) for place in there])
        for place, part in zip(there, parts, strict=True):
            stacked[place] = part
    return [s.cpu().double() for s in stacked]


def _stack(column: Sequence[int | Tensor]) -> Tensor:
    """Return the numbers of a column where they are, 32 bits or more."""
    tensors = [value for value in column if isinstance(value, Tensor)]
    if not tensors:
        return torch.tensor(column, dtype=torch.float32)
    stacked = torch.stack(tensors)
    wide = torch.promote_types(stacked.dtype, torch.float32)
    return stacked.to(wide)
