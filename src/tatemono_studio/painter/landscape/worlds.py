"""Places without a horizon of their own: space, the sea floor, a table, dreams."""

import math

from PIL import Image, ImageChops

from tatemono_studio.painter.colour import BLACK, WHITE, Colour, Light, lit, mix, rgb
from tatemono_studio.painter.composition import Scene
from tatemono_studio.painter.landscape import sky
from tatemono_studio.painter.landscape.heavens import paint_heavens
from tatemono_studio.painter.landscape.land import paint_ground, paint_table, ridge
from tatemono_studio.painter.surface import Surface, gradient, levels, noise, smooth


def paint_space(scene: Scene) -> None:
    surface, light, theme, random = scene.surface, scene.light, scene.theme, scene.random
    scene.horizon = surface.height * 1.0
    sky.paint_sky(surface, light, surface.height)
    _nebula(scene)
    sky.paint_stars(surface, random, surface.height, round(1100 * scene.detail), band=theme.has("galaxy"))
    if theme.has("moon", "full_moon", "crescent"):
        sky.paint_moon(surface, light, random, *scene.shine, surface.unit * 90, crescent=False)
    if theme.has("planet") or not theme.has("galaxy", "moon", "full_moon"):
        colour = theme.own.get("planet", random.choice((rgb("d98a5a"), rgb("6f9ad0"), rgb("c8a46a"), rgb("b07ac8"))))
        paint_planet(
            scene,
            *((scene.x(0.66), scene.y(0.36)) if theme.has("astronaut", "rocket") else (scene.x(0.55), scene.y(0.45))),
            surface.unit * (190 if theme.has("astronaut", "rocket") else 270),
            colour,
        )
    if theme.has("astronaut"):
        paint_ground(surface, light, random, scene.y(0.78), rgb("b9b4b0"), bumps=0.09)


def _nebula(scene: Scene) -> None:
    surface, random = scene.surface, scene.random
    size = surface.image.size
    for colour in (*scene.theme.colours, (190, 70, 160), (60, 110, 220), (40, 170, 180))[:3]:
        mask = levels(noise(size, random, (3, 3), 5), 128, 235, 150)
        light = Image.merge("RGB", [mask.point([level * channel // 255 for level in range(256)]) for channel in colour])
        surface.image = ImageChops.screen(surface.image, light)


def paint_planet(scene: Scene, x: float, y: float, radius: float, colour: Colour) -> None:
    surface, random = scene.surface, scene.random
    surface.glow(x, y, radius * 2.2, mix(colour, WHITE, 0.3), 0.35, 2.5)
    _rings(surface, x, y, radius, colour, front=False)
    surface.oval(x, y, radius, radius, colour)
    for band in range(9):
        at = -0.9 + band * 0.225 + random.uniform(-0.05, 0.05)
        half = math.sqrt(max(0.0, 1 - at * at)) * radius * 0.995
        surface.oval(
            x,
            y + at * radius,
            half,
            radius * random.uniform(0.03, 0.1),
            mix(colour, WHITE if band % 2 else BLACK, random.uniform(0.08, 0.3)),
            opacity=0.75,
            blur=radius * 0.02,
        )
    # The night side: ever smaller caps away from the light, laid over one another.
    for step in range(6):
        lean = -0.5 + 0.19 * step
        cap = [
            (x + radius * math.cos(a), y + radius * math.sin(a))
            for a in (math.pi * 0.25 + math.acos(lean) * (k / 20 - 1) for k in range(41))
        ]
        surface.fill([cap], (4, 6, 20), opacity=0.17, blur=radius * 0.012)
    _rings(surface, x, y, radius, colour, front=True)


def _rings(surface: Surface, x: float, y: float, radius: float, colour: Colour, *, front: bool) -> None:
    """Half of the rings: those before the planet or those behind it."""
    ring = mix(colour, WHITE, 0.45)
    for band in range(9):
        far = radius * (1.42 + band * 0.075)
        angles = (math.pi * k / 40 + (0 if front else math.pi) for k in range(41))
        points = [
            (x + far * (math.cos(a) + math.sin(a) * 0.06), y + far * (math.sin(a) * 0.24 - math.cos(a) * 0.2))
            for a in angles
        ]
        # The fifth is the gap Cassini saw.
        opacity = 0.15 if band == 5 else 0.75
        surface.stroke(points, radius * 0.055, mix(ring, BLACK, (band % 3) * 0.16), opacity=opacity)


def paint_still_life(scene: Scene) -> None:
    wood = scene.random.choice((rgb("a8734a"), rgb("c79a6b"), rgb("7c523a")))
    paint_table(scene.surface, scene.light, scene.random, scene.horizon, wood)


def paint_sea_floor(scene: Scene) -> None:
    surface, random, theme = scene.surface, scene.random, scene.theme
    water = theme.own.get("sea", theme.colours[0] if theme.colours else rgb("2f9db0"))
    surface.image.paste(
        gradient(surface.image.size, (mix(water, WHITE, 0.55), water, mix(water, BLACK, 0.45), mix(water, BLACK, 0.7))),
        (0, 0),
    )
    for _ in range(7):
        x, wide, away = scene.x(random.random()), surface.unit * random.uniform(20, 70), scene.x(0.25)
        beam = [(x, -9.0), (x + wide, -9.0), (x + wide * 3 - away, surface.height), (x - away, surface.height)]
        surface.fill([beam], WHITE, opacity=0.09, blur=surface.unit * 16)
    sand = mix(rgb("d9c69a"), water, 0.4)
    paint_ground(
        surface,
        Light(water, water, mix(water, BLACK, 0.3), WHITE, (200, 225, 225)),
        random,
        scene.y(0.86),
        sand,
        bumps=0.08,
    )
    _weeds_and_bubbles(scene, water)


def _weeds_and_bubbles(scene: Scene, water: Colour) -> None:
    surface, random = scene.surface, scene.random
    for _ in range(26):
        x, foot, tall = (
            scene.x(random.random()),
            scene.y(random.uniform(0.9, 1.03)),
            surface.unit * random.uniform(90, 300),
        )
        weed = mix(random.choice((rgb("2f7a5a"), rgb("7a4a6f"), rgb("b0603f"))), water, random.uniform(0.1, 0.5))
        points = [(x + surface.unit * (3 + 2.2 * k) * math.sin(k * 0.9 + x), foot - tall * k / 9) for k in range(10)]
        surface.stroke(smooth(points, closed=False), surface.unit * random.uniform(4, 11), weed)
    for _ in range(40):
        size = surface.unit * random.uniform(2, 9)
        surface.oval(
            scene.x(random.random()),
            scene.y(random.random() * 0.85),
            size,
            size,
            WHITE,
            opacity=random.uniform(0.12, 0.4),
        )


def paint_dream(scene: Scene) -> None:
    """No known subject: flowing bands of land under a disc, ruled by the prompt's hash."""
    surface, light, random = scene.surface, scene.light, scene.random
    scene.horizon = scene.y(random.choice((0.42, 0.5, 0.58)))
    scene.shine = (scene.shine[0], scene.horizon - scene.y(random.uniform(0.08, 0.2)))
    paint_heavens(scene)
    one, other = random.choice(
        (
            (rgb("3f6f8f"), rgb("d98a6a")),
            (rgb("5f7f6a"), rgb("e0b46a")),
            (rgb("6f5f9a"), rgb("e08fa0")),
            (rgb("2f6a6a"), rgb("f0c08a")),
        )
    )
    if scene.theme.colours:
        one, other = mix(scene.theme.colours[0], BLACK, 0.25), mix(scene.theme.colours[-1], WHITE, 0.25)
    bands = 7
    for band in range(bands):
        t = band / (bands - 1)
        colour = mix(light.horizon, lit(mix(other, one, t), mix(light.light, WHITE, 0.35)), 0.3 + 0.65 * t)
        base = scene.horizon + (surface.height - scene.horizon) * (t**1.25) * 0.9
        line = smooth(ridge(surface.width, base, scene.y(0.16 - 0.06 * t), random, 0.2, 3)[::12], closed=False, steps=6)
        surface.fill(
            [[*line, (surface.width * 1.1, surface.height + 9), (-surface.width * 0.1, surface.height + 9)]],
            (mix(colour, light.shine, 0.22), colour, mix(colour, BLACK, 0.12)),
        )
