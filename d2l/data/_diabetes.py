"""The diabetes table: the real rows, or drawn ones where there are none."""

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from d2l import fetch, samples
from d2l.data._tier import real_or_sample

_Table = tuple[Float32[Tensor, "patient 8"], Float32[Tensor, "patient 1"]]


def diabetes() -> _Table:
    """Load a table of 759 patients, one row each.

    The Pima Indians diabetes table (Smith et al., 1988) as courses hand it
    around: eight measurements per patient, scaled to [-1, 1] and without
    names, of which the second is glucose and the fifth insulin. In this
    copy **label 1 means healthy** (496 patients, 65.3 %), and a 0 in the
    fifth column stands for "not measured". Where the file cannot be had, or
    with ``D2L_SAMPLES=1`` in the environment, the embedded sample stands
    in (drawn rows, the same shapes, types and labels), and one printed line
    says so.

    Returns:
        Features, float32 of shape ``(759, 8)``, and labels, 0 or 1 as
        float32 of shape ``(759, 1)``, in the order of the file.

    Raises:
        ValueError: The file is not such a table.
    """
    return real_or_sample(
        "diabetes",
        _real_diabetes,
        lambda: samples.diabetes(seed=0),
        file="diabetes",
        notice=(
            "The diabetes table cannot be had here: using the embedded "
            "sample of 759 drawn patients."
        ),
    )


def _real_diabetes() -> _Table:
    """Read the file."""
    path = fetch.file("diabetes")
    table = np.loadtxt(path, delimiter=",", dtype=np.float32, ndmin=2)
    if table.shape[1] != 9:
        raise ValueError(
            f"{path} has {table.shape[1]} columns; the diabetes table has "
            "eight features and a label; remove the file so that it is "
            "fetched again"
        )
    rows = torch.from_numpy(table)
    return rows[:, :8].clone(), rows[:, 8:].clone()
