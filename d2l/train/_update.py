"""How a loss changes the parameters."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from d2l.train._place import Model

if TYPE_CHECKING:
    from torch.optim.lr_scheduler import LRScheduler


@dataclass(frozen=True)
class Update:
    """One step of an optimiser, after the gradients.

    Attributes:
        model: Whose parameters have names.
        optimizer: Holds the parameters to change.
        clip: The largest norm of all gradients together, or ``None``.
        schedule: Changes the learning rate after each step, or ``None``.
    """

    model: Model
    optimizer: torch.optim.Optimizer
    clip: float | None
    schedule: "LRScheduler | None"

    def params(self) -> list[Tensor]:
        """Return what the optimizer holds."""
        groups = self.optimizer.param_groups
        return [p for group in groups for p in group["params"]]

    def take(self, loss: Tensor) -> Tensor | None:
        """Take a step down the loss; return the norm, if it is clipped."""
        norm = None
        self.optimizer.zero_grad()
        loss.backward()
        if self.clip is not None:
            norm = nn.utils.clip_grad_norm_(self.params(), self.clip)
        self.optimizer.step()
        if self.schedule is not None:
            self.schedule.step()
        return norm

    def not_finite(self) -> Iterator[str]:
        """Return the names of what is not finite, or has such a gradient."""
        names = {}
        if isinstance(self.model, nn.Module):
            names = {id(p): n for n, p in self.model.named_parameters()}
        for place, p in enumerate(self.params()):
            parts = [p] if p.grad is None else [p, p.grad]
            if not all(part.isfinite().all() for part in parts):
                yield names.get(id(p), f"parameter {place} of the optimizer")
