"""Fit a model, evaluate it, and keep what happened."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from d2l import _session, runtime

if TYPE_CHECKING:
    import pandas as pd

Batches = Iterable[tuple[Tensor, Tensor]]
Model = Callable[[Tensor], Tensor]
Metric = Callable[[Tensor, Tensor], Tensor]

# Losses are read from the device once in so many batches: often enough to
# stop soon after a NaN, seldom enough that a GPU is not made to wait.
_READ_EVERY = 50


class TrainingDiverged(ArithmeticError):
    """The loss stopped being a number."""


def accuracy(
    y_hat: Float[Tensor, "batch q *rest"], y: Int[Tensor, "batch *rest"]
) -> Float[Tensor, ""]:
    """Return the share of samples whose largest score is at the label.

    Args:
        y_hat: Scores or probabilities, classes on axis 1.
        y: The labels, from 0 to ``q - 1``.

    Returns:
        A number from 0 to 1, on the device of the arguments.

    Raises:
        TypeError: ``y`` holds no class labels but floating-point targets.
    """
    if y.is_floating_point():
        raise TypeError(
            f"accuracy compares class labels, but y is {y.dtype}; for a "
            "regression give metric=None or a metric of your own"
        )
    return (y_hat.argmax(dim=1) == y).float().mean()


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


@dataclass
class History:
    """What a training run did, one entry per finished epoch.

    Attributes:
        loss: Mean training loss per sample, averaged while the parameters
            were changing.
        train_metric: The metric on the training batches, likewise, unless
            ``fit`` was told to measure it after the epoch.
        test_loss: Mean loss per sample on the test set, after the epoch.
        test_metric: The metric on the test set, after the epoch.
        seconds: Training time, evaluation not counted.
        samples_per_second: Training samples divided by those seconds.
        interrupted: True when a person stopped the run.
    """

    loss: list[float] = field(default_factory=list)
    train_metric: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_metric: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    samples_per_second: list[float] = field(default_factory=list)
    interrupted: bool = False

    def __len__(self) -> int:
        return len(self.loss)

    def table(self, *, timing: bool = False) -> "pd.DataFrame":
        """Return the run as a table, epochs counted from 1.

        Args:
            timing: Add the columns that differ from run to run.
        """
        import pandas as pd

        names = ["loss", "train_metric", "test_loss", "test_metric"]
        names += ["seconds", "samples_per_second"] if timing else []
        columns = {name: getattr(self, name) for name in names}
        filled = {name: values for name, values in columns.items() if values}
        index = pd.RangeIndex(1, len(self) + 1, name="epoch")
        return pd.DataFrame(filled, index=index).round(4)


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
    device = torch.device(device) if device else runtime.device()
    _check_setup(model, loss, optimizer, epochs)
    if isinstance(model, nn.Module):
        model.to(device)
    _check_again(train)
    if test is not None:
        _check_batches(model, test, device)
    history = History()
    with _modes_restored(model):
        try:
            for epoch in range(1, epochs + 1):
                position = (epoch, epochs)
                row = _run_epoch(
                    model, train, loss, optimizer, metric, device, position
                )
                if metric and metric_after_epoch:
                    row["train_metric"] = _measure(
                        model, train, metric, None, device
                    )[0]
                if test is not None:
                    row["test_loss"], row["test_metric"] = _measure(
                        model, test, loss, metric, device
                    )
                _append(history, row)
        except KeyboardInterrupt:
            history.interrupted = True
    return history


def evaluate(
    model: Model,
    batches: Batches,
    *,
    metric: Metric = accuracy,
    device: torch.device | str | None = None,
) -> float:
    """Return the mean of a metric over all samples.

    The model runs in ``eval()`` mode and without gradients; afterwards every
    part of it is in the mode it was in before.

    Args:
        model: A module, or a function of the inputs.
        batches: Batches ``(inputs, targets)``; a short last one counts by
            its size.
        metric: Takes ``(outputs, targets)`` and returns a mean over the
            batch, or one value per sample. A loss is a metric too.
        device: Where to compute; a module is moved there. ``None`` takes
            ``d2l.runtime.device()``.

    Returns:
        The mean per sample.

    Raises:
        ValueError: The batches are empty.
    """
    device = torch.device(device) if device else runtime.device()
    if isinstance(model, nn.Module):
        model.to(device)
    mean, _ = _measure(model, batches, metric, None, device)
    return mean


def _run_epoch(
    model: Model,
    train: Batches,
    loss: Metric,
    optimizer: torch.optim.Optimizer,
    metric: Metric | None,
    device: torch.device,
    position: tuple[int, int],
) -> dict[str, Any]:
    """Train for one epoch and return its row of the history."""
    if isinstance(model, nn.Module):
        model.train()
    losses, scores, sizes = [], [], []
    first_unread = 0
    unchecked = not hasattr(train, "tensors") and metric is accuracy
    start = time.perf_counter()
    for number, (X, y) in enumerate(_watched(train, position), start=1):
        X, targets = _move(X, device), y
        y_hat = model(X)
        if number == 1 and position[0] == 1:
            _check_outputs(y_hat, targets, train)
        elif unchecked and targets.device.type == "cpu":
            _check_labels(targets, y_hat.shape[1])
        y = _move(targets, device)
        batch_loss = loss(y_hat, y).mean()
        optimizer.zero_grad()
        batch_loss.backward()
        optimizer.step()
        losses.append(batch_loss.detach())
        sizes.append(len(y))
        if metric:
            with torch.no_grad():
                scores.append(metric(y_hat, y).mean())
        if number % _READ_EVERY == 0:
            _check_finite(losses, first_unread, position[0])
            first_unread = number
    _check_finite(losses, first_unread, position[0])
    if not sizes:
        raise ValueError("there is no batch: is the training set empty?")
    row: dict[str, Any] = {"loss": _weighted_mean(losses, sizes)}
    row["seconds"] = time.perf_counter() - start
    row["samples_per_second"] = sum(sizes) / row["seconds"]
    row["train_metric"] = _weighted_mean(scores, sizes) if metric else None
    return row


def _append(history: History, row: dict[str, float | None]) -> None:
    """Add a finished epoch; what was not measured has no entry."""
    for name, value in row.items():
        if value is not None:
            getattr(history, name).append(value)


def _measure(
    model: Model,
    batches: Batches,
    first: Metric,
    second: Metric | None,
    device: torch.device,
) -> tuple[float, float | None]:
    """Return the sample means of one or two metrics, in eval mode."""
    firsts, seconds, sizes = [], [], []
    with _modes_restored(model), torch.no_grad():
        if isinstance(model, nn.Module):
            model.eval()
        for X, y in batches:
            X, y = _move(X, device), _move(y, device)
            y_hat = model(X)
            firsts.append(first(y_hat, y).mean())
            if second:
                seconds.append(second(y_hat, y).mean())
            sizes.append(len(y))
    if not sizes:
        raise ValueError("there is no batch to evaluate on")
    return (
        _weighted_mean(firsts, sizes),
        _weighted_mean(seconds, sizes) if second else None,
    )


@contextlib.contextmanager
def _modes_restored(model: Model) -> Iterator[None]:
    """Put every part of a module back into the mode it was found in."""
    modules = list(model.modules()) if isinstance(model, nn.Module) else []
    modes = [module.training for module in modules]
    try:
        yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode


def _weighted_mean(values: list[Tensor], sizes: list[int]) -> float:
    """Return the mean per sample of means per batch; read once."""
    stacked = torch.stack(values).double().cpu()
    weights = torch.tensor(sizes, dtype=torch.float64)
    return float((stacked * weights).sum() / weights.sum())


def _move(tensor: Tensor, device: torch.device) -> Tensor:
    """Move to the device without waiting, if it is not there already."""
    return tensor.to(device, non_blocking=True)


def _watched(
    train: Batches, position: tuple[int, int]
) -> Iterable[tuple[Tensor, Tensor]]:
    """Show a progress bar when a person is watching."""
    watched = sys.stderr.isatty() or "ipykernel" in sys.modules
    if _session.recording() or not watched:
        return train
    from tqdm.auto import tqdm

    epoch, epochs = position
    return tqdm(train, desc=f"epoch {epoch}/{epochs}", leave=False)


def _check_finite(losses: list[Tensor], start: int, epoch: int) -> None:
    """Stop the run at the first unread loss that is not a finite number."""
    unread = losses[start:]
    if not unread:
        return
    finite = torch.stack(unread).isfinite().tolist()
    if all(finite):
        return
    where = finite.index(False)
    raise TrainingDiverged(
        f"the loss is {float(unread[where])} in epoch {epoch}, batch "
        f"{start + where + 1}; lower the learning rate, or look at that batch"
    )


def _check_setup(
    model: Model,
    loss: Metric,
    optimizer: torch.optim.Optimizer,
    epochs: int,
) -> None:
    """Refuse what cannot train, before any work is done."""
    if epochs < 1:
        raise ValueError(f"epochs is {epochs}; give at least 1")
    if getattr(loss, "reduction", "mean") == "sum":
        raise ValueError(
            "the loss sums over the batch, so the step would grow with the "
            "batch size; use reduction='mean'"
        )
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    trainable = [
        p
        for group in optimizer.param_groups
        for p in group["params"]
        if p.requires_grad
    ]
    if not trainable:
        raise ValueError(
            "the optimizer holds no tensor that requires a gradient: "
            "there is nothing to train"
        )
    if isinstance(model, nn.Module):
        own = {id(p) for p in model.parameters() if p.requires_grad}
        if not own:
            raise ValueError(
                "the model has no trainable parameters; did you freeze "
                "them all?"
            )
        if not own & held:
            raise ValueError(
                "the optimizer holds none of the model's parameters; build "
                "the optimizer from this model's parameters()"
            )


def _check_again(train: Batches) -> None:
    """Refuse a generator: it would be used up after one epoch."""
    if isinstance(train, Iterator):
        raise ValueError(
            "the training batches are an iterator, which one epoch uses up; "
            "give a list, a DataLoader or d2l.data's batches"
        )


def _check_batches(
    model: Model, batches: Batches, device: torch.device
) -> None:
    """Try the first batch to evaluate on, before an epoch is spent."""
    X, y = next(iter(batches), (None, None))
    if X is None or y is None:
        raise ValueError("there is no batch to evaluate on")
    with _modes_restored(model), torch.no_grad():
        if isinstance(model, nn.Module):
            model.eval()
        _check_outputs(model(_move(X, device)), y, batches)


def _check_outputs(y_hat: Tensor, y: Tensor, batches: Batches) -> None:
    """Look at the shapes of a first batch, and at its labels."""
    if len(y) == 0:
        raise ValueError("there is no batch: the first one holds no sample")
    if y.is_floating_point():
        if y_hat.shape != y.shape:
            raise ValueError(
                f"the model gives {tuple(y_hat.shape)} for targets of shape "
                f"{tuple(y.shape)}; the loss would broadcast them to another "
                "shape, so reshape one of the two"
            )
        return
    if y_hat.shape[:1] != y.shape[:1] or y_hat.shape[2:] != y.shape[1:]:
        raise ValueError(
            f"the model gives {tuple(y_hat.shape)} for class labels of shape "
            f"{tuple(y.shape)}; expected (batch, classes) and (batch,)"
        )
    # Our own batches know all their labels; of others only the first is at
    # hand, and the rest are looked at while training.
    stored = getattr(batches, "tensors", None)
    _check_labels(stored[-1] if stored else y, y_hat.shape[1])


def _check_labels(labels: Tensor, num_classes: int) -> None:
    """Refuse labels outside the classes: a GPU would only say 'assert'."""
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= num_classes:
        raise ValueError(
            f"labels run from {low} to {high}, but the model has "
            f"{num_classes} outputs, for classes 0 to {num_classes - 1}"
        )
