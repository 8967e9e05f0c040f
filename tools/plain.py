"""The usual way to train, to measure ours against.

Pictures are resized and turned into tensors one by one, in worker processes,
as torchvision does it; the numbers are float32; after every step the program
waits to read the loss and the hits. Left out: everything else that a training
program does, such as testing and drawing.
"""

import itertools
import time
from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

NUM_WORKERS = 4


class Pictures(Dataset):
    """Pictures that are made into tensors when they are asked for.

    Args:
        images: Bytes of shape (number, 1, height, width).
        labels: One whole number each.
        size: Height and width to give them.
    """

    def __init__(self, images: Tensor, labels: Tensor, size: int) -> None:
        self._images = images[:, 0].numpy()
        self._labels = labels.tolist()
        self._size = size

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        from PIL import Image

        picture = Image.fromarray(self._images[place])
        if picture.size != (self._size, self._size):
            picture = picture.resize(
                (self._size, self._size), Image.Resampling.BILINEAR
            )
        values = torch.from_numpy(np.array(picture))[None]
        return values.float().div(255), self._labels[place]


def loader(
    images: Tensor,
    labels: Tensor,
    *,
    size: int,
    batch_size: int,
) -> DataLoader:
    """Serve pictures one by one, shuffled, with worker processes."""
    return DataLoader(
        Pictures(images, labels, size),
        batch_size,
        shuffle=True,
        num_workers=NUM_WORKERS,
    )


def epoch(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    optimizer: torch.optim.Optimizer,
    device: torch.device | str,
) -> tuple[float, float]:
    """Train for one epoch; return the mean loss and the accuracy."""
    model.to(device).train()
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


def seconds(side: Callable[[], object], device: torch.device) -> float:
    """Return how long one run takes until the device has finished."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    side()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


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


class Residual(nn.Module):
    """Two convolutions whose result is added to what came in."""

    def __init__(self, num_in: int, num_out: int, stride: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(num_in, num_out, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(num_out),
            nn.ReLU(),
            nn.Conv2d(num_out, num_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(num_out),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or num_in != num_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(num_in, num_out, 1, stride, bias=False),
                nn.BatchNorm2d(num_out),
            )

    def forward(self, X: Tensor) -> Tensor:
        return F.relu(self.path(X) + self.shortcut(X))


def resnet18() -> nn.Sequential:
    """Return ResNet-18 (He et al., 2016, table 1) for grey pictures."""
    widths = [64, 64, 128, 256, 512]
    stages = [
        part
        for num_in, num_out in itertools.pairwise(widths)
        for part in (
            Residual(num_in, num_out, 1 if num_in == num_out else 2),
            Residual(num_out, num_out, 1),
        )
    ]
    return nn.Sequential(
        nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2, padding=1),
        *stages,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(512, 10),
    )
