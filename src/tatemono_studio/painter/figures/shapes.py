"""How a figure is written down: shapes in a box of 100 by 100, y downwards, its feet on y = 100."""

import math
from dataclasses import dataclass
from typing import Literal

from tatemono_studio.painter.colour import BLACK, WHITE, Colour, lit, mix, rgb
from tatemono_studio.painter.surface import Point, Surface, smooth

Kind = Literal["blob", "poly", "line", "curve", "glow"]


@dataclass(frozen=True)
class Shape:
    """`role` is `main`, `main+` (lighter), `main-` (darker) or a hex colour; `width` a line's, or a glow's radius."""

    kind: Kind
    role: str
    points: tuple[Point, ...]
    width: float = 0.0


@dataclass(frozen=True)
class Figure:
    """`own` is its usual main colour, `size` its height as a share of the picture's short side.

    `place`: `ground`, `water`, `sky`, or `table` for things one looks at from near.
    """

    own: str
    size: float
    place: Literal["ground", "water", "sky", "table"]
    shapes: tuple[Shape, ...]


def blob(role: str, *numbers: float) -> Shape:
    """A smooth closed curve through the points x1, y1, x2, y2, …"""
    return Shape("blob", role, _pairs(numbers))


def poly(role: str, *numbers: float) -> Shape:
    return Shape("poly", role, _pairs(numbers))


def line(role: str, width: float, *numbers: float) -> Shape:
    return Shape("line", role, _pairs(numbers), width)


def curve(role: str, width: float, *numbers: float) -> Shape:
    """A smooth open line."""
    return Shape("curve", role, _pairs(numbers), width)


def oval(role: str, x: float, y: float, rx: float, ry: float, turn: float = 0.0) -> Shape:
    """An ellipse, turned by so many degrees."""
    angle, steps = math.radians(turn), 28
    points = []
    for step in range(steps):
        along, across = rx * math.cos(step * math.tau / steps), ry * math.sin(step * math.tau / steps)
        points.append(
            (
                x + along * math.cos(angle) - across * math.sin(angle),
                y + along * math.sin(angle) + across * math.cos(angle),
            )
        )
    return Shape("poly", role, tuple(points))


def box(role: str, left: float, top: float, right: float, bottom: float) -> Shape:
    return poly(role, left, top, right, top, right, bottom, left, bottom)


def glow(role: str, x: float, y: float, radius: float) -> Shape:
    return Shape("glow", role, ((x, y),), radius)


def _pairs(numbers: tuple[float, ...]) -> tuple[Point, ...]:
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


@dataclass(frozen=True)
class Placement:
    """Where a figure stands: the middle of its feet, its height in pixels, which way it looks, and in what light."""

    x: float
    foot: float
    height: float
    light: Colour = WHITE
    haze: Colour = WHITE
    distance: float = 0.0
    flipped: bool = False


def draw_figure(
    surface: Surface, figure: Figure, placement: Placement, main: Colour | None = None, glowing: bool = True
) -> None:
    """Every shape is a little lighter above than below, as if lit from the sky."""
    own = main or rgb(figure.own)
    scale = placement.height / 100

    def at(point: Point) -> Point:
        across = (50 - point[0] if placement.flipped else point[0] - 50) * scale
        return placement.x + across, placement.foot + (point[1] - 100) * scale

    for shape in figure.shapes:
        points = [at(point) for point in shape.points]
        colour = mix(lit(_colour(shape.role, own), placement.light), placement.haze, placement.distance)
        paint = (mix(colour, WHITE, 0.13), colour, mix(colour, BLACK, 0.16))
        if shape.kind == "glow":
            if glowing:
                surface.glow(*points[0], shape.width * scale, _colour(shape.role, own), 0.75)
        elif shape.kind == "line":
            surface.stroke(points, shape.width * scale, colour)
        elif shape.kind == "curve":
            surface.stroke(smooth(points, closed=False), shape.width * scale, colour)
        else:
            surface.fill([smooth(points) if shape.kind == "blob" else points], paint)


def _colour(role: str, own: Colour) -> Colour:
    if role.startswith("main"):
        return {"main": own, "main+": mix(own, WHITE, 0.35), "main-": mix(own, BLACK, 0.3)}[role]
    return rgb(role)
