"""What is painted on: soft-edged fills, gradients, glows and noise on a Pillow image.

Shapes are drawn as masks at `oversampling` times the size, reduced, and used to composite paint through: edges come out
smooth at the cost of the shape's own box and not of the whole picture.
"""

import math
from collections.abc import Sequence
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from tatemono_studio.painter.colour import Colour

Point = tuple[float, float]
Paint = Colour | tuple[Colour, ...]
"""One colour, or several from top to bottom of the shape's box."""


class Surface:
    """`coverage` says where something was painted, for pictures with a transparent background."""

    def __init__(self, width: int, height: int, ground: Colour, oversampling: int, *, transparent: bool) -> None:
        self.width, self.height = width, height
        self.image = Image.new("RGB", (width, height), ground)
        self.coverage = Image.new("L", (width, height), 0) if transparent else None
        self.oversampling = oversampling
        self.unit = min(width, height) / 1000
        """A thousandth of the short side, in pixels: strokes keep their weight at every size."""

    def fill(
        self, outlines: Sequence[Sequence[Point]], paint: Paint, *, opacity: float = 1.0, blur: float = 0.0
    ) -> None:
        """Paint polygons given in pixels; `blur` in pixels softens their edge."""
        pad = math.ceil(blur * 3) + 2
        xs = [x for outline in outlines for x, _ in outline]
        ys = [y for outline in outlines for _, y in outline]
        if not xs:
            return
        box = self._clip(min(xs) - pad, min(ys) - pad, max(xs) + pad, max(ys) + pad)
        if box is None:
            return
        over = self.oversampling
        mask = Image.new("L", ((box[2] - box[0]) * over, (box[3] - box[1]) * over), 0)
        draw = ImageDraw.Draw(mask)
        for outline in outlines:
            draw.polygon([((x - box[0]) * over, (y - box[1]) * over) for x, y in outline], fill=255)
        self.composite(mask.reduce(over) if over > 1 else mask, box, paint, opacity=opacity, blur=blur)

    def stroke(self, points: Sequence[Point], width: float, paint: Paint, *, opacity: float = 1.0) -> None:
        """A line with round ends; `width` in pixels."""
        pad = width + 2
        box = self._clip(
            min(x for x, _ in points) - pad,
            min(y for _, y in points) - pad,
            max(x for x, _ in points) + pad,
            max(y for _, y in points) + pad,
        )
        if box is None:
            return
        over = self.oversampling
        mask = Image.new("L", ((box[2] - box[0]) * over, (box[3] - box[1]) * over), 0)
        draw = ImageDraw.Draw(mask)
        scaled = [((x - box[0]) * over, (y - box[1]) * over) for x, y in points]
        draw.line(scaled, fill=255, width=max(1, round(width * over)), joint="curve")
        radius = width * over / 2
        for x, y in (scaled[0], scaled[-1]):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
        self.composite(mask.reduce(over) if over > 1 else mask, box, paint, opacity=opacity)

    def oval(
        self, x: float, y: float, rx: float, ry: float, paint: Paint, *, opacity: float = 1.0, blur: float = 0
    ) -> None:
        steps = max(16, min(96, int(math.hypot(rx, ry))))
        outline = [
            (x + rx * math.cos(a), y + ry * math.sin(a)) for a in (2 * math.pi * i / steps for i in range(steps))
        ]
        self.fill([outline], paint, opacity=opacity, blur=blur)

    def composite(
        self,
        mask: Image.Image,
        box: tuple[int, int, int, int],
        paint: Paint,
        *,
        opacity: float = 1.0,
        blur: float = 0.0,
    ) -> None:
        """Paint through a mask that covers `box`."""
        if blur:
            mask = mask.filter(ImageFilter.GaussianBlur(blur))
        if opacity < 1:
            mask = mask.point([round(level * opacity) for level in range(256)])
        if isinstance(paint[0], int):
            self.image.paste(paint, box, mask)
        else:
            self.image.paste(gradient(mask.size, paint), box[:2], mask)
        if self.coverage is not None:
            covered = self.coverage.crop(box)
            # How two half-transparent layers cover together is what "screen" computes.
            self.coverage.paste(ImageChops.screen(covered, mask), box[:2])

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: float, power: float = 2.0) -> None:
        """Light that fades from a point; it brightens and never darkens."""
        box = self._clip(x - radius, y - radius, x + radius, y + radius)
        if box is None:
            return
        levels = [round(255 * strength * max(0.0, 1 - level / 180) ** power) for level in range(256)]
        side = max(2, round(radius * 2))
        small = Image.radial_gradient("L").point(levels)
        left, top = box[0] - (x - radius), box[1] - (y - radius)
        scale = 256 / side
        area = (left * scale, top * scale, (left + box[2] - box[0]) * scale, (top + box[3] - box[1]) * scale)
        area = (max(0, area[0]), max(0, area[1]), min(256, area[2]), min(256, area[3]))
        mask = small.resize((box[2] - box[0], box[3] - box[1]), Image.Resampling.BICUBIC, box=area)
        part = self.image.crop(box)
        light = Image.merge("RGB", [mask.point([level * channel // 255 for level in range(256)]) for channel in colour])
        self.image.paste(ImageChops.screen(part, light), box[:2])

    def _clip(self, left: float, top: float, right: float, bottom: float) -> tuple[int, int, int, int] | None:
        box = (
            max(0, math.floor(left)),
            max(0, math.floor(top)),
            min(self.width, math.ceil(right)),
            min(self.height, math.ceil(bottom)),
        )
        return box if box[0] < box[2] and box[1] < box[3] else None


def gradient(size: tuple[int, int], colours: Sequence[Colour]) -> Image.Image:
    """The colours one below the other, blended."""
    column = Image.new("RGB", (1, len(colours)))
    column.putdata(list(colours))
    rows = size[1]
    # Half a row more at each end, so that the first and last colour reach the edges.
    area = (0, 0.5, 1, len(colours) - 0.5) if len(colours) > 1 else (0, 0, 1, 1)
    return column.resize((1, rows), Image.Resampling.BILINEAR, box=area).resize(size, Image.Resampling.NEAREST)


def smooth(points: Sequence[Point], *, closed: bool = True, steps: int = 8) -> list[Point]:
    """A Catmull-Rom curve through the points."""
    count = len(points)
    curve = []
    for index in range(count if closed else count - 1):
        if closed:
            before, start, end, after = (points[(index + k) % count] for k in (-1, 0, 1, 2))
        else:
            before, start, end, after = (points[min(max(index + k, 0), count - 1)] for k in (-1, 0, 1, 2))
        for step in range(steps):
            t = step / steps
            curve.append(
                (
                    _catmull_rom(before[0], start[0], end[0], after[0], t),
                    _catmull_rom(before[1], start[1], end[1], after[1], t),
                )
            )
    return curve if closed else [*curve, points[-1]]


def _catmull_rom(before: float, start: float, end: float, after: float, t: float) -> float:
    return start + 0.5 * t * (
        end - before + t * (2 * before - 5 * start + 4 * end - after + t * (3 * (start - end) + after - before))
    )


def noise(size: tuple[int, int], random: Random, cells: tuple[int, int], octaves: int = 4) -> Image.Image:
    """Fractal noise, 0 to 255 around 128; `cells` are the blobs of the coarsest octave across and down."""
    # Half size is enough: the finest octave is coarser than a pixel.
    half = (max(2, size[0] // 2), max(2, size[1] // 2))
    result: Image.Image | None = None
    for octave in range(octaves):
        across, down = min(half[0], cells[0] << octave), min(half[1], cells[1] << octave)
        layer = Image.frombytes("L", (across, down), random.randbytes(across * down)).resize(
            half, Image.Resampling.BICUBIC
        )
        result = layer if result is None else Image.blend(result, layer, 1 / (octave + 2) * 0.75)
    assert result is not None
    return result.resize(size, Image.Resampling.BILINEAR)


def levels(image: Image.Image, low: float, high: float, top: int = 255) -> Image.Image:
    """Stretch a greyscale so that `low` becomes 0 and `high` becomes `top`, with a soft step between."""
    span = max(1e-6, high - low)
    table = []
    for level in range(256):
        t = min(1.0, max(0.0, (level - low) / span))
        table.append(round(top * t * t * (3 - 2 * t)))
    return image.point(table)


def grain(image: Image.Image, random: Random, amount: int) -> Image.Image:
    """Fine grain like paper or film: every level moves by at most `amount`. It also hides the bands of gradients."""
    field = Image.frombytes("L", image.size, random.randbytes(image.width * image.height))
    field = field.point([level * (2 * amount + 1) // 256 for level in range(256)])
    return ImageChops.add(image, Image.merge("RGB", (field, field, field)), 1, -amount)
