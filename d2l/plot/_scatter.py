"""Points in the plane, in groups that can be told apart."""

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from d2l.plot import _card, _style
from d2l.plot._arrays import Values, same_length, vector
from d2l.plot._card import Labels

# More dots than this make an SVG larger than a picture of them.
_MAX_DOTS = 2000


def scatter(
    x: Values,
    y: Values,
    *,
    groups: Sequence[Any] | Tensor | None = None,
    label: str = "",
    dot: float = 4.0,
    **labels: Unpack[Labels],
) -> Axes:
    """Draw one point per pair of coordinates.

    Args:
        x: Horizontal coordinates.
        y: Vertical coordinates.
        groups: One value per point; points of equal value share a colour
            and a marker, and the legend names them.
        label: Name of the points for a legend, without ``groups``.
        dot: Diameter of a point, in points (1/72 inch).
        labels: ``xlabel``, ``ylabel``, ``title``, ``size`` and ``ax``; see
            `Labels`.

    Returns:
        The axes.

    Raises:
        TypeError: Coordinates are not real numbers.
        ValueError: They are empty, their lengths differ, or there are more
            than 30 groups.
    """
    xs, ys = vector(x, "x"), vector(y, "y")
    same_length({"x": xs, "y": ys})
    parts = _split(groups, len(xs), label)
    first = _card.num_series(labels, len(parts))
    with _card.drawing(labels) as axes:
        for index, (name, chosen) in enumerate(parts.items(), first):
            axes.plot(
                xs[chosen],
                ys[chosen],
                linestyle="none",
                color=_style.color(index),
                marker=_style.marker(index),
                markersize=dot,
                markeredgewidth=0,
                label=name or None,
                rasterized=len(xs) > _MAX_DOTS,
            )
        if groups is not None or label:
            axes.legend()
    return axes


def _split(
    groups: Sequence[Any] | Tensor | None, num: int, label: str
) -> dict[str, np.ndarray]:
    if groups is None:
        return {label: np.ones(num, dtype=bool)}
    if isinstance(groups, Tensor):
        groups = groups.tolist()
    names = np.array([str(group) for group in groups])
    same_length({"points": range(num), "groups": names})
    return {name: names == name for name in dict.fromkeys(names.tolist())}
