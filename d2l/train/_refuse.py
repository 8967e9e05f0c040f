"""What cannot train is refused at the door, with the reason."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from d2l.train._metric import Metric
from d2l.train._update import Update

# The least and the greatest of some labels.
Range = tuple[int | float, int | float]


def check_shapes(y_hat: Tensor, y: Tensor) -> None:
    """Refuse outputs and targets that do not fit, or would broadcast."""
    if not isinstance(y_hat, Tensor):
        raise TypeError(
            f"the model gives a {type(y_hat).__name__}, not a tensor; of "
            "(outputs, state) d2l.train.Carried carries the state"
        )
    if len(y) == 0:
        raise ValueError("there is no batch: the first one holds no sample")
    if y_hat.shape == y.shape:
        return
    if y.is_floating_point():
        raise ValueError(
            f"the model gives {tuple(y_hat.shape)} for targets of shape "
            f"{tuple(y.shape)}; the loss would broadcast them to another "
            "shape, so reshape one of the two"
        )
    if y_hat.ndim < 2 or y_hat.shape[:1] + y_hat.shape[2:] != y.shape:
        raise ValueError(
            f"the model gives {tuple(y_hat.shape)} for class labels of shape "
            f"{tuple(y.shape)}; expected (batch, classes) and (batch,)"
        )


def check_labels(found: Range, num_classes: int) -> None:
    """Refuse labels outside the classes: a GPU would only say 'assert'."""
    low, high = found
    if low < 0 or high >= num_classes:
        raise ValueError(
            f"labels run from {low} to {high}, but the model has "
            f"{num_classes} outputs, for classes 0 to {num_classes - 1}; "
            "give ignore=... for one that counts nowhere"
        )


def range_of(y: Tensor, ignore: int | None = None) -> Range:
    """Return the least and the greatest target, ``ignore`` taken for 0."""
    if ignore is not None:
        y = y.masked_fill(y == ignore, 0)
    low, high = torch.stack(y.aminmax()).tolist()
    return low, high


def check_setup(update: Update, loss: Metric, epochs: int) -> None:
    """Refuse what cannot train, before any work is done."""
    if epochs < 1:
        raise ValueError(f"epochs is {epochs}; give at least 1")
    if update.clip is not None and not update.clip > 0:
        raise ValueError(f"clip is {update.clip}; a norm is positive")
    schedule = update.schedule
    if isinstance(schedule, ReduceLROnPlateau):
        raise ValueError(
            "the schedule waits for a measured value; give one that is "
            "stepped by itself after every update"
        )
    if schedule and schedule.optimizer is not update.optimizer:
        raise ValueError(
            "the schedule belongs to another optimizer; build it from the "
            "one given here"
        )
    options = getattr(loss, "keywords", {})  # of a functools.partial
    reduction = getattr(loss, "reduction", options.get("reduction"))
    if reduction == "sum":
        raise ValueError(
            "the loss sums over the batch, so the step would grow with the "
            "batch size; use reduction='mean'"
        )
    params = update.params()
    if not any(p.requires_grad for p in params):
        raise ValueError(
            "the optimizer holds no tensor that requires a gradient: "
            "there is nothing to train"
        )
    if isinstance(update.model, nn.Module):
        trainable = (p for p in update.model.parameters() if p.requires_grad)
        own = {id(p) for p in trainable}
        if not own:
            raise ValueError(
                "the model has no trainable parameters; did you freeze "
                "them all?"
            )
        if not own & {id(p) for p in params}:
            raise ValueError(
                "the optimizer holds none of the model's parameters; build "
                "the optimizer from this model's parameters()"
            )


def check_again(batches: object, what: str) -> None:
    """Refuse an iterator: one pass, or one look, would use it up."""
    if isinstance(batches, Iterator):
        raise ValueError(
            f"the {what} batches are an iterator, which one epoch uses up; "
            "give a list, a DataLoader or d2l.data's batches"
        )
