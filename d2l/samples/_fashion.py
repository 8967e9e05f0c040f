"""Drawn garments, in the format of Fashion-MNIST.

A garment here is a silhouette with a shade, and only as hard to tell from
the others as the real ones are for a linear model.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

_SIDE = 28  # pixels

# How far a point lies inside a shape, negative outside; 1 is half a picture.
_Inside = Float[Tensor, "sample 28 28"]
# One number per picture.
_Each = Float[Tensor, "sample 1 1"]
_Parts = tuple[
    tuple[UInt8[Tensor, "train 1 28 28"], Int64[Tensor, " train"]],
    tuple[UInt8[Tensor, "test 1 28 28"], Int64[Tensor, " test"]],
]


def fashion(*, num_train: int, num_test: int, seed: int) -> _Parts:
    """Draw garments in the format of Fashion-MNIST.

    Ten kinds in equal shares: t-shirt, trouser, pullover, dress, coat,
    sandal, shirt, sneaker, bag, ankle boot. Cut, place, tilt, shade and
    pattern are random, and part of a garment may be hidden. A linear model
    tells about 85 % of them apart, a small convolutional network over 90 %.

    Args:
        num_train: How many training pictures.
        num_test: How many test pictures.
        seed: Where all draws come from; the global generator is untouched.

    Returns:
        Training and test pictures with their labels. Pictures are bytes,
        0 is the background; labels are places in the list above. The test
        pictures depend on the seed alone, not on ``num_train``.

    Raises:
        ValueError: A number of pictures is below 1.
    """
    for name, number in (("num_train", num_train), ("num_test", num_test)):
        if number < 1:
            raise ValueError(f"{name} is {number}; draw 1 picture or more")
    return _draw(num_train, 2 * seed), _draw(num_test, 2 * seed + 1)


@dataclass(frozen=True)
class _Pen:
    """Draws one kind of garment, many pictures at a time.

    ``x`` and ``y`` are the places of the pixels as the garment sees them:
    from -1 to 1, left to right and top to bottom.
    """

    x: _Inside
    y: _Inside
    generator: torch.Generator

    def any(self, low: float, high: float) -> _Each:
        """Draw one number per picture, all equally likely."""
        return _any(len(self.x), low, high, self.generator)

    def near(self, value: float, reach: float = 0.06) -> _Each:
        """Draw one number per picture, not far from a value."""
        return self.any(value - reach, value + reach)

    def chance(self, probability: float) -> _Each:
        """Draw 1 with a probability, else 0, for each picture."""
        return (self.any(0.0, 1.0) < probability).float()

    def body(self, top: _Each, bottom: _Each, *widths: _Each) -> _Inside:
        """Draw a symmetric shape, given half its width from top to bottom."""
        return torch.minimum(
            _along((self.y - top) / (bottom - top), widths) - self.x.abs(),
            torch.minimum(self.y - top, bottom - self.y),
        )

    def shoe(self, floor: _Each, *heights: _Each) -> _Inside:
        """Draw a shape on a floor, given its height from toe to heel."""
        height = _along((self.x + 0.8) / 1.6, heights)
        return torch.minimum(
            torch.minimum(self.y - floor + height, floor - self.y),
            0.8 - self.x.abs(),
        )

    def limb(
        self,
        x: _Inside,
        start: tuple[_Each, _Each],
        end: tuple[_Each, _Each],
        radius: _Each,
    ) -> _Inside:
        """Draw a straight stroke with round ends."""
        dx, dy = end[0] - start[0], end[1] - start[1]
        from_x, from_y = x - start[0], self.y - start[1]
        along = (from_x * dx + from_y * dy) / (dx * dx + dy * dy)
        along = along.clamp(0, 1)
        return radius - torch.hypot(from_x - along * dx, from_y - along * dy)

    def sleeves(self, length: _Each, *, radius: float = 0.13) -> _Inside:
        """Draw two sleeves; length 1 reaches the hem."""
        shoulder = self.near(0.36), self.near(-0.58)
        spread = self.any(0.12, 0.42)
        cuff = shoulder[0] + spread, shoulder[1] + 1.15 * length
        return self.limb(self.x.abs(), shoulder, cuff, self.near(radius, 0.03))

    def ellipse(self, y: _Each, width: _Each, height: _Each) -> _Inside:
        """Draw an ellipse on the middle line, with an approximate edge."""
        return (
            1 - torch.hypot(self.x / width, (self.y - y) / height)
        ) * torch.minimum(width, height)


def _along(place: _Inside, values: tuple[_Each, ...]) -> _Inside:
    """Join equally spaced values by straight lines, for places in [0, 1]."""
    step = place.clamp(0, 1) * (len(values) - 1)
    total = torch.zeros_like(step)
    for i, value in enumerate(values):
        total += value * (1 - (step - i).abs()).clamp(min=0)
    return total


def _union(*shapes: _Inside) -> _Inside:
    return torch.stack(shapes).amax(dim=0)


def _without(shape: _Inside, hole: _Inside) -> _Inside:
    return torch.minimum(shape, -hole)


def _t_shirt(pen: _Pen) -> _Inside:
    body = pen.body(
        pen.near(-0.7), pen.near(0.7), *(pen.near(0.42) for _ in range(3))
    )
    neck = pen.ellipse(pen.near(-0.72), pen.near(0.18), pen.near(0.12))
    return _without(_union(body, pen.sleeves(pen.any(0.15, 0.5))), neck)


def _trouser(pen: _Pen) -> _Inside:
    legs = pen.body(
        pen.near(-0.85),
        pen.near(0.85),
        pen.near(0.32),
        pen.near(0.38),
        pen.near(0.36, 0.12),
    )
    gap = pen.body(
        pen.near(-0.25, 0.2),
        pen.near(1.1),
        pen.near(0.03, 0.02),
        pen.near(0.1),
    )
    return _without(legs, gap)


def _pullover(pen: _Pen) -> _Inside:
    body = pen.body(
        pen.near(-0.7), pen.near(0.7), *(pen.near(0.42) for _ in range(3))
    )
    neck = pen.ellipse(pen.near(-0.72), pen.near(0.15), pen.near(0.08, 0.04))
    return _without(_union(body, pen.sleeves(pen.any(0.75, 1.1))), neck)


def _dress(pen: _Pen) -> _Inside:
    body = pen.body(
        pen.near(-0.85),
        pen.near(0.85),
        pen.near(0.28, 0.1),
        pen.near(0.24, 0.08),
        pen.near(0.34, 0.1),
        pen.near(0.45, 0.2),
    )
    sleeves = pen.sleeves(pen.any(0.1, 0.9), radius=0.09)
    return _union(body, sleeves - 2 * pen.chance(0.6))


def _coat(pen: _Pen) -> _Inside:
    body = pen.body(
        pen.near(-0.75), pen.near(0.85), *(pen.near(0.42) for _ in range(3))
    )
    opening = pen.body(
        pen.near(-0.8),
        pen.near(1.0),
        pen.near(0.1),
        pen.near(0.03, 0.02),
        pen.near(0.04, 0.03),
    )
    coat = _union(body, pen.sleeves(pen.any(0.75, 1.1)))
    return _without(coat, opening - pen.chance(0.25))


def _sandal(pen: _Pen) -> _Inside:
    floor = pen.near(0.45, 0.15)
    sole = pen.shoe(
        floor,
        pen.near(0.14),
        pen.near(0.14),
        pen.near(0.2),
        pen.near(0.35, 0.2),
    )
    straps = [
        pen.limb(
            pen.x,
            (pen.any(-0.7, 0.7), floor - 0.1),
            (pen.any(-0.6, 0.7), floor - pen.any(0.35, 0.9)),
            pen.near(0.06, 0.03),
        )
        for _ in range(4)
    ]
    return _union(sole, *straps)


def _shirt(pen: _Pen) -> _Inside:
    body = pen.body(
        pen.near(-0.72), pen.near(0.75), *(pen.near(0.42) for _ in range(3))
    )
    collar = pen.body(
        pen.near(-0.78),
        pen.near(-0.5, 0.15),
        pen.near(0.16),
        pen.near(0.02, 0.0),
    )
    shirt = _union(body, pen.sleeves(pen.any(0.2, 1.1)))
    buttons = torch.minimum(0.05 - pen.x.abs(), torch.sin(20 * pen.y) / 10)
    return _without(_without(shirt, collar), buttons)


def _sneaker(pen: _Pen) -> _Inside:
    return pen.shoe(
        pen.near(0.4, 0.15),
        pen.near(0.25, 0.1),
        pen.near(0.4, 0.12),
        pen.near(0.6, 0.15),
        pen.near(0.6, 0.15),
    )


def _bag(pen: _Pen) -> _Inside:
    top = pen.near(-0.15, 0.2)
    body = pen.body(
        top, pen.near(0.65, 0.15), *(pen.near(0.6, 0.2) for _ in range(3))
    )
    width, height = pen.any(0.2, 0.5), pen.any(0.2, 0.6)
    thickness = pen.near(0.1, 0.04)
    handle = _without(
        pen.ellipse(top, width, height),
        pen.ellipse(top, width - thickness, height - thickness),
    )
    return _union(body, handle)


def _ankle_boot(pen: _Pen) -> _Inside:
    shaft = pen.near(1.05, 0.3)
    return pen.shoe(
        pen.near(0.6, 0.12),
        pen.near(0.3, 0.1),
        pen.near(0.4, 0.1),
        pen.near(0.65, 0.2),
        shaft,
        shaft,
    )


_KINDS: tuple[Callable[[_Pen], _Inside], ...] = (
    _t_shirt,
    _trouser,
    _pullover,
    _dress,
    _coat,
    _sandal,
    _shirt,
    _sneaker,
    _bag,
    _ankle_boot,
)


def _draw(
    number: int, seed: int
) -> tuple[UInt8[Tensor, "sample 1 28 28"], Int64[Tensor, " sample"]]:
    """Draw labels in equal shares, and a picture for each."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(number, generator=generator, device="cpu")
    labels = order % len(_KINDS)
    images = torch.empty(number, 1, _SIDE, _SIDE, dtype=torch.uint8)
    for label, kind in enumerate(_KINDS):
        rows = (labels == label).nonzero().flatten()
        pen = _pen(len(rows), generator)
        images[rows, 0] = _paint(kind(pen), pen)
    return images, labels


def _pen(number: int, generator: torch.Generator) -> _Pen:
    """Place, scale and tilt a garment at random in each picture."""

    def near(value: float, reach: float) -> _Each:
        return _any(number, value - reach, value + reach, generator)

    line = torch.linspace(-1, 1, _SIDE, dtype=torch.float32, device="cpu")
    x = line[None, None, :] - near(0.0, 0.07)
    y = line[None, :, None] - near(0.0, 0.07)
    tilt = near(0.0, 0.15)
    return _Pen(
        (x + tilt * y) * near(1.05, 0.12),
        (y - tilt * x) * near(1.05, 0.12),
        generator,
    )


def _paint(shape: _Inside, pen: _Pen) -> UInt8[Tensor, "sample 28 28"]:
    """Fill a shape with shade and pattern, hide a part, add noise."""
    slant = pen.any(-1.0, 1.0)
    stripes = torch.sin(
        (slant * pen.x + (1 - slant.abs()) * pen.y) * pen.any(4.0, 25.0)
    )
    light = pen.any(-0.3, 0.3) * pen.x + pen.any(-0.3, 0.3) * pen.y
    shade = pen.any(0.4, 1.0) + light
    shade = shade + pen.any(0.0, 0.35) * pen.chance(0.6) * stripes
    hidden = pen.limb(
        pen.x,
        (pen.any(-1.0, 1.0), pen.any(-1.0, 1.0)),
        (pen.any(-1.0, 1.0), pen.any(-1.0, 1.0)),
        pen.any(0.05, 0.25) - pen.chance(0.6),
    )
    cover = (_without(shape, hidden) * _SIDE / 2 + 0.5).clamp(0, 1)
    noise = torch.randn(
        shape.shape, generator=pen.generator, dtype=torch.float32, device="cpu"
    )
    picture = cover * shade.clamp(min=0.1) + 0.05 * noise * (0.3 + cover)
    return (picture.clamp(0, 1) * 255).to(torch.uint8)


def _any(
    number: int, low: float, high: float, generator: torch.Generator
) -> _Each:
    """Draw one number per picture, all equally likely."""
    drawn = torch.rand(
        number, 1, 1, generator=generator, dtype=torch.float32, device="cpu"
    )
    return low + (high - low) * drawn
