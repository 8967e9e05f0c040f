"""The drawn garments: their format, their difficulty and their price."""

import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import d2l

TIMED = """
import time
import torch
from d2l import samples
torch.set_num_threads(1)
start = time.process_time()
samples.fashion(num_train=12_000, num_test=2_000, seed=0)
print(time.process_time() - start)
"""


@pytest.fixture(scope="module")
def garments():
    """The sample that stands in for Fashion-MNIST."""
    return d2l.samples.fashion(num_train=12_000, num_test=2_000, seed=0)


def _test_accuracy(model, parts, optimizer, epochs):
    """Train with batches of 256 and return the share of right answers."""
    (X, y), (X_test, y_test) = ((X.float() / 255, y) for X, y in parts)
    for _ in range(epochs):
        for rows in torch.randperm(len(X)).split(256):
            optimizer.zero_grad()
            F.cross_entropy(model(X[rows]), y[rows]).backward()
            optimizer.step()
    return (model(X_test).argmax(dim=1) == y_test).float().mean().item()


def _linear_accuracy(parts, epochs):
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return _test_accuracy(model, parts, optimizer, epochs)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_linear_model_neither_fails_nor_saturates(seed):
    """Five to ten epochs of softmax regression end at 0.75 to 0.92."""
    parts = d2l.samples.fashion(num_train=12_000, num_test=2_000, seed=seed)

    early = _linear_accuracy(parts, epochs=5)
    late = _linear_accuracy(parts, epochs=10)

    assert 0.75 <= early <= 0.92
    assert 0.75 <= late <= 0.92


def test_a_convolutional_network_is_clearly_better(garments):
    """With the same pictures it makes a third fewer mistakes."""
    network = nn.Sequential(
        nn.Conv2d(1, 12, kernel_size=5, stride=2),
        nn.ReLU(),
        nn.Conv2d(12, 32, kernel_size=5, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 4 * 4, 10),
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)

    accuracy = _test_accuracy(network, garments, optimizer, epochs=6)

    baseline = _linear_accuracy(garments, epochs=10)
    assert 1 - accuracy < 2 / 3 * (1 - baseline)


def test_drawing_takes_less_than_three_seconds():
    """On one core, for as many garments as the book uses."""
    done = subprocess.run(
        [sys.executable, "-c", TIMED],
        capture_output=True,
        text=True,
        check=True,
    )

    assert float(done.stdout) < 3


def test_the_sample_looks_like_the_real_files(garments):
    """Bytes with one channel, 28 pixels square, and whole-number labels."""
    for (images, labels), number in zip(
        garments, (12_000, 2_000), strict=True
    ):
        assert images.shape == (number, 1, 28, 28)
        assert images.dtype == torch.uint8
        assert labels.shape == (number,)
        assert labels.dtype == torch.int64


def test_kinds_come_in_equal_shares_and_mixed_order(garments):
    """Each kind has a tenth of the pictures, in any stretch of them."""
    (_, labels), _ = garments

    assert torch.bincount(labels).tolist() == [1_200] * 10
    assert len(labels[:100].unique()) == 10


def test_every_picture_shows_something_and_uses_the_range(garments):
    """No picture is blank, the border is dark, the brightest are white."""
    (images, _), _ = garments
    brightest = images.flatten(1).amax(dim=1)

    assert brightest.min() > 40
    assert brightest.max() == 255
    assert images[:, :, 0].float().mean() < 10


def test_the_same_seed_draws_the_same_pictures():
    """Drawing repeats for a seed and changes with it."""
    (once, _), _ = d2l.samples.fashion(num_train=50, num_test=1, seed=3)
    (again, _), _ = d2l.samples.fashion(num_train=50, num_test=1, seed=3)
    (other, _), _ = d2l.samples.fashion(num_train=50, num_test=1, seed=4)

    assert torch.equal(once, again)
    assert not torch.equal(once, other)


def test_no_picture_is_in_both_parts():
    """Training and test pictures are drawn apart, also in equal numbers."""
    parts = d2l.samples.fashion(num_train=50, num_test=50, seed=0)

    images = torch.cat([X.flatten(1) for X, _ in parts])
    assert len(images.unique(dim=0)) == 100


def test_test_pictures_do_not_depend_on_the_number_of_others():
    """A smaller training part is measured on the same test part."""
    _, few = d2l.samples.fashion(num_train=5, num_test=20, seed=0)
    _, many = d2l.samples.fashion(num_train=90, num_test=20, seed=0)

    assert torch.equal(few[0], many[0])
    assert torch.equal(few[1], many[1])


@pytest.mark.parametrize("name", ["num_train", "num_test"])
def test_drawing_nothing_is_refused(name):
    """The message names the argument."""
    sizes = {"num_train": 1, "num_test": 1, name: 0}

    with pytest.raises(ValueError, match=f"{name} is 0"):
        d2l.samples.fashion(**sizes, seed=0)


def test_drawing_leaves_the_global_generator_alone():
    """What a page draws afterwards is the same with and without a sample."""
    before = torch.get_rng_state()

    d2l.samples.fashion(num_train=10, num_test=10, seed=0)

    assert torch.equal(torch.get_rng_state(), before)
