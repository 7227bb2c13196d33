"""Streets of houses, far and near."""

from random import Random

from tatemono_studio.painter.colour import Colour, Light, lit, mix
from tatemono_studio.painter.surface import Point, Surface


def paint_city(
    surface: Surface, light: Light, random: Random, base: float, height: float, *, layers: int, neon: bool
) -> None:
    """Blocks behind blocks; lit windows once it is dark."""
    glass = (
        ((255, 214, 140), (255, 240, 205), (140, 220, 255))
        if not neon
        else ((255, 80, 190), (80, 240, 255), (255, 220, 120))
    )
    for layer in range(layers):
        depth = (layer + 1) / layers
        tone = mix(light.horizon, lit((72, 82, 104), light.light), 0.25 + 0.7 * depth)
        x = -surface.unit * random.uniform(0, 60)
        while x < surface.width:
            wide = surface.unit * random.uniform(48, 120) * (0.6 + 0.5 * depth)
            tall = height * random.uniform(0.35, 1.0) * (1.05 - 0.4 * depth) * (1.5 if random.random() < 0.12 else 1)
            foot = base + surface.unit * 26 * layer
            roof = foot - tall
            surface.fill(
                [[(x, surface.height), (x, roof), (x + wide, roof), (x + wide, surface.height)]],
                (tone, mix(tone, light.horizon, 0.3), mix(tone, light.horizon, 0.4)),
            )
            if random.random() < 0.3:
                surface.stroke([(x + wide / 2, roof), (x + wide / 2, roof - tall * 0.16)], surface.unit * 2.2, tone)
            _paint_windows(surface, light, random, (x, roof, wide, foot - roof), depth, tone, glass)
            x += wide * random.uniform(0.9, 1.15)


def _paint_windows(
    surface: Surface,
    light: Light,
    random: Random,
    block: tuple[float, float, float, float],
    depth: float,
    wall: Colour,
    glass: tuple[Colour, ...],
) -> None:
    x, y, wide, tall = block
    step = surface.unit * (10 + 7 * depth)
    by_colour: dict[Colour, list[list[Point]]] = {}
    for row in range(int((tall - step) / step)):
        for column in range(int((wide - step * 0.7) / step)):
            if random.random() < (0.42 if light.dark else 0.7):
                left, top = x + step * (0.55 + column), y + step * (0.6 + row)
                tone = random.choice(glass) if light.dark else mix(wall, light.middle, 0.5)
                by_colour.setdefault(tone, []).append(
                    [
                        (left, top),
                        (left + step * 0.5, top),
                        (left + step * 0.5, top + step * 0.55),
                        (left, top + step * 0.55),
                    ]
                )
    for tone, panes in by_colour.items():
        surface.fill(panes, tone, opacity=0.35 + 0.55 * depth)
