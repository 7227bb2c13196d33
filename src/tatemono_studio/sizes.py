"""Picture sizes: which ones a model takes, and what they cost in tokens."""

import math
import re

from tatemono_studio.errors import ApiError, invalid
from tatemono_studio.models import Model

CLASSIC = ("1024x1024", "1024x1536", "1536x1024")
# https://platform.openai.com/docs/guides/image-generation: output tokens by quality and classic size.
OUTPUT_TOKENS = {
    "low": {"1024x1024": 272, "1024x1536": 408, "1536x1024": 400},
    "medium": {"1024x1024": 1056, "1024x1536": 1584, "1536x1024": 1568},
    "high": {"1024x1024": 4160, "1024x1536": 6240, "1536x1024": 6208},
}
PARTIAL_IMAGE_TOKENS = 100
"""Each partial picture of a stream costs this many output tokens more (same guide)."""

# Where the East Asian blocks of Unicode begin (CJK radicals).
FIRST_WIDE_LETTER = 0x2E80
STEP = 16
MAX_EDGE = 3840
MIN_PIXELS, MAX_PIXELS = 655_360, 3840 * 2160
MAX_RATIO = 3

Size = tuple[int, int]


def parse(text: str, model: Model) -> Size:
    """Width and height in pixels.

    :raises ApiError: 400 with param `size`, saying which limit is broken
    """
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if text in CLASSIC and found:
        return int(found[1]), int(found[2])
    if not model.any_size:
        raise _refuse(text, f"Supported values are: {', '.join(CLASSIC)} and auto")
    if not found:
        raise _refuse(text, "Write it as WIDTHxHEIGHT, or auto")
    width, height = int(found[1]), int(found[2])
    if width % STEP or height % STEP:
        raise _refuse(text, f"Width and height must both be divisible by {STEP}")
    if not width or not height or max(width, height) > MAX_RATIO * min(width, height):
        raise _refuse(text, "The aspect ratio must be between 1:3 and 3:1")
    if max(width, height) > MAX_EDGE or not MIN_PIXELS <= width * height <= MAX_PIXELS:
        raise _refuse(text, f"It must have {MIN_PIXELS} to {MAX_PIXELS} pixels and no edge above {MAX_EDGE}")
    return width, height


def _refuse(text: str, why: str) -> ApiError:
    return invalid("size", f"Invalid value: '{text}'. {why}.")


def closest_classic(width: int, height: int) -> Size:
    """What `auto` means for a picture of this shape."""
    if width > height * 1.2:
        return 1536, 1024
    return (1024, 1536) if height > width * 1.2 else (1024, 1024)


def output_tokens(size: Size, quality: str, partial_images: int) -> int:
    """Tokens of one picture; a size outside the table costs what its area would."""
    width, height = size
    listed = OUTPUT_TOKENS[quality].get(f"{width}x{height}")
    painted = listed or math.ceil(OUTPUT_TOKENS[quality]["1024x1024"] * width * height / 1024**2)
    return painted + PARTIAL_IMAGE_TOKENS * partial_images


def text_tokens(prompt: str) -> int:
    """About four Latin letters or one Japanese character a token: near enough to plan a budget with."""
    wide = sum(1 for letter in prompt if ord(letter) >= FIRST_WIDE_LETTER)
    return max(1, wide + math.ceil((len(prompt) - wide) / 4))


def image_tokens(size: Size) -> int:
    """Input tokens of a picture to edit: a base and so many a tile of 512 pixels once the short side is 512."""
    short, long = sorted(size)
    tiles = math.ceil(long * 512 / max(short, 1) / 512)
    return 65 + 129 * tiles
