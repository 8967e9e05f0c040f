"""The counts of a network, against arithmetic on paper."""

from collections import OrderedDict

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
    found = layers.summary(lenet_like(), torch.zeros(1, 1, 28, 28))

    first, second, last = 6 * 25 + 6, 16 * 6 * 25 + 16, 1600 * 10 + 10
    parameters = [row.parameters for row in found.rows]
    assert parameters == [first, 0, 0, second, 0, last]
    assert found.parameters == 156 + 2416 + 16010


def test_multiply_adds_are_those_of_the_formula():
    """Each output number costs channels in times kernel area."""
    found = layers.summary(lenet_like(), torch.zeros(3, 1, 28, 28))

    expected = [6 * 784 * 25, 0, 0, 16 * 100 * 150, 0, 1600 * 10]
    assert [row.multiply_adds for row in found.rows] == [
        3 * number for number in expected
    ]
    assert found.multiply_adds == 3 * sum(expected)


def test_shapes_and_activations_are_those_of_the_outputs():
    """A nested part counts all its layers and shows its last shape."""
    found = layers.summary(lenet_like(), torch.zeros(2, 1, 28, 28))

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
    found = layers.summary(Shared(), torch.zeros(2, 4))

    assert [row.parameters for row in found.rows] == [20, 4]
    assert [row.multiply_adds for row in found.rows] == [64, 32]
    assert [row.activations for row in found.rows] == [16, 8]
    assert found.parameters == 24


def test_a_single_layer_is_its_own_part():
    """A layer without parts has one row."""
    (row,) = layers.summary(nn.Linear(3, 2), torch.zeros(5, 3)).rows

    assert row == ("(itself)", "Linear", (5, 2), 8, 30, 10)


def test_names_that_begin_alike_are_kept_apart():
    """Part 1 is not part of part 10, nor the reverse."""
    net = nn.Sequential(*(nn.Linear(2, 2) for _ in range(11)))

    assert {
        row.activations for row in layers.summary(net, torch.zeros(1, 2)).rows
    } == {2}


def test_the_table_ends_with_the_sums():
    """One line per part, then the total, with separated thousands."""
    table = layers.summary(lenet_like(), torch.zeros(1, 1, 28, 28)).table()

    assert list(table.index) == ["0", "1", "2", "3", "4", "5", "total"]
    assert table.loc["0", "output"] == "6 x 28 x 28"
    assert list(table.loc["total"]) == ["", "", "18,582", "373,600", "15,394"]


def test_the_network_is_left_as_it_was():
    """Modes, statistics, gradients, hooks and random numbers."""
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout(0.5))
    net[2].eval()
    state = torch.get_rng_state()

    layers.summary(net, torch.zeros(4, 2))

    assert [part.training for part in net] == [True, True, False]
    assert net[1].num_batches_tracked == 0
    assert net[0].weight.grad is None
    assert not any(part._forward_hooks for part in net.modules())
    assert torch.equal(state, torch.get_rng_state())


def test_a_failing_pass_leaves_no_trace_either():
    """A wrong shape raises as it would without us."""
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(3, 1))

    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        layers.summary(net, torch.zeros(1, 2))
    assert net.training
    assert not any(part._forward_hooks for part in net.modules())


def test_a_lazy_model_is_refused():
    """Counting would decide its shapes and draw its parameters."""
    net = nn.Sequential(nn.LazyLinear(2))

    with pytest.raises(ValueError, match=r"0\.weight has no shape yet"):
        layers.summary(net, torch.zeros(1, 3))


def adds_up(found):
    """Say whether the rows hold every count of the totals."""
    rows = [row[3:] for row in found.rows]
    sums = [sum(column) for column in zip(*rows, strict=True)]
    return sums == [found.parameters, found.multiply_adds, found.activations]


class Last(nn.Module):
    """A recurrent layer and a dense one over its outputs."""

    def __init__(self, recurrent):
        super().__init__()
        self.rnn, self.head = recurrent, nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.rnn(x)[0])


def test_a_recurrent_layer_multiplies_each_matrix_at_each_step():
    """Five steps of (4 + 8) x 4 x 8 in the LSTM and of 8 x 2 behind it."""
    found = layers.summary(Last(nn.LSTM(4, 8)), torch.zeros(5, 1, 4))

    assert [row.multiply_adds for row in found.rows] == [1920, 80]
    assert found.multiply_adds == 2000
    assert [row.parameters for row in found.rows] == [448, 18]
    assert [row.shape for row in found.rows] == [(5, 1, 8), (5, 1, 2)]
    assert [row.activations for row in found.rows] == [40, 10]
    assert adds_up(found)


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize(
    ("recurrent", "expected"),
    [
        (nn.RNN(4, 8), 5 * 3 * (4 + 8) * 8),
        (nn.GRU(4, 8), 5 * 3 * (4 + 8) * 3 * 8),
        (nn.GRU(4, 4, bidirectional=True), 2 * 5 * 3 * (4 + 4) * 3 * 4),
        (nn.LSTM(4, 8, 2), 5 * 3 * (4 + 8 + 8 + 8) * 4 * 8),
        (nn.LSTM(4, 8, proj_size=3), 5 * 3 * ((4 + 3) * 4 * 8 + 8 * 3)),
    ],
    ids=["RNN", "GRU", "both ways", "two layers", "projected"],
)
def test_recurrent_layers_of_every_kind_are_counted(recurrent, expected):
    """The formula, whether the layer is computed whole or in products."""
    x = torch.zeros(5, 3, 4)

    whole = layers.summary(recurrent, x)
    in_products = layers.summary(recurrent.double(), x.double())

    assert whole.multiply_adds == expected
    assert in_products == whole


def test_padded_steps_cost_nothing_when_they_are_packed_away():
    """A packed batch of lengths 5 and 2 has 7 steps."""
    packed = nn.utils.rnn.pack_padded_sequence(torch.zeros(5, 2, 4), [5, 2])

    found = layers.summary(nn.GRU(4, 8), packed)

    assert found.multiply_adds == 7 * (4 + 8) * 3 * 8


@pytest.mark.parametrize("cell", [nn.RNNCell, nn.GRUCell, nn.LSTMCell])
def test_a_cell_costs_one_step_of_its_layer(cell):
    """Its matrices, once for each of three sequences."""
    matrices = [p for p in cell(4, 8).parameters() if p.ndim == 2]

    found = layers.summary(cell(4, 8), torch.zeros(3, 4))

    assert found.multiply_adds == 3 * sum(p.numel() for p in matrices)


@pytest.mark.parametrize("weights", [True, False])
def test_attention_is_two_products_between_projections(weights):
    """Two sequences of 5 tokens with 8 features, two heads."""
    layer = nn.MultiheadAttention(8, 2, batch_first=True)

    class Attend(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x):
            return self.layer(x, x, x, need_weights=weights)[0]

    found = layers.summary(Attend(), torch.zeros(2, 5, 8))

    (row,) = found.rows
    projections, products = 2 * 5 * 8 * (24 + 8), 2 * 2 * (5 * 5 * 8)
    assert row.multiply_adds == projections + products
    assert (row.shape, row.activations) == ((2, 5, 8), 80)
    assert adds_up(found)


def test_attention_alone_is_its_own_part():
    """It calls no part: its output layer is used, but not called."""
    layer = nn.MultiheadAttention(8, 2, batch_first=True)
    x = torch.zeros(2, 5, 8)

    found = layers.summary(layer, x, x, x)

    (row,) = found.rows
    assert (row.name, row.parameters) == ("(itself)", 288)
    assert (row.multiply_adds, row.activations) == (3360, 80)


def test_a_transformer_layer_is_counted_part_by_part():
    """PyTorch computes it whole in eval mode, and would show nothing."""
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    x = torch.rand(2, 5, 8)
    with torch.no_grad():
        before = layer.eval()(x)

    found = layers.summary(layer, x)

    costs = {row.name: row.multiply_adds for row in found.rows}
    assert costs["self_attn"] == 3360
    assert costs["linear1"] == costs["linear2"] == 2 * 5 * 8 * 16
    assert found.multiply_adds == 3360 + 2 * 1280
    assert adds_up(found)
    assert torch.backends.mha.get_fastpath_enabled()
    with torch.no_grad():
        assert torch.equal(layer(x), before)


class Uneven(nn.Module):
    """What no row of a child holds, and one child that is never called."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3, 4))
        self.blocks = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 3)])
        self.spare = nn.Linear(2, 2)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x @ self.scale


def test_the_model_itself_has_a_row_for_what_no_part_holds():
    """Its own parameters and products, after the parts of its list."""
    found = layers.summary(Uneven(), torch.zeros(2, 4))

    assert found.rows == (
        ("blocks.0", "Linear", (2, 4), 20, 32, 8),
        ("blocks.1", "Linear", (2, 3), 15, 24, 6),
        ("spare", "Linear", (), 6, 0, 0),
        ("(itself)", "Uneven", (2, 4), 12, 24, 0),
    )
    assert adds_up(found)


def test_a_number_that_only_the_model_holds_has_its_row():
    """A learned factor costs no product, and is counted all the same."""

    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.factor = nn.ReLU(), nn.Parameter(torch.ones(3))

        def forward(self, x):
            return self.layer(x) * self.factor

    found = layers.summary(Scaled(), torch.zeros(2, 3))

    assert found.rows[1] == ("(itself)", "Scaled", (2, 3), 3, 0, 0)
    with pytest.raises(AttributeError, match="cannot assign"):
        found.parameters = 0  # type: ignore[misc]


def test_a_part_called_inside_another_is_charged_once():
    """Each product belongs to the innermost part that has a row."""

    class Inner(nn.Module):
        def __init__(self, other):
            super().__init__()
            self.layer, self.other = nn.Linear(4, 4), other

        def forward(self, x):
            return self.other(self.layer(x))

    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.shared = nn.Linear(4, 4)
            self.inner = Inner(self.shared)

        def forward(self, x):
            return self.inner(self.shared(x))

    found = layers.summary(Outer(), torch.zeros(2, 4))

    costs = {row.name: row.multiply_adds for row in found.rows}
    assert costs == {"shared": 64, "inner": 32}
    assert adds_up(found)


def test_a_matrix_times_a_vector_is_counted():
    """PyTorch's own counter leaves it out."""

    class Score(nn.Module):
        def forward(self, keys, query):
            return keys @ query

    found = layers.summary(Score(), torch.zeros(5, 4), torch.zeros(4))

    assert found.multiply_adds == 20


def test_the_caller_decides_the_type_of_the_inputs():
    """Whole numbers for an embedding, bfloat16 for a model in bfloat16."""
    words = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 2)).bfloat16()

    found = layers.summary(words, torch.zeros(3, 7, dtype=torch.long))

    assert [row.shape for row in found.rows] == [(3, 7, 4), (3, 7, 2)]
    assert found.multiply_adds == 3 * 7 * 4 * 2
    x = torch.zeros(1, 4, dtype=torch.bfloat16)
    assert layers.summary(words[1], x).multiply_adds == 8


def test_inputs_move_to_the_model():
    """Tensors, and those in a pair, are computed where the model is."""

    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.LSTM(4, 8)

        def forward(self, x, state):
            return {"y": self.rnn(x, state)[0]}

    state = (torch.zeros(1, 3, 8), torch.zeros(1, 3, 8))
    model = Pair().to("meta")

    found = layers.summary(model, torch.zeros(5, 3, 4), state)

    assert found.multiply_adds == 5 * 3 * (4 + 8) * 4 * 8
    assert found.rows[0].shape == (5, 3, 8)


def test_a_pair_of_states_is_an_input():
    """An LSTM begins where another one has ended."""
    lstm = nn.LSTM(4, 3, batch_first=True)
    x, start = torch.zeros(2, 5, 4), torch.zeros(1, 2, 3)

    alone = layers.summary(lstm, x)
    going_on = layers.summary(lstm, x, (start, start))

    assert going_on.multiply_adds == alone.multiply_adds
    with pytest.raises(RuntimeError, match="hidden"):
        layers.summary(lstm, x, (start[..., :2], start))


def test_inputs_that_are_no_tensors_reach_the_model():
    """A number or a word says what the pass is to do."""

    class Repeated(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, x, times, way):
            assert way == "forward"
            for _ in range(times):
                x = self.layer(x)
            return x

    found = layers.summary(Repeated(), torch.zeros(1, 3), 4, "forward")

    assert found.multiply_adds == 4 * 9


@pytest.mark.parametrize(("given", "said"), [((1, 28), "1, 28"), ((), "...")])
def test_a_shape_is_refused(given, said):
    """The message is the call to write."""
    with pytest.raises(TypeError, match="example inputs") as caught:
        layers.summary(nn.Flatten(), *given)

    assert f"summary(model, torch.zeros({said}))" in str(caught.value)


class Parallel(nn.ModuleList):
    """A list of layers that is called like a layer."""

    def forward(self, x):
        return torch.cat([part(x) for part in self], dim=1)


def test_a_list_that_is_called_is_one_part():
    """A block that happens to keep its branches in a list has one row."""
    block = Parallel([nn.Linear(4, 2), nn.Linear(4, 3)])
    model = nn.Sequential(OrderedDict(block=block, head=nn.Linear(5, 1)))

    found = layers.summary(model, torch.zeros(1, 4))

    assert [row.name for row in found.rows] == ["block", "head"]
    assert found.rows[0].shape == (1, 5)
