"""Vehicles, as shapes."""

import math

from tatemono_studio.painter.figures.shapes import Figure, Shape, blob, box, curve, glow, line, oval, poly

INK = "2b2530"
GLASS = "bfe0ea"


def _windows(role: str, xs: tuple[float, ...], ys: tuple[float, ...], width: float, height: float) -> tuple[Shape, ...]:
    return tuple(box(role, x, y, x + width, y + height) for x in xs for y in ys)


VEHICLES: dict[str, Figure] = {
    "boat": Figure(
        "c8553d",
        0.34,
        "water",
        (
            line("6a4a34", 1.6, 50, 84, 50, 6),
            poly("fffaf0", 53, 10, 53, 74, 88, 74),
            poly("f1e4cf", 47, 16, 47, 74, 20, 74),
            poly("d8403f", 50, 4, 60, 7, 50, 10),
            poly("main", 10, 80, 92, 80, 78, 97, 24, 97),
            poly("fff3e0", 10, 80, 92, 80, 90.4, 83, 12, 83),
        ),
    ),
    "car": Figure(
        "d8483f",
        0.2,
        "ground",
        (
            blob("main", 2, 78, 6, 62, 22, 58, 34, 40, 64, 38, 80, 56, 96, 62, 99, 80, 94, 88, 8, 88),
            blob(GLASS, 31, 57, 38, 45, 50, 44, 50, 57),
            blob(GLASS, 54, 57, 54, 44, 63, 44, 73, 57),
            line("main-", 1.2, 52, 58, 52, 84),
            oval("26262c", 24, 88, 11, 11),
            oval("26262c", 76, 88, 11, 11),
            oval("c8ccd2", 24, 88, 5, 5),
            oval("c8ccd2", 76, 88, 5, 5),
            oval("fff0b8", 95, 70, 3.4, 4),
            glow("ffeaa0", 96, 70, 18),
            box("f4f4f0", 44, 64, 49, 66.4),
        ),
    ),
    "train": Figure(
        "3f7d64",
        0.24,
        "ground",
        (
            box("4a4a52", -60, 95, 160, 97),
            box("main", -44, 36, 144, 86),
            box("f4ead6", -44, 46, 144, 64),
            *_windows("cfe8ee", (-38, -18, 2, 22, 42, 62, 82, 102, 122), (48,), 14, 14),
            box("main-", -44, 30, 144, 38),
            *(oval("2b2b31", x, 90, 6, 6) for x in (-30, -14, 22, 38, 62, 78, 114, 130)),
            glow("fff0b8", 143, 72, 26),
            oval("fff0b8", 142, 72, 3, 4),
            box("d8403f", -44, 68, 144, 71),
        ),
    ),
    "bicycle": Figure(
        "3a72c4",
        0.24,
        "ground",
        (
            *(
                curve(
                    INK,
                    2.2,
                    *(
                        v
                        for a in range(0, 361, 30)
                        for v in (cx + 21 * math.cos(math.radians(a)), 78 + 21 * math.sin(math.radians(a)))
                    ),
                )
                for cx in (22, 78)
            ),
            line("main", 3, 22, 78, 40, 46, 68, 46, 78, 78),
            line("main", 3, 40, 46, 50, 78, 68, 46),
            line("main", 3, 22, 78, 50, 78),
            line(INK, 2.4, 68, 46, 65, 34, 76, 32),
            line(INK, 2.4, 40, 46, 38, 38),
            oval(INK, 38, 37, 8, 2.6),
            oval("c8ccd2", 50, 78, 4, 4),
        ),
    ),
    "balloon": Figure(
        "d8483f",
        0.42,
        "sky",
        (
            line("6a4a34", 0.7, 36, 62, 44, 88),
            line("6a4a34", 0.7, 64, 62, 56, 88),
            line("6a4a34", 0.7, 46, 66, 47, 88),
            line("6a4a34", 0.7, 54, 66, 53, 88),
            blob("main", 50, 0, 78, 10, 86, 34, 74, 54, 58, 70, 42, 70, 26, 54, 14, 34, 22, 10),
            blob("fff1d8", 50, 0, 66, 8, 71, 34, 64, 54, 55, 70, 50, 70, 58, 34),
            blob("fff1d8", 50, 0, 34, 8, 29, 34, 36, 54, 45, 70, 50, 70, 42, 34),
            blob("f2c53d", 50, 0, 57, 10, 59, 34, 55, 54, 51, 70, 49, 70, 45, 54, 41, 34, 43, 10),
            poly("9a6a44", 43, 88, 57, 88, 55.5, 100, 44.5, 100),
            box("7c5334", 42.4, 87, 57.6, 90),
        ),
    ),
    "airplane": Figure(
        "eef2f6",
        0.2,
        "sky",
        (
            poly("main-", 40, 52, 20, 18, 30, 18, 60, 50),
            poly("d8483f", 6, 56, -2, 30, 8, 30, 20, 52),
            blob("main", 2, 58, 20, 48, 60, 46, 88, 50, 99, 58, 88, 64, 50, 68, 16, 66),
            poly("main-", 44, 60, 26, 92, 38, 92, 66, 60),
            *(oval("7fb2d6", x, 55, 1.8, 2.1) for x in (30, 38, 46, 54, 62, 70)),
            blob("7fb2d6", 84, 52, 91, 53, 95, 56, 86, 57),
        ),
    ),
    "rocket": Figure(
        "f4f1ea",
        0.46,
        "sky",
        (
            glow("ff9d3c", 50, 96, 34),
            blob("f2a03a", 40, 80, 44, 98, 50, 114, 56, 98, 60, 80),
            blob("fff0b0", 45, 80, 47, 92, 50, 102, 53, 92, 55, 80),
            blob("d8483f", 36, 54, 20, 76, 24, 86, 38, 78),
            blob("d8483f", 64, 54, 80, 76, 76, 86, 62, 78),
            blob("main", 50, 0, 62, 16, 67, 42, 63, 72, 50, 80, 37, 72, 33, 42, 38, 16),
            blob("d8483f", 50, 0, 58, 9, 62, 17, 50, 19, 38, 17, 42, 9),
            oval("5a6f80", 50, 38, 9, 9),
            oval("9fd8ec", 50, 38, 6.6, 6.6),
            oval("ffffff", 47.6, 35.6, 1.8, 1.8),
            box("5a6f80", 41, 77, 59, 82),
        ),
    ),
}
