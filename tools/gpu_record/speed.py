"""Measure an epoch of training beside the usual way, on this device.

    python -m tools.gpu_record.speed speed.json

Four sides take turns: the usual way (``tools.plain``), ours in float32, ours
in the fast mode of ``fit``, and that with a model from ``torch.compile``. Data
loading is part of all four. What compiling itself takes is told apart: by how
much the first epoch of a compiled model exceeds the later ones, and after how
many epochs that is earned back.
"""

import copy
import json
import math
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from d2l import data, runtime, train
from tools import plain

BATCH_SIZE = 256


@dataclass(frozen=True)
class Contest:
    """A network, the size of its pictures, and how much to measure."""

    name: str
    network: Callable[[], nn.Module]
    size: int
    num_samples: int = 60_000
    num_repeats: int = 3


CONTESTS = (
    Contest("LeNet", plain.lenet, 28),
    Contest("ResNet-18", plain.resnet18, 96),
)


def measure(contest: Contest, device: torch.device) -> dict[str, Any]:
    """Return the seconds per epoch of each side, and the ratios.

    One short epoch of each side comes first and does not count: it pays for
    starting the device and for choosing algorithms.
    """
    seconds: dict[str, list[float]] = {}
    warm = sides(contest, device, num_samples=4 * BATCH_SIZE)
    timed = sides(contest, device, num_samples=contest.num_samples)
    for side in warm.values():
        side()
    compiled = compiled_side(contest, device)
    begun = first_epoch(compiled, device)
    if begun is not None:
        timed["compiled"] = compiled
    for _ in range(contest.num_repeats):
        for name, side in timed.items():
            taken = plain.seconds(side, device)
            seconds.setdefault(name, []).append(round(taken, 4))
    medians = {name: statistics.median(s) for name, s in seconds.items()}
    row = {
        "size": contest.size,
        "num_samples": contest.num_samples,
        "batch_size": BATCH_SIZE,
        "seconds_per_epoch": seconds,
        "ratio": medians["plain"] / medians["fast"],
        "ratio_float32": medians["plain"] / medians["float32"],
    }
    if begun is not None:
        row["compile"] = earned_back(begun, medians)
    return row


def earned_back(begun: float, medians: dict[str, float]) -> dict[str, Any]:
    """Tell what compiling costs and after how many epochs it has paid.

    Args:
        begun: Seconds of the first epoch, in which the model is compiled.
        medians: Seconds of a later epoch, compiled and not.

    Returns:
        ``seconds``, the cost; ``ratio``, how many times faster an epoch is
        afterwards; ``epochs``, how many it takes to pay, None for never.
    """
    cost = max(0.0, begun - medians["compiled"])
    gain = medians["fast"] - medians["compiled"]
    return {
        "seconds": round(cost, 2),
        "ratio": medians["fast"] / medians["compiled"],
        "epochs": math.ceil(cost / gain) if gain > 0 else None,
    }


def first_epoch(
    side: Callable[[], object], device: torch.device
) -> float | None:
    """Return its seconds, None where a model cannot be compiled.

    A machine may have no compiler; the other sides are measured all the
    same.
    """
    try:
        return plain.seconds(side, device)
    except Exception as error:
        print(f"torch.compile: not measured, {type(error).__name__}: {error}")
        return None


def compiled_side(
    contest: Contest, device: torch.device
) -> Callable[[], object]:
    """Return one epoch of the fast side with a compiled model.

    Unlike the other sides it goes on with the same model: compiling is
    done once.
    """
    torch.manual_seed(0)
    model = contest.network().to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    compiled = torch.compile(model)
    ours, _ = data.fashion_mnist(
        BATCH_SIZE,
        resize=contest.size,
        device=device,
        limit=contest.num_samples,
    )

    def side() -> None:
        our_epoch(compiled, optimizer, ours, device, fast=True)

    return side


def sides(
    contest: Contest, device: torch.device, num_samples: int
) -> dict[str, Callable[[], object]]:
    """Return one epoch of each side, starting from the same network."""
    torch.manual_seed(0)
    start = contest.network().to(device)
    ours, _ = data.fashion_mnist(
        BATCH_SIZE, resize=contest.size, device=device, limit=num_samples
    )
    images, labels = (tensor.cpu() for tensor in ours.tensors)
    usual = plain.loader(
        images, labels, size=contest.size, batch_size=BATCH_SIZE
    )

    def prepared() -> tuple[nn.Module, torch.optim.Optimizer]:
        model = copy.deepcopy(start)
        return model, torch.optim.SGD(model.parameters(), lr=0.05)

    def usual_side() -> None:
        model, optimizer = prepared()
        plain.epoch(model, usual, optimizer, device)

    def our_side(fast: bool) -> None:
        model, optimizer = prepared()
        our_epoch(model, optimizer, ours, device, fast)

    return {
        "plain": usual_side,
        "float32": partial(our_side, fast=False),
        "fast": partial(our_side, fast=True),
    }


def our_epoch(
    model: Callable[[Tensor], Tensor],
    optimizer: torch.optim.Optimizer,
    batches: data.Batches,
    device: torch.device,
    fast: bool,
) -> None:
    """Train for one epoch as the pages do."""
    train.fit(
        model,
        batches,
        loss=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        epochs=1,
        device=device,
        fast=fast,
    )


def told(compiled: dict[str, Any]) -> str:
    """Return what compiling costs and brings, in a line."""
    epochs = compiled["epochs"]
    paid = f"pays after {epochs} epochs" if epochs else "never pays"
    return (
        f"  torch.compile: {compiled['seconds']:.1f} s once, then "
        f"{compiled['ratio']:.2f} times as fast; {paid}"
    )


def main(path: Path, contests: tuple[Contest, ...] = CONTESTS) -> int:
    """Measure, print a line for each network, and write the file."""
    device = runtime.device()
    name = torch.cuda.get_device_name() if device.type == "cuda" else ""
    result: dict[str, Any] = {
        "device": device.type,
        "device_name": name,
        "torch": torch.__version__,
        "num_workers": plain.NUM_WORKERS,
        "networks": {},
    }
    for contest in contests:
        row = measure(contest, device)
        result["networks"][contest.name] = row
        path.write_text(json.dumps(result, indent=1), encoding="utf-8")
        print(
            f"{contest.name} at {contest.size} x {contest.size} on "
            f"{name or device}: {row['ratio']:.1f} times as fast as the "
            f"usual way, {row['ratio_float32']:.1f} in float32"
        )
        if "compile" in row:
            print(told(row["compile"]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
