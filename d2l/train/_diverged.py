"""The end of a run whose numbers are none any more."""

from jaxtyping import Float64
from torch import Tensor

from d2l.train._history import History
from d2l.train._update import Update


class TrainingDiverged(ArithmeticError):
    """The loss, or the norm of the gradients, stopped being a number.

    Attributes:
        epoch: In which epoch, counted from 1.
        batch: In which batch of it, counted from 1.
        parameters: What was not finite when this was noticed, in itself or
            in its gradient: names of parameters or, for a function, their
            places in the optimiser. One NaN soon spreads to all of them.
        history: What the run did until then, with the loss of every step.
    """

    def __init__(
        self,
        message: str,
        *,
        epoch: int = 0,
        batch: int = 0,
        parameters: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.epoch = epoch
        self.batch = batch
        self.parameters = parameters
        self.history = History()


def check_finite(
    losses: Float64[Tensor, " batch"],
    norms: Float64[Tensor, " norm"],
    first: int,
    epoch: int,
    update: Update,
) -> None:
    """Stop the run at the first number that is not finite.

    Args:
        losses: The losses read just now.
        norms: The norms of the gradients; none if they are not clipped.
        first: How many batches of the epoch came before these.
        epoch: Counted from 1.
        update: Knows the parameters.
    """
    good = losses.isfinite()
    if len(norms):
        good &= norms.isfinite()
    if good.all():
        return
    where = good.tolist().index(False)
    what, value = "loss", float(losses[where])
    if losses[where].isfinite():
        what, value = "norm of the gradients", float(norms[where])
    batch = first + where + 1
    names = tuple(update.not_finite())
    raise TrainingDiverged(
        f"the {what} is {value} in epoch {epoch}, batch {batch}; lower the "
        "learning rate, or look at that batch\n"
        f"({_spread(names)} by batch {first + len(losses)})",
        epoch=epoch,
        batch=batch,
        parameters=names,
    )


def _spread(names: tuple[str, ...]) -> str:
    """Say which parameters are gone: the first ones, and how many."""
    if not names:
        return "all parameters still finite"
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"values or gradients not finite: {', '.join(names[:3])}{more}"
