"""The training loop."""

import sys
import time
from collections.abc import Iterable, Sized
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from d2l import _session
from d2l.train._history import History
from d2l.train._measure import (
    Batches,
    Metric,
    Model,
    accuracy,
    measure,
    modes_restored,
    weighted_mean,
)
from d2l.train._place import Place, find
from d2l.train._refuse import (
    check_again,
    check_batches,
    check_finite,
    check_labels,
    check_outputs,
    check_setup,
)

if TYPE_CHECKING:
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
) -> History:
    """Train a model with mini-batches and measure it after every epoch.

    Each step is the same: forward, loss, ``zero_grad``, ``backward``,
    ``step``. The model is trained in ``train()`` mode and evaluated in
    ``eval()`` mode without gradients; afterwards every part of it is in the
    mode it was in before. Nothing is drawn or printed; a progress bar shows
    when a person is watching.

    Args:
        model: A module, or a function of the inputs.
        train: Batches ``(inputs, targets)``; each pass is one epoch.
        test: Batches to evaluate on after every epoch.
        loss: Takes ``(outputs, targets)`` and returns the mean over the
            batch, or one loss per sample.
        optimizer: Holds the parameters to change.
        epochs: How many passes, at least 1.
        device: Where to compute; the model is moved there. ``None`` takes
            ``d2l.runtime.device()``.
        metric: Takes ``(outputs, targets)`` and returns a mean over the
            batch; ``None`` measures only the loss.
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

    Returns:
        The history, also when the run is stopped with Ctrl-C: then it holds
        the epochs that were finished.

    Raises:
        ValueError: Batches are empty, shapes of outputs and targets do not
            fit, a label is outside the classes, ``epochs`` is below 1, the
            loss sums over the batch, or there is nothing to train.
        TrainingDiverged: The loss became infinite or not a number; the
            message names the epoch and the batch.
    """
    place = find(device, fast)
    check_setup(model, loss, optimizer, epochs)
    place.take(model)
    check_again(train)
    if test is not None:
        check_batches(model, test, place)
    history = History()
    with modes_restored(model), place.tuned():
        try:
            for epoch in range(1, epochs + 1):
                position = (epoch, epochs)
                row = _run_epoch(
                    model, train, loss, optimizer, metric, place, position
                )
                if metric and metric_after_epoch:
                    row["train_metric"] = measure(
                        model, train, metric, None, place
                    )[0]
                if test is not None:
                    row["test_loss"], row["test_metric"] = measure(
                        model, test, loss, metric, place
                    )
                _append(history, row)
        except KeyboardInterrupt:
            history.interrupted = True
    return history


def _run_epoch(
    model: Model,
    train: Batches,
    loss: Metric,
    optimizer: torch.optim.Optimizer,
    metric: Metric | None,
    place: Place,
    position: tuple[int, int],
) -> dict[str, Any]:
    """Train for one epoch and return its row of the history."""
    if isinstance(model, nn.Module):
        model.train()
    losses, scores, sizes = [], [], []
    first_unread = 0
    unchecked = not hasattr(train, "tensors") and metric is accuracy
    start = time.perf_counter()
    bar = _progress_bar(train, position)
    for number, (X, y) in enumerate(train, start=1):
        X, targets = place.move(X), y
        y_hat = place.forward(model, X)
        if number == 1 and position[0] == 1:
            check_outputs(y_hat, targets, train)
        elif unchecked and targets.device.type == "cpu":
            check_labels(targets, y_hat.shape[1])
        y = place.move(targets)
        batch_loss = loss(y_hat, y).mean()
        optimizer.zero_grad()
        batch_loss.backward()
        optimizer.step()
        bar.update()
        losses.append(batch_loss.detach())
        sizes.append(len(y))
        if metric:
            with torch.no_grad():
                scores.append(metric(y_hat, y).mean())
        if number % _READ_EVERY == 0:
            check_finite(losses, first_unread, position[0])
            first_unread = number
    bar.close()
    check_finite(losses, first_unread, position[0])
    if not sizes:
        raise ValueError("there is no batch: is the training set empty?")
    row: dict[str, Any] = {"loss": weighted_mean(losses, sizes)}
    row["seconds"] = time.perf_counter() - start
    row["samples_per_second"] = sum(sizes) / row["seconds"]
    row["train_metric"] = weighted_mean(scores, sizes) if metric else None
    return row


def _append(history: History, row: dict[str, float | None]) -> None:
    """Add a finished epoch; what was not measured has no entry."""
    for name, value in row.items():
        if value is not None:
            getattr(history, name).append(value)


def _progress_bar(train: Batches, position: tuple[int, int]) -> "tqdm":
    """Return a bar that shows only when a person is watching."""
    watched = sys.stderr.isatty() or "ipykernel" in sys.modules
    if _session.recording() or not watched:
        from tqdm import tqdm

        return tqdm(disable=True)
    from tqdm.auto import tqdm as shown

    # The bar is told of each batch instead of iterating itself: some bars
    # start their iterable more than once, which would shuffle it again.
    total = len(train) if isinstance(train, Sized) else None
    epoch, epochs = position
    return shown(total=total, desc=f"epoch {epoch}/{epochs}", leave=False)
