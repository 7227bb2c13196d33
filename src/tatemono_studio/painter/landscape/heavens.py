"""The sky of a scene and the mountains that stand in it."""

from tatemono_studio.painter.colour import WHITE, mix, rgb
from tatemono_studio.painter.composition import Scene
from tatemono_studio.painter.landscape import sky
from tatemono_studio.painter.landscape.land import paint_peak, paint_ridges

MOONS = ("moon", "full_moon", "crescent")


def paint_heavens(scene: Scene) -> None:
    surface, light, theme, random = scene.surface, scene.light, scene.theme, scene.random
    sky.paint_sky(surface, light, scene.horizon)
    if theme.has("aurora"):
        sky.paint_aurora(surface, random, scene.horizon)
    if light.dark and "storm" not in theme.weathers:
        many = theme.has("star", "galaxy")
        sky.paint_stars(surface, random, scene.horizon, round((900 if many else 260) * scene.detail), band=many)
    radius = surface.unit * (74 if theme.has("sun", *MOONS) else 52)
    dark = light.dark and theme.time != "dusk" and not theme.weathers and not theme.has("sun")
    if theme.has(*MOONS) or (dark and not theme.has("galaxy", "aurora", "firework", "star")):
        sky.paint_moon(
            surface,
            light,
            random,
            *scene.shine,
            radius,
            crescent=theme.has("crescent") or (theme.seed % 3 == 0 and not theme.has("full_moon")),
        )
    elif not theme.weathers and (not light.dark or theme.has("sun") or theme.time == "dusk"):
        sun = rgb("ff8a5c") if theme.time == "sunset" else None
        sky.paint_sun(surface, light, *scene.shine, radius, theme.own.get("sun", sun))
    if theme.has("star") and "shooting" not in theme.subjects:
        _shooting_star(scene)
    if "storm" in theme.weathers:
        sky.paint_lightning(surface, random, scene.horizon)
    if theme.style == "flat":
        return
    amount = (
        0.95
        if theme.has("cloud") or theme.weathers
        else random.uniform(0.3, 0.62) * (0.4 if theme.has("star", "aurora") else 1)
    )
    sky.paint_clouds(surface, light, random, scene.horizon, amount)
    if theme.has("rainbow"):
        sky.paint_rainbow(surface, scene.horizon)
    if theme.has("firework"):
        sky.paint_fireworks(surface, random, scene.horizon)


def _shooting_star(scene: Scene) -> None:
    x, y = scene.x(scene.random.uniform(0.35, 0.65)), scene.y(0.12)
    unit = scene.surface.unit
    for part in range(5):
        far = unit * (150 - part * 30)
        scene.surface.stroke(
            [(x, y), (x + far, y - far * 0.42)],
            unit * (0.7 + part * 0.4),
            mix(scene.light.shine, WHITE, 0.4),
            opacity=0.3 + part * 0.12,
        )
    scene.surface.glow(x, y, unit * 30, scene.light.shine, 0.8)


def paint_mountains(scene: Scene) -> None:
    surface, light, theme, random = scene.surface, scene.light, scene.theme, scene.random
    fuji = theme.has("fuji") or theme.style == "ukiyoe"
    colour = theme.own.get("fuji" if fuji else "mountain", rgb("5f76a0"))
    away = 1 - scene.shine[0] / surface.width
    base, size = scene.horizon + scene.y(0.03), min(scene.y(0.42), scene.x(0.5))
    if fuji:
        # Beside a great wave it stands small, where the wave leaves the sky free.
        x, size = (0.5 + 1.6 * (0.5 - away), size * 0.5) if theme.has("wave") else (0.42 + 0.16 * away, size)
        paint_peak(surface, light, random, scene.x(x), base, size, colour, fuji=True)
        return
    paint_ridges(
        surface,
        light,
        random,
        base,
        mix(colour, light.horizon, 0.3),
        count=1,
        height=scene.y(0.3),
        roughness=0.52,
        near=0.35,
    )
    for share, scale in ((away - 0.33, 0.7), (away + 0.3, 0.78), (away, 1.0)):
        paint_peak(surface, light, random, scene.x(share), base, size * scale, colour, fuji=False)
