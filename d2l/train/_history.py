"""What a training run did."""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class History:
    """What a training run did, one entry per finished epoch.

    Attributes:
        loss: Mean training loss, per label or, where targets are no labels,
            per sample; averaged while the parameters were changing.
        train_metric: The metric on the training batches, likewise, unless
            ``fit`` was told to measure it after the epoch.
        test_loss: Mean loss on the test set, after the epoch.
        test_metric: The metric on the test set, after the epoch.
        seconds: Training time, evaluation not counted.
        samples_per_second: Training samples divided by those seconds.
        step_loss: The loss of every step, also of an epoch that was not
            finished.
        grad_norm: The norm of all gradients together in every step, before
            they were clipped; empty unless ``fit`` was told to clip.
        interrupted: True when a person stopped the run.
    """

    loss: list[float] = field(default_factory=list)
    train_metric: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_metric: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    samples_per_second: list[float] = field(default_factory=list)
    step_loss: list[float] = field(default_factory=list)
    grad_norm: list[float] = field(default_factory=list)
    interrupted: bool = False

    def __len__(self) -> int:
        return len(self.loss)

    @property
    def perplexity(self) -> list[float]:
        """``exp(loss)``: among how many labels the model still wavers."""
        return [_exp(loss) for loss in self.loss]

    @property
    def test_perplexity(self) -> list[float]:
        """The same of the test loss."""
        return [_exp(loss) for loss in self.test_loss]

    def table(self, *, timing: bool = False) -> "pd.DataFrame":
        """Return the run as a table, epochs counted from 1.

        Values have four significant digits; whole digits are all kept.

        Args:
            timing: Add the columns that differ from run to run.
        """
        import pandas as pd

        names = ["loss", "train_metric", "test_loss", "test_metric"]
        names += ["seconds", "samples_per_second"] if timing else []
        columns = {
            name: [_rounded(value) for value in getattr(self, name)]
            for name in names
        }
        filled = {name: values for name, values in columns.items() if values}
        index = pd.RangeIndex(1, len(self) + 1, name="epoch")
        return pd.DataFrame(filled, index=index)


def _exp(value: float) -> float:
    """Return the exponential, infinite where it is too large."""
    return math.exp(value) if value < 709 else math.inf


def _rounded(value: float) -> float:
    """Return a number with four significant digits, or all whole ones."""
    if abs(value) >= 1000:
        return float(f"{value:.0f}")
    return float(f"{value:.4g}")
