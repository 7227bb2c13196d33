"""Trees and grass."""

import math
from random import Random

from tatemono_studio.painter.colour import BLACK, WHITE, Colour, Light, lit, mix
from tatemono_studio.painter.surface import Point, Surface, smooth


def paint_trees(
    surface: Surface,
    light: Light,
    random: Random,
    base: float,
    colour: Colour,
    *,
    count: int,
    height: float,
    kind: str,
    distance: float,
) -> None:
    """A row of trees: `fir`, `round`, `bamboo` or `palm`."""
    tone = mix(lit(colour, light.light), light.horizon, distance)
    for index in range(count):
        x = surface.width * ((index + random.uniform(-0.3, 1.3)) / count)
        size = height * random.uniform(0.7, 1.15)
        foot = base + random.uniform(0, 0.02) * surface.height
        shade = mix(tone, BLACK, random.uniform(0, 0.22))
        paint_tree(surface, random, x, foot, size, shade, mix(shade, light.shine, 0.16), kind)


def paint_tree(
    surface: Surface, random: Random, x: float, foot: float, size: float, dark: Colour, bright: Colour, kind: str
) -> None:
    painters = {"fir": _fir, "bamboo": _bamboo, "palm": _palm, "round": _broadleaf}
    painters[kind](surface, random, x, foot, size, dark, bright)


def _fir(surface: Surface, random: Random, x: float, foot: float, size: float, dark: Colour, bright: Colour) -> None:
    tiers = []
    for tier in range(6):
        top, low = foot - size * (1 - tier * 0.145), foot - size * (0.74 - tier * 0.135)
        half = size * (0.07 + tier * 0.042) * random.uniform(0.85, 1.1)
        inner, sag = half * 0.3, low - size * 0.02
        tiers.append([(x, top), (x + half, low), (x + inner, sag), (x - inner, sag), (x - half, low)])
    below, above = size * 0.018, size * 0.012
    middle = foot - size * 0.5
    surface.fill([[(x - below, foot), (x - above, middle), (x + above, middle), (x + below, foot)]], _bark(dark))
    surface.fill(tiers, (bright, dark, mix(dark, BLACK, 0.15)))


def _bamboo(surface: Surface, random: Random, x: float, foot: float, size: float, dark: Colour, bright: Colour) -> None:
    lean = random.uniform(-0.03, 0.03) * size
    surface.stroke([(x, foot), (x + lean, foot - size)], size * 0.018, (bright, dark))
    for leaf in range(9):
        at = random.uniform(0.45, 1.0)
        lx, ly, away = x + lean * at, foot - size * at, random.choice((-1, 1)) * size * random.uniform(0.05, 0.1)
        tip = (lx + away, ly + size * 0.03)
        blade = [(lx, ly), (lx + away * 0.5, ly - size * 0.012), tip, (lx + away * 0.5, ly + size * 0.016)]
        surface.fill([smooth(blade)], mix(dark, bright, leaf / 9))


def _palm(surface: Surface, random: Random, x: float, foot: float, size: float, dark: Colour, bright: Colour) -> None:
    bend = random.choice((-1, 1)) * size * 0.12
    head = (x + bend, foot - size * 0.86)
    trunk = smooth([(x, foot), (x + bend * 0.5, foot - size * 0.45), head], closed=False)
    surface.stroke(trunk, size * 0.035, _bark(dark))
    for frond in range(9):
        angle = math.pi * (0.95 + 1.1 * frond / 8)
        droop = abs(frond - 4) * size * 0.02
        tip = (head[0] + math.cos(angle) * size * 0.36, head[1] + math.sin(angle) * size * 0.2 + size * 0.11)
        half_way, high = (head[0] + tip[0]) / 2, foot - size * 0.95 + droop
        blade = smooth([head, (half_way, high), tip, (half_way, high + size * 0.06)])
        surface.fill([blade], mix(dark, bright, (frond % 3) / 2))


def _broadleaf(
    surface: Surface, random: Random, x: float, foot: float, size: float, dark: Colour, bright: Colour
) -> None:
    trunk = smooth([(x, foot), (x + size * 0.02, foot - size * 0.25), (x, foot - size * 0.5)], closed=False)
    surface.stroke(trunk, size * 0.055, _bark(dark))
    for _ in range(3):
        way = random.uniform(-0.22, 0.22)
        surface.stroke([(x, foot - size * 0.3), (x + way * size, foot - size * 0.62)], size * 0.022, _bark(dark))
    crown_of(surface, random, x, foot - size * 0.66, size * 0.36, dark, bright)


def _bark(leaves: Colour) -> Colour:
    return mix(leaves, (70, 48, 40), 0.6)


def crown_of(surface: Surface, random: Random, x: float, y: float, radius: float, dark: Colour, bright: Colour) -> None:
    """Clumps of leaves or blossom, light on the upper left."""
    tones = (mix(dark, BLACK, 0.16), dark, mix(dark, bright, 0.4), mix(dark, bright, 0.75), bright)
    for layer, tone in enumerate(tones):
        reach = 1 - 0.13 * layer
        clumps = []
        for _ in range(26 - layer * 2 if radius > 60 else 10 - layer):
            angle, far = random.random() * math.tau, random.random() ** 0.55 * reach
            cx = x + math.cos(angle) * radius * far * 1.12 - radius * 0.06 * layer
            cy = y + math.sin(angle) * radius * far * 0.8 - radius * (0.07 * layer - 0.08)
            size = radius * random.uniform(0.13, 0.27) * (1.15 - 0.14 * layer)
            clumps.append(
                smooth(
                    [
                        (
                            cx + size * random.uniform(0.75, 1.25) * math.cos(k * 0.9),
                            cy + size * 0.85 * random.uniform(0.75, 1.25) * math.sin(k * 0.9),
                        )
                        for k in range(7)
                    ],
                    steps=4,
                )
            )
        surface.fill(clumps, (mix(tone, bright, 0.2), tone, mix(tone, dark, 0.35)), opacity=0.93)
    for tone in (mix(dark, BLACK, 0.1), mix(dark, bright, 0.5), mix(bright, WHITE, 0.12)):
        surface.fill([_leaf(random, x, y, radius) for _ in range(70 if radius > 60 else 14)], tone, opacity=0.8)


def _leaf(random: Random, x: float, y: float, radius: float) -> list[Point]:
    angle, far, size = random.random() * math.tau, random.random() ** 0.5 * 1.12, radius * random.uniform(0.02, 0.05)
    cx, cy, turn = (
        x + math.cos(angle) * radius * far * 1.1,
        y + math.sin(angle) * radius * far * 0.82,
        random.random() * math.tau,
    )
    return [
        (cx + size * math.cos(turn + k * 1.571) * (1.6 if k % 2 else 0.8), cy + size * math.sin(turn + k * 1.571))
        for k in range(4)
    ]


def paint_grass(
    surface: Surface, light: Light, random: Random, top: float, colour: Colour, *, blades: int, flowers: Colour | None
) -> None:
    """Blades and blossoms that grow taller towards the viewer."""
    tone = lit(colour, light.light)
    for index in range(blades):
        depth = (index / blades) ** 1.4
        y = top + (surface.height * 1.03 - top) * depth
        x = random.random() * surface.width
        tall = surface.unit * (8 + 62 * depth) * random.uniform(0.5, 1.2)
        lean = random.uniform(-0.35, 0.35) * tall
        half = surface.unit * (0.8 + 2.4 * depth)
        shade = mix(
            mix(tone, light.horizon, 0.35 * (1 - depth)),
            BLACK if random.random() < 0.5 else light.shine,
            random.uniform(0, 0.2),
        )
        bend, tip = x + lean * 0.4, (x + lean, y - tall)
        blade = [(x - half, y), (bend, y - tall * 0.6), tip, (bend + half * 0.8, y - tall * 0.55), (x + half, y)]
        surface.fill([blade], shade)
        if flowers and random.random() < 0.4:
            petal = mix(lit(flowers, light.light), WHITE, random.uniform(0, 0.4))
            _blossom(surface, tip, surface.unit * (1.6 + 8 * depth), petal, lit((255, 214, 100), light.light))


def _blossom(surface: Surface, at: Point, size: float, petal: Colour, heart: Colour) -> None:
    for k in range(5):
        x, y = at[0] + math.cos(k * 1.257) * size, at[1] + math.sin(k * 1.257) * size * 0.8
        surface.oval(x, y, size * 0.75, size * 0.65, petal)
    surface.oval(*at, size * 0.45, size * 0.4, heart)
