"""The shared functions, against PyTorch's own and against their contracts."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from d2l import layers


def test_linear_agrees_with_pytorch():
    """nn.Linear stores the transpose of our weights."""
    X, W, b = torch.randn(5, 3), torch.randn(3, 2), torch.randn(2)

    torch.testing.assert_close(layers.linear(X, W, b), F.linear(X, W.T, b))


@pytest.mark.parametrize(
    "shapes", [((5, 4), (3, 2), (2,)), ((5, 3), (3, 2), (1,))]
)
def test_linear_refuses_shapes_that_only_broadcast(shapes):
    """A bias of one element would broadcast over all outputs."""
    X, W, b = (torch.zeros(shape) for shape in shapes)

    with pytest.raises(ValueError, match=r"do not fit; expected \(n, d\)"):
        layers.linear(X, W, b)


def test_squared_loss_is_half_of_pytorch():
    """MSELoss has no half."""
    a, b = torch.randn(4, 1), torch.randn(4, 1)

    torch.testing.assert_close(
        layers.squared_loss(a, b) * 2, F.mse_loss(a, b, reduction="none")
    )


def test_squared_loss_refuses_to_broadcast():
    """(n, 1) against (n,) would become (n, n)."""
    with pytest.raises(ValueError, match=r"\(4, 1\) and targets \(4,\)"):
        layers.squared_loss(torch.zeros(4, 1), torch.zeros(4))


@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=6))
def test_softmax_agrees_with_pytorch_at_any_scale(scores):
    """Also where exp of the scores would overflow."""
    X = torch.tensor([scores, scores[::-1]])

    torch.testing.assert_close(layers.softmax(X), torch.softmax(X, dim=-1))


def test_softmax_leaves_its_argument_alone():
    """The subtraction happens on a copy."""
    X = torch.randn(2, 3)
    before = X.clone()

    layers.softmax(X)

    assert torch.equal(X, before)


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_cross_entropy_agrees_with_pytorch(scale):
    """Per sample, also at scores whose softmax rounds to 0."""
    logits, y = torch.randn(6, 4) * scale, torch.tensor([0, 1, 2, 3, 0, 1])

    torch.testing.assert_close(
        layers.cross_entropy(logits, y),
        F.cross_entropy(logits, y, reduction="none"),
    )


@pytest.mark.parametrize("label", [-1, 4])
def test_cross_entropy_refuses_labels_outside_the_classes(label):
    """-1 would silently pick the last class."""
    with pytest.raises(ValueError, match="classes 0 to 3"):
        layers.cross_entropy(torch.zeros(2, 4), torch.tensor([0, label]))


def test_cross_entropy_refuses_labels_that_are_no_whole_numbers():
    """0.9 would be cut to label 0."""
    with pytest.raises(TypeError, match=r"torch.float32; give whole"):
        layers.cross_entropy(torch.zeros(1, 2), torch.tensor([0.9]))


def test_cross_entropy_of_an_empty_batch_is_empty():
    """No sample, no loss, no error."""
    empty = torch.zeros(0, dtype=torch.int64)

    for num_classes in (1, 3):
        logits = torch.zeros(0, num_classes)
        assert layers.cross_entropy(logits, empty).shape == (0,)
