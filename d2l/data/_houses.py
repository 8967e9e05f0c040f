"""The house table: the real sales, or invented ones where there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d2l import fetch, samples
from d2l.data._tier import real_or_sample

if TYPE_CHECKING:
    import pandas as pd

_NUM_SALES = (1_460, 1_459)
_NUM_COLUMNS = (81, 80)


def house_prices() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Load the table of house sales, with prices and without.

    Sales in Ames, Iowa, from 2006 to 2010 (De Cock, 2011), as split for a
    competition on Kaggle: 1,460 sales with 79 features and a price, and
    1,459 whose price is for the reader to predict. Where the files cannot
    be had, or with ``D2L_SAMPLES=1`` in the environment, the embedded
    sample stands in (as many invented sales, the same columns, types and
    categories), and one printed line says so. `provenance` tells which it
    was.

    The files write ``NA`` for "missing" and "no such part", and only that
    is read as missing. ``None`` is a value of the column ``MasVnrType``,
    which a bare `pandas.read_csv` would lose.

    Returns:
        Training sales, 81 columns as in the file, from ``Id`` to
        ``SalePrice`` in dollars; and test sales, the same columns without
        ``SalePrice``. ``Id`` is a column, rows are counted from 0. The
        tables are the caller's own.

    Raises:
        ValueError: A file is not such a table.
    """
    return real_or_sample(
        "house_prices",
        _real_houses,
        lambda: samples.houses(
            num_train=_NUM_SALES[0], num_test=_NUM_SALES[1], seed=0
        ),
        file="house_train",
        notice=(
            "The house table cannot be had here: using the embedded sample "
            f"of {_NUM_SALES[0]:,} + {_NUM_SALES[1]:,} invented sales."
        ),
    )


def _real_houses() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the two files."""
    import pandas as pd

    tables = []
    for part, num_columns in zip(("train", "test"), _NUM_COLUMNS, strict=True):
        path = fetch.file(f"house_{part}")
        table = pd.read_csv(path, keep_default_na=False, na_values=["NA"])
        if table.shape[1] != num_columns:
            raise ValueError(
                f"{path} has {table.shape[1]} columns; the {part} part of "
                f"the house table has {num_columns}; remove the file so "
                "that it is fetched again"
            )
        tables.append(table)
    return tables[0], tables[1]
