"""Where the named figures stand."""

from tatemono_studio.painter.colour import BLACK, WHITE, lit, mix, rgb
from tatemono_studio.painter.composition import Scene
from tatemono_studio.painter.figures import FIGURES
from tatemono_studio.painter.figures.shapes import Figure, Placement, draw_figure
from tatemono_studio.painter.landscape.woods import paint_tree

# How many more, and how large they are beside the main one.
COMPANIONS = {
    "bird": (4, 0.18, 0.36),
    "butterfly": (4, 0.2, 0.4),
    "balloon": (3, 0.18, 0.34),
    "lantern": (6, 0.2, 0.5),
}


def paint_figures(scene: Scene) -> None:
    """The named figures: the first one largest, on a third line, the others around it, far ones first."""
    names = [name for name in scene.theme.subjects if name in FIGURES]
    if len(scene.theme.subjects) > 1:
        # Beside another subject, flowers only grow around it.
        names = [name for name in names if name != "flower"]
    del names[5:]
    if scene.setting == "sea_floor" and "fish" in names:
        _shoal(scene)
    if scene.theme.has("tree", "sakura", "maple", "palm") and scene.setting not in ("sea", "space", "table"):
        _great_tree(scene)
    side = 0.36 if scene.shine[0] > scene.x(0.5) else 0.64
    spots = (
        [side, 1 - side, 0.5, 0.16, 0.84]
        if len(names) > 1
        else [side if scene.setting not in ("table", "sea_floor") else 0.5]
    )
    placed = list(zip(names, spots, range(5), strict=False))
    for name, share, rank in sorted(placed, key=lambda entry: (-entry[2], entry[0])):
        _place(scene, name, share, rank)


def paint_cutout(scene: Scene) -> None:
    """The figures alone, side by side in plain light, as large as they fit."""
    surface = scene.surface
    names = [name for name in scene.theme.subjects if name in FIGURES][:3]
    for at, name in enumerate(names):
        figure = FIGURES[name]
        xs = [x for shape in figure.shapes for x, _ in shape.points]
        ys = [y for shape in figure.shapes for _, y in shape.points]
        scale = 0.84 * min(surface.width / len(names) / (max(xs) - min(xs)), surface.height / (max(ys) - min(ys)))
        x = surface.width * (at + 0.5) / len(names) - ((max(xs) + min(xs)) / 2 - 50) * scale
        foot = (surface.height + (max(ys) - min(ys)) * scale) / 2 - (max(ys) - 100) * scale
        # A glow needs a ground to shine on; there is none.
        draw_figure(surface, figure, Placement(x, foot, 100 * scale), scene.theme.own.get(name), glowing=False)


def _place(scene: Scene, name: str, share: float, rank: int) -> None:
    surface, light = scene.surface, scene.light
    figure = FIGURES[name]
    size = figure.size * min(surface.width, surface.height) * (1.25 if rank == 0 else 0.95 - 0.1 * rank)
    foot = _foot(scene, figure, name, size, rank)
    flipped = scene.random.random() < 0.5 and name not in ("train", "book")
    x = scene.x(share)
    if name in COMPANIONS:
        _companions(scene, name, size)
    if figure.place != "sky" and scene.setting not in ("space", "sea_floor") and surface.coverage is None:
        wide = min(surface.unit * 550 * figure.size, size * 0.55)
        opacity = 0.22 if figure.place == "water" else 0.32
        dark = mix(light.top, BLACK, 0.7)
        # It falls away from the light.
        away = (x - scene.shine[0]) * 0.06
        surface.oval(x + away, foot, wide, size * 0.045, dark, opacity=opacity, blur=size * 0.025)
    ambient = mix(light.light, WHITE, 0.22)
    placement = Placement(x, foot, size, ambient, light.horizon, distance=0.04 + 0.05 * rank, flipped=flipped)
    draw_figure(surface, figure, placement, scene.theme.own.get(name))
    if figure.place == "water" and scene.setting != "sea_floor" and surface.coverage is None:
        _waterline(scene, x, foot, size)


def _foot(scene: Scene, figure: Figure, name: str, size: float, rank: int) -> float:
    """Where the figure's feet are, in pixels from the top."""
    below = scene.surface.height - scene.horizon
    if scene.setting == "sea_floor":
        return scene.y(0.62)
    if figure.place == "sky" or (scene.setting == "space" and name != "astronaut"):
        return scene.y(0.3 + 0.12 * rank) + size * 0.5
    if figure.place == "water":
        return scene.horizon + below * 0.5
    if scene.setting in ("space", "table"):
        return scene.y(0.92) if scene.setting == "space" else scene.horizon + below * (0.5 + 0.06 * rank)
    # Buildings stand further back than animals, and what stands by the water stands at the very front.
    depth = 0.86 if scene.setting in ("sea", "water", "city") else 0.72 if figure.size < 0.45 else 0.5
    return scene.horizon + below * depth - scene.y(0.02 * rank)


def _companions(scene: Scene, name: str, size: float) -> None:
    """More of the same, small and far, behind the main one."""
    count, low, high = COMPANIONS[name]
    for other in range(count):
        x, y = scene.x(scene.random.uniform(0.06, 0.94)), scene.y(scene.random.uniform(0.14, 0.55))
        tall = size * scene.random.uniform(low, high)
        light = WHITE if name == "lantern" else mix(scene.light.light, WHITE, 0.22)
        placement = Placement(
            x, y, tall, light, scene.light.middle, distance=0.1 + 0.08 * (other % 3), flipped=bool(other % 2)
        )
        tone = None if name == "lantern" else scene.random.choice((None, rgb("e0a83c"), rgb("4f8fbf"), rgb("7fae6a")))
        draw_figure(scene.surface, FIGURES[name], placement, tone)


def _waterline(scene: Scene, x: float, foot: float, size: float) -> None:
    surface, light = scene.surface, scene.light
    for row in range(5):
        surface.oval(
            x + scene.random.uniform(-0.1, 0.1) * size,
            foot - size * 0.015 + row * size * 0.03,
            size * (0.5 - row * 0.06),
            surface.unit * (3.4 - row * 0.4),
            mix(light.shine, light.middle, 0.25 + row * 0.12),
            opacity=0.7 - row * 0.1,
        )


def _shoal(scene: Scene) -> None:
    for other in range(7):
        x, y = scene.x(scene.random.uniform(0.05, 0.95)), scene.y(scene.random.uniform(0.15, 0.75))
        tone = scene.random.choice((rgb("f2b03a"), rgb("e8604c"), rgb("f5efe4"), None))
        draw_figure(
            scene.surface,
            FIGURES["fish"],
            Placement(
                x,
                y,
                scene.surface.unit * scene.random.uniform(50, 110),
                haze=(60, 140, 150),
                distance=0.45 - 0.05 * other,
                flipped=other % 2 == 0,
            ),
            tone,
        )


def _great_tree(scene: Scene) -> None:
    theme, light = scene.theme, scene.light
    kind = "palm" if theme.has("palm") else "round"
    name = next(name for name in ("sakura", "maple", "palm", "tree") if theme.has(name))
    usual = {"sakura": rgb("ec9fbc"), "maple": rgb("d2532f"), "palm": rgb("3f7a55"), "tree": rgb("4f8a52")}[name]
    colour = lit(theme.own.get(name, usual), mix(light.light, WHITE, 0.3))
    share = 0.2 if scene.shine[0] > scene.x(0.5) else 0.8
    foot = scene.horizon + (scene.surface.height - scene.horizon) * 0.55
    bright = mix(colour, WHITE if name == "sakura" else light.shine, 0.5 if name == "sakura" else 0.35)
    paint_tree(scene.surface, scene.random, scene.x(share), foot, scene.y(0.66), colour, bright, kind)
    if name in ("sakura", "maple"):
        for _ in range(round(80 * scene.detail)):
            x, y, size = (
                scene.x(scene.random.random()),
                scene.y(scene.random.uniform(0.25, 1)),
                scene.surface.unit * scene.random.uniform(2.5, 7),
            )
            scene.surface.oval(x, y, size, size * 0.55, mix(colour, bright, scene.random.random()), opacity=0.9)
