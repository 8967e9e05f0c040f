"""Seeded generators of the embedded samples: stand-ins for real data sets.

A sample has the shapes, types and labels of the set it stands for, and needs
no network and no file. What it lacks is the look of the real thing.
"""

from d2l.samples._diabetes import diabetes
from d2l.samples._fashion import fashion
from d2l.samples._houses import houses

__all__ = ["diabetes", "fashion", "houses"]
