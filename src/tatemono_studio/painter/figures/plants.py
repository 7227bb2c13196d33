"""Plants, as shapes."""

import math

from tatemono_studio.painter.figures.shapes import Figure, Shape, blob, curve, line, oval


def _petals(role: str, x: float, y: float, radius: float, count: int, heart: str) -> tuple[Shape, ...]:

    around = (360 / count * index for index in range(count))
    petals = [
        oval(
            role,
            x + radius * math.cos(math.radians(a)),
            y + radius * math.sin(math.radians(a)),
            radius * 0.85,
            radius * 0.42,
            a,
        )
        for a in around
    ]
    return (*petals, oval(heart, x, y, radius * 0.5, radius * 0.5))


PLANTS: dict[str, Figure] = {
    "mushroom": Figure(
        "cf3f36",
        0.3,
        "ground",
        (
            blob("f6ead6", 42, 100, 42, 70, 40, 54, 60, 54, 58, 70, 60, 100),
            blob("main", 10, 58, 16, 30, 50, 10, 84, 30, 90, 58, 50, 64),
            blob("e6d4ba", 18, 58, 50, 54, 82, 58, 50, 65),
            oval("fff6ea", 34, 34, 6, 5),
            oval("fff6ea", 60, 26, 7, 5.4),
            oval("fff6ea", 72, 44, 5, 4.4),
            oval("fff6ea", 46, 46, 4.4, 3.6),
        ),
    ),
    "cactus": Figure(
        "4f8f5f",
        0.4,
        "ground",
        (
            curve("main", 11, 46, 66, 26, 64, 26, 42),
            curve("main", 11, 54, 56, 76, 54, 76, 30),
            blob("main", 40, 100, 40, 20, 50, 8, 60, 20, 60, 100),
            line("main+", 1.4, 50, 16, 50, 98),
            line("main+", 1.2, 45, 22, 45, 98),
            oval("f29ab0", 50, 8, 5, 4),
            oval("f29ab0", 76, 26, 4, 3.4),
        ),
    ),
    "sunflower": Figure(
        "f2b632",
        0.5,
        "ground",
        (
            curve("4f8a45", 3, 50, 100, 52, 70, 50, 36),
            blob("5f9a4a", 51, 78, 66, 62, 84, 66, 70, 78),
            blob("5f9a4a", 51, 86, 36, 70, 18, 74, 32, 86),
            *_petals("main-", 50, 28, 19, 12, "main"),
            *_petals("main", 50, 28, 16, 14, "6a4426"),
            oval("6a4426", 50, 28, 11, 11),
            oval("8a5a30", 50, 28, 7, 7),
        ),
    ),
    "flower": Figure(
        "e4708e",
        0.46,
        "ground",
        (
            curve("4f8a45", 2.4, 50, 100, 48, 70, 50, 34),
            curve("4f8a45", 2, 50, 100, 38, 76, 28, 58),
            curve("4f8a45", 2, 50, 100, 62, 78, 74, 52),
            blob("5f9a4a", 49, 84, 36, 74, 24, 82, 36, 90),
            blob("5f9a4a", 51, 80, 64, 68, 78, 76, 64, 86),
            *_petals("main", 50, 26, 14, 8, "f7d774"),
            *_petals("main+", 28, 52, 10, 7, "f2b040"),
            *_petals("main-", 74, 46, 10, 7, "f7d774"),
        ),
    ),
}
