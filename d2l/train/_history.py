"""What a training run did."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


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
