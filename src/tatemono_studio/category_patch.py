"""A mark that makes a picture worth flagging: a patch of pure colour in its upper left corner.

It is in the pixels, so it is still there when somebody has the picture judged after making it smaller or encoding it
anew. Each category that moderation sees in pictures has a corner of the colour cube.
"""

from PIL import Image

from tatemono_studio.word_filter import SEEN_IN_PICTURES

_COLOURS = dict(
    zip(
        sorted(SEEN_IN_PICTURES),
        ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255), (0, 255, 255)),
        strict=True,
    )
)
# Of the shorter side. Encoders smear the edges, so only the middle is looked at.
_SHARE = 0.1
_TOLERANCE = 48


def put_flag(image: Image.Image, category: str) -> None:
    side = max(4, round(min(image.size) * _SHARE))
    colour = _COLOURS[category]
    image.paste((*colour, 255) if image.mode == "RGBA" else colour, (0, 0, side, side))


def flags_of(image: Image.Image) -> tuple[str, ...]:
    """The category that a picture is marked with, if it is."""
    side = max(4, round(min(image.size) * _SHARE))
    middle = image.convert("RGB").crop((side // 4, side // 4, side - side // 4, side - side // 4))
    seen = middle.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    assert isinstance(seen, tuple)
    return tuple(
        category
        for category, colour in _COLOURS.items()
        if all(abs(have - want) <= _TOLERANCE for have, want in zip(seen, colour, strict=True))
    )
