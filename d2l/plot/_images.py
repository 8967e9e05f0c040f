"""Images side by side, and boxes over what they show."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from d2l.plot import _card, _style
from d2l.plot._arrays import Values, array


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
        images: Shape ``(n, h, w)`` or ``(n, 1, h, w)`` for grey images,
            ``(n, 3, h, w)`` for images in colour; one grey image of shape
            ``(h, w)``; or a list of images of one shape. ``(3, h, w)`` is
            one image in colour where ``ax`` or ``titles`` speak of one
            image, and three grey ones where ``titles`` or ``num_cols``
            speak of several. Integers count from 0 to 255.
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
        ValueError: The shape is none of these or could mean two things,
            there is no image, or the number of titles is not the number
            of images.
    """
    num = None if num_cols == 1 else num_cols  # one column may be long
    if ax is not None:
        num = 1
    if titles is not None:
        num = len(titles)
    pixels = _pixels(images, num)  # (n, h, w) or (n, h, w, 3)
    names = _names(titles, len(pixels))
    low, high = limits or _limits(pixels)
    if ax is not None:
        _card.check_axes(ax)
        if len(pixels) != 1:
            raise ValueError(
                f"ax holds one image; received {len(pixels)}: "
                "leave ax out, or hand over one image"
            )
        _show(ax, pixels[0], names[0], low, high)
        if isinstance(ax.figure, _card.Card):
            ax.figure.art = "png"
        return ax
    num_cols = min(num_cols or 8, len(pixels))
    axes = _grid(pixels, num_cols, size, titled=titles is not None)
    for one, image, name in zip(axes, pixels, names, strict=False):
        _show(one, image, name, low, high)
    return axes[: len(pixels)]


def boxes(
    image: Axes | Values,
    boxes: Values,
    *,
    labels: Sequence[Any] | None = None,
    scores: Values | None = None,
    size: float = 3.5,
) -> Axes:
    """Draw boxes over an image, each with its name and its score.

    Args:
        image: Axes that show an image, or one image: shape ``(h, w)`` or
            ``(3, h, w)``.
        boxes: Corners ``(x1, y1, x2, y2)`` in pixels from the upper left
            corner of the image, shape ``(box, 4)``; none is fine.
        labels: What is in each box; boxes of equal labels share a colour.
        scores: How sure one is of each box.
        size: Width of a new card in inches.

    Returns:
        The axes.

    Raises:
        TypeError: Corners or scores are not real numbers.
        ValueError: The boxes have another shape or are inside out, or the
            labels or scores are too few or too many.
    """
    corners = _corners(boxes)
    names = _listed(labels, "labels", len(corners))
    numbers = _listed(scores, "scores", len(corners))
    kinds = list(dict.fromkeys(names))
    if isinstance(image, Axes):
        axes = image
    else:
        pixels = array(image, "image")
        pixels = pixels[None] if pixels.ndim == 3 else pixels
        (axes,) = images(pixels, size=size)
    with _style.applied():
        for index, corner in enumerate(corners):
            color = _style.color(kinds.index(names[index]) if names else 0)
            words = [str(name) for name in names[index : index + 1]]
            words += [f"{score:.2f}" for score in numbers[index : index + 1]]
            _frame(axes, corner, " ".join(words), color)
    return axes


def _frame(axes: Axes, corner: np.ndarray, text: str, color: str) -> None:
    # The middle of the first pixel is 0, so that its left edge is -1/2.
    left, top, right, bottom = corner - 0.5
    axes.add_patch(
        Rectangle(
            (left, top),
            right - left,
            bottom - top,
            fill=False,
            edgecolor=color,
            linewidth=1.6,
        )
    )
    axes.text(
        left,
        top,
        text,
        fontsize=8,
        color=_style.ink_on(to_rgb(color)),
        verticalalignment="top",
        clip_on=True,
        bbox={"facecolor": color, "linewidth": 0, "pad": 1.5},
    )


def _corners(boxes: Values) -> np.ndarray:
    corners = array(boxes, "boxes").astype(float)
    if not corners.size:
        corners = corners.reshape(0, 4)
    if corners.ndim != 2 or corners.shape[1] != 4:
        raise ValueError(
            "boxes must be corners (x1, y1, x2, y2), shape (box, 4); "
            f"received shape {tuple(corners.shape)}"
        )
    wrong = (corners[:, :2] > corners[:, 2:]).any(axis=1)
    if wrong.any():
        raise ValueError(
            "a box runs from its upper left corner (x1, y1) to its lower "
            f"right one (x2, y2); received {corners[wrong][0].tolist()}"
        )
    return corners


def _listed(values: Any, what: str, num: int) -> list[Any]:
    """Return one value per box, or none."""
    if values is None:
        return []
    listed = list(values.tolist() if hasattr(values, "tolist") else values)
    if len(listed) != num:
        raise ValueError(
            f"received {len(listed)} {what} for {num} boxes; give one per box"
        )
    return listed


def _pixels(images: Values, num: int | None) -> np.ndarray:
    """Return ``(n, h, w)`` or ``(n, h, w, 3)``; ``num`` may tell how many."""
    pixels = array(images, "images")
    if pixels.ndim == 2:
        pixels = pixels[None]
    if pixels.ndim == 3 and not isinstance(images, list | tuple):
        pixels = _told_apart(pixels, num)
    if pixels.ndim == 4 and pixels.shape[1] in (1, 3):
        pixels = np.moveaxis(pixels, 1, -1)
        pixels = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    elif pixels.ndim != 3:
        last = pixels.ndim == 4 and pixels.shape[-1] in (1, 3)
        raise ValueError(
            "images must have shape (n, h, w), (n, 1, h, w) or "
            f"(n, 3, h, w); received {_shape(images)}"
            + ("; permute(0, 3, 1, 2) puts the colours first" if last else "")
        )
    if not pixels.size:
        raise ValueError(f"there is no image in shape {_shape(images)}")
    return pixels


def _told_apart(pixels: np.ndarray, num: int | None) -> np.ndarray:
    """Return three axes as what they mean: grey images, or one in colour."""
    first, height, width = pixels.shape
    if width == 3 and height > 3:
        raise ValueError(
            f"images of shape {pixels.shape} look like one picture with its "
            "colours last: write images.permute(2, 0, 1)[None]; for grey "
            "images 3 pixels wide write images[:, None]"
        )
    if first != 3 or height <= 3:
        return pixels
    if num is None:
        raise ValueError(
            f"images of shape {pixels.shape} are one picture in colour or "
            "three grey ones: write images[None] for the first, and "
            "images[:, None] for the second"
        )
    return pixels[None] if num == 1 else pixels


def _names(titles: Sequence[Any] | None, num: int) -> list[str]:
    if titles is None:
        return [""] * num
    if len(titles) != num:
        raise ValueError(
            f"received {len(titles)} titles for {num} images; "
            "give one title per image"
        )
    return [str(title) for title in titles]


def _shape(images: Values) -> tuple[int, ...]:
    return tuple(array(images, "images").shape)


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
    with _style.applied():
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
    card = _card.blank(((size + 0.08) * num_cols, row * num_rows), art="png")
    with _style.applied():
        grid = card.subplots(num_rows, num_cols, squeeze=False).ravel()
    for spare in grid[len(pixels) :]:
        spare.set_axis_off()
    return grid
