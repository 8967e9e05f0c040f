"""The diabetes table: its format, its tiers and what can be learned."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

import d2l


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """A process that has used no data yet, and asks for no sample."""
    monkeypatch.delenv("D2L_SAMPLES", raising=False)


@pytest.fixture
def without(monkeypatch):
    """A machine that cannot get the file."""

    def unavailable(name):
        raise d2l.fetch.DataUnavailable(f"no {name} here")

    monkeypatch.setattr(d2l.fetch, "file", unavailable)


@pytest.fixture
def real():
    """The real table, where this machine has it."""
    try:
        d2l.fetch.file("diabetes")
    except d2l.fetch.DataUnavailable:
        pytest.skip("the diabetes table cannot be had here")
    return d2l.data.diabetes()


def _assert_format(X, y):
    """Shapes, types, ranges and the two numbers that chapters quote."""
    assert (X.shape, y.shape) == ((759, 8), (759, 1))
    assert X.dtype == y.dtype == torch.float32
    assert X.abs().max() <= 1
    assert sorted(set(y.flatten().tolist())) == [0, 1]
    assert y.sum() == 496
    assert 300 < (X[:, 4] == 0).sum() < 450
    assert X[y[:, 0] == 0, 1].mean() > X[y[:, 0] == 1, 1].mean() + 0.2


def test_the_real_table_is_read(real):
    """The docstring describes it, first row and last label included."""
    X, y = real

    _assert_format(X, y)
    assert X[0, 0].item() == pytest.approx(-0.294118)
    assert y[-1].item() == 1
    assert d2l.data.provenance() == {"diabetes": "real"}


def test_the_last_column_of_the_file_is_the_label(monkeypatch, tmp_path):
    """The first eight are the features, row by row as in the file."""
    path = tmp_path / "t.csv"
    path.write_text("1,2,3,4,5,6,7,8,0\n-1,-2,-3,-4,-5,-6,-7,-8,1\n")
    monkeypatch.setattr(d2l.fetch, "file", lambda name: path)

    X, y = d2l.data.diabetes()

    assert X.tolist() == [
        [1, 2, 3, 4, 5, 6, 7, 8],
        [-1, -2, -3, -4, -5, -6, -7, -8],
    ]
    assert y.tolist() == [[0], [1]]


def test_without_the_file_the_sample_stands_in(without, capsys):
    """In the same format; said in one line, once."""
    X, y = d2l.data.diabetes()
    d2l.data.diabetes()

    _assert_format(X, y)
    said = capsys.readouterr().out
    assert said.count("\n") == said.count("embedded sample") == 1
    assert d2l.data.provenance() == {"diabetes": "sample"}


def test_the_sample_can_be_asked_for(monkeypatch):
    """Also where the real table is at hand."""
    monkeypatch.setenv("D2L_SAMPLES", "1")

    d2l.data.diabetes()

    assert d2l.data.provenance() == {"diabetes": "sample"}


def test_a_file_of_another_shape_is_refused(monkeypatch, tmp_path):
    """A table without labels would train on a measurement."""
    np.savetxt(tmp_path / "t.csv", np.zeros((759, 8)), delimiter=",")
    monkeypatch.setattr(d2l.fetch, "file", lambda name: tmp_path / "t.csv")

    with pytest.raises(ValueError, match="8 columns"):
        d2l.data.diabetes()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_linear_model_tells_three_drawn_patients_in_four(seed):
    """As on the real table: better than the majority, and not easy."""
    X, y = d2l.samples.diabetes(seed=seed)

    right = cross_val_score(
        LogisticRegression(C=1e4, max_iter=1000),
        X.numpy(),
        y[:, 0].numpy(),
        cv=5,
    )

    assert 0.72 < right.mean() < 0.82


def test_the_seed_alone_decides_about_the_patients():
    """The same seed, the same rows; the global generator has no part."""
    torch.manual_seed(0)
    first = d2l.samples.diabetes(seed=3)
    after = torch.rand(1)
    torch.manual_seed(1)
    again = d2l.samples.diabetes(seed=3)
    other = d2l.samples.diabetes(seed=4)

    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])
    torch.manual_seed(0)
    assert torch.equal(after, torch.rand(1))


def test_changing_the_table_does_not_change_the_next_one(real):
    """Each call gives a table of its own."""
    real[0].zero_()

    assert d2l.data.diabetes()[0].abs().max() == 1
