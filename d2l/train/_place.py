"""Where a model computes, and in what precision."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from d2l import runtime

Model = Callable[..., Tensor]


@dataclass(frozen=True)
class Place:
    """A device, and whether its fast mode is in use.

    The fast mode is bfloat16 autocast with channels-last memory. All that
    differs between the two modes is written here. Without a device
    everything stays where it is.
    """

    device: torch.device | None
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
        """Move a tensor here, if it is not here already.

        Only a copy from the CPU to a GPU need not be waited for: what runs
        there later waits by itself. A copy to the CPU would be read before
        it has arrived, and one to MPS may read memory that is lent again.
        """
        if self.device is None:
            return tensor
        to_gpu = self.device.type == "cuda" and tensor.device.type == "cpu"
        if self.fast and tensor.ndim == 4:
            return tensor.to(
                self.device,
                non_blocking=to_gpu,
                memory_format=torch.channels_last,
            )
        return tensor.to(self.device, non_blocking=to_gpu)

    def forward(self, model: Model, inputs: list[Tensor]) -> Tensor:
        """Return the outputs, in float32 for the loss and the metric."""
        if self.device is None or not self.fast:
            return model(*inputs)
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            y_hat = model(*inputs)
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


def find(
    device: torch.device | str | None,
    fast: bool,
    model: Model,
    near: torch.device | None,
) -> Place:
    """Return the place asked for, fast only where that pays.

    Without a device a module computes on the device of this process. A
    function holds tensors that nobody can move, so it computes near them.
    """
    if device is not None:
        chosen: torch.device | None = torch.device(device)
    elif isinstance(model, nn.Module):
        chosen = runtime.device()
    else:
        chosen = near
    return Place(chosen, fast and chosen is not None and pays(chosen))


def pays(device: torch.device) -> bool:
    """Tell whether a device has units of its own for bfloat16."""
    if device.type != "cuda":
        return False
    major, _ = torch.cuda.get_device_capability(device)
    return major >= 8
