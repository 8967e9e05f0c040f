"""What a network costs: parameters, multiply-adds, activations."""

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.parameter import is_lazy
from torch.utils.flop_counter import FlopCounterMode

if TYPE_CHECKING:
    import pandas as pd

# The row of what a network holds and does outside its parts.
_ITSELF = "(itself)"


class Row(NamedTuple):
    """What one part of a network gives and costs.

    Attributes:
        name: Its name in the network, or ``(itself)``.
        kind: Its class.
        shape: The shape of the first tensor that it returns; empty if it
            was not called.
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
        rows: The parts, in the order in which they were called; their
            counts add up to those below.
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


def summary(model: nn.Module, *inputs: Any) -> Summary:
    """Send example inputs through a network and count.

    The pass runs in ``eval()`` mode and without gradients, on the device of
    the model; afterwards every part is in the mode it was in before. One
    row stands for one part of ``model.children()`` (or for the model, if
    it calls none; the members of a ``ModuleList`` are parts of their own);
    a part that is called twice has one row, with the costs of both calls.
    What the model holds or does outside its parts has a last row,
    ``(itself)``.

    Only matrix products and convolutions count as multiply-adds: what
    works element by element, such as ReLU, pooling and normalisation, is
    left out, as usual. A recurrent layer multiplies each of its matrices
    once at every step of every sequence; attention is two products, of
    queries with keys and of weights with values.

    Args:
        model: The network. Lazy layers must have seen a batch before.
        *inputs: What ``model(...)`` is called with, batch first: tensors
            on any device, such as ``torch.zeros(1, 1, 28, 28)``.

    Returns:
        The counts, for a batch of that size.

    Raises:
        TypeError: There is no input, or it is a shape.
        ValueError: The model has parameters without a shape yet.
    """
    _check(model, inputs)
    device = _device(model)
    meter = _Meter({_ITSELF: model} | _parts(model))
    with _watched(model, meter), _unfused(), meter.flops:
        model(*(_moved(value, device) for value in inputs))
    return Summary(
        rows=tuple(_rows(model, meter)),
        parameters=sum(p.numel() for p in model.parameters()),
        multiply_adds=sum(meter.multiply_adds.values()),
        activations=sum(meter.activations.values()),
    )


def _check(model: nn.Module, inputs: tuple[Any, ...]) -> None:
    if not inputs or all(isinstance(value, int) for value in inputs):
        shape = ", ".join(map(str, inputs)) or "..."
        raise TypeError(
            "summary takes example inputs and no shape: write "
            f"summary(model, torch.zeros({shape})); received {inputs}"
        )
    for name, parameter in model.named_parameters():
        if is_lazy(parameter):
            raise ValueError(
                f"{name} has no shape yet: send a batch through the model "
                "first, model(torch.zeros(...))"
            )


def _parts(model: nn.Module, prefix: str = "") -> dict[str, nn.Module]:
    """Return what has a row: children, and those of lists of layers."""
    parts: dict[str, nn.Module] = {}
    for name, child in model.named_children():
        if type(child) in (nn.ModuleList, nn.ModuleDict):  # nobody calls it
            parts |= _parts(child, f"{prefix}{name}.")
        else:
            parts[prefix + name] = child
    return parts


@dataclass
class _Meter:
    """Counts for each part; ``inside`` are those that now run, outer first.

    What is computed while several run belongs to the innermost part, and
    outside all of them to the model itself.
    """

    parts: dict[str, nn.Module]
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    multiply_adds: dict[str, int] = field(default_factory=dict)
    activations: dict[str, int] = field(default_factory=dict)
    inside: list[str] = field(default_factory=lambda: [_ITSELF])
    num_calls: int = 0

    def __post_init__(self) -> None:
        self._names = {part: name for name, part in self.parts.items()}
        self._charged = 0
        self._starts: list[tuple[int, int]] = []
        self.flops = FlopCounterMode(display=False, custom_mapping=_PRODUCTS)

    def charge(self, extra: int = 0) -> None:
        """Charge what was computed since the last call to who runs now."""
        total = self.flops.get_total_flops() // 2
        _add(self.multiply_adds, self.inside[-1], total - self._charged)
        _add(self.multiply_adds, self.inside[-1], extra)
        self._charged = total

    def enter(self, module: nn.Module, inputs: Any) -> None:
        """Note that a module starts."""
        self.num_calls += 1
        self.charge()
        self._starts.append((self.num_calls, self._charged))
        if module in self._names:
            self.inside.append(self._names[module])

    def leave(self, module: nn.Module, inputs: Any, output: Any) -> None:
        """Note what a module returned and, of a layer, how much."""
        num_calls, charged = self._starts.pop()
        first = _first_tensor(output)
        if isinstance(module, nn.RNNBase) and first is not None:
            # Some devices compute it whole, others in products: whatever
            # was seen of it gives way to the formula.
            done = self.flops.get_total_flops() // 2 - charged
            self.charge(_recurrent(module, first) - done)
        self.charge()
        if first is not None and num_calls == self.num_calls:
            _add(self.activations, self.inside[-1], first.numel())
        if module in self._names:
            shape = () if first is None else tuple(first.shape)
            self.shapes.setdefault(self.inside.pop(), shape)


def _add(counts: dict[str, int], name: str, number: int) -> None:
    counts[name] = counts.get(name, 0) + number


def _recurrent(layer: nn.RNNBase, output: Tensor) -> int:
    """Return the multiply-adds of a recurrent layer, by the formula."""
    num_steps = output.numel() // output.shape[-1]  # of all sequences
    weights = (p for p in layer.parameters() if p.ndim == 2)
    return num_steps * sum(weight.numel() for weight in weights)


def _rows(model: nn.Module, meter: _Meter) -> Iterator[Row]:
    """Yield one row per part: called, not called, and the model itself."""
    shapes = meter.shapes
    called = [name for name in shapes if name != _ITSELF]
    others = [name for name in meter.parts if name not in shapes]
    seen: set[int] = set()

    def row(name: str) -> Row:
        part = meter.parts[name]
        new = [p for p in part.parameters() if id(p) not in seen]
        seen.update(map(id, new))
        return Row(
            name=name,
            kind=type(part).__name__,
            shape=shapes.get(name, ()),
            parameters=sum(p.numel() for p in new),
            multiply_adds=meter.multiply_adds.get(name, 0),
            activations=meter.activations.get(name, 0),
        )

    yield from map(row, called)
    if called:  # else the model is its own only part
        yield from (one for one in map(row, others) if one.parameters)
    itself = row(_ITSELF)
    if any(itself[3:]) or not called:
        yield itself


def _first_tensor(output: Any) -> Tensor | None:
    """Return the first tensor of an output: of a pair with a state, say."""
    if isinstance(output, Tensor):
        return output
    if isinstance(output, Mapping):
        output = list(output.values())
    if isinstance(output, list | tuple):
        found = (_first_tensor(value) for value in output)
        return next((value for value in found if value is not None), None)
    return None


@contextlib.contextmanager
def _watched(model: nn.Module, meter: _Meter) -> Iterator[None]:
    """Meter every part while the model is in eval mode."""
    modes = [(part, part.training) for part in model.modules()]
    hooks = []
    for part in model.modules():
        hooks.append(part.register_forward_pre_hook(meter.enter))
        hooks.append(part.register_forward_hook(meter.leave))
    try:
        with torch.no_grad():
            model.eval()
            yield
    finally:
        for hook in hooks:
            hook.remove()
        for part, mode in modes:
            part.training = mode


@contextlib.contextmanager
def _unfused() -> Iterator[None]:
    """Compute attention in products that can be seen and counted."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _device(model: nn.Module) -> torch.device:
    """Return the device of the first parameter."""
    first = next(model.parameters(), None)
    return torch.device("cpu") if first is None else first.device


def _moved(value: Any, device: torch.device) -> Any:
    """Return an input on the device of the model, pairs of tensors too."""
    if hasattr(value, "to"):  # a tensor, or a batch packed of sequences
        return value.to(device)
    if isinstance(value, list | tuple):
        return type(value)(_moved(one, device) for one in value)
    return value


def _vector_product(
    matrix: tuple[int, ...], vector: tuple[int, ...], **_: Any
) -> int:
    """Count a matrix times a vector, which PyTorch's own counter omits."""
    return 2 * math.prod(matrix)


_PRODUCTS = {
    torch.ops.aten.mv: _vector_product,
    torch.ops.aten.dot: _vector_product,
}
