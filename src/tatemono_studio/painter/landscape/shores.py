"""Seas, waves, waterfalls and bridges."""

import math

from tatemono_studio.painter.colour import BLACK, WHITE, Colour, lit, mix, rgb
from tatemono_studio.painter.composition import Scene
from tatemono_studio.painter.landscape.land import paint_ground, paint_ridges, paint_water
from tatemono_studio.painter.landscape.woods import paint_tree
from tatemono_studio.painter.surface import Point, smooth


def paint_sea(scene: Scene, shine: float | None) -> None:
    surface, light, theme, random, horizon = scene.surface, scene.light, scene.theme, scene.random, scene.horizon
    if theme.has("island") or not theme.has("mountain", "fuji", "city"):
        paint_ridges(
            surface, light, random, horizon + 2, rgb("5b7fa6"), count=1, height=scene.y(0.06), roughness=0.4, near=0.3
        )
    paint_water(surface, light, random, horizon, surface.height, shine_x=shine, colour=theme.own.get("sea"))
    if theme.has("island", "beach"):
        x = scene.x(0.72 if scene.shine[0] < scene.x(0.5) else 0.28)
        sand = lit(rgb("ecd3a2"), light.light)
        surface.oval(x, horizon + scene.y(0.05), scene.x(0.2), scene.y(0.022), (mix(sand, light.horizon, 0.3), sand))
        for _ in range(4):
            dark = mix(lit(rgb("3f7a55"), light.light), light.horizon, 0.15)
            paint_tree(
                surface,
                random,
                x + random.uniform(-0.09, 0.09) * surface.width,
                horizon + scene.y(0.05),
                scene.y(random.uniform(0.16, 0.24)),
                dark,
                mix(dark, light.shine, 0.3),
                "palm",
            )
    if theme.has("beach", "lighthouse"):
        paint_ground(
            surface, light, random, scene.y(0.86), rgb("ecd3a2") if theme.has("beach") else rgb("6f8a5f"), bumps=0.06
        )
    if theme.has("wave"):
        _waves(scene)
        _great_wave(scene)


def _waves(scene: Scene) -> None:
    surface, light, random = scene.surface, scene.light, scene.random
    deep, foam = lit(rgb("2f6f9f"), light.light), lit(rgb("fbfbf5"), light.light)
    for row in range(5):
        y = scene.horizon + scene.y(0.06 + 0.075 * row)
        length, tall = surface.unit * (170 + 95 * row), surface.unit * (14 + 9 * row)
        shift = random.random() * length
        crest = []
        for step in range(-20, int((surface.width + 2 * length) / length * 20)):
            t = (step % 20) / 20
            crest.append((step / 20 * length - shift, y - tall * (1 - abs(math.sin(t * math.pi))) ** 1.2))
        tone = mix(deep, light.horizon, 0.42 - 0.09 * row)
        surface.fill(
            [[*crest, (surface.width + 9, surface.height + 9), (-9, surface.height + 9)]],
            (mix(tone, foam, 0.2), tone, mix(tone, BLACK, 0.25)),
        )
        surface.stroke(crest, max(1.0, tall * 0.06), foam, opacity=0.55)


def _great_wave(scene: Scene) -> None:
    """One wave that towers and curls over, its foam like claws; written in a box of 100 by 100, as figures are."""
    surface, light, random = scene.surface, scene.light, scene.random
    size = min(surface.width, surface.height) * 0.78
    flip = 1 if scene.shine[0] > scene.x(0.5) else -1
    x0 = scene.x(0.5) - flip * size * 0.72
    foot = surface.height * 1.0

    def at(x: float, y: float) -> tuple[float, float]:
        return x0 + flip * size * x / 100, foot - size * (100 - y) / 100

    deep, pale = lit(rgb("24557f"), light.light), lit(rgb("7fb0c4"), light.light)
    foam = lit(rgb("fbf7ea"), light.light)
    back = [(-60, 100), (-30, 78), (-6, 50), (14, 24), (34, 8), (56, 3), (76, 9), (90, 23), (95, 40)]
    hollow = [(86, 36), (74, 30), (62, 34), (54, 46), (53, 62), (62, 78), (82, 90), (118, 97), (150, 100)]
    body = smooth([at(*p) for p in (*back, *hollow)], closed=False)
    surface.fill([body], (mix(deep, pale, 0.3), deep, deep, mix(deep, BLACK, 0.2)))
    # Bands that follow the sweep of the water, from the hollow to the back.
    for band in range(5):
        share = 0.16 + 0.16 * band
        sweep = [
            (bx + (hx - bx) * share, by + (hy - by) * share)
            for (bx, by), (hx, hy) in zip(back[1:-1], reversed(hollow[1:-1]), strict=True)
        ]
        surface.stroke(
            smooth([at(*p) for p in sweep], closed=False),
            size * (0.022 - 0.002 * band),
            pale if band % 2 else foam,
            opacity=0.75,
        )
    _claws(scene, smooth([at(*p) for p in back[2:]], closed=False, steps=6), size, flip, (foam, mix(foam, pale, 0.3)))
    for _ in range(90):
        radius = size * random.uniform(0.002, 0.008)
        surface.oval(*at(random.uniform(60, 118), random.uniform(-4, 62)), radius, radius, foam, opacity=0.9)


def _claws(scene: Scene, crest: list[Point], size: float, flip: int, foam: tuple[Colour, Colour]) -> None:
    """Foam along a crest, and fingers of it that reach over its front half."""
    surface, random = scene.surface, scene.random
    for rank, (x, y) in enumerate(crest):
        share = rank / len(crest)
        for _ in range(2):
            radius = size * random.uniform(0.014, 0.03) * (0.5 + share)
            surface.oval(
                x + random.gauss(0, radius * 0.7),
                y + random.gauss(0, radius * 0.7),
                radius,
                radius,
                foam,
            )
    for claw in range(15):
        along = 0.5 + 0.5 * claw / 14
        x, y = crest[min(len(crest) - 1, round(along * (len(crest) - 1)))]
        reach = size * random.uniform(0.05, 0.11)
        tip = (x + flip * reach * (0.5 + 0.4 * along), y + reach * (0.35 + 0.75 * along))
        bend = (x + flip * reach * 0.75, y + reach * 0.2)
        surface.fill(
            [smooth([(x - flip * size * 0.02, y), bend, tip, (x + flip * reach * 0.25, y + reach * 0.42)])],
            foam,
        )


def paint_waterfall(scene: Scene) -> None:
    surface, light, random = scene.surface, scene.light, scene.random
    x, wide = scene.x(0.5), scene.x(0.1)
    top, foot = scene.y(0.2), scene.horizon + scene.y(0.03)
    rock = lit(rgb("5c6a62"), light.light)
    for side in (-1, 1):
        face = [
            (x + side * wide, foot),
            *(
                (x + side * (wide + random.uniform(-0.1, 0.35) * wide + k * wide * 0.12), foot - (foot - top) * k / 8)
                for k in range(9)
            ),
            (x + side * surface.width * 0.7, top + scene.y(0.05)),
            (x + side * surface.width * 0.7, foot),
        ]
        surface.fill([face], (mix(rock, light.shine, 0.2), rock, mix(rock, BLACK, 0.3)))
    surface.fill(
        [[(x - wide * 1.3, top), (x + wide * 1.3, top), (x + wide * 1.15, foot), (x - wide * 1.15, foot)]],
        mix(light.horizon, WHITE, 0.4),
        opacity=0.9,
        blur=surface.unit * 3,
    )
    for _ in range(60):
        at = x + random.uniform(-1, 1) * wide
        start = random.uniform(top, foot)
        surface.stroke(
            [(at, start), (at, min(foot, start + scene.y(0.12)))],
            surface.unit * random.uniform(1, 3),
            mix(WHITE, light.middle, random.uniform(0, 0.5)),
            opacity=0.5,
        )
    surface.oval(x, foot, wide * 1.9, scene.y(0.03), WHITE, opacity=0.7, blur=surface.unit * 14)


def paint_bridge(scene: Scene) -> None:
    surface, light = scene.surface, scene.light
    wood = lit(scene.theme.own.get("bridge", rgb("c2452f")), light.light)
    y, arc = scene.horizon + scene.y(0.1), scene.y(0.13)

    def deck(lift: float) -> list[tuple[float, float]]:
        return [(scene.x(t / 30), y - arc * (1 - (2 * t / 30 - 1) ** 2) - lift) for t in range(31)]

    for post in range(2, 29, 4):
        x, top = deck(0)[post]
        surface.fill(
            [
                [
                    (x - 5 * surface.unit, top),
                    (x + 5 * surface.unit, top),
                    (x + 6 * surface.unit, y + scene.y(0.06)),
                    (x - 6 * surface.unit, y + scene.y(0.06)),
                ]
            ],
            mix(wood, BLACK, 0.4),
        )
    surface.fill([[*deck(0), *reversed(deck(-22 * surface.unit))]], (mix(wood, WHITE, 0.1), mix(wood, BLACK, 0.2)))
    for lift, width in ((44, 7.0), (24, 3.6)):
        surface.stroke(deck(lift * surface.unit), width * surface.unit, wood)
    for post in range(1, 30, 2):
        x, top = deck(0)[post]
        surface.stroke([(x, top), (x, top - 50 * surface.unit)], 5 * surface.unit, mix(wood, BLACK, 0.12))
