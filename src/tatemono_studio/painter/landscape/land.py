"""Ridges, peaks, water, ground and a table."""

import math
from itertools import pairwise
from random import Random

from PIL import Image, ImageChops, ImageFilter

from tatemono_studio.painter.colour import BLACK, WHITE, Colour, Light, lit, luminance, mix
from tatemono_studio.painter.surface import Point, Surface, gradient, levels, noise


def ridge(width: float, base: float, height: float, random: Random, roughness: float, start: int = 4) -> list[Point]:
    """A skyline by midpoint displacement: `roughness` near 0.5 is jagged rock, near 0.3 soft hills."""
    heights = [random.random() for _ in range(start + 1)]
    swing = 0.5
    while len(heights) < 140:
        swing *= roughness
        finer = []
        for left, right in pairwise(heights):
            finer += [left, (left + right) / 2 + random.uniform(-swing, swing)]
        heights = [*finer, heights[-1]]
    last = len(heights) - 1
    return [(width * (index / last * 1.04 - 0.02), base - height * value) for index, value in enumerate(heights)]


def paint_ridges(
    surface: Surface,
    light: Light,
    random: Random,
    horizon: float,
    colour: Colour,
    *,
    count: int,
    height: float,
    roughness: float,
    near: float = 0.75,
) -> None:
    """Layers of land, the far ones pale with air."""
    for layer in range(count):
        depth = (layer + 1) / count
        tone = mix(light.horizon, lit(colour, light.light), 0.18 + near * depth)
        base = horizon + surface.height * 0.012 * layer
        line = ridge(surface.width, base, height * (1 - 0.55 * (depth - 1 / count)), random, roughness, 3 + layer)
        outline = [*line, (surface.width * 1.02, surface.height), (-surface.width * 0.02, surface.height)]
        bottom = mix(tone, light.horizon, 0.55)
        surface.fill([outline], (tone, mix(tone, bottom, 0.5), bottom, bottom, bottom))


def paint_peak(
    surface: Surface, light: Light, random: Random, x: float, base: float, size: float, colour: Colour, *, fuji: bool
) -> None:
    """One great mountain with snow, lit from one side."""
    half = size * (1.3 if fuji else 1.0)
    top = base - size
    slope = 1.5 if fuji else 1.12
    left = [(x - half * (1 - t / 24) ** slope - half * 0.05, base - size * t / 24) for t in range(25)]
    right = [(x + half * (1 - t / 24) ** slope + half * 0.05, base - size * t / 24) for t in range(24, -1, -1)]
    if not fuji:
        left = [(px + random.uniform(-1, 1) * size * 0.02, py + random.uniform(-1, 1) * size * 0.02) for px, py in left]
        right = [
            (px + random.uniform(-1, 1) * size * 0.02, py + random.uniform(-1, 1) * size * 0.02) for px, py in right
        ]
    body = mix(lit(colour, light.light), light.middle, 0.3)
    foot = mix(body, light.horizon, 0.75)
    surface.fill([left + right], (body, mix(body, foot, 0.4), foot))
    middle = [
        (x + random.uniform(-0.05, 0.09) * size + 0.1 * size * math.sin(t * 0.8), top + size * t / 12)
        for t in range(13)
    ]
    middle[0] = (x, top)
    surface.fill([[*middle, *reversed(right)]], (mix(body, BLACK, 0.2), mix(foot, BLACK, 0.05)), opacity=0.5)
    snow = mix(lit(WHITE, light.light), light.shine, 0.25)
    line = 0.34 if fuji else 0.42
    cut = int(24 * (1 - line))
    edge_left, edge_right = left[cut], right[24 - cut]
    teeth = 9
    zigzag = []
    for tooth in range(1, teeth):
        along = tooth / teeth
        drop = size * (random.uniform(0.03, 0.11) if tooth % 2 else -random.uniform(0.0, 0.05))
        zigzag.append((edge_right[0] + (edge_left[0] - edge_right[0]) * along, edge_right[1] + drop))
    cap = [*left[cut:], *right[: 25 - cut], *zigzag]
    surface.fill([cap], (snow, mix(snow, body, 0.12)))
    shade = [point for point in cap if point[0] >= x - size * 0.01]
    if len(shade) > 2:
        surface.fill([[(x, top), *shade]], mix(snow, light.middle, 0.55), opacity=0.55)


def paint_water(
    surface: Surface,
    light: Light,
    random: Random,
    top: float,
    bottom: float,
    *,
    shine_x: float | None,
    colour: Colour | None = None,
) -> None:
    """A mirror of what stands above, darkened, broken by ripples that widen towards the viewer."""
    y0, y1 = round(top), min(surface.height, round(bottom))
    width, height = surface.width, y1 - y0
    if height < 4:
        return
    deep = (colour and lit(colour, light.light)) or mix(mix(light.top, light.middle, 0.35), (20, 70, 90), 0.25)
    source = (
        surface.image.crop((0, max(0, y0 - height), width, y0))
        .transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        .resize((width, height))
    )
    mirrored = source.filter(ImageFilter.BoxBlur(surface.unit * 3))
    # Rows are shifted against each other: the ripples.
    rippled = mirrored.copy()
    row = 0
    while row < height:
        thick = max(1, round((1 + 5 * row / height) * surface.unit * 1.6))
        shift = round(random.uniform(-1, 1) * surface.unit * (2 + 15 * row / height))
        rippled.paste(mirrored.crop((0, row, width, min(height, row + thick))), (shift, row))
        row += thick
    tinted = Image.composite(
        gradient((width, height), (mix(light.horizon, deep, 0.45), deep, mix(deep, BLACK, 0.25))),
        rippled,
        gradient((1, height), ((90,) * 3, (160,) * 3, (215,) * 3)).convert("L").resize((width, height)),
    )
    surface.image.paste(tinted, (0, y0))
    _paint_glints(surface, light, random, y0, height, shine_x)


def _paint_glints(surface: Surface, light: Light, random: Random, y0: int, height: int, shine_x: float | None) -> None:
    bright = mix(light.shine, WHITE, 0.2)
    for _ in range(150):
        depth = random.random() ** 1.6
        if shine_x is not None and random.random() < 0.62:
            x = random.gauss(shine_x, surface.width * (0.025 + 0.06 * depth))
            opacity = random.uniform(0.35, 0.9)
        else:
            x, opacity = random.random() * surface.width, random.uniform(0.05, 0.25)
        y = y0 + 3 + depth * (height - 6)
        length = surface.unit * (6 + 42 * depth) * random.uniform(0.5, 1.2)
        surface.oval(x, y, length, surface.unit * (0.7 + 1.8 * depth), bright, opacity=opacity)


def paint_ground(
    surface: Surface, light: Light, random: Random, top: float, colour: Colour, *, bumps: float = 0.03
) -> None:
    """The land one stands on, textured with noise."""
    near = lit(colour, light.light)
    line = ridge(surface.width, top, surface.height * bumps, random, 0.32, 2)
    outline = [*line, (surface.width * 1.02, surface.height + 2), (-surface.width * 0.02, surface.height + 2)]
    far = mix(near, light.horizon, 0.42)
    surface.fill([outline], (far, mix(far, near, 0.6), near, mix(near, BLACK, 0.28)))
    y0 = round(top)
    size = (surface.width, surface.height - y0)
    if size[1] > 4:
        mottle = levels(noise(size, random, (7, 12), 4), 90, 190, 60)
        surface.image.paste(
            mix(near, WHITE, 0.35),
            (0, y0),
            ImageChops.multiply(mottle, gradient((1, size[1]), ((40,) * 3, (255,) * 3)).convert("L").resize(size)),
        )


def paint_table(surface: Surface, light: Light, random: Random, top: float, colour: Colour) -> None:
    """A room for a still life: a wall with window light, a board with grain."""
    surface.image.paste(
        gradient((surface.width, round(top)), (mix(light.top, BLACK, 0.1), light.middle, light.horizon)), (0, 0)
    )
    tilt, pane = surface.width * 0.1, surface.width * 0.15
    for row in range(2):
        for column in range(2):
            x = surface.width * 0.14 + column * pane * 1.12 + row * tilt
            y = top * 0.16 + row * pane * 1.25 + column * pane * 0.1
            surface.fill(
                [
                    [
                        (x, y),
                        (x + pane, y + pane * 0.1),
                        (x + pane + tilt * 0.9, y + pane * 1.22),
                        (x + tilt * 0.9, y + pane * 1.12),
                    ]
                ],
                mix(light.shine, WHITE, 0.4),
                opacity=0.32,
                blur=surface.unit * 9,
            )
    wood = lit(colour, light.light)
    y0 = round(top)
    board = (surface.width, surface.height - y0)
    surface.image.paste(gradient(board, (mix(wood, light.shine, 0.3), wood, mix(wood, BLACK, 0.25))), (0, y0))
    fibres = levels(noise(board, random, (2, 46), 3), 100, 180, 70 if luminance(wood) > 0.3 else 50)
    surface.image.paste(mix(wood, BLACK, 0.4), (0, y0), fibres)
