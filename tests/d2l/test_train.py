"""Training and evaluation, against hand-written loops and contracts."""

import contextlib
import copy
import functools
import math
import os
import signal
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from d2l import train
from d2l.batching import Batches
from d2l.train import _fit, _place, _values

CPU = torch.device("cpu")


@pytest.fixture
def batches():
    """Three batches of 4, 4 and 2 samples: 3 features, 3 classes."""
    X = torch.randn(10, 3)
    y = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
    return list(zip(X.split(4), y.split(4), strict=True))


@pytest.fixture
def model():
    """A linear classifier."""
    return nn.Linear(3, 3)


def options(model, **changes):
    """Arguments of fit that work for the fixtures above."""
    defaults = {
        "loss": F.cross_entropy,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
        "epochs": 1,
        "device": CPU,
    }
    return {**defaults, **changes}


def test_fit_takes_the_steps_of_the_plain_loop(model, batches):
    """The parameters after two epochs are those of five lines by hand."""
    twin = nn.Linear(3, 3)
    twin.load_state_dict(model.state_dict())
    by_hand = torch.optim.SGD(twin.parameters(), lr=0.1)
    for _ in range(2):
        for X, y in batches:
            by_hand.zero_grad()
            F.cross_entropy(twin(X), y).backward()
            by_hand.step()

    train.fit(model, batches, **options(model, epochs=2))

    assert torch.equal(model.weight, twin.weight)


def test_the_loss_is_a_mean_per_sample(model, batches):
    """With a learning rate of almost 0 it is the mean over all samples."""
    X, y = (torch.cat(parts) for parts in zip(*batches, strict=True))
    expected = F.cross_entropy(model(X), y).item()
    still = torch.optim.SGD(model.parameters(), lr=1e-12)

    history = train.fit(
        model, batches, batches, **options(model, optimizer=still)
    )

    assert history.loss == pytest.approx([expected], abs=1e-6)
    assert history.test_loss == pytest.approx([expected], abs=1e-6)
    hits = (model(X).argmax(1) == y).float().mean().item()
    assert history.train_metric == pytest.approx([hits])
    assert history.test_metric == pytest.approx([hits])


def test_a_loss_per_sample_is_averaged(model, batches):
    """A loss without reduction trains exactly like the mean."""
    twin = nn.Linear(3, 3)
    twin.load_state_dict(model.state_dict())

    train.fit(model, batches, **options(model))
    each = nn.CrossEntropyLoss(reduction="none")
    train.fit(twin, batches, **options(twin, loss=each))

    torch.testing.assert_close(model.weight, twin.weight)


def test_every_list_has_one_entry_per_epoch(model, batches):
    """And the table has a row for each, without timings unless asked."""
    history = train.fit(model, batches, batches, **options(model, epochs=3))

    assert len(history) == 3
    assert len(history.seconds) == len(history.samples_per_second) == 3
    assert list(history.table().index) == [1, 2, 3]
    assert "seconds" not in history.table()
    assert "seconds" in history.table(timing=True)
    assert all(s > 0 for s in history.seconds)
    rates = zip(history.samples_per_second, history.seconds, strict=True)
    assert [r * s for r, s in rates] == pytest.approx([10, 10, 10])


def test_the_table_shows_small_numbers_too():
    """Four significant digits: 3e-5 is no zero, and 60,000 stays exact."""
    history = train.History(
        loss=[3.14159e-5, 0.123456],
        test_loss=[12.3456, 1.0],
        seconds=[0.00123456, math.nan],
        samples_per_second=[61234.56, 999.96],
    )

    table = history.table(timing=True)

    assert table["loss"].tolist() == [3.142e-5, 0.1235]
    assert table["test_loss"].tolist() == [12.35, 1.0]
    assert table["seconds"].tolist()[0] == 0.001235
    assert math.isnan(table["seconds"].tolist()[1])
    assert table["samples_per_second"].tolist() == [61235.0, 1000.0]
    assert "train_metric" not in table


def test_the_loss_of_every_step_is_kept(model, batches):
    """Those of the plain loop, over all epochs."""
    twin = nn.Linear(3, 3)
    twin.load_state_dict(model.state_dict())
    by_hand = torch.optim.SGD(twin.parameters(), lr=0.1)
    expected = []
    for X, y in batches * 2:
        by_hand.zero_grad()
        loss = F.cross_entropy(twin(X), y)
        loss.backward()
        by_hand.step()
        expected.append(loss.item())

    history = train.fit(model, batches, **options(model, epochs=2))

    assert history.step_loss == expected
    assert history.grad_norm == []


def test_perplexity_is_the_exponential_of_the_loss():
    """Infinite where it is too large for a number."""
    history = train.History(loss=[0.0, math.log(5)], test_loss=[1.0, 1e4])

    assert history.perplexity == pytest.approx([1.0, 5.0])
    assert history.test_perplexity == [math.e, math.inf]


def test_without_a_test_set_nothing_is_tested(model, batches):
    """The lists of the test set stay empty."""
    history = train.fit(model, batches, **options(model))

    assert history.test_metric == history.test_loss == []


def test_the_metric_can_wait_for_the_end_of_the_epoch(model, batches):
    """Then it is what evaluate finds, which the running mean is not."""
    fast = torch.optim.SGD(model.parameters(), lr=1.0)

    history = train.fit(
        model,
        batches,
        **options(model, optimizer=fast, metric_after_epoch=True),
    )

    found = train.evaluate(model, batches, device=CPU)
    assert history.train_metric == [found]


def test_a_function_with_tensors_can_be_trained(batches):
    """From-scratch models are functions; the optimizer holds the rest."""
    W = torch.zeros(3, 3, requires_grad=True)

    history = train.fit(
        lambda X: X @ W,
        batches,
        loss=F.cross_entropy,
        optimizer=torch.optim.SGD([W], lr=0.5),
        epochs=2,
        device=CPU,
    )

    assert history.loss[1] < history.loss[0]


def test_a_regression_trains_without_a_metric():
    """Targets of the shape of the outputs, metric=None."""
    X = torch.randn(20, 2)
    y = X @ torch.tensor([[2.0], [-3.4]])
    model = nn.Linear(2, 1)
    sgd = torch.optim.SGD(model.parameters(), lr=0.3)

    history = train.fit(
        model,
        [(X, y)],
        [(X, y)],
        **options(
            model,
            loss=nn.MSELoss(),
            metric=None,
            optimizer=sgd,
            epochs=60,
        ),
    )

    assert history.loss[-1] < 1e-3
    assert history.train_metric == history.test_metric == []
    assert len(history.test_loss) == 60


class Watcher(nn.Module):
    """Notes the mode and the gradient mode of every call."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(3, 3)
        self.frozen = nn.Dropout(0.5)
        self.frozen.eval()
        self.seen = []

    def forward(self, X):
        self.seen.append((self.training, torch.is_grad_enabled()))
        return self.inner(X)


@pytest.mark.parametrize("mode", [True, False])
def test_evaluation_restores_the_mode_it_found(batches, mode):
    """Part by part: a part that was frozen stays frozen."""
    model = Watcher()
    model.train(mode)
    model.frozen.eval()

    train.evaluate(model, batches, device=CPU)

    assert set(model.seen) == {(False, False)}
    assert (model.training, model.frozen.training) == (mode, False)


def test_fit_trains_in_training_mode_and_restores(batches):
    """Training calls see train(), evaluation eval(); then as before."""
    model = Watcher()
    model.eval()

    train.fit(model, batches, batches, **options(model))

    assert model.seen.count((True, True)) == len(batches)
    assert (True, False) not in model.seen
    assert model.training is False


def test_the_mode_is_restored_after_an_error(model, batches):
    """Also when the metric raises."""

    def broken(y_hat, y):
        raise RuntimeError("no")

    model.train()
    with pytest.raises(RuntimeError, match="no"):
        train.evaluate(model, batches, metric=broken, device=CPU)

    assert model.training


def test_evaluate_weighs_batches_by_their_size(batches):
    """A short last batch counts by its size, not as a whole batch."""
    right_in_last = [torch.zeros(4), torch.zeros(4), torch.ones(2)]
    answers = iter(right_in_last)

    mean = train.evaluate(
        nn.Identity(),
        batches,
        metric=lambda y_hat, y: next(answers).mean(),
        device=CPU,
    )

    assert mean == pytest.approx(0.2)


@pytest.mark.parametrize("bad_batch", [1, 3, 50, 51, 60])
def test_a_nan_loss_names_epoch_and_batch(model, batches, bad_batch):
    """Also when batches are read from the device only now and then."""
    batches = batches * 20
    calls = iter(range(1, 10_000))

    def loss(y_hat, y):
        value = F.cross_entropy(y_hat, y)
        bad = next(calls) == len(batches) + bad_batch
        return value * (float("nan") if bad else 1)

    with pytest.raises(
        train.TrainingDiverged, match=f"nan in epoch 2, batch {bad_batch};"
    ):
        train.fit(model, batches, **options(model, loss=loss, epochs=3))


def test_a_nan_loss_ends_training_soon(model, batches):
    """Not only with the epoch, which may be long: within fifty steps."""
    num_steps = 0

    def loss(y_hat, y):
        nonlocal num_steps
        num_steps += 1
        return F.cross_entropy(y_hat, y) * math.nan

    with pytest.raises(train.TrainingDiverged, match="epoch 1, batch 1;"):
        train.fit(model, batches * 100, **options(model, loss=loss, epochs=1))

    assert num_steps <= 50


@pytest.mark.parametrize("label", [-1, 3])
def test_labels_out_of_range_are_refused(model, batches, label):
    """At the door, before a GPU can only say 'assert'."""
    X, y = batches[0]
    y = y.clone()
    y[2] = label

    with pytest.raises(ValueError, match="outputs, for classes 0 to 2"):
        train.fit(model, [(X, y)], **options(model))


@pytest.mark.parametrize("metric", [train.accuracy, None])
def test_a_late_label_out_of_range_is_refused(model, batches, metric):
    """Every batch is looked at, not only the first, whatever the metric."""
    X, y = batches[1]
    wrong = [batches[0], (X, y + 3)]

    with pytest.raises(ValueError, match="classes 0 to 2"):
        train.fit(model, wrong, **options(model, metric=metric))
    with pytest.raises(ValueError, match="classes 0 to 2"):
        train.fit(model, batches, wrong, **options(model, metric=metric))


def test_batches_from_memory_show_all_labels_at_once(model, batches):
    """A wrong label is refused before the first step."""
    X, y = (torch.cat(parts) for parts in zip(*batches, strict=True))
    y[-1] = 3
    before = model.weight.clone()

    with pytest.raises(ValueError, match=r"run from 0 to 3, .* 3 outputs"):
        train.fit(model, Batches(X, y, batch_size=4), **options(model))

    assert torch.equal(model.weight, before)


def test_labels_may_be_of_any_whole_type(model):
    """True and False are classes 1 and 0; bytes are numbers."""
    X = torch.randn(4, 3)
    for kind in (torch.bool, torch.uint8, torch.int32):
        y = torch.tensor([0, 1, 1, 0], dtype=kind)
        found = train.evaluate(model, [(X, y)], device=CPU)
        known = Batches(X, y, batch_size=2)
        assert found == train.evaluate(model, known, device=CPU)


def test_a_model_that_returns_its_state_is_told_of_carried(batches):
    """Recurrent layers return pairs."""
    model = nn.GRU(3, 3)

    with pytest.raises(TypeError, match=r"gives a tuple, .*train\.Carried"):
        train.fit(model, batches, **options(model))


def test_whole_numbers_may_be_targets_of_a_regression():
    """Counts, with outputs of the same shape, are no labels."""
    X, y = torch.ones(4, 1), torch.tensor([[3], [3], [3], [500]])
    model = nn.Linear(1, 1)
    poisson = nn.PoissonNLLLoss()

    history = train.fit(
        model, [(X, y)], **options(model, loss=poisson, metric=None)
    )

    assert len(history) == 1


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (torch.zeros(4, 3), torch.zeros(4), r"\(4, 3\) for targets .*\(4,\)"),
        (
            torch.zeros(4, 3),
            torch.zeros(4, 1, dtype=torch.int64),
            r"class labels of shape \(4, 1\)",
        ),
        (
            torch.zeros(4, 3),
            torch.zeros(5, dtype=torch.int64),
            r"class labels of shape \(5,\)",
        ),
        (torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64), "no batch"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(model, X, y, message):
    """(n,) against (n, 1) above all."""
    with pytest.raises(ValueError, match=message):
        train.fit(model, [(X, y)], **options(model))


def test_an_empty_loader_is_refused(model):
    """By fit for either set, and by evaluate."""
    with pytest.raises(ValueError, match="no batch"):
        train.fit(model, [], **options(model))
    with pytest.raises(ValueError, match="no batch"):
        train.evaluate(model, [], device=CPU)


class Counted(list):
    """Batches that count how often they were started."""

    starts = 0

    def __iter__(self):
        self.starts += 1
        return super().__iter__()


@pytest.mark.parametrize("watched", [True, False])
def test_training_batches_are_started_once_per_epoch(
    model, batches, watched, monkeypatch
):
    """A look beforehand, or a progress bar, would shuffle them again."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: watched)
    counted = Counted(batches)

    train.fit(model, counted, **options(model, epochs=3))

    assert counted.starts == 3


def test_a_generator_is_refused(model, batches):
    """It would be empty from the second epoch on, or after a look."""
    with pytest.raises(ValueError, match="training batches are an iterator"):
        train.fit(model, iter(batches), **options(model))
    with pytest.raises(ValueError, match="test batches are an iterator"):
        train.fit(model, batches, iter(batches), **options(model))


def test_evaluation_takes_a_generator(model, batches):
    """One pass is all it needs: no batch is lost."""
    found = train.evaluate(model, iter(batches), device=CPU)

    assert found == train.evaluate(model, batches, device=CPU)


NOT_BATCHES = {
    "array": ((np.zeros((4, 3)), np.zeros(4)), r"holds a numpy\.ndarray"),
    "alone": (torch.zeros(4, 3), r"a batch is a Tensor; .*\(X, y\)"),
    "one": ((torch.zeros(4, 3),), "a batch holds 1 tensors"),
    "named": ({"X": torch.zeros(4, 3)}, "a batch is a dict"),
}


@pytest.mark.parametrize("name", NOT_BATCHES)
def test_what_is_no_batch_is_refused_in_words(model, name):
    """Training and evaluation say what to give instead."""
    batch, message = NOT_BATCHES[name]

    with pytest.raises(TypeError, match=message):
        train.fit(model, [batch], **options(model))
    with pytest.raises(TypeError, match=message):
        train.evaluate(model, [batch], device=CPU)


def test_a_batch_may_have_several_inputs(batches):
    """The last tensor is the targets; the model takes all others."""
    triples = [(X, X.flip(1), y) for X, y in batches]
    layer, twin = nn.Linear(3, 3), nn.Linear(3, 3)
    twin.load_state_dict(layer.state_dict())

    ours = train.fit(
        lambda X, Z: layer(X - Z), triples, triples, **options(layer)
    )

    pairs = [(X - Z, y) for X, Z, y in triples]
    assert ours.loss == train.fit(twin, pairs, **options(twin)).loss
    found = train.evaluate(twin, pairs, device=CPU)
    assert ours.test_metric == [found]


def test_an_empty_test_set_is_refused_before_training(model, batches):
    """Not after the first epoch."""
    before = model.weight.detach().clone()

    with pytest.raises(ValueError, match="no batch"):
        train.fit(model, batches, [], **options(model))

    assert torch.equal(model.weight, before)


def test_a_model_without_trainable_parameters_is_refused(batches):
    """Frozen, or without parameters at all."""
    model = nn.Linear(3, 3)
    settings = options(model)
    model.requires_grad_(False)

    with pytest.raises(ValueError, match="nothing to train"):
        train.fit(model, batches, **settings)

    other = nn.Linear(3, 3)
    with pytest.raises(ValueError, match="no trainable parameters"):
        train.fit(nn.Flatten(), batches, **options(other))


def test_an_optimizer_of_another_model_is_refused(model, batches):
    """It would run and learn nothing."""
    with pytest.raises(ValueError, match="none of the model's parameters"):
        train.fit(model, batches, **options(nn.Linear(3, 3)))


@pytest.mark.parametrize("epochs", [0, -1])
def test_epochs_below_one_are_refused(model, batches, epochs):
    """An empty history would be a surprise later."""
    with pytest.raises(ValueError, match="at least 1"):
        train.fit(model, batches, **options(model, epochs=epochs))


def test_a_summed_loss_is_refused(model, batches):
    """Its step would grow with the batch."""
    summed = nn.CrossEntropyLoss(reduction="sum")

    with pytest.raises(ValueError, match="reduction='mean'"):
        train.fit(model, batches, **options(model, loss=summed))


def test_a_partial_that_sums_is_refused(model, batches):
    """The function says so itself; a lambda could not."""
    summed = functools.partial(F.cross_entropy, reduction="sum")

    with pytest.raises(ValueError, match="reduction='mean'"):
        train.fit(model, batches, **options(model, loss=summed))


@pytest.mark.parametrize("shape", [(4, 1), (3,), (4, 2)])
def test_accuracy_refuses_labels_that_would_broadcast(shape):
    """(n, 1) would be compared with everything."""
    labels = torch.zeros(shape, dtype=torch.int64)

    with pytest.raises(ValueError, match="labels of shape"):
        train.accuracy(torch.zeros(4, 3), labels)


def test_evaluate_refuses_shapes_that_would_broadcast():
    """Also with a metric that would not notice."""
    batch = torch.zeros(4, 1), torch.zeros(4)

    with pytest.raises(ValueError, match=r"gives \(4, 1\) for targets"):
        train.evaluate(
            nn.Identity(),
            [batch],
            metric=lambda y_hat, y: (y_hat - y).square(),
            device=CPU,
        )


def test_scores_that_are_no_numbers_have_no_accuracy():
    """``argmax`` would say class 0, and be right now and then."""
    scores = torch.zeros(4, 3)
    scores[2, 1] = torch.nan
    assert train.accuracy(scores, torch.zeros(4).long()).isnan()

    scores[2, 1] = torch.inf
    labels = torch.tensor([0, 0, 1, 0])
    assert train.accuracy(scores, labels) == 1.0


def test_accuracy_has_classes_on_axis_1():
    """Also with one label per place."""
    scores = torch.eye(3).view(1, 3, 3)

    assert train.accuracy(scores, torch.tensor([[0, 1, 0]])) == pytest.approx(
        2 / 3
    )


def test_accuracy_refuses_regression_targets(model, batches):
    """The default metric says what to do instead."""
    X = torch.zeros(4, 3)

    with pytest.raises(TypeError, match="metric=None"):
        train.fit(model, [(X, X)], **options(model, loss=nn.MSELoss()))


def test_what_ended_is_told_in_the_error(model, batches):
    """The epochs before, the loss of every step, and what is broken."""

    def loss(y_hat, y):
        calls.append(1)
        bad = len(calls) == 2 * len(batches) + 2
        return F.cross_entropy(y_hat, y) * (float("nan") if bad else 1)

    calls = []
    with pytest.raises(
        train.TrainingDiverged,
        match=r"epoch 3, batch 2; .*\n\(.* finite: weight, bias by batch 3\)",
    ) as caught:
        train.fit(model, batches, **options(model, loss=loss, epochs=4))

    error = caught.value
    assert (error.epoch, error.batch) == (3, 2)
    assert error.parameters == ("weight", "bias")
    assert len(error.history) == len(error.history.seconds) == 2
    finite = [math.isfinite(value) for value in error.history.step_loss]
    assert finite == [True] * 7 + [False] * 2


def test_the_error_names_only_what_is_broken(batches):
    """Of many the first three; of a function's parameters their places."""
    params = [torch.zeros(3, 3, requires_grad=True) for _ in range(6)]
    pairs = list(zip(params[1:], range(1, 6), strict=True))
    used = [p for p, _ in pairs]
    settings = options(model=nn.Linear(1, 1), loss=F.cross_entropy)
    settings["optimizer"] = torch.optim.SGD(params, lr=torch.inf)

    with pytest.raises(train.TrainingDiverged) as caught:
        train.fit(lambda X: X @ sum(used), batches, **settings)

    places = [f"parameter {place} of the optimizer" for place in range(1, 6)]
    assert caught.value.parameters == tuple(places)
    assert f"{', '.join(places[:3])} and 2 more by batch" in str(caught.value)


def test_a_loss_can_be_lost_while_the_parameters_are_not(model, batches):
    """Then the error says so: the loss itself is at fault."""

    def loss(y_hat, y):
        return F.cross_entropy(y_hat, y) + torch.tensor(torch.inf)

    with pytest.raises(
        train.TrainingDiverged, match="all parameters still finite by batch 3"
    ) as caught:
        train.fit(model, batches, **options(model, loss=loss))

    assert caught.value.parameters == ()


def test_ctrl_c_returns_the_history_so_far(model, batches):
    """A real signal in the third epoch leaves two epochs."""
    calls = iter(range(1, 1000))

    def loss(y_hat, y):
        if next(calls) == 2 * len(batches) + 2:
            os.kill(os.getpid(), signal.SIGINT)
        return F.cross_entropy(y_hat, y)

    history = train.fit(model, batches, **options(model, loss=loss, epochs=9))

    assert history.interrupted
    assert len(history) == len(history.seconds) == 2
    assert len(history.step_loss) == 2 * len(batches) + 1


def test_a_run_to_the_end_is_not_interrupted(model, batches):
    """The flag tells the two apart."""
    assert not train.fit(model, batches, **options(model)).interrupted


@pytest.fixture
def bars(monkeypatch):
    """Progress bars that a person would see, and what became of them."""
    made = []

    class Bar:
        def __init__(self, **options):
            self.options = options
            self.updates, self.closed = 0, False
            made.append(self)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.closed = True

        def update(self):
            self.updates += 1

    monkeypatch.setattr("tqdm.auto.tqdm", Bar)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.delenv("D2L_RECORDING", raising=False)
    return made


def test_a_bar_counts_the_batches_of_an_epoch(model, batches, bars):
    """Each epoch has its own, of known length, and leaves nothing behind."""
    train.fit(model, batches, **options(model, epochs=2))

    assert [bar.updates for bar in bars] == [3, 3]
    assert bars[1].options == {
        "total": 3,
        "desc": "epoch 2/2",
        "leave": False,
    }


@pytest.mark.parametrize("end", ["ctrl-c", "nan", "wrong"])
def test_a_bar_is_closed_however_the_run_ends(model, batches, bars, end):
    """By hand, by divergence, by an error."""

    def loss(y_hat, y):
        if end == "ctrl-c":
            raise KeyboardInterrupt
        if end == "wrong":
            raise RuntimeError
        return F.cross_entropy(y_hat, y) * torch.nan

    with contextlib.suppress(train.TrainingDiverged, RuntimeError):
        train.fit(model, batches, **options(model, loss=loss))

    assert [bar.closed for bar in bars] == [True]


def test_fit_prints_and_draws_nothing(model, batches, capsys, monkeypatch):
    """Also no progress bar when the output is recorded."""
    monkeypatch.setenv("D2L_RECORDING", "1")

    train.fit(model, batches, batches, **options(model))

    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_sgd_steps_and_clears():
    """Each becomes p - lr * grad; one without a gradient stays."""
    p = torch.tensor([1.0, 2.0], requires_grad=True)
    idle = torch.tensor([5.0], requires_grad=True)
    (p**2).sum().backward()

    train.sgd([p, idle], lr=0.25)

    assert p.tolist() == [0.5, 1.0]
    assert p.grad is None
    assert p.requires_grad
    assert idle.item() == 5.0


@pytest.mark.parametrize("lr", [-0.1, 0.0, math.nan])
def test_sgd_refuses_a_rate_that_is_not_positive(lr):
    """A negative rate would climb, and without one nothing moves."""
    with pytest.raises(ValueError, match="positive"):
        train.sgd([], lr=lr)


class Reads(TorchFunctionMode):
    """Count what would wait for a device, were the tensors on one.

    Numbers of 64 bits have been read already, and what is made of them.
    """

    names = frozenset(
        {"item", "tolist", "numpy", "nonzero"}
        | {"__bool__", "__float__", "__int__", "__index__"}
    )
    read_before = frozenset({torch.float64, torch.bool})

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", "")
        if name in self.names and args[0].dtype not in self.read_before:
            self.seen.append(name)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("mode", ["plain", "fast"])
def test_fit_reads_the_device_seldom(model, monkeypatch, mode):
    """At most ten times in 256 steps, three columns at once."""
    monkeypatch.setattr(_place, "pays", lambda _: mode == "fast")
    numbers = torch.randn(512, 3), torch.randint(3, (512,))
    loader = Batches(*numbers, batch_size=2)
    settings = options(model, clip=1.0, ignore=2, fast=True)
    settings["loss"] = nn.CrossEntropyLoss(ignore_index=2)

    at_once = []

    def counted(*columns, read=_values.read):
        at_once.append(columns)
        return read(*columns)

    for module in (_fit, _values):
        monkeypatch.setattr(module, "read", counted)

    with Reads() as reads:
        history = train.fit(model, loader, **settings)

    assert len(history.step_loss) == len(history.grad_norm) == 256
    assert 0 < len(at_once) + len(reads.seen) <= 10


@pytest.fixture
def pictures():
    """Two batches of four and two pictures: 2 channels, 3 classes."""
    X = torch.randn(6, 2, 5, 5)
    y = torch.tensor([0, 1, 2, 0, 1, 2])
    return list(zip(X.split(4), y.split(4), strict=True))


class Moves(torch.Tensor):
    """A tensor on a device that notes how it was asked to move."""

    device = torch.device("cpu")
    asked: ClassVar[list] = []

    def to(self, device, *, non_blocking=False, **form):  # type: ignore[override]
        self.asked.append((device, non_blocking))
        return self


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("cpu", "cuda", True),
        ("cpu", "mps", False),
        ("cuda", "cpu", False),
        ("cuda", "cuda:1", False),
        ("cpu", "cpu", False),
    ],
)
def test_only_copies_to_a_gpu_are_not_waited_for(
    source, target, expected, fast
):
    """Others would be read before they have arrived."""
    tensor = torch.zeros(1, 1, 2, 2).as_subclass(Moves)
    tensor.device = torch.device(source)
    Moves.asked.clear()

    _place.Place(torch.device(target), fast).move(tensor)

    assert Moves.asked == [(torch.device(target), expected)]


@pytest.fixture
def elsewhere(monkeypatch):
    """A process that computes on a device without values."""
    monkeypatch.setattr("d2l.runtime.device", lambda: torch.device("meta"))


@pytest.mark.usefixtures("elsewhere")
def test_a_function_computes_where_its_parameters_are(batches):
    """They cannot be moved; a module goes to the device of the process."""
    W = torch.zeros(3, 3, requires_grad=True)
    settings = options(nn.Linear(3, 3), device=None)
    settings["optimizer"] = torch.optim.SGD([W], lr=0.5)
    seen = set()

    def network(X):
        seen.add(X.device.type)
        return X @ W

    train.fit(network, batches, batches, **settings)
    train.evaluate(network, batches)
    train.evaluate(network, Batches(*batches[0], batch_size=2))

    assert seen == {"cpu"}
    module = nn.Linear(3, 3)
    with contextlib.suppress(NotImplementedError):  # no value to read there
        train.evaluate(module, batches)
    assert module.weight.device.type == "meta"


@pytest.mark.usefixtures("elsewhere")
def test_a_function_is_fast_where_its_batches_are(pictures, monkeypatch):
    """Then evaluation repeats the test metric of a fast fit."""
    monkeypatch.setattr(_place, "pays", lambda device: device.type == "cpu")
    net = Pictured()
    X, y = (torch.cat(parts) for parts in zip(*pictures, strict=True))

    train.evaluate(lambda X: net(X), Batches(X, y, batch_size=4), fast=True)

    assert {seen[0] for seen in net.seen} == {torch.bfloat16}


def test_numbers_are_widened_only_on_the_cpu(model, batches):
    """An Apple GPU has no float64."""
    seen = set()

    class Widened(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            if getattr(func, "__name__", "") == "double":
                seen.add(isinstance(args[0], Elsewhere))
            return func(*args, **(kwargs or {}))

    class Elsewhere(torch.Tensor):
        device = torch.device("mps")

        def cpu(self):  # type: ignore[override]
            return self.as_subclass(torch.Tensor)

        def to(self, *args, **kwargs):
            return self

    column = [torch.tensor(1.0).as_subclass(Elsewhere)]
    with Widened():
        (values,) = _values.read(column)

    assert values.dtype == torch.float64
    assert seen == {False}


class Pictured(nn.Module):
    """Classifies pictures, and notes in what form they come and go."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(2, 4, kernel_size=3)
        self.frozen = nn.Dropout(0.5)
        self.register_buffer("five_axes", torch.zeros(1, 2, 3, 2, 3))
        self.linear = nn.Linear(36, 3)
        self.seen = []

    def forward(self, X):
        hidden = self.convolution(X)
        last = tuple(
            tensor.is_contiguous(memory_format=torch.channels_last)
            for tensor in (X, self.convolution.weight)
        )
        tuned = torch.backends.cudnn.benchmark
        self.seen.append((hidden.dtype, last, tuned))
        return self.linear(self.frozen(hidden).flatten(1))


@pytest.fixture
def always_fast(monkeypatch):
    """Let the fast mode run on the processor, where tests can see it."""
    monkeypatch.setattr(_place, "pays", lambda device: True)


def test_fast_changes_nothing_on_a_processor(pictures):
    """Down to the last bit and to the order in memory."""
    plain, asked = Pictured(), Pictured()
    asked.load_state_dict(plain.state_dict())

    runs = []
    for net, fast in ((plain, False), (asked, True)):
        torch.manual_seed(1)
        settings = options(net, epochs=2, fast=fast)
        runs.append(train.fit(net, pictures, pictures, **settings))

    assert runs[0].loss == runs[1].loss
    assert runs[0].test_loss == runs[1].test_loss
    assert plain.seen == asked.seen
    for ours, theirs in zip(
        plain.parameters(), asked.parameters(), strict=True
    ):
        assert torch.equal(ours, theirs)
        assert ours.stride() == theirs.stride()


@pytest.mark.usefixtures("always_fast")
def test_fast_takes_the_steps_of_autocast_by_hand(pictures):
    """The parameters are those of PyTorch's own recipe, bit by bit."""
    net, twin = Pictured().eval(), Pictured().eval()
    net.frozen.p = twin.frozen.p = 0.0
    twin.load_state_dict(net.state_dict())
    twin.convolution.to(memory_format=torch.channels_last)
    by_hand = torch.optim.SGD(twin.parameters(), lr=0.1)
    for X, y in pictures:
        X = X.to(memory_format=torch.channels_last)
        by_hand.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = F.cross_entropy(twin(X), y)
        loss.backward()
        by_hand.step()

    train.fit(net, pictures, **options(net), fast=True)

    assert torch.equal(net.convolution.weight, twin.convolution.weight)
    assert net.convolution.weight.dtype == torch.float32


@pytest.mark.usefixtures("always_fast")
def test_fast_is_half_precision_inside_and_full_outside(pictures):
    """In training and evaluation; loss and metric see float32."""
    net = Pictured()
    outside = set()

    def watched(metric):
        def watching(y_hat, y):
            on = torch.is_autocast_enabled("cpu")
            outside.add((y_hat.dtype, on))
            return metric(y_hat, y)

        return watching

    train.fit(
        net,
        pictures,
        pictures,
        **options(net, loss=watched(F.cross_entropy)),
        metric=watched(train.accuracy),
        fast=True,
    )

    inside = {seen[:2] for seen in net.seen}
    assert inside == {(torch.bfloat16, (True, True))}
    assert outside == {(torch.float32, False)}


@pytest.mark.usefixtures("always_fast")
def test_fast_stays_close_to_float32(pictures):
    """The loss differs in the third digit, not in the first."""
    plain, fast = Pictured(), Pictured()
    fast.load_state_dict(plain.state_dict())
    plain.frozen.p = fast.frozen.p = 0.0

    slow = train.fit(plain, pictures, **options(plain, epochs=9))
    quick = train.fit(fast, pictures, **options(fast, epochs=9), fast=True)

    assert quick.loss == pytest.approx(slow.loss, rel=0.02)
    assert quick.loss != slow.loss


@pytest.mark.usefixtures("always_fast")
def test_evaluate_repeats_the_test_metric_of_a_fast_fit(pictures):
    """Both measure in the same precision."""
    net = Pictured()

    history = train.fit(net, pictures, pictures, **options(net), fast=True)

    found = train.evaluate(
        net, pictures, metric=F.cross_entropy, device=CPU, fast=True
    )
    assert history.test_loss == [found]


@pytest.mark.usefixtures("always_fast")
@pytest.mark.parametrize("before", [True, False])
def test_the_search_for_algorithms_lasts_as_long_as_the_run(
    pictures, before, monkeypatch
):
    """The setting is on inside and as it was after an error."""
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", before)
    net = Pictured()

    def broken(y_hat, y):
        raise RuntimeError("no")

    train.evaluate(net, pictures, device=CPU, fast=True)
    with pytest.raises(RuntimeError, match="no"):
        train.fit(net, pictures, **options(net, loss=broken), fast=True)

    assert [tuned for _, _, tuned in net.seen] == [True] * 3
    assert torch.backends.cudnn.benchmark is before


@pytest.mark.parametrize(
    ("device", "capability", "expected"),
    [
        ("cuda", (7, 5), False),
        ("cuda:0", (8, 0), True),
        ("cuda", (9, 0), True),
        ("cpu", (9, 0), False),
        ("mps", (9, 0), False),
    ],
)
def test_fast_pays_where_bfloat16_has_units(
    device, capability, expected, monkeypatch
):
    """From Ampere on; older GPUs only emulate it."""
    monkeypatch.setattr(
        torch.cuda, "get_device_capability", lambda _: capability
    )

    assert _place.pays(torch.device(device)) is expected


@pytest.mark.parametrize("mode", ["plain", "fast"])
def test_a_compiled_module_trains_like_itself(pictures, mode, monkeypatch):
    """Its evaluation uses the stored statistics; its mode is put back."""
    monkeypatch.setattr(_place, "pays", lambda _: mode == "fast")
    layers = nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Flatten()
    net = nn.Sequential(*layers, nn.Linear(36, 3))
    net[1].eval()
    twin = copy.deepcopy(net)
    compiled = torch.compile(twin, backend="aot_eager")

    runs = [
        train.fit(part, pictures, pictures, **options(net), fast=True)
        for part, net in ((net, net), (compiled, twin))
    ]

    assert runs[1].loss == pytest.approx(runs[0].loss, rel=1e-2)
    assert runs[1].test_loss == pytest.approx(runs[0].test_loss, rel=1e-2)
    assert twin.training
    assert not twin[1].training
