"""ThumbHash: a blurred placeholder of a picture in about 25 bytes.

The format is Evan Wallace's, https://evanw.github.io/thumbhash/: the lowest frequencies of the picture's cosine
transform in a luminance, two colour and, if it is transparent anywhere, an alpha channel, four bits each.
"""

from collections.abc import Sequence
from math import cos, floor, pi
from operator import mul

_LONGEST_SIDE = 100
"""The format's own limit, in pixels."""


def thumb_hash(width: int, height: int, rgba: bytes) -> bytes:
    """The hash of a small picture, four bytes a pixel, alpha not premultiplied.

    The cost grows with the pixels while the hash hardly changes: 32 pixels on the longest side are plenty.

    :raises ValueError: a side is not within 1 to 100 pixels, or `rgba` has another length
    """
    if not (1 <= width <= _LONGEST_SIDE and 1 <= height <= _LONGEST_SIDE and len(rgba) == width * height * 4):
        raise ValueError(f"{width}x{height}, {len(rgba)} bytes: sides are 1 to {_LONGEST_SIDE}, a pixel takes 4 bytes")
    luminance, yellow_blue, red_green, alpha = _channels(rgba)
    transparent = min(rgba[3::4]) < 255  # noqa: PLR2004 - opaque
    limit, longest = (5 if transparent else 7), max(width, height)
    across, down = max(1, _nearest(limit * width / longest)), max(1, _nearest(limit * height / longest))

    cosines = _Cosines(width, height)
    l_dc, l_ac, l_scale = cosines.transform(luminance, max(3, across), max(3, down))
    p_dc, p_ac, p_scale = cosines.transform(yellow_blue, 3, 3)
    q_dc, q_ac, q_scale = cosines.transform(red_green, 3, 3)

    landscape = width > height
    head = _nearest(63 * l_dc) | _nearest(31.5 + 31.5 * p_dc) << 6 | _nearest(31.5 + 31.5 * q_dc) << 12
    head |= _nearest(31 * l_scale) << 18 | transparent << 23 | (down if landscape else across) << 24
    head |= _nearest(63 * p_scale) << 27 | _nearest(63 * q_scale) << 33 | landscape << 39
    nibbles = [*l_ac, *p_ac, *q_ac]
    written = head.to_bytes(5, "little")
    if transparent:
        a_dc, a_ac, a_scale = cosines.transform(alpha, 5, 5)
        written += bytes([_nearest(15 * a_dc) | _nearest(15 * a_scale) << 4])
        nibbles += a_ac
    nibbles += [0] * (len(nibbles) % 2)
    return written + bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))


def _channels(rgba: bytes) -> tuple[list[float], list[float], list[float], list[float]]:
    """Luminance, yellow against blue, red against green, and alpha, each 0 to 1 (the colours -1 to 1).

    Where the picture is transparent its mean colour shows through, so that the edge of the shape costs no frequencies.
    """
    alpha = [value / 255 for value in rgba[3::4]]
    weight = sum(alpha) or 1
    shown = []
    for band in (rgba[0::4], rgba[1::4], rgba[2::4]):
        mean = sum(map(mul, band, alpha)) / 255 / weight
        shown.append([mean + (value / 255 - mean) * opacity for value, opacity in zip(band, alpha, strict=True)])
    colours = list(zip(*shown, strict=True))
    return (
        [(r + g + b) / 3 for r, g, b in colours],
        [(r + g) / 2 - b for r, g, b in colours],
        [r - g for r, g, _ in colours],
        alpha,
    )


class _Cosines:
    """The cosine transform for one size. Rows first, then columns: each row is summed once per frequency across."""

    def __init__(self, width: int, height: int) -> None:
        self._width = width
        self._height = height
        self._across = [[cos(pi / width * cx * (x + 0.5)) for x in range(width)] for cx in range(7)]
        self._down = [[cos(pi / height * cy * (y + 0.5)) for y in range(height)] for cy in range(7)]

    def transform(self, channel: Sequence[float], nx: int, ny: int) -> tuple[float, list[int], float]:
        """The constant part, the others as 0 to 15 in the format's order, and the largest of them."""
        rows = [channel[start : start + self._width] for start in range(0, len(channel), self._width)]
        columns = [[sum(map(mul, row, self._across[cx])) for row in rows] for cx in range(nx)]
        pixels = self._width * self._height
        found = [
            sum(map(mul, columns[cx], self._down[cy])) / pixels
            for cy in range(ny)
            for cx in range(nx)
            if cx * ny < nx * (ny - cy)
        ]
        constant, others = found[0], found[1:]
        scale = max(map(abs, others))
        if not scale:
            return constant, [0] * len(others), 0
        return constant, [_nearest(15 * (0.5 + 0.5 / scale * value)) for value in others], scale


def _nearest(value: float) -> int:
    # Python's round() takes halves to the even number, the format takes them up.
    return floor(value + 0.5)
