"""Composition: from what a prompt says to light, place and the third lines that the picture is arranged on."""

from dataclasses import dataclass
from random import Random

from tatemono_studio.painter.colour import LIGHTS, Colour, Light, mix, rgb
from tatemono_studio.painter.figures import FIGURES
from tatemono_studio.painter.surface import Surface
from tatemono_studio.painter.vocabulary import Theme

SETTINGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("city", ("city",)),
    ("sea", ("sea", "wave", "island", "beach", "boat", "lighthouse", "whale")),
    ("water", ("lake", "river", "bridge", "waterfall", "crane")),
    ("desert", ("desert", "cactus")),
    ("forest", ("forest", "bamboo", "owl", "bear", "panda", "mushroom", "pine")),
    (
        "field",
        (
            "field",
            "mountain",
            "fuji",
            "hill",
            "tree",
            "flower",
            "sunflower",
            "lavender",
            "sakura",
            "maple",
            "house",
            "castle",
            "temple",
            "torii",
            "windmill",
        ),
    ),
    ("space", ("galaxy", "planet", "rocket", "astronaut")),
    ("sea_floor", ("fish",)),
    ("town", ("car", "bicycle", "robot")),
)
SKY_WORDS = ("star", "moon", "full_moon", "crescent", "galaxy", "aurora", "firework")
GREENS = (rgb("5f8f57"), rgb("6f9a5f"), rgb("4f8468"), rgb("7f9a58"))


@dataclass
class Scene:
    """A picture in the making. `horizon` is in pixels; `shine` is where sun or moon stand."""

    surface: Surface
    theme: Theme
    light: Light
    setting: str
    random: Random
    detail: float
    horizon: float
    shine: tuple[float, float]

    def x(self, share: float) -> float:
        return self.surface.width * share

    def y(self, share: float) -> float:
        return self.surface.height * share

    @property
    def winter(self) -> bool:
        return "snow" in self.theme.weathers


def compose(surface: Surface, theme: Theme, random: Random, detail: float) -> Scene:
    """Decide light, place and the third lines that the picture is arranged on."""
    setting = choose_setting(theme)
    light = choose_light(theme, setting, random)
    for colour, share in zip(theme.colours, (0.62, 0.35), strict=False):
        light = light.tinted(colour, share)
    share = {"city": 0.74, "sea": 0.56, "water": 0.55, "table": 0.62, "forest": 0.7, "town": 0.7}.get(setting, 0.64)
    left = random.random() < 0.5
    shine = (surface.width * (0.3 if left else 0.7), surface.height * random.uniform(0.2, 0.32))
    if theme.time in ("sunset", "dawn") or light is LIGHTS["sunset"]:
        shine = (shine[0], surface.height * (share - random.uniform(0.07, 0.13)))
    return Scene(
        surface, theme, light, setting, random, detail, surface.height * (share + random.uniform(-0.02, 0.02)), shine
    )


def choose_setting(theme: Theme) -> str:
    near = [name for name in theme.subjects if name in FIGURES]
    on_table = near and all(FIGURES[name].place == "table" for name in near)
    for setting, names in SETTINGS:
        if theme.has(*names) and not (setting == "space" and on_table):
            if setting == "sea_floor" and theme.has("sea", "boat"):
                return "sea"
            return setting
    if on_table:
        return "table"
    return "field" if theme.subjects else "dream"


def choose_light(theme: Theme, setting: str, random: Random) -> Light:
    """What the prompt says of the hour comes first, then what its subjects and weather suggest."""
    dim = ("sunset", "dusk", "dawn", "golden", "night")
    bright = ("day", "morning", "dawn", "golden")
    suggestions = (
        (setting == "space", "space"),
        (theme.style == "neon", "neon"),
        ("storm" in theme.weathers, "storm"),
        (theme.time is not None, theme.time or ""),
        (theme.has(*SKY_WORDS), "night"),
        (theme.style == "ukiyoe", "print"),
        (setting == "table", "indoors"),
        (theme.has("lantern", "candle"), "dusk"),
        (bool(theme.weathers), "overcast"),
    )
    usual = random.choice(dim if setting in ("dream", "city") else bright)
    return LIGHTS[next((name for said, name in suggestions if said), usual)]


def land_colour(scene: Scene) -> Colour:
    theme = scene.theme
    if scene.winter:
        return rgb("e6edf4")
    if theme.has("maple"):
        return rgb("a8743f")
    if theme.has("lavender"):
        return rgb("8d74b8")
    if scene.setting == "desert":
        return rgb("dda868")
    named = next((theme.own[name] for name in ("field", "hill", "forest") if name in theme.own), None)
    green = scene.random.choice(GREENS)
    return named or (mix(green, theme.colours[0], 0.55) if theme.colours else green)
