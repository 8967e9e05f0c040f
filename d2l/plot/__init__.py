"""Figures in one style: curves, grids of images, maps, and knobs to turn.

Line art is shown as SVG and images as PNG, decided figure by figure. What
is left out: finding data, training, and any setting that would change how
other matplotlib figures look.
"""

from d2l.plot.fields import contours, heatmap, surface
from d2l.plot.frames import Explore, explore
from d2l.plot.lines import curves, functions
from d2l.plot.marks import bars, histogram, scatter
from d2l.plot.pictures import images
from d2l.plot.style import COLORS, Card, figure

__all__ = [
    "COLORS",
    "Card",
    "Explore",
    "bars",
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
