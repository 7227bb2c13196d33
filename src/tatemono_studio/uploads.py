"""Request bodies: JSON objects, and multipart forms with pictures."""

import asyncio
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import orjson
from PIL import Image
from starlette.datastructures import UploadFile
from starlette.requests import Request

from tatemono_studio.errors import ApiError, invalid, missing
from tatemono_studio.settings import MEGABYTE

IMAGE_LIMIT_BYTES = 50 * MEGABYTE
MASK_LIMIT_BYTES = 4 * MEGABYTE
IMAGES_LIMIT = 16
PIXELS_LIMIT = 50_000_000
FORMATS = ("PNG", "JPEG", "WEBP")
FIELD_LIMIT_BYTES = MEGABYTE
FIELDS_LIMIT = 64


@dataclass(frozen=True)
class Upload:
    fields: dict[str, Any]
    images: tuple[bytes, ...]
    mask: bytes | None


async def read_body(request: Request) -> dict[str, Any]:
    """:raises ApiError: 400, the body is no JSON object"""
    try:
        value = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise ApiError(400, f"We could not parse the JSON body of your request: {error}") from None
    if not isinstance(value, dict):
        raise ApiError(400, "The JSON body of your request must be an object.")
    return value


async def read_upload(request: Request) -> Upload:
    """The form of `/v1/images/edits`; every picture in it can be decoded.

    :raises ApiError: 400 naming the field
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise ApiError(400, "Send this request as multipart/form-data with an image.")
    fields: dict[str, Any] = {}
    images: list[bytes] = []
    mask = None
    # One more than allowed, so that a seventeenth picture is refused with a message of its own.
    limits = {"max_files": IMAGES_LIMIT + 2, "max_fields": FIELDS_LIMIT, "max_part_size": FIELD_LIMIT_BYTES}
    async with request.form(**limits) as form:
        for name, value in form.multi_items():
            if name in ("image", "image[]"):
                images.append(await _picture_bytes("image", value, IMAGE_LIMIT_BYTES))
            elif name == "mask":
                mask = await _picture_bytes("mask", value, MASK_LIMIT_BYTES)
            elif isinstance(value, UploadFile):
                raise invalid(name, f"Unknown file parameter: '{name}'.", "unknown_parameter")
            else:
                fields[name] = value
    if not images:
        raise missing("image")
    if len(images) > IMAGES_LIMIT:
        raise invalid("image", f"Invalid 'image': {len(images)} pictures, at most {IMAGES_LIMIT} are allowed.")
    await asyncio.to_thread(_check_pictures, images, mask)
    return Upload(fields, tuple(images), mask)


async def _picture_bytes(param: str, value: UploadFile | str, limit_bytes: int) -> bytes:
    if isinstance(value, str):
        raise invalid(param, f"Invalid type for '{param}': expected a file.", "invalid_type")
    if value.size is not None and value.size > limit_bytes:
        raise invalid(param, f"Invalid '{param}': larger than {limit_bytes // MEGABYTE} MB.", "file_too_large")
    return await value.read()


def _check_pictures(images: list[bytes], mask: bytes | None) -> None:
    sizes = [_decoded("image", data, FORMATS).size for data in images]
    if mask is None:
        return
    decoded = _decoded("mask", mask, ("PNG",))
    if "A" not in decoded.getbands() and "transparency" not in decoded.info:
        raise invalid("mask", "Invalid mask: it has no alpha channel that says where to edit.", "invalid_image_file")
    if decoded.size != sizes[0]:
        raise invalid("mask", f"Invalid mask: {decoded.size} pixels, the image has {sizes[0]}.", "invalid_image_file")


def _decoded(param: str, data: bytes, formats: tuple[str, ...]) -> Image.Image:
    """Read by its content; its name and declared type are ignored."""
    try:
        picture = Image.open(BytesIO(data), formats=formats)
        if picture.width * picture.height > PIXELS_LIMIT:
            raise invalid(param, f"Invalid '{param}': more than {PIXELS_LIMIT} pixels.", "invalid_image_file")
        picture.load()
    # Pillow's readers raise many kinds on broken files, SyntaxError and struct.error among them.
    except (OSError, ValueError, SyntaxError, IndexError, ArithmeticError, Image.DecompressionBombError) as error:
        allowed = ", ".join(formats).lower()
        raise invalid(param, f"Invalid '{param}': not a readable {allowed} file.", "invalid_image_file") from error
    return picture
