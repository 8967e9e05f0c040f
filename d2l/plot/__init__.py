"""Figures in one style: curves, grids of images, maps, and knobs to turn.

Line art is shown as SVG and images as PNG, decided figure by figure. What
is left out: finding data, training, and any setting that would change how
other matplotlib figures look.
"""

from d2l.plot._bars import bars, histogram
from d2l.plot._card import Card, Labels, figure
from d2l.plot._contours import contours, surface
from d2l.plot._curves import bands, curves, functions
from d2l.plot._explore import Explore, explore
from d2l.plot._heatmap import heatmap
from d2l.plot._images import boxes, images
from d2l.plot._scatter import scatter
from d2l.plot._style import COLORS

__all__ = [
    "COLORS",
    "Card",
    "Explore",
    "Labels",
    "bands",
    "bars",
    "boxes",
    "contours",
    "curves",
    "explore",
    "figure",
    "functions",
    "heatmap",
    "histogram",
    "images",
    "scatter",
    "surface",
]
