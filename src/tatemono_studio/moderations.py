"""`POST /v1/moderations`: texts and pictures classified by the words of word_filter.py."""

import asyncio
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from uuid import uuid4

import orjson
from PIL import Image
from starlette.requests import Request
from starlette.responses import Response

from tatemono_studio.category_patch import read_category_patch
from tatemono_studio.errors import ApiError, invalid, missing
from tatemono_studio.faults import split_prompt
from tatemono_studio.models import find
from tatemono_studio.painter import description_of
from tatemono_studio.state import (
    call_of,
    choose_misbehaviour,
    open_call,
    raise_error_fault,
    require_key,
    studio_of,
    while_connected,
)
from tatemono_studio.uploads import read_body
from tatemono_studio.word_filter import classify


async def moderations(request: Request) -> Response:
    open_call(request, "moderations")
    require_key(request)
    body = await read_body(request)
    model = body.get("model") or "omni-moderation-latest"
    if not isinstance(model, str):
        raise invalid("model", "Invalid type for 'model': expected a string.", "invalid_type")
    if find(model, studio_of(request).clock().date()).paints:
        raise invalid("model", f"The model '{model}' does not moderate.")
    call_of(request).model = model
    items = _items(body.get("input"))
    await while_connected(request, _misbehave(request, " ".join(item.text for item in items)))
    return Response(
        orjson.dumps(
            {
                "id": f"modr-{uuid4().hex}",
                "model": model,
                "results": [
                    classify(split_prompt(item.text)[0], patches=item.patches).as_object(item.kinds) for item in items
                ],
            }
        ),
        media_type="application/json",
    )


async def _misbehave(request: Request, text: str) -> None:
    """A marker in a text is meant for the picture; only the header and `on=moderations` reach this endpoint."""
    misbehaviour = choose_misbehaviour(request, "moderations", "", text)
    if misbehaviour.latency:
        await asyncio.sleep(misbehaviour.latency.draw(studio_of(request).faults.random))
    if misbehaviour.fault:
        await raise_error_fault(request, misbehaviour.fault)


@dataclass(frozen=True)
class _Item:
    """The input of one result: its words, the kinds of input that they came from, and the patches in its pictures."""

    text: str
    kinds: tuple[str, ...] = ("text",)
    patches: tuple[str, ...] = ()


def _items(value: object) -> list[_Item]:
    """The inputs to classify; text and picture parts make one result."""
    if value is None or value in ("", []):
        raise missing("input")
    if isinstance(value, str):
        return [_Item(value)]
    if not isinstance(value, list):
        raise _bad_input()
    if all(isinstance(item, str) for item in value):
        return [_Item(item) for item in value]
    parts = [_part(item) for item in value]
    kinds = tuple(kind for kind in ("text", "image") if any(kind in part.kinds for part in parts))
    patches = tuple(category for part in parts for category in part.patches)
    return [_Item("\n".join(part.text for part in parts), kinds, patches)]


def _part(item: Any) -> _Item:
    if isinstance(item, Mapping) and item.get("type") == "text" and isinstance(item.get("text"), str):
        return _Item(item["text"])
    if isinstance(item, Mapping) and item.get("type") == "image_url" and isinstance(item.get("image_url"), Mapping):
        url = item["image_url"].get("url")
        if isinstance(url, str):
            return _picture(url)
    raise _bad_input()


def _picture(url: str) -> _Item:
    """A picture is classified by the prompt in its metadata, which the studio writes, and by the patch that the fault
    `flag` puts into it; an address, by its own words.

    The studio fetches nothing: it works offline.
    """
    if not url.startswith("data:"):
        return _Item(url, ("image",))
    try:
        picture = Image.open(BytesIO(b64decode(url.partition(",")[2], validate=True)), formats=("PNG", "JPEG", "WEBP"))
        return _Item(description_of(picture), ("image",), read_category_patch(picture))
    except (ValueError, OSError, SyntaxError) as error:
        raise invalid("input", "Invalid 'image_url': not a readable png, jpeg or webp file.") from error


def _bad_input() -> ApiError:
    return invalid(
        "input", "Invalid 'input': expected a string, strings, or objects of type text and image_url.", "invalid_type"
    )
