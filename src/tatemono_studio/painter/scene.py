"""A whole scene, painted from back to front."""

from tatemono_studio.painter.colour import WHITE, Colour, lit, mix, rgb
from tatemono_studio.painter.composition import Scene, land_colour
from tatemono_studio.painter.landscape import sky
from tatemono_studio.painter.landscape.heavens import paint_heavens, paint_mountains
from tatemono_studio.painter.landscape.land import paint_ground, paint_ridges, paint_water
from tatemono_studio.painter.landscape.shores import paint_bridge, paint_sea, paint_waterfall
from tatemono_studio.painter.landscape.town import paint_city
from tatemono_studio.painter.landscape.woods import paint_grass, paint_trees
from tatemono_studio.painter.landscape.worlds import paint_dream, paint_sea_floor, paint_space, paint_still_life
from tatemono_studio.painter.placement import paint_figures


def paint_scene(scene: Scene) -> None:
    {
        "space": paint_space,
        "table": paint_still_life,
        "sea_floor": paint_sea_floor,
        "dream": paint_dream,
    }.get(scene.setting, _outdoors)(scene)
    paint_figures(scene)
    _foreground(scene)
    paint_weather(scene)
    sky.vignette(scene.surface, 0.42 if scene.light.dark else 0.24)


def _outdoors(scene: Scene) -> None:
    paint_heavens(scene)
    surface, light, theme, random, horizon = scene.surface, scene.light, scene.theme, scene.random, scene.horizon
    colour = land_colour(scene)
    if theme.has("fuji", "mountain"):
        paint_mountains(scene)
    if theme.has("city") or scene.setting in ("city", "town"):
        paint_city(
            surface,
            light,
            random,
            horizon,
            scene.y(0.42),
            layers=3 if scene.setting == "city" else 2,
            neon=theme.style == "neon",
        )
    elif scene.setting not in ("sea", "desert"):
        paint_ridges(
            surface,
            light,
            random,
            horizon,
            mix(colour, rgb("5b7fa6"), 0.35),
            count=3,
            height=scene.y(0.13),
            roughness=0.4,
        )
    _setting_ground(scene, colour)


def _setting_ground(scene: Scene, colour: Colour) -> None:
    surface, light, random, horizon = scene.surface, scene.light, scene.random, scene.horizon
    shine = None if scene.theme.weathers else scene.shine[0]
    kerb = horizon + scene.y(0.06)
    match scene.setting:
        case "sea":
            paint_sea(scene, shine)
        case "water":
            _lakeside(scene, colour, shine)
        case "city":
            paint_water(surface, light, random, kerb, surface.height, shine_x=shine, colour=rgb("2a3350"))
        case "town":
            paint_ground(surface, light, random, kerb, rgb("77757c"), bumps=0.0)
        case "desert":
            low, tall = horizon + scene.y(0.05), scene.y(0.16)
            paint_ridges(surface, light, random, low, colour, count=4, height=tall, roughness=0.24, near=0.8)
        case "forest":
            _forest(scene, colour)
        case _:
            _meadow(scene, colour)


def _lakeside(scene: Scene, colour: Colour, shine: float | None) -> None:
    surface, light, random, theme = scene.surface, scene.light, scene.random, scene.theme
    bank, kind = scene.horizon + scene.y(0.012), "fir" if scene.winter else "round"
    leaves = mix(colour, rgb("2f5f4f"), 0.4)
    paint_trees(surface, light, random, bank, leaves, count=22, height=scene.y(0.1), kind=kind, distance=0.45)
    water = theme.own.get("lake", theme.own.get("river"))
    paint_water(surface, light, random, bank, surface.height, shine_x=shine, colour=water)
    if theme.has("waterfall"):
        paint_waterfall(scene)
    if theme.has("bridge"):
        paint_bridge(scene)


def _meadow(scene: Scene, colour: Colour) -> None:
    surface, light, random, theme = scene.surface, scene.light, scene.random, scene.theme
    paint_ground(surface, light, random, scene.horizon + scene.y(0.03), colour)
    kind = "fir" if scene.winter or theme.has("mountain") else "round"
    special = {"maple": rgb("c8643a"), "sakura": rgb("eeb4c8"), "lavender": rgb("6f8a6f")}
    leaves = next((tone for name, tone in special.items() if theme.has(name)), mix(colour, rgb("2f5f4f"), 0.45))
    edge = scene.horizon + scene.y(0.05)
    paint_trees(surface, light, random, edge, leaves, count=9, height=scene.y(0.12), kind=kind, distance=0.3)


def _forest(scene: Scene, colour: Colour) -> None:
    surface, light, theme, random = scene.surface, scene.light, scene.theme, scene.random
    kind = "bamboo" if theme.has("bamboo", "panda") else "fir"
    tone = lit(theme.own.get("forest", rgb("c8703a") if theme.has("maple") else rgb("3d6b55")), WHITE)
    for row in range(4):
        base = scene.horizon + scene.y(0.035 * row)
        paint_trees(
            surface,
            light,
            random,
            base,
            mix(tone, colour, 0.15),
            count=(20, 15, 10, 7)[row],
            height=scene.y((0.3, 0.38, 0.48, 0.6)[row]),
            kind=kind,
            distance=(0.68, 0.48, 0.3, 0.12)[row],
        )
        if row == 1:
            sky.paint_fog(surface, light, random, scene.horizon)
    paint_ground(
        surface,
        light,
        random,
        scene.horizon + scene.y(0.1),
        mix(colour, rgb("4a5a3a"), 0.4) if not scene.winter else colour,
    )


def _foreground(scene: Scene) -> None:
    theme = scene.theme
    if scene.setting in ("field", "forest") and not scene.winter:
        flowers = theme.own.get("flower") if theme.has("flower") else None
        if theme.has("flower", "lavender", "field", "sunflower") and flowers is None:
            flowers = (
                rgb("a98ad8")
                if theme.has("lavender")
                else rgb("f2c53d")
                if theme.has("sunflower")
                else scene.random.choice((rgb("f2a0b5"), rgb("f4d35e"), rgb("f8f4ea"), rgb("e2705f")))
            )
        grass = rgb("6a5f9a") if theme.has("lavender") else mix(land_colour(scene), rgb("4f7f4a"), 0.4)
        paint_grass(
            scene.surface,
            scene.light,
            scene.random,
            scene.horizon + scene.y(0.09),
            grass,
            blades=round((420 if flowers else 320) * scene.detail),
            flowers=flowers,
        )


def paint_weather(scene: Scene) -> None:
    surface, random, weathers = scene.surface, scene.random, scene.theme.weathers
    if "fog" in weathers:
        sky.paint_fog(surface, scene.light, random, scene.horizon)
    if "rain" in weathers or "storm" in weathers:
        sky.paint_rain(surface, scene.light, random, round(650 * scene.detail))
    if "snow" in weathers:
        sky.paint_snow(surface, random, round(520 * scene.detail))
