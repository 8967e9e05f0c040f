"""Training and evaluation, against hand-written loops and contracts."""

import contextlib
import copy
import os
import signal

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from d2l import train
from d2l.train import _place

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


@pytest.mark.parametrize("bad_batch", [1, 3])
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


@pytest.mark.parametrize("label", [-1, 3])
def test_labels_out_of_range_are_refused(model, batches, label):
    """At the door, before a GPU can only say 'assert'."""
    X, y = batches[0]
    y = y.clone()
    y[2] = label

    with pytest.raises(ValueError, match="outputs, for classes 0 to 2"):
        train.fit(model, [(X, y)], **options(model))


def test_a_late_label_out_of_range_is_refused(model, batches):
    """Every batch of the first pass is looked at, not only the first."""
    X, y = batches[1]

    with pytest.raises(ValueError, match="classes 0 to 2"):
        train.fit(model, [batches[0], (X, y + 3)], **options(model))


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
    """It would be empty from the second epoch on."""
    with pytest.raises(ValueError, match="one epoch uses up"):
        train.fit(model, iter(batches), **options(model))


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


def test_accuracy_refuses_regression_targets(model, batches):
    """The default metric says what to do instead."""
    X = torch.zeros(4, 3)

    with pytest.raises(TypeError, match="metric=None"):
        train.fit(model, [(X, X)], **options(model, loss=nn.MSELoss()))


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


def test_a_run_to_the_end_is_not_interrupted(model, batches):
    """The flag tells the two apart."""
    assert not train.fit(model, batches, **options(model)).interrupted


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


def test_sgd_refuses_a_rate_that_is_not_positive():
    """A negative rate would climb."""
    with pytest.raises(ValueError, match="positive"):
        train.sgd([], lr=-0.1)


@pytest.mark.parametrize("mode", ["plain", "fast"])
def test_fit_reads_the_device_seldom(model, batches, monkeypatch, mode):
    """No value is fetched from the device in the steps themselves."""
    monkeypatch.setattr(_place, "pays", lambda _: mode == "fast")
    reads = []
    original = torch.Tensor.item

    def counted(self):
        reads.append(1)
        return original(self)

    monkeypatch.setattr(torch.Tensor, "item", counted)
    with contextlib.suppress(AttributeError):
        monkeypatch.setattr(torch.Tensor, "__float__", counted)

    train.fit(model, batches * 10, **options(model), fast=True)

    assert len(reads) < 10


@pytest.fixture
def pictures():
    """Two batches of four and two pictures: 2 channels, 3 classes."""
    X = torch.randn(6, 2, 5, 5)
    y = torch.tensor([0, 1, 2, 0, 1, 2])
    return list(zip(X.split(4), y.split(4), strict=True))


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
