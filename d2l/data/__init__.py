"""Data sets as batches of tensors, from memory and without worker processes.

A set that fits in memory is decoded once. Each batch is then picked, moved,
scaled and resized as one tensor, which is faster than any number of
processes that handle one sample at a time. Sets larger than memory, and
augmentation that differs from sample to sample, are not handled here.
"""

from d2l import _session
from d2l.data._batches import Batches, batches
from d2l.data._diabetes import diabetes
from d2l.data._fashion import FASHION_CLASSES, fashion_mnist
from d2l.data._houses import house_prices
from d2l.data._linear import linear

__all__ = [
    "FASHION_CLASSES",
    "Batches",
    "batches",
    "diabetes",
    "fashion_mnist",
    "house_prices",
    "linear",
    "provenance",
]


def provenance() -> dict[str, _session.Tier]:
    """Return where each data set used so far came from, by name.

    Returns:
        ``"real"`` for the set itself, ``"sample"`` for the embedded sample
        that stood in for it.
    """
    return _session.provenance()
