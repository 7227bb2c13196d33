"""What is done with the bytes that a painter gives: they are checked, and made small for lists and for placeholders."""

import asyncio
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from PIL import (
    Image,
    WebPImagePlugin,  # noqa: F401 - otherwise the first thumbnail loads the plugins of forty formats
)

from tatemono.adapters.pillow.thumb_hash import thumb_hash
from tatemono.domain.generations.painting import Failure, PaintingFailed
from tatemono.usecases.pictures.ports import ExpectedPicture, Miniature, SmallCopy, VerifiedPicture

THUMBNAIL_PIXELS = 512
PREVIEW_PIXELS = 320
_THUMB_HASH_PIXELS = 24

_THUMBNAIL_QUALITY = 80
_PREVIEW_QUALITY = 60
_MODERATION_COPY_QUALITY = 80
_CONVERTED_QUALITY = 95
# Method 0 takes two thirds of the time of method 2, for files of the same size on pictures of this kind.
_WEBP_METHOD = 0


class PillowPictures:
    """Decodes pictures in threads, a bounded number at a time. Pillow's codecs leave other threads running.

    Larger files and larger pictures are refused before they are decoded: a decoded pixel takes four bytes.
    """

    def __init__(self, *, concurrency: int = 2, max_size_bytes: int = 25 * 2**20, max_pixels: int = 50_000_000) -> None:
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="pictures")
        self._max_size_bytes = max_size_bytes
        self._max_pixels = max_pixels

    async def verify(self, data: bytes, expected: ExpectedPicture) -> VerifiedPicture:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._verify, data, expected)

    async def shrink(self, picture: VerifiedPicture) -> SmallCopy:
        return await asyncio.get_running_loop().run_in_executor(self._threads, _small_copy, picture.pixels)

    async def miniature(self, small: SmallCopy) -> Miniature:
        return await asyncio.get_running_loop().run_in_executor(self._threads, _miniature, small.pixels)

    async def preview(self, data: bytes) -> bytes:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._preview, data)

    def _verify(self, data: bytes, expected: ExpectedPicture) -> VerifiedPicture:
        image = self._open(data)
        output_format = (image.format or "").lower()
        width, height = image.size
        if (width, height) != (expected.width, expected.height):
            raise _no_picture(f"it is {width}x{height}, {expected.width}x{expected.height} was asked for")
        if getattr(image, "is_animated", False):
            raise _no_picture("it moves")
        if output_format == "png":
            # Decoding checks no chunk's checksum and does not miss the end of the file; this does, in a millisecond.
            with _broken_bytes_are_no_picture():
                self._open(data).verify()
        with _broken_bytes_are_no_picture():
            image.load()
        if output_format != expected.output_format:
            # It is whole and paid: some servers know one format only, and do not look at which is asked for.
            data = _converted(image, expected.output_format)
        return VerifiedPicture(
            data=data,
            content_type=expected.content_type,
            width=width,
            height=height,
            pixels=image,
        )

    def _preview(self, data: bytes) -> bytes:
        image = self._open(data)
        with _broken_bytes_are_no_picture():
            small = _shrunk(image, PREVIEW_PIXELS)
        return _webp(small, _PREVIEW_QUALITY)

    def _open(self, data: bytes) -> Image.Image:
        """The picture's head; nothing is decoded yet."""
        if len(data) > self._max_size_bytes:
            raise _no_picture(f"it has {len(data)} bytes, {self._max_size_bytes} is the limit")
        with _broken_bytes_are_no_picture():
            image = Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP"))
        if image.width * image.height > self._max_pixels:
            raise _no_picture(f"it is {image.width}x{image.height}, {self._max_pixels} pixels is the limit")
        return image


def _converted(image: Image.Image, output_format: str) -> bytes:
    pixels = image.convert("RGB") if output_format == "jpeg" else _in_rgb(image)
    # PNG loses nothing at any quality.
    return _encoded(pixels, output_format.upper(), _CONVERTED_QUALITY)


def _in_rgb(image: Image.Image) -> Image.Image:
    """RGB, or RGBA if it is partly transparent; itself if it is either."""
    if image.mode in {"RGB", "RGBA"}:
        return image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _shrunk(image: Image.Image, longest_side: int) -> Image.Image:
    image = _in_rgb(image)
    # A gap of 1 halves or thirds the picture by plain averages first: all there is to do for the usual sizes.
    image.thumbnail((longest_side, longest_side), reducing_gap=1.0)
    return image


def _small_copy(pixels: Image.Image) -> SmallCopy:
    small = _shrunk(pixels, THUMBNAIL_PIXELS)
    # A JPEG takes a sixth of the time of a WebP, but knows no transparency.
    moderation_copy = (
        _encoded(small, "JPEG", _MODERATION_COPY_QUALITY)
        if small.mode == "RGB"
        else _webp(small, _MODERATION_COPY_QUALITY)
    )
    return SmallCopy(moderation_copy, small)


def _miniature(small: Image.Image) -> Miniature:
    return Miniature(_webp(small, _THUMBNAIL_QUALITY), _thumb_hash(small))


def _webp(image: Image.Image, quality: int) -> bytes:
    return _encoded(image, "WEBP", quality, method=_WEBP_METHOD)


def _encoded(image: Image.Image, output_format: str, quality: int, **options: int) -> bytes:
    written = io.BytesIO()
    image.save(written, output_format, quality=quality, **options)
    return written.getvalue()


def _thumb_hash(thumbnail: Image.Image) -> bytes:
    tiny = thumbnail.convert("RGBA")
    tiny.thumbnail((_THUMB_HASH_PIXELS, _THUMB_HASH_PIXELS), Image.Resampling.BOX)
    return thumb_hash(tiny.width, tiny.height, tiny.tobytes())


@contextmanager
def _broken_bytes_are_no_picture() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # Pillow's decoders raise nearly anything for broken bytes: OSError, SyntaxError, struct.error, IndexError…
        raise _no_picture(f"it does not decode ({type(error).__name__}: {error})") from error


def _no_picture(what: str) -> PaintingFailed:
    return PaintingFailed(Failure.NO_PICTURE, f"the picture is not what was asked for: {what}")
