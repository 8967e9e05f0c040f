"""How two pictures made of pixels differ."""

import base64
import io

import numpy as np
from PIL import Image, UnidentifiedImageError

# Channels run from 0 to 255. A pixel may be a little off (a colour map turns
# a close number into the next colour), a few pixels may be anything (edges
# fall on one side or the other), but a changed digit in a title is more.
LEVELS = 8
SHARE = 5e-5
MEAN_LEVELS = 1.0


def difference(stored: str, fresh: str) -> str:
    """Say how two pictures, base64-encoded, differ; empty if they do not.

    Only sizes and pixels count, not the bytes of the files.
    """
    try:
        old = _pixels(stored)
    except ValueError as error:
        return f"the stored picture cannot be decoded: {error}"
    try:
        new = _pixels(fresh)
    except ValueError as error:
        return f"the new picture cannot be decoded: {error}"
    if old.shape != new.shape:
        sizes = [f"{x.shape[1]} x {x.shape[0]}" for x in (old, new)]
        return f"stored {sizes[0]} pixels, now {sizes[1]}"
    gap = np.abs(old - new)
    changed = int((gap.max(axis=-1) > LEVELS).sum())
    if changed > SHARE * gap[..., 0].size:
        return f"{changed} of {gap[..., 0].size} pixels differ"
    if gap.mean() > MEAN_LEVELS:
        return f"pixels differ by {gap.mean():.1f} levels on average"
    return ""


def _pixels(encoded: str) -> np.ndarray:
    """Return the picture as integers, (height, width, 4)."""
    try:
        raw = base64.b64decode("".join(encoded.split()), validate=True)
        with Image.open(io.BytesIO(raw)) as image:
            return np.asarray(image.convert("RGBA"), dtype=np.int16)
    except (ValueError, OSError, SyntaxError, UnidentifiedImageError) as error:
        raise ValueError(str(error) or type(error).__name__) from error
