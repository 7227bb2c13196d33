"""Pictures that people bring along: decoded, and made anew from their pixels."""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor

from PIL import Image, ImageCms, ImageOps

from tatemono.domain.pictures.references import (
    MAX_PIXELS,
    MAX_UPLOAD_BYTES,
    MIN_SIDE_PIXELS,
    CleanPicture,
    NotAPicture,
    PictureTooLarge,
)

_JPEG_QUALITY = 92
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


class PillowReferences:
    """Decodes one picture at a time, in a thread of its own: 25 megapixels take up to 100 MB."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="references")

    async def clean(self, data: bytes, *, longest_side: int) -> CleanPicture:
        return await asyncio.get_running_loop().run_in_executor(self._threads, _clean, data, longest_side)


def _clean(data: bytes, longest_side: int) -> CleanPicture:
    if len(data) > MAX_UPLOAD_BYTES:
        raise NotAPicture
    try:
        # Only its head: what it is, its content says, not its name or declared type.
        image: Image.Image = Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP"))
    except Exception as error:
        # Pillow's readers raise nearly anything for broken bytes.
        raise NotAPicture from error
    width, height = image.size
    # Before a pixel is decoded: a few kilobytes may unfold to gigabytes.
    if width * height > MAX_PIXELS or min(width, height) < MIN_SIDE_PIXELS:
        raise PictureTooLarge(width=width, height=height, pixels=MAX_PIXELS, side=MIN_SIDE_PIXELS)
    try:
        image.load()
        image = _plain(image, longest_side)
    except Exception as error:
        raise NotAPicture from error
    written = io.BytesIO()
    if image.mode == "RGBA":
        image.save(written, "PNG")
        return CleanPicture(written.getvalue(), "image/png", *image.size)
    image.save(written, "JPEG", quality=_JPEG_QUALITY)
    return CleanPicture(written.getvalue(), "image/jpeg", *image.size)


def _plain(image: Image.Image, longest_side: int) -> Image.Image:
    """The pixels as they are meant to be seen, in sRGB, and nothing else: saving writes what `info` holds."""
    profile = image.info.get("icc_profile")
    mode = "RGBA" if image.has_transparency_data else "RGB"
    # The orientation of EXIF is turned into pixels, since the tag does not come along.
    image = ImageOps.exif_transpose(image)
    if profile and image.mode in {"RGB", "RGBA"}:
        image = _in_srgb(image, profile)
    image = image.convert(mode)
    image.thumbnail((longest_side, longest_side), reducing_gap=2.0)
    plain = Image.new(mode, image.size)
    plain.paste(image)
    return plain


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        converted = ImageCms.profileToProfile(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), _SRGB)
    except (ImageCms.PyCMSError, OSError):
        return image  # A broken profile changes shades, nothing else.
    return converted or image
