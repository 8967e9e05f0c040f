"""Measure an epoch of training beside the usual way, on this device.

    python -m tools.gpu_record.speed speed.json

Three sides take turns: the usual way (``tools.plain``), ours in float32, and
ours in the fast mode of ``fit``. Data loading is part of all three.
"""

import copy
import json
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

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
    for _ in range(contest.num_repeats):
        for name, side in timed.items():
            taken = plain.seconds(side, device)
            seconds.setdefault(name, []).append(round(taken, 4))
    medians = {name: statistics.median(s) for name, s in seconds.items()}
    return {
        "size": contest.size,
        "num_samples": contest.num_samples,
        "batch_size": BATCH_SIZE,
        "seconds_per_epoch": seconds,
        "ratio": medians["plain"] / medians["fast"],
        "ratio_float32": medians["plain"] / medians["float32"],
    }


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
        train.fit(
            model,
            ours,
            loss=nn.CrossEntropyLoss(),
            optimizer=optimizer,
            epochs=1,
            device=device,
            fast=fast,
        )

    return {
        "plain": usual_side,
        "float32": partial(our_side, fast=False),
        "fast": partial(our_side, fast=True),
    }


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
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
