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
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from d2l import data, runtime, train

BATCH_SIZE = 256
NUM_WORKERS = 4
SHORTEST = 0.2  # seconds; faster sides run as often as this takes
NUM_TRAINED = 12_800

Side = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """One comparison: pictures per second of both sides, and the target."""

    what: str
    num_images: int
    usual: float
    ours: float
    at_least: float

    @property
    def ratio(self) -> float:
        return self.ours / self.usual

    def __str__(self) -> str:
        verdict = "ok" if self.ratio >= self.at_least else "MISSED"
        return (
            f"{self.what:<28}{self.num_images:>8,}{self.usual:>12,.0f}"
            f"{self.ours:>12,.0f}{self.ratio:>9.2f}x{self.at_least:>9.2f}x"
            f"  {verdict}"
        )


@dataclass(frozen=True)
class Plan:
    """A row that may be measured: who competes, how often, for what."""

    what: str
    num_images: int
    sides: Callable[[], tuple[Side, Side]]
    num_repeats: int
    at_least: float

    def measure(self) -> Row:
        """Run both sides by turns, after a run of each that is not counted."""
        sides = self.sides()
        runs = [
            1 + int(SHORTEST / runtime.seconds(side, repeat=1).median)
            for side in sides
        ]
        times: tuple[list[float], list[float]] = ([], [])
        for turn in range(self.num_repeats):
            # Who goes first changes: the caches belong to nobody.
            for which in (0, 1) if turn % 2 else (1, 0):
                timing = runtime.seconds(
                    sides[which], repeat=runs[which], warm=0
                )
                times[which].append(timing.median)
        usual, ours = (self.num_images / median(side) for side in times)
        return Row(self.what, self.num_images, usual, ours, self.at_least)


def main(words: list[str]) -> int:
    """Measure, print, and return the exit status."""
    # Four workers on fewer cores are part of what is measured.
    warnings.filterwarnings("ignore", message="This DataLoader will")
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        stored, _ = data.fashion_mnist(BATCH_SIZE)
        write_files(Path(folder), *stored.tensors)
        print(f"Fashion-MNIST: {data.provenance()['fashion_mnist']}\n")
        print(
            f"{'images per second':<28}{'images':>8}{'usual':>12}"
            f"{'d2l':>12}{'ratio':>10}{'target':>10}"
        )
        rows = []
        for plan in plans(Path(folder), stored.num_samples, runtime.device()):
            if words and not any(word in plan.what for word in words):
                continue
            rows.append(plan.measure())
            print(rows[-1], flush=True)
    missed = [row.what for row in rows if row.ratio < row.at_least]
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


def plans(
    folder: Path, available: int, device: torch.device
) -> Iterator[Plan]:
    """Yield the rows of the table. Large sizes use part of the pictures."""
    for size, num_images, num_repeats, at_least in (
        (28, 60_000, 7, 40),
        (96, 30_720, 7, 15),
        (224, 15_360, 5, 4),
    ):
        limit = min(num_images, available)
        sides = partial(loading_sides, folder, size, limit)
        name = f"batches of {size} x {size}"
        yield Plan(name, limit, sides, num_repeats, at_least)
    gpu = device.type
    networks = [
        ("steps of LeNet, 28 x 28", lenet, 28, 25_600, 2.0, "cpu"),
        ("steps of ResNet-18, 32 x 32", resnet18, 32, 2_560, 1.0, "cpu"),
        (f"an epoch of LeNet on {gpu}", lenet, 28, 60_000, 2.0, gpu),
        (f"ResNet-18, 96 x 96, on {gpu}", resnet18, 96, 60_000, 1.0, gpu),
    ]
    for name, network, size, num_images, target, where in networks[
        : 2 if gpu == "cpu" else 4
    ]:
        limit = min(num_images, available)
        steps = partial(step_sides, folder, network, size, limit, where)
        yield Plan(name, limit, steps, 3, target)
    limit = min(NUM_TRAINED, available)
    bare = partial(training_sides, limit)
    yield Plan("an epoch of LeNet", limit, bare, 9, 1 / 1.10)


def count(batches: Iterable[tuple[Tensor, Tensor]]) -> int:
    """Take every batch of an epoch and return the number of samples."""
    return sum(len(y) for _, y in batches)


def write_files(folder: Path, images: Tensor, labels: Tensor) -> None:
    """Write the pictures where, and as, torchvision looks for them."""
    raw = folder / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for name, values in (
        ("images-idx3", images[:, 0].cpu()),
        ("labels-idx1", labels.to("cpu", torch.uint8)),
    ):
        lengths = b"".join(n.to_bytes(4, "big") for n in values.shape)
        content = (
            bytes([0, 0, 8, values.ndim]) + lengths + values.numpy().tobytes()
        )
        # torchvision wants the test files to be there, and does not read them.
        for part in ("train", "t10k"):
            (raw / f"{part}-{name}-ubyte").write_bytes(content)


def usual_loader(
    folder: Path, size: int, limit: int
) -> Iterable[tuple[Tensor, Tensor]]:
    """Serve the pictures one by one, with worker processes."""
    from torchvision import datasets, transforms

    steps: list[Callable] = [transforms.ToTensor()]
    if size != 28:
        steps.insert(0, transforms.Resize(size))
    pictures = datasets.FashionMNIST(
        str(folder), train=True, transform=transforms.Compose(steps)
    )
    return torch.utils.data.DataLoader(
        torch.utils.data.Subset(pictures, range(limit)),
        BATCH_SIZE,
        shuffle=True,
        num_workers=NUM_WORKERS,
    )


def usual_epoch(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    optimizer: torch.optim.Optimizer,
    device: str,
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


def loading_sides(folder: Path, size: int, limit: int) -> tuple[Side, Side]:
    """Return an epoch of batches from torchvision, and from d2l."""
    ours, _ = data.fashion_mnist(
        BATCH_SIZE, resize=size, limit=limit, device="cpu"
    )
    usual = usual_loader(folder, size, limit)
    return partial(count, usual), partial(count, ours)


def step_sides(
    folder: Path,
    network: Callable[[], nn.Module],
    size: int,
    limit: int,
    device: str,
) -> tuple[Side, Side]:
    """Return some steps with the usual loader and loop, and with ours."""
    usual = usual_loader(folder, size, limit)
    ours, _ = data.fashion_mnist(
        BATCH_SIZE, resize=size, limit=limit, device=device
    )
    torch.manual_seed(0)
    start = network().to(device)

    def waiting() -> None:
        model = copy.deepcopy(start)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        usual_epoch(model, usual, optimizer, device)

    return waiting, partial(fit_once, start, ours, device)


def fit_once(
    start: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], device: str
) -> None:
    """Train a copy of a network for one epoch with ``fit``."""
    model = copy.deepcopy(start)
    train.fit(
        model,
        batches,
        loss=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        epochs=1,
        device=device,
        fast=True,
    )


def training_sides(limit: int) -> tuple[Side, Side]:
    """Return one epoch as a bare loop, and the same epoch through fit.

    The bare loop finds its batches in memory and measures nothing. ``fit``
    also prepares the batches, checks them, and measures the accuracy.
    """
    loader, _ = data.fashion_mnist(BATCH_SIZE, limit=limit, device="cpu")
    in_memory = list(loader)
    torch.manual_seed(0)
    start = lenet()

    def bare() -> None:
        model = copy.deepcopy(start)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for X, y in in_memory:
            optimizer.zero_grad()
            F.cross_entropy(model(X), y).backward()
            optimizer.step()

    return bare, partial(fit_once, start, loader, "cpu")


def lenet() -> nn.Sequential:
    """Return a network of the size of LeNet-5 (LeCun et al., 1998)."""
    return nn.Sequential(
        nn.Conv2d(1, 6, kernel_size=5, padding=2),
        nn.Sigmoid(),
        nn.AvgPool2d(2),
        nn.Conv2d(6, 16, kernel_size=5),
        nn.Sigmoid(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 5 * 5, 120),
        nn.Sigmoid(),
        nn.Linear(120, 84),
        nn.Sigmoid(),
        nn.Linear(84, 10),
    )


def resnet18() -> nn.Module:
    """Return torchvision's ResNet-18, for grey pictures and ten classes."""
    from torchvision import models

    net = models.resnet18(num_classes=10)
    net.conv1 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    return net


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
