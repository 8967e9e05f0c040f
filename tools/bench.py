"""Measure the speed of data and training against the usual code.

Prints one table and exits with 1 when a target is missed. Both sides run in
this process on the same pictures, by turns, so that a machine that is busy or
warm slows both; a line of the table compares medians.

The usual code is what older course packages do: torchvision's
``FashionMNIST`` with ``ToTensor`` (after ``Resize``), served by a
``DataLoader`` with four workers. Training is compared twice: with the same
loader and a loop that reads the loss and the hits after every step, as such
courses do; and with the bare loop of forward, backward and step, on batches
that are already in memory. Where there is a GPU, a whole epoch the usual way
is compared with the fast mode of ``fit``. Words on the command line choose
rows.
"""

import copy
import os
import platform
import sys
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD, Optimizer
from torchvision import datasets, models, transforms

from d2l import data, runtime, train

BATCH_SIZE = 256
NUM_WORKERS = 4
SHORTEST = 0.2  # seconds; faster sides run as often as this takes

Batches = Iterable[tuple[Tensor, Tensor]]
Way = Callable[[nn.Module, Batches, Optimizer, str], object]
Sides = tuple[Callable[[], object], Callable[[], object]]  # usual, ours


class Row(NamedTuple):
    """A row of the table: what competes, on what, and for what ratio."""

    what: str
    sides: Callable[[int, int, str], Sides]
    size: int  # of the pictures
    num_images: int
    num_repeats: int
    at_least: float
    device: str = "cpu"

    def measure(self) -> tuple[float, float]:
        """Return pictures per second: the usual way, and ours.

        Both run by turns, after a run of each that is not counted.
        """
        sides = self.sides(self.size, self.num_images, self.device)
        first = [runtime.seconds(side, repeat=1).median for side in sides]
        times: tuple[list[float], list[float]] = ([], [])
        for turn in range(self.num_repeats):
            # Who goes first changes: the caches belong to nobody.
            for i in (0, 1) if turn % 2 else (1, 0):
                num = 1 + int(SHORTEST / first[i])
                timing = runtime.seconds(sides[i], repeat=num, warm=0)
                times[i].append(timing.median)
        usual, ours = (self.num_images / median(side) for side in times)
        return usual, ours


def main(words: list[str]) -> int:
    """Measure, print, and return the exit status."""
    # Four workers on fewer cores are part of what is measured.
    warnings.filterwarnings("ignore", message="This DataLoader will")
    print(machine())
    missed = []
    stored, _ = data.fashion_mnist(BATCH_SIZE)
    print(f"Fashion-MNIST: {data.provenance()['fashion_mnist']}\n")
    print(
        f"{'images per second':<28}{'images':>8}{'usual':>12}"
        f"{'d2l':>12}{'ratio':>10}{'target':>10}"
    )
    for row in rows(stored.num_samples, runtime.device().type):
        if words and not any(word in row.what for word in words):
            continue
        usual, ours = row.measure()
        ratio, verdict = ours / usual, "ok"
        if ratio < row.at_least:
            verdict = "MISSED"
            missed.append(row.what)
        print(
            f"{row.what:<28}{row.num_images:>8,}{usual:>12,.0f}{ours:>12,.0f}"
            f"{ratio:>9.2f}x{row.at_least:>9.2f}x  {verdict}",
            flush=True,
        )
    if missed:
        print(
            f"\nmissed: {', '.join(missed)}\n"
            "Other programs on the same cores slow threads, which wait for "
            "each other,\nfar more than processes: measure on a quiet machine."
        )
    return 1 if missed else 0


def machine() -> str:
    """Describe what the numbers were measured on."""
    gpu = torch.cuda.is_available() and torch.cuda.get_device_name()
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, "
        f"{torch.get_num_threads()} threads, "
        f"{gpu or torch.backends.cpu.get_cpu_capability()}, "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )


def rows(available: int, device: str) -> list[Row]:
    """Return the table. Large sizes use part of the pictures."""
    lenet_steps = partial(learning, lenet, usual_epoch)
    resnet_steps = partial(learning, resnet18, usual_epoch)
    bare_steps = partial(learning, lenet, bare_epoch)
    table = [
        Row("batches of 28 x 28", loading, 28, 60_000, 7, 40),
        Row("batches of 96 x 96", loading, 96, 30_720, 7, 15),
        Row("batches of 224 x 224", loading, 224, 15_360, 5, 4),
        Row("steps of LeNet, 28 x 28", lenet_steps, 28, 25_600, 3, 2.0),
        Row("steps of ResNet-18, 32 x 32", resnet_steps, 32, 2_560, 3, 1.0),
        Row("an epoch of LeNet", bare_steps, 28, 12_800, 9, 1 / 1.10),
    ]
    if device != "cpu":
        small = f"an epoch of LeNet on {device}"
        large = f"ResNet-18, 96 x 96, on {device}"
        table += [
            Row(small, lenet_steps, 28, 60_000, 3, 2.0, device),
            Row(large, resnet_steps, 96, 60_000, 3, 1.0, device),
        ]
    return [
        row._replace(num_images=min(row.num_images, available))
        for row in table
    ]


def loading(size: int, limit: int, device: str) -> Sides:
    """Return an epoch of batches from torchvision, and from d2l."""

    def count(batches: Batches) -> int:
        return sum(len(y) for _, y in batches)

    ours = our_loader(size, limit, device)
    return partial(count, usual_loader(ours, size)), partial(count, ours)


def learning(
    network: Callable[[], nn.Module],
    usual_way: Way,
    size: int,
    limit: int,
    device: str,
) -> Sides:
    """Return an epoch of training the usual way, and with ``fit``.

    A bare loop finds our batches in memory and measures nothing. ``fit``
    also prepares the batches, checks them, and measures the accuracy.
    """
    ours = our_loader(size, limit, device)
    is_bare = usual_way is bare_epoch
    usual = list(ours) if is_bare else usual_loader(ours, size)
    torch.manual_seed(0)
    start = network().to(device)

    def learn(way: Way, batches: Batches) -> None:
        model = copy.deepcopy(start)
        way(model, batches, SGD(model.parameters(), lr=0.1), device)

    return partial(learn, usual_way, usual), partial(learn, our_epoch, ours)


def our_loader(size: int, limit: int, device: str) -> data.Batches:
    """Serve pictures in batches that are prepared as a whole."""
    return data.fashion_mnist(
        BATCH_SIZE, resize=size, limit=limit, device=device
    )[0]


def usual_loader(ours: data.Batches, size: int) -> Batches:
    """Serve the same pictures one by one, with worker processes."""
    images, labels = (tensor.cpu() for tensor in ours.tensors)
    steps: list[Callable] = [transforms.ToTensor()]
    if size != 28:
        steps.insert(0, transforms.Resize(size))
    pictures = Pictures(images[:, 0], labels, transforms.Compose(steps))
    return torch.utils.data.DataLoader(
        pictures, BATCH_SIZE, shuffle=True, num_workers=NUM_WORKERS
    )


class Pictures(datasets.FashionMNIST):
    """Torchvision's data set, on pictures that need not be read."""

    def __init__(self, images: Tensor, labels: Tensor, transform: Any) -> None:
        self._stored = images, labels
        super().__init__("", transform=transform)

    def _check_exists(self) -> bool:
        return True

    def _load_data(self) -> tuple[Tensor, Tensor]:
        return self._stored


def usual_epoch(
    model: nn.Module, batches: Batches, optimizer: Optimizer, device: str
) -> tuple[float, float]:
    """Train for one epoch; return the mean loss and the accuracy."""
    model.train()
    total = hits = 0.0
    num_samples = 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        y_hat = model(X)
        loss = F.cross_entropy(y_hat, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        hits += (y_hat.argmax(dim=1) == y).sum().item()
        num_samples += len(y)
    return total / num_samples, hits / num_samples


def bare_epoch(
    model: nn.Module, batches: Batches, optimizer: Optimizer, device: str
) -> None:
    """Do what training cannot do without, on batches that are there."""
    for X, y in batches:
        optimizer.zero_grad()
        F.cross_entropy(model(X), y).backward()
        optimizer.step()


def our_epoch(
    model: nn.Module, batches: Batches, optimizer: Optimizer, device: str
) -> None:
    """Train with ``fit``, in its fast mode."""
    train.fit(
        model,
        batches,
        loss=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        epochs=1,
        device=device,
        fast=True,
    )


def lenet() -> nn.Sequential:
    """Return a network of the size of LeNet-5 (LeCun et al., 1998)."""
    return nn.Sequential(
        *(nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.Sigmoid()),
        *(nn.AvgPool2d(2), nn.Conv2d(6, 16, kernel_size=5), nn.Sigmoid()),
        *(nn.AvgPool2d(2), nn.Flatten()),
        *(nn.Linear(16 * 5 * 5, 120), nn.Sigmoid()),
        *(nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10)),
    )


def resnet18() -> nn.Module:
    """Return torchvision's ResNet-18, for grey pictures and ten classes."""
    net = models.resnet18(num_classes=10)
    net.conv1 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    return net


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
