"""The counts of a network, against arithmetic on paper."""

import pytest
import torch
from torch import nn

from d2l import layers


def lenet_like():
    """Convolution, pooling, a nested part and a dense layer."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Sequential(nn.Conv2d(6, 16, 5), nn.ReLU()),
        nn.Flatten(),
        nn.Linear(1600, 10),
    )


class Shared(nn.Module):
    """One layer called twice, another that shares its weight."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)
        self.b.weight = self.a.weight

    def forward(self, x):
        return self.b(self.a(self.a(x)))


def test_parameters_are_counted_per_part():
    """Kernel area times channels in times channels out, plus biases."""
    found = layers.summary(lenet_like(), 1, 1, 28, 28)

    first, second, last = 6 * 25 + 6, 16 * 6 * 25 + 16, 1600 * 10 + 10
    parameters = [row.parameters for row in found.rows]
    assert parameters == [first, 0, 0, second, 0, last]
    assert found.parameters == 156 + 2416 + 16010


def test_multiply_adds_are_those_of_the_formula():
    """Each output number costs channels in times kernel area."""
    found = layers.summary(lenet_like(), 3, 1, 28, 28)

    expected = [6 * 784 * 25, 0, 0, 16 * 100 * 150, 0, 1600 * 10]
    assert [row.multiply_adds for row in found.rows] == [
        3 * number for number in expected
    ]
    assert found.multiply_adds == 3 * sum(expected)


def test_shapes_and_activations_are_those_of_the_outputs():
    """A nested part counts all its layers and shows its last shape."""
    found = layers.summary(lenet_like(), 2, 1, 28, 28)

    assert [row.shape for row in found.rows][2:5] == [
        (2, 6, 14, 14),
        (2, 16, 10, 10),
        (2, 1600),
    ]
    assert [row.activations for row in found.rows][:4] == [
        2 * 6 * 784,
        2 * 6 * 784,
        2 * 6 * 196,
        2 * 2 * 1600,
    ]
    assert found.activations == sum(row.activations for row in found.rows)


def test_shared_parameters_are_counted_once():
    """A layer that is called twice costs twice, but learns once."""
    found = layers.summary(Shared(), 2, 4)

    assert [row.parameters for row in found.rows] == [20, 4]
    assert [row.multiply_adds for row in found.rows] == [64, 32]
    assert [row.activations for row in found.rows] == [16, 8]
    assert found.parameters == 24


def test_a_single_layer_is_its_own_part():
    """A layer without parts has one row."""
    (row,) = layers.summary(nn.Linear(3, 2), 5, 3).rows

    assert row == ("0", "Linear", (5, 2), 8, 30, 10)


def test_names_that_begin_alike_are_kept_apart():
    """Part 1 is not part of part 10, nor the reverse."""
    net = nn.Sequential(*(nn.Linear(2, 2) for _ in range(11)))

    assert {row.activations for row in layers.summary(net, 1, 2).rows} == {2}


def test_the_table_ends_with_the_sums():
    """One line per part, then the total, with separated thousands."""
    table = layers.summary(lenet_like(), 1, 1, 28, 28).table()

    assert list(table.index) == ["0", "1", "2", "3", "4", "5", "total"]
    assert table.loc["0", "output"] == "6 x 28 x 28"
    assert list(table.loc["total"]) == ["", "", "18,582", "373,600", "15,394"]


def test_the_network_is_left_as_it_was():
    """Modes, statistics, gradients, hooks and random numbers."""
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout(0.5))
    net[2].eval()
    state = torch.get_rng_state()

    layers.summary(net, 4, 2)

    assert [part.training for part in net] == [True, True, False]
    assert net[1].num_batches_tracked == 0
    assert net[0].weight.grad is None
    assert not any(part._forward_hooks for part in net.modules())
    assert torch.equal(state, torch.get_rng_state())


def test_a_failing_pass_leaves_no_trace_either():
    """A wrong shape raises as it would without us."""
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(3, 1))

    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        layers.summary(net, 1, 2)
    assert net.training
    assert not any(part._forward_hooks for part in net.modules())


def test_a_lazy_model_is_refused():
    """Counting would decide its shapes and draw its parameters."""
    net = nn.Sequential(nn.LazyLinear(2))

    with pytest.raises(ValueError, match=r"0\.weight has no shape yet"):
        layers.summary(net, 1, 3)
