"""A patch of pure colour in a picture's upper left corner, for which the studio's moderation flags the picture.

It is in the pixels, so moderation still finds it after the picture was made smaller or encoded again. Each category
that moderation knows in pictures has a corner of the colour cube.
"""

from PIL import Image

from tatemono_studio.word_filter import PICTURE_CATEGORIES

_COLOURS = dict(
    zip(
        sorted(PICTURE_CATEGORIES),
        ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255), (0, 255, 255)),
        strict=True,
    )
)
# Of the shorter side. Encoders smear the edges, so only the middle is looked at.
_SHARE = 0.1
_TOLERANCE = 48


def add_category_patch(image: Image.Image, category: str) -> None:
    side = max(4, round(min(image.size) * _SHARE))
    colour = _COLOURS[category]
    image.paste((*colour, 255) if image.mode == "RGBA" else colour, (0, 0, side, side))


def read_category_patch(image: Image.Image) -> tuple[str, ...]:
    """The category of the picture's patch, as a tuple; empty without a patch."""
    side = max(4, round(min(image.size) * _SHARE))
    middle = image.convert("RGB").crop((side // 4, side // 4, side - side // 4, side - side // 4))
    average = middle.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    assert isinstance(average, tuple)
    return tuple(
        category
        for category, colour in _COLOURS.items()
        if all(abs(have - want) <= _TOLERANCE for have, want in zip(average, colour, strict=True))
    )
