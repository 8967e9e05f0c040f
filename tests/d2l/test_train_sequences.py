"""What sequences need of the trainer: padding, a state, clipped gradients."""

import copy
import functools
import math
from typing import ClassVar

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler

from d2l import layers, train
from d2l.batching import Batches

CPU = torch.device("cpu")
PAD = 2


def options(model, **changes):
    """Arguments of fit that work for the models below."""
    defaults = {
        "loss": F.cross_entropy,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
        "epochs": 1,
        "device": CPU,
    }
    return {**defaults, **changes}


class Tagger(nn.Module):
    """Scores every place of a sequence by itself: (batch, class, step)."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, X):
        return self.layer(X).mT


@pytest.fixture
def padded():
    """Two batches of sequences with 1, 3, 5 and 0 labels that count."""
    X = torch.randn(4, 5, 4)
    y = torch.randint(2, (4, 5))
    for row, length in enumerate((1, 3, 5, 0)):
        y[row, length:] = PAD
    return [(X[:3], y[:3]), (X[3:], y[3:]), (X[:1], y[:1])]


def real_ones(batches, model):
    """Return scores and labels of all places that count, in one row."""
    scores = torch.cat([model(X).mT.flatten(0, 1) for X, _ in batches])
    labels = torch.cat([y.flatten() for _, y in batches])
    return scores[labels != PAD], labels[labels != PAD]


LOSSES = {
    "mean": nn.CrossEntropyLoss(ignore_index=PAD),
    "each": functools.partial(F.cross_entropy, reduction="none"),
    "module": nn.CrossEntropyLoss(reduction="none", ignore_index=PAD),
}


@pytest.mark.parametrize("name", LOSSES)
def test_means_are_taken_over_the_labels_that_count(padded, name):
    """Long sequences weigh more, padding nothing, an empty batch nothing."""
    model = Tagger()
    scores, labels = real_ones(padded, model)
    still = torch.optim.SGD(model.parameters(), lr=1e-12)
    settings = options(model, optimizer=still, loss=LOSSES[name], ignore=PAD)

    history = train.fit(model, padded, padded, **settings)

    loss = F.cross_entropy(scores, labels).item()
    right = (scores.argmax(1) == labels).float().mean().item()
    assert history.loss == pytest.approx([loss])
    assert history.test_loss == pytest.approx([loss])
    assert history.train_metric == pytest.approx([right])
    assert history.test_metric == pytest.approx([right])
    assert history.step_loss[1] == 0
    assert history.perplexity == pytest.approx([math.exp(loss)])
    found = train.evaluate(model, padded, device=CPU, ignore=PAD)
    assert found == pytest.approx(right)


def test_a_step_sees_only_the_labels_that_count(padded):
    """The parameters are those of the plain loop without padding."""
    model = Tagger()
    twin = copy.deepcopy(model)
    by_hand = torch.optim.SGD(twin.parameters(), lr=0.1)
    loss = F.cross_entropy(*real_ones(padded[:1], twin))
    loss.backward()
    by_hand.step()

    settings = options(model, loss=LOSSES["each"], ignore=PAD)
    train.fit(model, padded[:1], **settings)

    torch.testing.assert_close(model.layer.weight, twin.layer.weight)


@pytest.mark.parametrize("kind", ["list", "memory"])
def test_the_label_that_a_loss_ignores_is_legitimate(kind):
    """-100 is PyTorch's own mark; nobody need say it again."""
    X, y = torch.randn(8, 3), torch.tensor([0, 1, -100, 2, 0, -100, 1, 2])
    batches = Batches(X, y, batch_size=4) if kind == "memory" else [(X, y)]
    model = nn.Linear(3, 3)
    still = torch.optim.SGD(model.parameters(), lr=1e-12)
    settings = options(model, loss=nn.CrossEntropyLoss(), optimizer=still)

    history = train.fit(model, batches, batches, **settings)

    expected = F.cross_entropy(model(X), y).item()
    assert history.loss == pytest.approx([expected])
    right = (model(X).argmax(1) == y)[y >= 0].float().mean().item()
    assert history.test_metric == pytest.approx([right])


def test_other_labels_outside_the_classes_are_still_refused():
    """Ignoring one label opens no door for another."""
    X, y = torch.randn(4, 3), torch.tensor([0, -1, -100, 2])
    model = nn.Linear(3, 3)
    settings = options(model)
    del settings["loss"]

    with pytest.raises(ValueError, match="labels run from -1 to 2"):
        train.fit(
            model, [(X, y)], **options(model, loss=nn.CrossEntropyLoss())
        )


def test_a_loss_that_ignores_another_label_is_refused(padded):
    """Two labels cannot both be the padding."""
    model = Tagger()
    settings = options(model, loss=nn.CrossEntropyLoss(ignore_index=0))

    with pytest.raises(ValueError, match=r"leaves out label 0; .*index=2"):
        train.fit(model, padded, **settings, ignore=PAD)


def test_floating_point_targets_have_no_label_to_ignore():
    """Class probabilities train with a loss that has an ignore_index."""
    X, y = torch.randn(6, 3), torch.randn(6, 3).softmax(1)
    model = nn.Linear(3, 3)
    still = torch.optim.SGD(model.parameters(), lr=1e-12)
    settings = options(model, loss=nn.CrossEntropyLoss(), optimizer=still)
    batches = list(zip(X.split(4), y.split(4), strict=True))

    history = train.fit(model, batches, **settings, metric=None)

    expected = F.cross_entropy(model(X), y).item()
    assert history.loss == pytest.approx([expected])


def test_every_label_of_a_map_counts_the_same():
    """Two pictures of nine places each, then one of four."""
    scores = torch.zeros(2, 2, 3, 3), torch.zeros(1, 2, 2, 2)
    labels = torch.zeros(2, 3, 3).long(), torch.ones(1, 2, 2).long()

    found = train.evaluate(
        nn.Identity(), list(zip(scores, labels, strict=True)), device=CPU
    )

    assert found == pytest.approx(18 / 22)


class Recurrent(nn.Module):
    """A GRU over (step, batch, feature) whose state begins at None."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(4, 3)
        self.states = []

    def forward(self, X, state):
        self.states.append(state)
        outputs, state = self.gru(X, state)
        return outputs.flatten(0, 1), state


class Called(nn.Module):
    """A module that calls a function."""

    def __init__(self, function):
        super().__init__()
        self.forward = function


@pytest.fixture
def windows():
    """Three windows that follow one another: 2 steps of 2 sequences."""
    X = torch.randn(6, 2, 4)
    return [(part, torch.randint(3, (4,))) for part in X.split(2)]


def test_a_carried_state_goes_on_from_batch_to_batch(windows):
    """Three windows give what one long sequence gives."""
    model = Recurrent()
    carried = train.Carried(model)

    parts = [carried(X) for X, _ in windows]

    whole, last = model.gru(torch.cat([X for X, _ in windows]))
    torch.testing.assert_close(torch.cat(parts), whole.flatten(0, 1))
    torch.testing.assert_close(carried.state, last)


def test_gradients_end_at_the_border_of_two_batches(windows):
    """The state is carried as numbers, whatever holds it."""

    def model(X, state):
        W = torch.ones(2, requires_grad=True)
        return W * 2, (W, [W], {"cell": W}, "done")

    carried = train.Carried(Called(model))
    carried(windows[0][0])

    tensor, (in_list,), named, text = carried.state
    for part in (tensor, in_list, named["cell"]):
        assert not part.requires_grad
    assert text == "done"


def test_every_pass_begins_without_a_state(windows):
    """Training in each epoch, evaluation, and the try before."""
    model = Recurrent()
    carried = train.Carried(model)

    train.fit(carried, windows, windows, **options(carried, epochs=2))

    begins = [state is None for state in model.states]
    one_pass = [True, False, False]
    assert begins == [True] + one_pass * 4


def test_batches_at_random_begin_anew_each(windows):
    """With ``every_batch`` nothing is carried."""
    model = Recurrent()
    carried = train.Carried(model, every_batch=True)

    train.fit(carried, windows, **options(carried))

    assert model.states == [None] * 3


def test_a_state_is_put_back_after_measuring(windows):
    """Whoever writes a text goes on where they were, also after an error."""
    carried = train.Carried(Recurrent())
    carried(windows[0][0])
    before = carried.state

    train.evaluate(carried, windows, device=CPU)
    assert carried.state is before

    with pytest.raises(ValueError, match="no batch"):
        train.evaluate(carried, [], device=CPU)
    assert carried.state is before

    train.fit(carried, windows, **options(carried))
    assert carried.state is before


def test_a_part_may_begin_anew_without_a_state_to_show():
    """``reset_state`` alone is enough; what it hides is its own affair."""

    class Hidden(nn.Module):
        resets = 0

        def forward(self, X):
            return X

        def reset_state(self):
            self.resets += 1

    hidden = Hidden()
    train.evaluate(
        hidden, [(torch.zeros(2, 3), torch.zeros(2).long())], device=CPU
    )

    assert hidden.resets == 1
    assert not hasattr(hidden, "state")


def test_several_inputs_come_before_the_state():
    """``model(*inputs, state)``."""
    carried = train.Carried(Called(lambda X, n, state: (X * n, "next")))

    assert carried(torch.tensor(3), torch.tensor(4)) == 12
    assert carried.state == "next"
    carried.reset_state()
    assert carried.state is None


def test_clipping_shortens_the_gradients_to_the_norm(padded):
    """The parameters are those of PyTorch's own recipe; norms are kept."""
    batches = [padded[0], padded[2]]
    model = Tagger()
    twin = copy.deepcopy(model)
    by_hand = torch.optim.SGD(twin.parameters(), lr=0.1)
    norms = []
    for X, y in batches:
        by_hand.zero_grad()
        F.cross_entropy(twin(X), y).backward()
        norm = nn.utils.clip_grad_norm_(twin.parameters(), 0.1)
        norms.append(norm.item())
        by_hand.step()

    history = train.fit(model, batches, **options(model), clip=0.1)

    assert torch.equal(model.layer.weight, twin.layer.weight)
    assert history.grad_norm == norms
    assert min(norms) > 0.1


def test_a_gradient_that_explodes_is_named_before_the_loss():
    """The root is infinitely steep at 0, while the loss is still 0."""
    W = torch.zeros(1, requires_grad=True)
    batch = torch.ones(2, 1), torch.zeros(2, 1)

    with pytest.raises(
        train.TrainingDiverged,
        match="norm of the gradients is inf in epoch 1, batch 1;",
    ) as caught:
        train.fit(
            lambda X: X * W,
            [batch],
            loss=lambda y_hat, y: y_hat.mean() + W.sqrt().sum(),
            optimizer=torch.optim.SGD([W], lr=0.1),
            epochs=1,
            metric=None,
            clip=1.0,
        )

    assert caught.value.parameters == ("parameter 0 of the optimizer",)


@pytest.mark.parametrize("clip", [0, -1.0, math.nan])
def test_a_largest_norm_is_positive(padded, clip):
    """0 would stop all training."""
    model = Tagger()

    with pytest.raises(ValueError, match="clip is"):
        train.fit(model, padded, **options(model), clip=clip)


def test_a_schedule_is_stepped_after_every_update(padded):
    """Not after every epoch: warm-up is counted in steps."""
    model = Tagger()
    settings = options(model, epochs=2)
    sgd = settings["optimizer"]
    schedule = torch.optim.lr_scheduler.StepLR(sgd, step_size=4, gamma=0.5)

    train.fit(model, padded, **settings, ignore=PAD, schedule=schedule)

    assert schedule.last_epoch == 6
    assert sgd.param_groups[0]["lr"] == pytest.approx(0.05)


def test_a_schedule_of_another_optimizer_is_refused(padded):
    """It would change nothing."""
    model = Tagger()
    other = torch.optim.SGD(model.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(other, step_size=1)

    with pytest.raises(ValueError, match="another optimizer"):
        train.fit(model, padded, **options(model), schedule=schedule)


def test_a_schedule_that_waits_for_a_value_is_refused(padded):
    """There is none after a single step."""
    model = Tagger()
    settings = options(model)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        settings["optimizer"]
    )

    with pytest.raises(ValueError, match="stepped by itself"):
        train.fit(model, padded, **settings, schedule=schedule)


def _runs(loader, *, between=lambda loader: None, **settings):
    """Return the losses of two short trainings with the same batches."""
    losses = []
    for _ in range(2):
        torch.manual_seed(5)
        model = nn.Linear(3, 3)
        history = train.fit(
            model, loader, **options(model, epochs=2), **settings
        )
        losses.append(history.step_loss)
        between(loader)
    return losses


@pytest.fixture
def shuffled():
    """Batches from memory with an order of its own for every epoch."""
    X, y = torch.randn(20, 3), torch.randint(3, (20,))
    return Batches(X, y, batch_size=4, shuffle=True)


def test_training_twice_is_training_the_same(shuffled):
    """Epochs are counted from 0 in every call, and they differ."""
    first, second = _runs(shuffled)

    assert first == second
    orders = [torch.cat([y for _, y in shuffled]) for _ in range(2)]
    assert not torch.equal(*orders)


@pytest.mark.parametrize(
    "settings", [{"metric_after_epoch": True}, {"test": "train"}]
)
def test_measuring_does_not_change_training(shuffled, settings):
    """Neither the metric after the epoch, nor the training set as test."""
    plain, _ = _runs(shuffled)
    if settings.get("test"):
        settings = {"test": shuffled}

    measured, _ = _runs(shuffled, **settings)

    assert measured == plain


LOOKS = {
    "first batch": lambda loader: next(iter(loader)),
    "evaluate": lambda loader: train.evaluate(
        nn.Linear(3, 3), loader, device=CPU
    ),
    "epoch": list,
}


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_at_the_batches_does_not_change_training(shuffled, look):
    """Cells may be run again, and in another order."""
    LOOKS[look](shuffled)
    first, second = _runs(shuffled, between=LOOKS[look])

    shuffled.set_epoch(0)
    assert first == second == _runs(shuffled)[0]


class Told(DistributedSampler):
    """A sampler that notes the epochs it is told."""

    def __init__(self, data):
        super().__init__(data, num_replicas=2, rank=0, seed=3)
        self.told = []

    def set_epoch(self, epoch):
        self.told.append(epoch)
        super().set_epoch(epoch)


def test_a_sampler_is_told_its_epoch():
    """As PyTorch's sampler for several processes wants it."""
    data = TensorDataset(torch.randn(20, 3), torch.randint(3, (20,)))
    sampler = Told(data)

    first, second = _runs(DataLoader(data, batch_size=4, sampler=sampler))

    assert first == second
    assert sampler.told == [0, 1, 0, 1]


def test_a_sampler_of_batches_is_told_its_epoch():
    """Sequences of like length are put together by one."""

    class Alike(list):
        told: ClassVar[list] = []

        def set_epoch(self, epoch):
            self.told.append(epoch)

    data = TensorDataset(torch.randn(4, 3), torch.randint(3, (4,)))
    loader = DataLoader(data, batch_sampler=Alike([[0, 1], [2, 3]]))

    _runs(loader)

    assert Alike.told == [0, 1, 0, 1]


def test_losses_of_ours_can_ignore_too():
    """d2l's cross-entropy returns one value per label."""
    X, y = torch.randn(6, 3), torch.tensor([0, 1, 2, 2, 0, 1])
    model = nn.Linear(3, 3)
    expected = F.cross_entropy(model(X)[y != PAD], y[y != PAD]).item()

    history = train.fit(
        model,
        [(X, y)],
        **options(model, loss=layers.cross_entropy),
        ignore=PAD,
    )

    assert history.loss == pytest.approx([expected])
