"""The training loop."""

import dataclasses
import time
from collections.abc import Iterable, Sized
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from d2l import _session
from d2l.train._batches import Batches, Source, ignored
from d2l.train._diverged import TrainingDiverged, check_finite
from d2l.train._history import History
from d2l.train._metric import Metric, accuracy
from d2l.train._place import Model, find
from d2l.train._refuse import check_again, check_setup
from d2l.train._state import restored, start_pass
from d2l.train._task import Task
from d2l.train._update import Update
from d2l.train._values import Values, read, weighted_mean

if TYPE_CHECKING:
    from torch.optim.lr_scheduler import LRScheduler
    from tqdm import tqdm

# Losses are read from the device once in so many batches: often enough to
# stop soon after a NaN, seldom enough that a GPU is not made to wait.
_READ_EVERY = 50


def sgd(params: Iterable[Tensor], lr: float) -> None:
    """Take one step of gradient descent and clear the gradients.

    ``p <- p - lr * p.grad`` for every parameter, in place. The gradient is
    expected to be that of a *mean* loss, so nothing is divided here.

    Args:
        params: Tensors that require gradients. Those whose gradient is
            ``None`` stay as they are.
        lr: The learning rate, positive.

    Raises:
        ValueError: The learning rate is not positive.
    """
    if not lr > 0:
        raise ValueError(f"lr is {lr}; a learning rate is positive")
    with torch.no_grad():
        for param in params:
            if param.grad is not None:
                param -= lr * param.grad
                param.grad = None


def fit(
    model: Model,
    train: Batches,
    test: Batches | None = None,
    *,
    loss: Metric,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    device: torch.device | str | None = None,
    metric: Metric | None = accuracy,
    metric_after_epoch: bool = False,
    fast: bool = False,
    clip: float | None = None,
    schedule: "LRScheduler | None" = None,
    ignore: int | None = None,
) -> History:
    """Train a model with mini-batches and measure it after every epoch.

    Each step is the same: forward, loss, ``zero_grad``, ``backward``,
    ``step``. The model is trained in ``train()`` mode and evaluated in
    ``eval()`` mode without gradients; afterwards every part of it is in the
    mode it was in before. Every pass begins with ``reset_state()`` of the
    parts that have one. Nothing is drawn or printed; a progress bar shows
    when a person is watching.

    Args:
        model: A module, or a function of the inputs.
        train: Batches ``(*inputs, targets)``; each pass is one epoch. Where
            they, or the sampler of a loader, have a ``set_epoch``, it is
            told the number of the epoch, from 0 in every call: the order of
            the samples does not depend on what was done before.
        test: Batches to evaluate on after every epoch.
        loss: Takes ``(outputs, targets)`` and returns the mean over the
            batch, or one loss per target.
        optimizer: Holds the parameters to change.
        epochs: How many passes, at least 1.
        device: Where to compute; a module is moved there. ``None`` takes
            ``d2l.runtime.device()`` for a module, and for a function the
            device of the parameters.
        metric: Takes ``(outputs, targets)`` and returns a mean over the
            batch, or one value per target; ``None`` measures only the loss.
        metric_after_epoch: Measure the training metric in a pass of its own
            after each epoch, so that it can be compared with the test
            metric, at the cost of that pass.
        fast: On a GPU with units for bfloat16, run the model under autocast
            to it, with what has four axes in channels-last memory
            (Micikevicius et al., 2018, https://arxiv.org/abs/1710.03740,
            with float16). Parameters, loss and metric stay float32, and the
            model stays channels-last afterwards: it must reshape with
            ``flatten``, because ``view`` refuses such memory. On any other
            device nothing changes, so a page may always ask for it.
        clip: The largest norm of all gradients together; longer ones are
            shortened to it. The history has the norms before that.
        schedule: Changes the learning rate; stepped after every update, not
            after every epoch.
        ignore: A label that counts nowhere, such as padding. A loss or a
            metric that returns one value per label is averaged over the
            others; one that returns a mean must leave it out by itself, as
            ``nn.CrossEntropyLoss(ignore_index=...)`` does. ``None`` takes
            the ``ignore_index`` of the loss, if it has one.

    Returns:
        The history, also when the run is stopped with Ctrl-C; then it holds
        the epochs that were finished. Means are taken over all labels that
        count or, where targets are no labels, over samples.

    Raises:
        ValueError: Batches are empty or can be passed only once, shapes of
            outputs and targets do not fit, a label is outside the classes,
            ``epochs`` or ``clip`` is too small, the loss says of itself
            that it sums over the batch, the schedule does not fit the
            optimiser or ``ignore`` the loss, or there is nothing to train.
        TypeError: A batch is no tuple of tensors.
        TrainingDiverged: The loss, or the norm of the gradients, became
            infinite or not a number; the error names epoch, batch and
            parameters, and carries the history.
    """
    update = Update(model, optimizer, clip, schedule)
    check_setup(update, loss, epochs)
    check_again(train, "training")
    check_again(test, "test")
    place = find(device, fast, model, update.params()[0].device)
    place.take(model)
    learn = Source(train)
    held_out = None if test is None else Source(test)
    sources = [learn] if held_out is None else [learn, held_out]
    ignore = ignored(loss, ignore, sources)
    task = Task(model, loss, metric, place, ignore)
    if held_out is not None:
        task.try_one(held_out)
    history = History()
    with restored(model), place.tuned():
        try:
            for epoch in range(1, epochs + 1):
                position = (epoch, epochs)
                row = _run_epoch(task, learn, update, history, position)
                if metric and metric_after_epoch:
                    only = dataclasses.replace(task, loss=metric, metric=None)
                    row["train_metric"] = only.measure(learn)[0]
                if held_out is not None:
                    found = task.measure(held_out)
                    row["test_loss"], row["test_metric"] = found
                _append(history, row)
        except KeyboardInterrupt:
            history.interrupted = True
        except TrainingDiverged as error:
            error.history = history
            raise
    return history


def _run_epoch(
    task: Task,
    learn: Source,
    update: Update,
    history: History,
    position: tuple[int, int],
) -> dict[str, float | None]:
    """Train for one epoch, note its steps, and return its row."""
    epoch = position[0]
    start_pass(task.model, training=True)
    values, unread = Values(), 0
    start = time.perf_counter()
    try:
        with _progress_bar(learn.batches, position) as bar:
            for number, batch in enumerate(learn.epoch(epoch - 1), start=1):
                task.step(batch, learn, update, values)
                bar.update()
                if number % _READ_EVERY == 0:
                    losses, norms = read(
                        values.losses[unread:], values.norms[unread:]
                    )
                    check_finite(losses, norms, unread, epoch, update)
                    unread = number
    finally:
        losses, norms, counts, scores = read(
            values.losses, values.norms, values.counts, values.scores
        )
        history.step_loss += losses.tolist()
        history.grad_norm += norms.tolist()
    check_finite(losses[unread:], norms[unread:], unread, epoch, update)
    if not values.num_samples:
        raise ValueError("there is no batch: is the training set empty?")
    seconds = time.perf_counter() - start
    return {
        "loss": weighted_mean(losses, counts),
        "seconds": seconds,
        "samples_per_second": values.num_samples / seconds,
        "train_metric": weighted_mean(scores, counts) if task.metric else None,
    }


def _append(history: History, row: dict[str, float | None]) -> None:
    """Add a finished epoch; what was not measured has no entry."""
    for name, value in row.items():
        if value is not None:
            getattr(history, name).append(value)


def _progress_bar(train: Batches, position: tuple[int, int]) -> "tqdm":
    """Return a bar that shows only when a person is watching."""
    if not _session.watched():
        from tqdm import tqdm

        return tqdm(disable=True)
    from tqdm.auto import tqdm as shown

    # The bar is told of each batch instead of iterating itself: some bars
    # start their iterable more than once, which would shuffle it again.
    total = len(train) if isinstance(train, Sized) else None
    epoch, epochs = position
    return shown(total=total, desc=f"epoch {epoch}/{epochs}", leave=False)
