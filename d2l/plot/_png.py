"""A matplotlib figure as a small PNG that shows its pixels exactly.

The same figure always gives the same bytes: no date, no software label.
"""

import io
import warnings
from typing import Any

from matplotlib.figure import Figure

from d2l.plot import _style

# CSS pixels per inch, and image pixels per CSS pixel.
CSS_DPI = 96
SHARPNESS = 2


def css_size(figure: Figure) -> tuple[int, int]:
    """Width and height of a figure in CSS pixels (1/96 inch)."""
    width, height = figure.get_size_inches().tolist()
    return round(width * CSS_DPI), round(height * CSS_DPI)


def png(figure: Figure) -> bytes:
    """Return a figure as PNG, in the fewest colours that show it exactly."""
    from PIL import Image

    buffer = io.BytesIO()
    with _style.without_glyph_warnings() as missing:
        figure.savefig(buffer, format="png", dpi=CSS_DPI * SHARPNESS)
    if missing:
        warnings.warn(
            f"no font here writes {len(set(missing))} of the characters in "
            "this picture, which shows boxes for them; name a font that has "
            "them, such as plt.rcParams['font.sans-serif'] = "
            "['Noto Sans CJK SC']",
            stacklevel=2,
        )
    full = Image.open(buffer).convert("RGB")
    colors: list[tuple[int, Any]] = full.getcolors(256) or []
    image = full
    if colors and all(r == g == b for _, (r, g, b) in colors):
        image = full.convert("L")
    elif colors:
        image = full.quantize(len(colors), dither=Image.Dither.NONE)
        if image.convert("RGB").tobytes() != full.tobytes():
            image = full
    small = io.BytesIO()
    image.save(small, format="png", optimize=True)
    return small.getvalue()
