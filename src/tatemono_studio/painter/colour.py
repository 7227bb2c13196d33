"""Colours: mixing, and the light of a time of day."""

from dataclasses import dataclass, replace

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)


def rgb(text: str) -> Colour:
    """`#rrggbb` or `rrggbb`."""
    digits = text.removeprefix("#")
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`one` with this share of `other` in it."""
    return (
        round(one[0] + (other[0] - one[0]) * share),
        round(one[1] + (other[1] - one[1]) * share),
        round(one[2] + (other[2] - one[2]) * share),
    )


def lit(colour: Colour, light: Colour) -> Colour:
    """A surface of this colour under this light."""
    return colour[0] * light[0] // 255, colour[1] * light[1] // 255, colour[2] * light[2] // 255


def luminance(colour: Colour) -> float:
    """0 to 1 (Rec. 709 weights)."""
    return (0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]) / 255


@dataclass(frozen=True)
class Light:
    """A time of day: the sky from top to horizon, what it does to colours, the colour of its sun or moon."""

    top: Colour
    middle: Colour
    horizon: Colour
    shine: Colour
    light: Colour
    dark: bool = False

    def tinted(self, colour: Colour, share: float) -> "Light":
        return replace(
            self,
            top=mix(self.top, mix(colour, BLACK, 0.35 if not self.dark else 0.65), share),
            middle=mix(self.middle, colour if not self.dark else mix(colour, BLACK, 0.3), share),
            horizon=mix(self.horizon, mix(colour, WHITE, 0.55 if not self.dark else 0.1), share),
            light=mix(self.light, mix(colour, WHITE, 0.6), share * 0.4),
        )


LIGHTS = {
    "morning": Light(rgb("6fa6d6"), rgb("b9d9ea"), rgb("fff0d9"), rgb("fff7e0"), rgb("fff6ea")),
    "day": Light(rgb("3f86cf"), rgb("8fc4ea"), rgb("eaf4f2"), rgb("fffbe8"), rgb("ffffff")),
    "dawn": Light(rgb("5a6fae"), rgb("dca6bd"), rgb("ffe3bd"), rgb("fff1cf"), rgb("ffe6dc")),
    "golden": Light(rgb("6d8fb5"), rgb("f0c48d"), rgb("ffe7b3"), rgb("fff6d2"), rgb("ffe9c4")),
    "sunset": Light(rgb("37386f"), rgb("c85a78"), rgb("ffb56b"), rgb("fff0bd"), rgb("f6bfa4")),
    "dusk": Light(rgb("1b2456"), rgb("5a558f"), rgb("e39ba0"), rgb("fff2dc"), rgb("a99cc8"), dark=True),
    "night": Light(rgb("060a22"), rgb("122150"), rgb("3a5a94"), rgb("fdf6dc"), rgb("7486b8"), dark=True),
    "neon": Light(rgb("0b0620"), rgb("3a0f5c"), rgb("e0347f"), rgb("ffd1f0"), rgb("8d7cc4"), dark=True),
    "space": Light(rgb("03040f"), rgb("0c0f2c"), rgb("23204f"), rgb("fff4dd"), rgb("aab2d8"), dark=True),
    "overcast": Light(rgb("7f8fa0"), rgb("aeb9c2"), rgb("dfe2e0"), rgb("f4f4ee"), rgb("d9dee2")),
    "storm": Light(rgb("232a3a"), rgb("4a5468"), rgb("9aa3ad"), rgb("e8eef4"), rgb("98a3b4"), dark=True),
    "print": Light(rgb("35608f"), rgb("a9c0bd"), rgb("f0dfb8"), rgb("f7ead0"), rgb("fff6e6")),
    "indoors": Light(rgb("caa98a"), rgb("e9d3b8"), rgb("f6e8d2"), rgb("fff6e4"), rgb("fff4e4")),
}
