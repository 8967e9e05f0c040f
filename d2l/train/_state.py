"""What a module is put into for a pass: its mode, and a state it carries.

A module that keeps a state from batch to batch keeps it in ``state`` and
offers ``reset_state()``. Every pass starts without one.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from d2l.train._place import Model


class Carried(nn.Module):
    """Carry a state from batch to batch, so that a model takes inputs only.

    Makes ``model(*inputs)`` of ``model(*inputs, state) -> (outputs,
    state)``, where a state of ``None`` means the beginning. Gradients end
    at the border between two batches: the state is carried as numbers
    (truncated back-propagation through time).

    Args:
        model: The model; its state is a tensor, or tuples, lists and
            dictionaries of tensors.
        every_batch: Whether every batch begins anew, as it must when
            batches do not follow one another.

    Attributes:
        state: What the last batch left, ``None`` before the first.
    """

    def __init__(self, model: nn.Module, *, every_batch: bool = False) -> None:
        super().__init__()
        self.model = model
        self.every_batch = every_batch
        self.state: Any = None

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return the outputs, and keep the state."""
        if self.every_batch:
            self.reset_state()
        y_hat, state = self.model(*inputs, self.state)
        self.state = _detached(state)
        return y_hat

    def reset_state(self) -> None:
        """Begin anew with the next batch."""
        self.state = None


def start_pass(model: Model, *, training: bool) -> None:
    """Put a module into its mode, without a state from before."""
    if isinstance(model, nn.Module):
        model.train(training)
    for part in _carrying(model):
        part.reset_state()


@contextlib.contextmanager
def restored(model: Model) -> Iterator[None]:
    """Put every part back into the mode, and to the state, it was found in."""
    modules = list(model.modules()) if isinstance(model, nn.Module) else []
    modes = [module.training for module in modules]
    carrying = [p for p in _carrying(model) if hasattr(p, "state")]
    states = [part.state for part in carrying]
    try:
        yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode
        for part, state in zip(carrying, states, strict=True):
            part.state = state


def _carrying(model: Model) -> list[Any]:
    """Return the parts of a module that keep a state."""
    modules = model.modules() if isinstance(model, nn.Module) else ()
    return [part for part in modules if hasattr(part, "reset_state")]


def _detached(state: Any) -> Any:
    """Return a state without its history, tensor by tensor."""
    if isinstance(state, Tensor):
        return state.detach()
    if isinstance(state, dict):
        return {name: _detached(part) for name, part in state.items()}
    if isinstance(state, tuple | list):
        return type(state)(_detached(part) for part in state)
    return state
