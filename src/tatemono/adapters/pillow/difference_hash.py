"""Difference hashes: 64 bits of a picture that stay nearly the same when it is scaled, compressed or tinted.

Each bit says whether a pixel of the picture at 9x8, in grey, is brighter than the one to the right of it
(Neal Krawetz, "Kind of Like That", https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html).
"""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor

from PIL import Image, ImageOps

_WIDTH, _HEIGHT = 9, 8


class DifferenceHasher:
    """Decodes one picture at a time, in a thread."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="hashes")

    async def hashes(self, picture: bytes) -> tuple[int, ...]:
        return await asyncio.get_running_loop().run_in_executor(self._threads, difference_hashes, picture)


def difference_hashes(picture: bytes) -> tuple[int, ...]:
    """As `DifferenceHasher.hashes`."""
    try:
        image: Image.Image = Image.open(io.BytesIO(picture), formats=("PNG", "JPEG", "WEBP"))
        # A JPEG is decoded no larger than needed; other formats know no such thing.
        image.draft("L", (_WIDTH * 4, _HEIGHT * 4))
        if image.has_transparency_data:
            # What shines through counts as white, as on a page.
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        grey = image.convert("L").resize((_WIDTH, _HEIGHT), Image.Resampling.BOX)
    except Exception:  # noqa: BLE001 - Pillow's decoders raise nearly anything for broken bytes
        return ()
    return _hash(grey), _hash(ImageOps.mirror(grey))


def _hash(grey: Image.Image) -> int:
    values = grey.tobytes()
    bits = 0
    for row in range(_HEIGHT):
        for column in range(_WIDTH - 1):
            at = row * _WIDTH + column
            bits = bits << 1 | (values[at] > values[at + 1])
    return bits
