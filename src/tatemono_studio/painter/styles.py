"""Ways of painting: each takes a finished picture and returns it in another style."""

import math
from collections.abc import Callable
from random import Random
from typing import cast

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from tatemono_studio.painter.colour import Colour, mix
from tatemono_studio.painter.surface import levels, noise

PAPER: Colour = (250, 246, 236)
Style = Callable[[Image.Image, Random, float], Image.Image]
"""Takes a picture, randomness and the level of detail (about 1)."""


def _texture(size: tuple[int, int], random: Random, depth: int) -> Image.Image:
    """The texture of paper: fine noise lit from the side, near white."""
    field = noise(size, random, (size[0] // 5, size[1] // 5), 2)
    relief = ImageChops.subtract(field, ImageChops.offset(field, 2, 2), 1, 128)
    return relief.point([max(0, min(255, 255 - depth + (level - 128) * depth // 90)) for level in range(256)])


def _times(image: Image.Image, grey: Image.Image) -> Image.Image:
    return ImageChops.multiply(image, Image.merge("RGB", (grey, grey, grey)))


def _edges(image: Image.Image, radius: float, low: float, high: float) -> Image.Image:
    """Lines where tones meet, as a mask: the difference of two blurs."""
    grey = image.convert("L").filter(ImageFilter.GaussianBlur(radius * 0.45))
    return levels(ImageChops.difference(grey, grey.filter(ImageFilter.GaussianBlur(radius * 2))), low, high)


def _wobble(image: Image.Image, random: Random, cells: int, reach: float) -> Image.Image:
    """Bend the picture on a grid, as lines drawn by hand are not straight."""
    width, height = image.size
    xs = [round(width * k / cells) for k in range(cells + 1)]
    ys = [round(height * k / cells) for k in range(cells + 1)]

    def moved_along(position: int, length: int) -> float:
        # The picture's own edge stays, or emptiness would come in.
        return position if position in (0, length) else position + random.uniform(-reach, reach)

    moved = [[(moved_along(x, width), moved_along(y, height)) for x in xs] for y in ys]
    mesh = [
        (
            (xs[i], ys[j], xs[i + 1], ys[j + 1]),
            (*moved[j][i], *moved[j + 1][i], *moved[j + 1][i + 1], *moved[j][i + 1]),
        )
        for j in range(cells)
        for i in range(cells)
    ]
    return image.transform(image.size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)


def _calm(image: Image.Image) -> Image.Image:
    """Small detail wiped away, edges kept: a median at half size, where it costs a tenth."""
    half = image.resize((max(1, image.width // 2), max(1, image.height // 2)), Image.Resampling.BOX)
    return half.filter(ImageFilter.MedianFilter(3)).resize(image.size, Image.Resampling.BICUBIC)


def watercolor(image: Image.Image, random: Random, detail: float) -> Image.Image:
    size, unit = image.size, min(image.size) / 1000
    wet = _wobble(image, random, 40, 3.4 * unit)
    wet = wet if detail > 1 else _calm(wet)
    wet = Image.blend(wet, Image.new("RGB", size, PAPER), 0.2)
    wet = ImageEnhance.Color(wet).enhance(1.25)
    pools = noise(size, random, (5, 5), 5)
    wet = _times(wet, pools.point([min(255, 208 + level // 4) for level in range(256)]))
    bloom = levels(noise(size, random, (4, 4), 5), 140, 205, 120)
    wet.paste(PAPER, (0, 0), bloom)
    rims = _edges(wet, 5 * unit, 4, 40).point([level // 3 for level in range(256)])
    wet = Image.composite(ImageEnhance.Brightness(wet).enhance(0.62), wet, rims)
    frame = Image.new("L", size, 0)
    border = round(44 * unit)
    ImageDraw.Draw(frame).rectangle((border, border, size[0] - border, size[1] - border), fill=255)
    ragged = ImageChops.add(
        frame.filter(ImageFilter.GaussianBlur(22 * unit)), noise(size, random, (18, 18), 4), 1, -128
    )
    sheet = Image.new("RGB", size, PAPER)
    sheet.paste(wet, (0, 0), levels(ragged, 96, 124))
    return _times(sheet, _texture(size, random, 20))


def pixel(image: Image.Image, random: Random, detail: float) -> Image.Image:
    """A small grid and few colours."""
    del random
    short = round(112 * (detail**0.5))
    scale = short / min(image.size)
    small = image.resize(
        (max(8, round(image.width * scale)), max(8, round(image.height * scale))), Image.Resampling.BOX
    )
    small = ImageEnhance.Contrast(ImageEnhance.Color(small).enhance(1.3)).enhance(1.12)
    few = small.quantize(30, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).convert("RGB")
    return few.resize(image.size, Image.Resampling.NEAREST)


def ink(image: Image.Image, random: Random, detail: float) -> Image.Image:
    """Brush lines and grey washes on paper."""
    size, unit = image.size, min(image.size) / 1000
    bent = _wobble(image, random, 36, 3 * unit)
    grey = ImageOps.autocontrast(bent.convert("L").filter(ImageFilter.GaussianBlur(5 * unit)), cutoff=2)
    wash = grey.point([min(255, 150 + round(level / 255 * 5) * 24) for level in range(256)]).filter(
        ImageFilter.GaussianBlur(2.4 * unit)
    )
    wash = ImageChops.lighter(wash, levels(noise(size, random, (4, 4), 5), 96, 170, 250))
    sheet = _times(Image.new("RGB", size, PAPER), wash)
    lines = _edges(bent, (1.5 + detail * 0.4) * unit, 7, 34)
    broken = ImageChops.multiply(lines, levels(noise(size, random, (30, 30), 3), 40, 110))
    sheet.paste((38, 36, 44), (0, 0), broken.point([level * 7 // 8 for level in range(256)]))
    return _times(sheet, _texture(size, random, 18))


def ukiyoe(image: Image.Image, random: Random, detail: float) -> Image.Image:
    """Few flat colours, dark outlines, washi under it, a seal in the corner."""
    size, unit = image.size, min(image.size) / 1000
    calm = _calm(image).filter(ImageFilter.GaussianBlur(1.6 * unit))
    flat = calm.quantize(round(15 * detail) + 3, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).convert("RGB")
    flat = Image.blend(flat, calm, 0.3)
    aged = ImageChops.multiply(ImageEnhance.Color(flat).enhance(0.95), Image.new("RGB", size, (250, 238, 212)))
    aged = ImageChops.screen(aged, Image.new("RGB", size, (24, 20, 26)))
    aged.paste((36, 38, 66), (0, 0), _edges(calm, 2.4 * unit, 7, 26).point([level * 4 // 5 for level in range(256)]))
    fibres = noise(size, random, (4, 140), 2).point([min(255, 226 + level // 6) for level in range(256)])
    sheet = _times(_times(aged, fibres), _texture(size, random, 14))
    draw = ImageDraw.Draw(sheet)
    margin, seal = 26 * unit, 46 * unit
    draw.rectangle((margin * 1.4, margin * 1.4, margin * 1.4 + seal, margin * 1.4 + seal * 1.5), fill=(178, 52, 44))
    for row in range(3):
        y = margin * 1.4 + seal * (0.28 + 0.42 * row)
        draw.line(
            (margin * 1.4 + seal * 0.25, y, margin * 1.4 + seal * 0.75, y),
            fill=(246, 228, 204),
            width=max(1, round(4 * unit)),
        )
    draw.rectangle(
        (margin * 0.55, margin * 0.55, size[0] - margin * 0.55, size[1] - margin * 0.55),
        outline=(44, 44, 66),
        width=max(1, round(3 * unit)),
    )
    return sheet


def neon(image: Image.Image, random: Random, detail: float) -> Image.Image:
    """Bright parts bleed light, edges shine, lines of a screen."""
    del random, detail
    unit = min(image.size) / 1000
    vivid = ImageEnhance.Contrast(ImageEnhance.Color(image).enhance(1.4)).enhance(1.12)
    lights = vivid.point([max(0, level - 120) * 255 // 135 for level in range(256)] * 3)
    quarter = lights.resize((max(1, image.width // 4), max(1, image.height // 4)), Image.Resampling.BOX)
    bloom = quarter.filter(ImageFilter.GaussianBlur(5 * unit + 1)).resize(image.size, Image.Resampling.BICUBIC)
    glowing = ImageChops.screen(vivid, bloom.point([level * 4 // 5 for level in range(256)] * 3))
    rim = _edges(image, 2.2 * unit, 10, 60)
    rims = Image.merge(
        "RGB",
        (
            rim.point([v // 2 for v in range(256)]),
            rim.point([v // 6 for v in range(256)]),
            rim.point([v // 2 for v in range(256)]),
        ),
    )
    rows = Image.new("L", (1, 4), 255)
    rows.putpixel((0, 3), 226)
    tiled = Image.new("L", (1, image.height))
    for y in range(0, image.height, 4):
        tiled.paste(rows, (0, y))
    return _times(ImageChops.screen(glowing, rims), tiled.resize(image.size))


def flat(image: Image.Image, random: Random, detail: float) -> Image.Image:
    """Clean areas of colour, as on a poster."""
    del random
    unit = min(image.size) / 1000
    half = image.resize((max(1, image.width // 2), max(1, image.height // 2)), Image.Resampling.BOX)
    calm = half.filter(ImageFilter.MedianFilter(3)).filter(ImageFilter.GaussianBlur(2 * unit))
    few = calm.quantize(round(18 * detail), Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).convert("RGB")
    # A median of flat areas rounds their steps; the larger size makes the rest smooth.
    few = few.filter(ImageFilter.MedianFilter(5)).resize(image.size, Image.Resampling.BICUBIC)
    return ImageEnhance.Color(few).enhance(1.12)


def oil(image: Image.Image, random: Random, detail: float) -> Image.Image:
    """Strokes along a flowing field, broad ones first, their ridges catching light."""
    size, unit = image.size, min(image.size) / 1000
    ground = ImageEnhance.Color(image.filter(ImageFilter.GaussianBlur(6 * unit))).enhance(1.25)
    canvas, relief = ground.copy(), Image.new("L", size, 128)
    field = noise((64, 64), random, (3, 3), 2).tobytes()
    source = ImageEnhance.Color(image).enhance(1.25).load()
    assert source is not None
    draw, bumps = ImageDraw.Draw(canvas), ImageDraw.Draw(relief)
    for width, length, count in ((17, 62, 1500), (10, 38, 2600), (5.5, 20, 3600)):
        for _ in range(round(count * detail)):
            x, y = random.randrange(size[0]), random.randrange(size[1])
            angle = field[y * 63 // size[1] * 64 + x * 63 // size[0]] / 255 * math.pi * 1.6 - 0.6
            dx, dy = math.cos(angle) * length * unit / 2, math.sin(angle) * length * unit / 2
            red, green, blue = cast("Colour", source[x, y])
            shift = random.randint(-14, 14)
            thick = max(1, round(width * unit))
            draw.line((x - dx, y - dy, x + dx, y + dy), fill=(red + shift, green + shift, blue + shift), width=thick)
            bumps.line((x - dx, y - dy, x + dx, y + dy), fill=128 + shift * 4, width=thick)
    light = ImageChops.subtract(relief, ImageChops.offset(relief, 2, 2), 1.6, 128).filter(ImageFilter.GaussianBlur(0.8))
    shine = Image.merge("RGB", (light, light, light))
    mixed = Image.blend(canvas, image, 0.12)
    return ImageChops.add(mixed, shine.point([level // 4 for level in range(256)] * 3), 1, -32)


STYLES: dict[str, Style] = {
    "watercolor": watercolor,
    "pixel": pixel,
    "ink": ink,
    "ukiyoe": ukiyoe,
    "neon": neon,
    "flat": flat,
    "oil": oil,
}


def tint(image: Image.Image, dark: Colour, bright: Colour, share: float) -> Image.Image:
    """Map the tones onto two colours and blend that in."""
    toned = ImageOps.colorize(
        image.convert("L"), mix(dark, (0, 0, 0), 0.35), mix(bright, (255, 255, 255), 0.2), mid=mix(dark, bright, 0.5)
    )
    return Image.blend(image, toned, share)
