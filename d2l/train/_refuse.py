"""What cannot train is refused at the door, with the reason."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from d2l.train._measure import Batches, Metric, Model, modes_restored
from d2l.train._place import Place


class TrainingDiverged(ArithmeticError):
    """The loss stopped being a number."""


def check_finite(losses: list[Tensor], start: int, epoch: int) -> None:
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


def check_setup(
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


def check_again(train: Batches) -> None:
    """Refuse a generator: it would be used up after one epoch."""
    if isinstance(train, Iterator):
        raise ValueError(
            "the training batches are an iterator, which one epoch uses up; "
            "give a list, a DataLoader or d2l.data's batches"
        )


def check_batches(model: Model, batches: Batches, place: Place) -> None:
    """Try the first batch to evaluate on, before an epoch is spent."""
    X, y = next(iter(batches), (None, None))
    if X is None or y is None:
        raise ValueError("there is no batch to evaluate on")
    with modes_restored(model), torch.no_grad():
        if isinstance(model, nn.Module):
            model.eval()
        y_hat = place.forward(model, place.move(X))
        check_outputs(y_hat, y, batches)


def check_outputs(y_hat: Tensor, y: Tensor, batches: Batches) -> None:
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
    check_labels(stored[-1] if stored else y, y_hat.shape[1])


def check_labels(labels: Tensor, num_classes: int) -> None:
    """Refuse labels outside the classes: a GPU would only say 'assert'."""
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= num_classes:
        raise ValueError(
            f"labels run from {low} to {high}, but the model has "
            f"{num_classes} outputs, for classes 0 to {num_classes - 1}"
        )
