"""Batches of tensors: each sample once, prepared as a whole, honest."""

import gzip
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F
from torchvision.transforms import functional as vision

import d2l
from d2l.data import _resize

PARTS = ("train", "test")


@pytest.fixture(autouse=True)
def _fresh_session(monkeypatch):
    """Every test is the first to ask for a data set."""


@pytest.fixture
def sample(monkeypatch):
    """The embedded sample, whatever else the machine has."""
    monkeypatch.setenv("D2L_SAMPLES", "1")


def _write_idx(path, values):
    lengths = [n.to_bytes(4, "big") for n in values.shape]
    header = bytes([0, 0, 8, values.ndim]) + b"".join(lengths)
    path.write_bytes(header + bytes(values.flatten().tolist()))


@pytest.fixture
def files(monkeypatch, tmp_path):
    """Five training and three test pictures as files of the real format."""
    monkeypatch.delenv("D2L_SAMPLES", raising=False)
    for part, number in zip(PARTS, (5, 3), strict=True):
        images = torch.randint(256, (number, 28, 28), dtype=torch.uint8)
        _write_idx(tmp_path / f"fashion_mnist_{part}_images", images)
        _write_idx(
            tmp_path / f"fashion_mnist_{part}_labels",
            torch.arange(number, dtype=torch.uint8),
        )
    monkeypatch.setattr(d2l.fetch, "file", lambda name: tmp_path / name)
    return tmp_path


def _epoch(batches):
    """Return one epoch, batches put together again, tensor by tensor."""
    return tuple(torch.cat(column) for column in zip(*batches, strict=True))


@pytest.mark.parametrize("size", [1, 9, 14, 27, 28, 29, 96, 224])
def test_resized_pictures_are_those_of_torchvision(sample, size):
    """Growing and shrinking agree with the antialiased bilinear Resize."""
    train, _ = d2l.data.fashion_mnist(16, resize=size, limit=16)

    X, _ = next(iter(train))

    rows = _where(X.shape, train)
    whole = train.tensors[0][rows].float() / 255
    expected = vision.resize(whole, [size, size], antialias=True)
    torch.testing.assert_close(X, expected, rtol=0, atol=1e-5)


def _where(shape, train):
    """Return which stored pictures the first batch holds."""
    rows = d2l.data.batches(
        torch.arange(train.num_samples), batch_size=shape[0], shuffle=True
    )
    return next(iter(rows))[0]


def test_enlarged_pictures_are_those_of_interpolate(sample):
    """Without shrinking, ``align_corners=False`` is the same thing."""
    _, test = d2l.data.fashion_mnist(16, resize=61, limit=16)

    X, _ = next(iter(test))

    whole = test.tensors[0].float() / 255
    expected = F.interpolate(whole, size=61, mode="bilinear")
    torch.testing.assert_close(X, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [None, 9, 40])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_number_of_channels_is_scaled(channels, size):
    """Colour pictures too, each channel by itself."""
    images = torch.randint(256, (5, channels, 20, 28), dtype=torch.uint8)

    X = d2l.data.to_unit(images, size=size)

    whole = images.float() / 255
    shape = [size, size] if size else [20, 28]
    expected = vision.resize(whole, shape, antialias=True)
    torch.testing.assert_close(X, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [9, 40])
def test_a_device_scales_like_the_cpu(size):
    """It multiplies whole matrices where the CPU goes band by band."""
    images = torch.randint(256, (2, 3, 20, 28), dtype=torch.uint8)

    X = _resize._resize(images.float() / 255, size)

    expected = d2l.data.to_unit(images, size=size)
    torch.testing.assert_close(X, expected, rtol=0, atol=1e-6)


def test_pictures_of_the_size_asked_for_stay_as_they_are():
    """To the last bit: nothing is weighed with anything."""
    images = torch.randint(256, (2, 3, 20, 20), dtype=torch.uint8)

    X = d2l.data.to_unit(images, size=20)

    assert torch.equal(X, images.float() / 255)


@pytest.mark.parametrize(
    "images",
    [torch.zeros(2, 3, 4, 4), torch.zeros(3, 4, 4, dtype=torch.uint8)],
)
def test_only_batches_of_bytes_are_scaled(images):
    """Floats would be divided twice; a single picture has no batch."""
    with pytest.raises(ValueError, match="batch, channels, height, width"):
        d2l.data.to_unit(images)


def test_a_size_is_positive():
    """Nothing has no pixels."""
    images = torch.zeros(1, 1, 4, 4, dtype=torch.uint8)

    with pytest.raises(ValueError, match="size is 0; give a whole number, 1"):
        d2l.data.to_unit(images, size=0)


def test_large_batches_are_resized_like_small_ones(sample):
    """Room that is asked for in large pages holds the same numbers."""
    _, large = d2l.data.fashion_mnist(200, resize=224, limit=200)
    _, small = d2l.data.fashion_mnist(3, resize=224, limit=3)

    X, _ = next(iter(large))

    assert X.nbytes > 2**25
    torch.testing.assert_close(X[:3], next(iter(small))[0])


def test_bytes_become_the_numbers_of_totensor(sample):
    """Unresized pictures are exactly the bytes divided by 255."""
    _, test = d2l.data.fashion_mnist(20, limit=20)

    X, y = next(iter(test))

    pictures = test.tensors[0][:, 0].numpy()
    expected = torch.stack([vision.to_tensor(p) for p in pictures])
    assert torch.equal(X, expected)
    assert torch.equal(y, test.tensors[1])


def test_files_are_read_as_they_were_written(files):
    """Pictures and labels come back byte for byte, in the order stored."""
    train, test = d2l.data.fashion_mnist(4)

    assert (train.num_samples, test.num_samples) == (5, 3)
    raw = (files / "fashion_mnist_test_images").read_bytes()
    assert bytes(test.tensors[0].flatten().tolist()) == raw[16:]
    assert train.tensors[0].shape == (5, 1, 28, 28)
    assert train.tensors[1].tolist() == [0, 1, 2, 3, 4]
    assert train.tensors[1].dtype == torch.int64


def test_the_packaged_files_are_those_of_torchvision(tmp_path, monkeypatch):
    """On Debian's copy of the real set, torchvision reads the same."""
    package = Path("/usr/share/datasets/fashion-mnist")
    if not package.is_dir():
        pytest.skip("needs the package dataset-fashion-mnist")
    from torchvision.datasets import FashionMNIST

    monkeypatch.delenv("D2L_SAMPLES", raising=False)
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for packed in package.glob("*.gz"):
        (raw / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))

    parts = d2l.data.fashion_mnist(256)

    for ours, is_train in zip(parts, (True, False), strict=True):
        theirs = FashionMNIST(tmp_path, train=is_train)
        assert torch.equal(ours.tensors[0][:, 0], theirs.data)
        assert torch.equal(ours.tensors[1], theirs.targets)
    assert d2l.data.provenance() == {"fashion_mnist": "real"}


def test_least_squares_finds_the_line_behind_the_samples():
    """The weights and the bias come back, and so does the noise."""
    w, b = [2.0, -3.4, 0.5], 4.2

    X, y = d2l.data.linear(w, b, num_samples=5_000, noise=0.1)

    design = torch.cat([X, torch.ones(len(X), 1)], dim=1)
    found = torch.linalg.lstsq(design, y).solution
    expected = torch.tensor([[2.0], [-3.4], [0.5], [4.2]])
    torch.testing.assert_close(found, expected, rtol=0, atol=0.01)
    assert math.isclose((y - design @ found).std(), 0.1, rel_tol=0.05)
    assert X.dtype == y.dtype == torch.float32
    assert abs(X.mean()) < 0.05
    assert abs(X.std() - 1) < 0.05


def test_the_noise_is_a_hundredth_unless_told():
    """Small beside weights of the size of one."""
    X, y = d2l.data.linear([1.0, -2.0], 0.5, num_samples=2_000)

    residual = y - (X @ torch.tensor([[1.0], [-2.0]]) + 0.5)

    assert math.isclose(residual.std(), 0.01, rel_tol=0.1)


def test_the_seed_of_drawn_samples_is_0_unless_told():
    """A page that names no seed has the samples of seed 0."""
    unsaid, zero, one = (
        d2l.data.linear([2.0], 1.0, num_samples=5, **seed)
        for seed in ({}, {"seed": 0}, {"seed": 1})
    )

    assert all(map(torch.equal, unsaid, zero))
    assert not torch.equal(unsaid[0], one[0])


def test_one_sample_is_enough():
    """The smallest data set has a row."""
    X, y = d2l.data.linear([2.0, 3.0], 1.0, num_samples=1)

    assert (X.shape, y.shape) == ((1, 2), (1, 1))


def test_without_noise_the_relation_is_exact():
    """The targets are the weighted sums, to the last bit of rounding."""
    w = torch.tensor([1.0, -2.0])

    X, y = d2l.data.linear(w, 0.5, num_samples=10, noise=0)

    torch.testing.assert_close(y, (X @ w + 0.5)[:, None])


@given(size=st.integers(1, 100))
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_size_carries_a_pixel_out_of_range(files, size):
    """White stays at most 1 and black is 0, at every size."""
    pattern = torch.full((5, 28, 28), 255, dtype=torch.uint8)
    pattern[1] = 0
    _write_idx(files / "fashion_mnist_train_images", pattern)

    train, _ = d2l.data.fashion_mnist(5, resize=size)
    X, y = next(iter(train))

    black = y == 1
    assert X.shape == (5, 1, size, size)
    assert X[black].abs().max() == 0
    assert 1 - 1e-5 < X[~black].min() <= X[~black].max() <= 1


def test_training_pictures_are_shuffled_and_test_pictures_are_not(sample):
    """Two epochs differ in training and agree in testing."""
    train, test = d2l.data.fashion_mnist(64, limit=256)

    assert not torch.equal(_epoch(train)[1], _epoch(train)[1])
    assert torch.equal(_epoch(test)[1], test.tensors[1])


def test_the_seed_of_a_page_chooses_the_order(sample):
    """The same seed repeats the first batch, another one does not."""
    labels = [
        next(iter(d2l.data.fashion_mnist(64, seed=seed)[0]))[1]
        for seed in (1, 1, 2)
    ]

    assert torch.equal(labels[0], labels[1])
    assert not torch.equal(labels[0], labels[2])


@pytest.mark.parametrize("resize", [None, 40])
def test_pictures_are_float32_in_any_surroundings(sample, resize):
    """Neither autocast nor another default type changes a batch."""
    train, _ = d2l.data.fashion_mnist(8, resize=resize, limit=8)
    torch.set_default_dtype(torch.float64)
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            X, y = next(iter(train))
    finally:
        torch.set_default_dtype(torch.float32)

    assert X.dtype == torch.float32
    assert y.dtype == torch.int64
    expected = next(iter(d2l.data.fashion_mnist(8, resize=resize, limit=8)[0]))
    assert torch.equal(X, expected[0])


def test_without_the_real_set_the_sample_stands_in(monkeypatch, capsys):
    """One line says so, once per process, and provenance remembers."""

    def nothing(name):
        raise d2l.fetch.DataUnavailable(name)

    monkeypatch.delenv("D2L_SAMPLES", raising=False)
    monkeypatch.setattr(d2l.fetch, "file", nothing)

    train, test = d2l.data.fashion_mnist(256)
    d2l.data.fashion_mnist(256)

    assert (train.num_samples, test.num_samples) == (12_000, 2_000)
    said = capsys.readouterr().out
    assert said.count("\n") == said.count("embedded sample") == 1
    assert d2l.data.provenance() == {"fashion_mnist": "sample"}


def test_the_sample_is_the_same_for_everybody(sample):
    """Claims are bound to the garments of seed 0."""
    train, test = d2l.data.fashion_mnist(8)

    drawn = d2l.samples.fashion(num_train=12_000, num_test=2_000, seed=0)

    for ours, theirs in zip((train, test), drawn, strict=True):
        assert all(map(torch.equal, ours.tensors, theirs))


def test_the_sample_can_be_asked_for(sample, monkeypatch, tmp_path):
    """``D2L_SAMPLES=1`` wins over files, and the event log hears of it."""
    monkeypatch.setenv("D2L_EVENTS", str(tmp_path / "log"))
    monkeypatch.setattr(d2l.fetch, "file", lambda name: pytest.fail(name))

    d2l.data.fashion_mnist(256)

    event = json.loads((tmp_path / "log").read_text())
    assert event == {"kind": "data", "name": "fashion_mnist", "tier": "sample"}


def test_real_files_are_used_without_a_word(files, capsys):
    """Nothing is printed when nothing is amiss."""
    d2l.data.fashion_mnist(4)

    assert capsys.readouterr().out == ""
    assert d2l.data.provenance() == {"fashion_mnist": "real"}


def test_changing_the_answer_does_not_change_the_provenance(files):
    """The caller gets a copy."""
    d2l.data.fashion_mnist(4)

    d2l.data.provenance().clear()

    assert d2l.data.provenance() == {"fashion_mnist": "real"}


def test_the_classes_have_one_name_each():
    """Ten labels, ten names."""
    assert len(set(d2l.data.FASHION_CLASSES)) == 10


@pytest.mark.parametrize("name", ["limit", "resize"])
def test_limit_and_resize_are_positive(sample, name):
    """Both are refused before anything is read."""
    options: Any = {name: 0}
    with pytest.raises(ValueError, match=f"{name} is 0; give a whole number"):
        d2l.data.fashion_mnist(8, **options)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "nothing"),
        (b"<html>404", "3c 68 74 6d"),
        (bytes([0, 0, 13, 1]) + bytes(8), "00 00 0d 01"),
        (bytes([0, 0, 8, 1, 0]), "1 lengths"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 5]) + bytes(4), "12 bytes.*13"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 5]), "8 bytes.*13"),
    ],
)
def test_a_file_that_is_no_idx_file_is_refused(files, content, message):
    """Another type, another kind of file, or one cut short; all named."""
    (files / "fashion_mnist_train_labels").write_bytes(content)

    with pytest.raises(ValueError, match=f"fashion_mnist_train_.*{message}"):
        d2l.data.fashion_mnist(4)


def test_pictures_without_labels_are_refused(files):
    """Five pictures and four labels cannot be a training set."""
    _write_idx(
        files / "fashion_mnist_train_labels", torch.zeros(4, dtype=torch.uint8)
    )

    with pytest.raises(ValueError, match=r"lengths \[5, 4\]"):
        d2l.data.fashion_mnist(4)


@pytest.mark.parametrize("w", [[], [[1.0, 2.0]], 3.0])
def test_weights_are_one_per_feature(w):
    """No weight, a matrix and a single number are refused."""
    with pytest.raises(ValueError, match="one weight per feature"):
        d2l.data.linear(w, 0.0, num_samples=3)


def test_drawing_no_samples_is_refused():
    """There is no empty data set."""
    with pytest.raises(ValueError, match="num_samples is 0"):
        d2l.data.linear([1.0], 0.0, num_samples=0)


@pytest.mark.parametrize("noise", [-0.1, math.nan])
def test_noise_is_not_negative(noise):
    """A standard deviation is a number from 0 up."""
    with pytest.raises(ValueError, match="noise"):
        d2l.data.linear([1.0], 0.0, num_samples=3, noise=noise)


@pytest.mark.parametrize("resize", [None, 28, 224])
def test_a_batch_that_is_kept_is_not_overwritten(sample, resize):
    """Later batches have room of their own."""
    _, test = d2l.data.fashion_mnist(200, resize=resize, limit=400)
    batches = iter(test)
    kept, _ = next(batches)
    before = kept.clone()

    later, _ = next(batches)

    assert torch.equal(kept, before)
    assert not torch.equal(kept, later)


HOLDERS = {
    "slice": lambda X: X[1:2],
    "numpy": lambda X: X.numpy(),
    "storage": lambda X: torch.tensor([]).set_(X.untyped_storage()),
    "graph": lambda X: (torch.ones(1, requires_grad=True) * X).square(),
}


@pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS.keys())
def test_any_view_of_a_batch_keeps_it(sample, hold):
    """The room of a batch is used again only when nothing refers to it."""
    _, test = d2l.data.fashion_mnist(50, resize=96, limit=400)

    def value(held):
        held = held.detach() if isinstance(held, torch.Tensor) else held
        return float(held.sum())

    batches = iter(test)
    kept = hold(next(batches)[0])
    before = value(kept)
    for _ in batches:
        pass

    assert value(kept) == before


def test_the_room_of_a_batch_is_used_again(sample):
    """Otherwise the system would clear fresh memory for every batch."""
    _, test = d2l.data.fashion_mnist(50, resize=96, limit=400)

    addresses = [X.data_ptr() for X, _ in test]

    assert len(set(addresses)) <= 3


def test_room_is_lent_to_one_batch_at_a_time():
    """It comes back when the batch has gone, and not before."""
    _resize._spare.cache_clear()
    first = _resize._empty(7, 11)
    address = first.data_ptr()

    second = _resize._empty(7, 11)
    assert second.data_ptr() != address
    assert not _resize._spare(77)

    del first
    assert len(_resize._spare(77)) == 1
    assert _resize._empty(11, 7).data_ptr() == address


@pytest.mark.parametrize("num", [1, 15, 1000])
def test_the_room_of_a_batch_begins_with_a_cache_line(num):
    """As PyTorch's own; stores that straddle two lines are slower."""
    rooms = [_resize._aligned(num) for _ in range(5)]

    assert [room.ctypes.data % 64 for room in rooms] == [0] * 5
    assert [len(room) for room in rooms] == [num] * 5


def test_changing_the_sample_does_not_change_the_next_one(sample):
    """It is drawn once per process, and handed out as copies."""
    first, _ = d2l.data.fashion_mnist(8)
    for stored in first.tensors:
        stored.zero_()

    second, _ = d2l.data.fashion_mnist(8)

    assert second.tensors[0].any()
    assert second.tensors[1].any()


def test_resized_pictures_do_not_wear_the_weights_out(sample):
    """Changing a resized batch leaves the next one as it should be."""
    _, test = d2l.data.fashion_mnist(8, resize=40, limit=8)
    first, _ = next(iter(test))
    before = first.clone()

    first.zero_()

    assert torch.equal(next(iter(test))[0], before)
