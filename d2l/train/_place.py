"""Where a model computes, and in what precision."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from d2l import runtime

Model = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Place:
    """A device, and whether its fast mode is in use.

    The fast mode is bfloat16 autocast with channels-last memory. All that
    differs between the two modes is written here.
    """

    device: torch.device
    fast: bool = False

    def take(self, model: Model) -> None:
        """Move a module here; a function stays what it is."""
        if not isinstance(model, nn.Module):
            return
        model.to(self.device)
        if self.fast:
            # Module.to(memory_format=...) would refuse five axes.
            for tensor in (*model.parameters(), *model.buffers()):
                if not is_lazy(tensor) and tensor.ndim == 4:
                    tensor.data = tensor.data.contiguous(
                        memory_format=torch.channels_last
                    )

    def move(self, tensor: Tensor) -> Tensor:
        """Move a tensor here without waiting, if it is not here already."""
        if self.fast and tensor.ndim == 4:
            return tensor.to(
                self.device,
                non_blocking=True,
                memory_format=torch.channels_last,
            )
        return tensor.to(self.device, non_blocking=True)

    def forward(self, model: Model, X: Tensor) -> Tensor:
        """Return the outputs, in float32 for the loss and the metric."""
        if not self.fast:
            return model(X)
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            y_hat = model(X)
        return y_hat.float() if y_hat.dtype == torch.bfloat16 else y_hat

    @contextlib.contextmanager
    def tuned(self) -> Iterator[None]:
        """Let cuDNN try its algorithms, and put its setting back."""
        before = torch.backends.cudnn.benchmark
        if self.fast:
            torch.backends.cudnn.benchmark = True
        try:
            yield
        finally:
            torch.backends.cudnn.benchmark = before


def find(device: torch.device | str | None, fast: bool) -> Place:
    """Return the place asked for, fast only where that pays."""
    chosen = torch.device(device) if device else runtime.device()
    return Place(chosen, fast and pays(chosen))


def pays(device: torch.device) -> bool:
    """Tell whether a device has units of its own for bfloat16."""
    if device.type != "cuda":
        return False
    major, _ = torch.cuda.get_device_capability(device)
    return major >= 8
