"""What is computed for a batch: outputs, loss, metric, and one step."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from d2l.train._batches import Source, split
from d2l.train._metric import Metric, accuracy, hits
from d2l.train._place import Model, Place
from d2l.train._state import restored, start_pass
from d2l.train._update import Update
from d2l.train._values import Values, read, weighted_mean


@dataclass(frozen=True)
class Task:
    """A model, what it is measured by, and where it computes.

    Attributes:
        model: A module, or a function of the inputs.
        loss: Takes outputs and targets.
        metric: Likewise, or ``None``.
        place: Where to compute.
        ignore: A label that counts nowhere, or ``None``.
    """

    model: Model
    loss: Metric
    metric: Metric | None
    place: Place
    ignore: int | None = None

    def outputs(self, batch: object, source: Source) -> tuple[Tensor, Tensor]:
        """Return what the model gives for a batch, and the targets."""
        inputs, targets = split(batch)
        moved = [self.place.move(X) for X in inputs]
        y_hat = self.place.forward(self.model, moved)
        source.look(y_hat, targets, self.ignore)  # before they move
        return y_hat, self.place.move(targets)

    def step(
        self, batch: object, source: Source, update: Update, values: Values
    ) -> None:
        """Take one step, and note what it gave."""
        y_hat, y = self.outputs(batch, source)
        loss = self._mean(self.loss, y_hat, y)
        norm = update.take(loss)
        self._note(values, loss, y_hat, y)
        if norm is not None:
            values.norms.append(norm)

    def try_one(self, source: Source) -> None:
        """Look at a first batch to measure on, before an epoch is spent."""
        with restored(self.model), torch.no_grad():
            start_pass(self.model, training=False)
            for batch in source.in_order():
                self.outputs(batch, source)
                return
        raise ValueError("there is no batch to evaluate on")

    def measure(self, source: Source) -> tuple[float, float | None]:
        """Return the means of loss and metric, in eval mode."""
        values = Values()
        with restored(self.model), torch.no_grad():
            start_pass(self.model, training=False)
            for batch in source.in_order():
                y_hat, y = self.outputs(batch, source)
                self._note(values, self._mean(self.loss, y_hat, y), y_hat, y)
        if not values.counts:
            raise ValueError("there is no batch to evaluate on")
        losses, counts, scores = read(
            values.losses, values.counts, values.scores
        )
        score = weighted_mean(scores, counts) if self.metric else None
        return weighted_mean(losses, counts), score

    def _note(
        self, values: Values, loss: Tensor, y_hat: Tensor, y: Tensor
    ) -> None:
        """Keep what a batch gave."""
        values.losses.append(loss.detach())
        if self.metric:
            with torch.no_grad():
                values.scores.append(self._mean(self.metric, y_hat, y))
        counted = self._counted(y)
        if counted is not None:
            values.counts.append(counted.sum())
        elif y.is_floating_point():
            values.counts.append(len(y))
        else:
            values.counts.append(y.numel())
        values.num_samples += len(y)

    def _mean(self, function: Metric, y_hat: Tensor, y: Tensor) -> Tensor:
        """Return the mean over the targets that count, 0 if none does.

        What is not one value per target is a mean already, and what it
        leaves out is the function's own affair.
        """
        result = (hits if function is accuracy else function)(y_hat, y)
        counted = self._counted(y)
        if counted is None:
            return result.mean() if result.ndim else result
        if result.shape == y.shape:
            num_counted = counted.sum().clamp(min=1)
            return result.where(counted, 0).sum() / num_counted
        return result.mean().where(counted.any(), 0)

    def _counted(self, y: Tensor) -> Bool[Tensor, "..."] | None:
        """Return which targets count; ``None`` if all of them do."""
        if self.ignore is None or y.is_floating_point():
            return None
        return y != self.ignore
