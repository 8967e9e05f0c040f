"""What a network costs: parameters, multiply-adds, activations."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils.flop_counter import FlopCounterMode

if TYPE_CHECKING:
    import pandas as pd


class Row(NamedTuple):
    """What one part of a network gives and costs.

    Attributes:
        name: Its name in the network.
        kind: Its class.
        shape: The shape of what it returns, batch first.
        parameters: How many numbers it learns. Those that it shares with
            an earlier part are counted there.
        multiply_adds: Multiplications, each with its addition, of all
            matrix products and convolutions in one forward pass.
        activations: Numbers that its layers return in one forward pass,
            those of layers inside it included.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    activations: int


@dataclass(frozen=True)
class Summary:
    """What a network costs, part by part.

    Attributes:
        rows: The parts, in the order in which they were called.
        parameters: How many numbers the whole network learns.
        multiply_adds: Those of one forward pass.
        activations: Numbers that all layers return in one forward pass,
            views and results in place included; times 4 they are, roughly,
            the bytes that training in float32 keeps.
    """

    rows: tuple[Row, ...]
    parameters: int
    multiply_adds: int
    activations: int

    def table(self) -> "pd.DataFrame":
        """Return the parts as a table, with the sums in the last line."""
        import pandas as pd

        columns = ["layer", "output", "parameters", "multiply-adds"]
        columns.append("activations")
        lines = [
            (
                row.kind,
                " x ".join(map(str, row.shape[1:])),
                f"{row.parameters:,}",
                f"{row.multiply_adds:,}",
                f"{row.activations:,}",
            )
            for row in self.rows
        ]
        total = (self.parameters, self.multiply_adds, self.activations)
        first, second, third = (f"{number:,}" for number in total)
        lines.append(("", "", first, second, third))
        names = [row.name for row in self.rows] + ["total"]
        return pd.DataFrame(lines, index=names, columns=columns)


def summary(model: nn.Module, *shape: int) -> Summary:
    """Send zeros of a shape through a network and count.

    The pass runs in ``eval()`` mode and without gradients, on the device of
    the model; afterwards every part is in the mode it was in before. One
    row stands for one part of ``model.children()`` (or for the model, if it
    has none); a part that is called twice has one row, with the costs of
    both calls. Only matrix products
    and convolutions count as multiply-adds: what works element by element,
    such as ReLU, pooling and normalisation, is left out, as usual.

    Args:
        model: The network. Lazy layers must have seen a batch before.
        *shape: The shape of the input, batch first: ``1, 1, 28, 28``.

    Returns:
        The counts, for a batch of that size.

    Raises:
        ValueError: The model has parameters without a shape yet.
    """
    for name, parameter in model.named_parameters():
        if is_lazy(parameter):
            raise ValueError(
                f"{name} has no shape yet: send a batch through the model "
                "first, model(torch.zeros(...))"
            )
    shapes: dict[str, tuple[int, ...]] = {}
    activations: dict[str, int] = {}
    flops = FlopCounterMode(display=False)
    if next(model.children(), None) is None:  # a single layer
        model = nn.Sequential(model)
    with _watched(model, shapes, activations), flops:
        model(torch.zeros(shape, device=_device(model)))
    counts = flops.get_flop_counts()
    flops_of = {
        name: sum(counts.get(f"{type(model).__name__}.{name}", {}).values())
        for name, _ in model.named_children()
    }
    rows = _rows(model, shapes, activations, flops_of)
    return Summary(
        rows=tuple(rows),
        parameters=sum(p.numel() for p in model.parameters()),
        multiply_adds=flops.get_total_flops() // 2,
        activations=sum(activations.values()),
    )


def _rows(
    model: nn.Module,
    shapes: dict[str, tuple[int, ...]],
    activations: dict[str, int],
    flops: dict[str, int],
) -> list[Row]:
    """Return one row per part that was called, in order."""
    parts = dict(model.named_children())
    seen: set[int] = set()
    rows = []
    for name in (name for name in shapes if name in parts):
        new = [p for p in parts[name].parameters() if id(p) not in seen]
        seen.update(map(id, new))
        inside = (
            number
            for leaf, number in activations.items()
            if f"{leaf}.".startswith(f"{name}.")
        )
        rows.append(
            Row(
                name=name,
                kind=type(parts[name]).__name__,
                shape=shapes[name],
                parameters=sum(p.numel() for p in new),
                multiply_adds=flops[name] // 2,
                activations=sum(inside),
            )
        )
    return rows


@contextlib.contextmanager
def _watched(
    model: nn.Module,
    shapes: dict[str, tuple[int, ...]],
    activations: dict[str, int],
) -> Iterator[None]:
    """Note what every part returns while the model is in eval mode."""
    modes = [(part, part.training) for part in model.modules()]
    hooks = [
        part.register_forward_hook(_note(name, part, shapes, activations))
        for name, part in model.named_modules()
        if name
    ]
    try:
        with torch.no_grad():
            model.eval()
            yield
    finally:
        for hook in hooks:
            hook.remove()
        for part, mode in modes:
            part.training = mode


def _note(
    name: str,
    part: nn.Module,
    shapes: dict[str, tuple[int, ...]],
    activations: dict[str, int],
) -> Callable[..., None]:
    """Return a hook that notes a part's shape and, of a layer, its size."""
    is_layer = next(part.children(), None) is None

    def hook(part: nn.Module, inputs: Any, output: Any) -> None:
        if not isinstance(output, Tensor):
            return
        shapes.setdefault(name, tuple(output.shape))
        if is_layer:
            activations[name] = activations.get(name, 0) + output.numel()

    return hook


def _device(model: nn.Module) -> torch.device:
    """Return the device of the first parameter."""
    first = next(model.parameters(), None)
    return torch.device("cpu") if first is None else first.device
