"""Data sets as batches of tensors, from memory and without worker processes.

A set that fits in memory is decoded once. Each batch is then picked, moved,
scaled and resized as one tensor, which is faster than any number of
processes that handle one sample at a time. Sets larger than memory are not
handled here.
"""

from d2l import _session
from d2l.batching import Batches
from d2l.data._diabetes import diabetes
from d2l.data._fashion import FASHION_CLASSES, fashion_mnist
from d2l.data._houses import house_prices
from d2l.data._linear import linear
from d2l.data._resize import to_unit

__all__ = [
    "FASHION_CLASSES",
    "Batches",
    "batches",
    "diabetes",
    "fashion_mnist",
    "house_prices",
    "linear",
    "provenance",
    "to_unit",
]

batches = Batches  # the name that pages call


def provenance() -> dict[str, _session.Tier]:
    """Return where each data set used so far came from, by name.

    Returns:
        ``"real"`` for the set itself, ``"sample"`` for the embedded sample
        that stood in for it.
    """
    return _session.provenance()
