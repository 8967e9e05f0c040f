"""Images side by side."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

from d2l.plot import style
from d2l.plot.values import Values, array


def images(
    images: Values,
    *,
    titles: Sequence[Any] | None = None,
    num_cols: int | None = None,
    size: float = 1.1,
    limits: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Any:
    """Show images in rows, as PNG.

    Args:
        images: Shape ``(n, h, w)``, ``(n, 1, h, w)`` or ``(n, 3, h, w)``;
            one image of shape ``(h, w)``; or a list of images of one shape.
            Integers count from 0 to 255.
        titles: What stands above each image.
        num_cols: Images per row; by default up to 8.
        size: Width of one image in inches.
        limits: Values shown as black and as white. By default 0 and 255
            for integers, 0 and 1 for fractions between these two, else the
            lowest and highest value of all images together.
        ax: Axes to draw a single image into, instead of a new card.

    Returns:
        One ``Axes`` per image, in an array of shape ``(n,)``; with ``ax``,
        that one.

    Raises:
        TypeError: Pixels are not numbers.
        ValueError: The shape is none of these, there is no image, or the
            number of titles is not the number of images.
    """
    pixels = _pixels(images)  # (n, h, w) or (n, h, w, 3)
    names = _names(titles, len(pixels))
    low, high = limits or _limits(pixels)
    if ax is not None:
        if len(pixels) != 1:
            raise ValueError(
                f"ax holds one image; received {len(pixels)}: "
                "leave ax out, or hand over one image"
            )
        ax = style.axes_or_new(ax)
        _show(ax, pixels[0], names[0], low, high)
        if isinstance(ax.figure, style.Card):
            ax.figure.art = "png"
        return ax
    num_cols = min(num_cols or 8, len(pixels))
    axes = _grid(pixels, num_cols, size, titled=titles is not None)
    for one, image, name in zip(axes, pixels, names, strict=False):
        _show(one, image, name, low, high)
    return axes[: len(pixels)]


def _pixels(images: Values) -> np.ndarray:
    pixels = array(images, "images")
    if pixels.ndim == 2:
        pixels = pixels[None]
    if pixels.ndim == 4 and pixels.shape[1] in (1, 3):
        pixels = np.moveaxis(pixels, 1, -1)
        pixels = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    elif pixels.ndim != 3:
        raise ValueError(
            "images must have shape (n, h, w), (n, 1, h, w) or "
            f"(n, 3, h, w); received {_shape(images)}"
        )
    if not pixels.size:
        raise ValueError(f"there is no image in shape {_shape(images)}")
    return pixels


def _shape(images: Values) -> tuple[int, ...]:
    return tuple(array(images, "images").shape)


def _names(titles: Sequence[Any] | None, num: int) -> list[str]:
    if titles is None:
        return [""] * num
    if len(titles) != num:
        raise ValueError(
            f"received {len(titles)} titles for {num} images; "
            "give one title per image"
        )
    return [str(title) for title in titles]


def _limits(pixels: np.ndarray) -> tuple[float, float]:
    if pixels.dtype.kind == "b":
        return 0.0, 1.0
    if pixels.dtype.kind in "iu":
        return 0.0, 255.0
    low, high = float(np.nanmin(pixels)), float(np.nanmax(pixels))
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    return low, high if high > low else low + 1.0


def _show(
    axes: Axes, image: np.ndarray, title: str, low: float, high: float
) -> None:
    with mpl.rc_context(style.STYLE):
        if image.ndim == 3:
            image = np.clip((image - low) / (high - low), 0, 1)
        axes.imshow(
            image, cmap="gray", vmin=low, vmax=high, interpolation="nearest"
        )
        axes.set_axis_off()
        if title:
            axes.set_title(title, fontsize=9)


def _grid(
    pixels: np.ndarray, num_cols: int, size: float, *, titled: bool
) -> np.ndarray:
    num_rows = -(-len(pixels) // num_cols)
    height, width = pixels.shape[1:3]
    # A heading needs room for two lines of small print.
    row = size * height / width + (0.4 if titled else 0.08)
    card = style.blank(((size + 0.08) * num_cols, row * num_rows), art="png")
    with mpl.rc_context(style.STYLE):
        grid = card.subplots(num_rows, num_cols, squeeze=False).ravel()
    for spare in grid[len(pixels) :]:
        spare.set_axis_off()
    return grid
