"""`POST /v1/images/generations` and `POST /v1/images/edits`."""

import asyncio
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from random import Random
from time import perf_counter
from typing import Any

import orjson
from PIL import Image
from starlette.requests import Request
from starlette.responses import Response

from tatemono_studio import sizes
from tatemono_studio.errors import moderation_blocked, rate_limited, server_error
from tatemono_studio.faults import Fault, Misbehaviour, split_prompt
from tatemono_studio.image_parameters import Fields, Order, read_order
from tatemono_studio.models import find
from tatemono_studio.painter import Commission
from tatemono_studio.picture_cache import Hanging
from tatemono_studio.state import (
    Studio,
    call_of,
    error_for_hang,
    misbehaviour,
    open_call,
    require_key,
    studio_of,
    while_connected,
)
from tatemono_studio.streams import CutResponse, EventStream, cut_after, event
from tatemono_studio.uploads import read_body, read_upload
from tatemono_studio.word_filter import judge

WIDE = re.compile(r"panorama|widescreen|wide shot|landscape format|横長|パノラマ", re.IGNORECASE)
TALL = re.compile(r"portrait format|phone wallpaper|vertical|縦長|スマホ壁紙", re.IGNORECASE)


@dataclass(frozen=True)
class Sitting:
    """One accepted request: what to paint, how long to take, what to do wrong at the end."""

    studio: Studio
    order: Order
    endpoint: str
    size: sizes.Size
    commissions: tuple[Commission, ...]
    started: float
    delay_seconds: float
    fault: Fault | None

    async def picture(self, index: int) -> Hanging:
        hanging = await self.studio.gallery.picture(self.commissions[index])
        if self.fault and self.fault.kind == "garbage":
            return Hanging(b64encode(Random(index).randbytes(2048)), hanging.partials)  # noqa: S311 - noise, no secret
        return hanging

    async def wait_until(self, share: float) -> None:
        """Sleep until this share of the delay has passed since the request came."""
        await asyncio.sleep(max(0.0, self.started + self.delay_seconds * share - perf_counter()))

    def about(self) -> dict[str, Any]:
        about: dict[str, Any] = {
            "background": "transparent" if self.order.transparent else "opaque",
            "output_format": self.order.output_format,
            "quality": self.order.quality,
            "size": f"{self.size[0]}x{self.size[1]}",
        }
        if self.order.safety_identifier:
            about["safety_identifier"] = self.order.safety_identifier
        return about

    def usage(self, pictures: int) -> dict[str, Any]:
        text = sizes.text_tokens(self.order.prompt)
        images = sum(sizes.image_tokens(_shape(source)) for source in self.order.sources)
        partials = self.order.partial_images
        output = pictures * sizes.output_tokens(self.size, self.order.quality, partials)
        return {
            "input_tokens": text + images,
            "input_tokens_details": {"image_tokens": images, "text_tokens": text},
            "output_tokens": output,
            "output_tokens_details": {"image_tokens": output, "text_tokens": 0},
            "total_tokens": text + images + output,
        }


async def generations(request: Request) -> Response:
    started = perf_counter()
    open_call(request, "generations")
    require_key(request)
    fields = Fields(await read_body(request), text_values=False)
    today = studio_of(request).clock().date()
    return await _answer(request, "generations", read_order(fields, lambda model: find(model, today)), started)


async def edits(request: Request) -> Response:
    started = perf_counter()
    open_call(request, "edits")
    require_key(request)
    upload = await read_upload(request)
    fields = Fields(upload.fields, text_values=True)
    today = studio_of(request).clock().date()
    order = read_order(fields, lambda model: find(model, today), upload.images, upload.mask)
    return await _answer(request, "edits", order, started)


async def _answer(request: Request, endpoint: str, order: Order, started: float) -> Response:
    studio, call = studio_of(request), call_of(request)
    call.model, call.stream = order.model.id, order.stream
    call.prompt_sha256 = sha256(order.prompt.encode()).hexdigest()
    prompt, marker = split_prompt(order.prompt)
    size = _size(order, prompt)
    suffered = misbehaviour(request, endpoint, marker, order.prompt)
    await while_connected(request, _go_wrong(request, suffered, prompt))

    delay = (suffered.latency or studio.settings.latency).draw(studio.faults.random)
    call.latency_seconds = round(delay, 4)
    commissions = _commissions(order, prompt, size, suffered.fault)
    call.cached = all(map(studio.gallery.has, commissions))
    sitting = Sitting(studio, order, endpoint, size, commissions, started, delay, suffered.fault)
    usage = sitting.usage(order.n)
    call.pictures, call.input_tokens, call.output_tokens = order.n, usage["input_tokens"], usage["output_tokens"]
    share = suffered.fault.value if suffered.fault and suffered.fault.kind == "cut" else None
    if order.stream:
        events = _events(request, sitting)
        if isinstance(share, float):
            events = cut_after(events, int(share * order.n * (order.partial_images + 1)))
        return EventStream(events)
    body = await while_connected(request, _body(sitting, usage))
    return CutResponse(body, share) if isinstance(share, float) else Response(body, media_type="application/json")


async def _go_wrong(request: Request, suffered: Misbehaviour, prompt: str) -> None:
    """Answers that are no picture, whether asked for or deserved."""
    fault, refused = suffered.fault, judge(prompt).categories
    if suffered.latency and fault and fault.kind in ("429", "500", "refuse"):
        await asyncio.sleep(suffered.latency.draw(studio_of(request).faults.random))
    if fault and fault.kind == "hang" and isinstance(fault.value, float):
        call_of(request).outcome = "hung"
        await asyncio.sleep(fault.value)
        raise error_for_hang()
    if fault and fault.kind == "429" and isinstance(fault.value, float):
        raise rate_limited(fault.value)
    if fault and fault.kind == "500":
        raise server_error()
    if refused or (fault and fault.kind == "refuse"):
        call_of(request).outcome = "refused"
        raise moderation_blocked(refused or ("studio",))


async def _body(sitting: Sitting, usage: dict[str, Any]) -> bytes:
    hanging = await asyncio.gather(*(sitting.picture(index) for index in range(sitting.order.n)))
    await sitting.wait_until(1.0)
    return orjson.dumps(
        {
            "created": int(sitting.studio.clock().timestamp()),
            **sitting.about(),
            "data": [{"b64_json": _json_string(one.final)} for one in hanging],
            "usage": usage,
        }
    )


async def _events(request: Request, sitting: Sitting) -> AsyncIterator[bytes]:
    """Each picture's partials, then the picture; several pictures follow one another."""
    order = sitting.order
    kind = "image_generation" if sitting.endpoint == "generations" else "image_edit"
    steps = order.n * (order.partial_images + 1)
    told = 0
    try:
        for index in range(order.n):
            hanging = await sitting.picture(index)
            for at, picture in enumerate((*hanging.partials, hanging.final)):
                final = at == order.partial_images
                await sitting.wait_until((told + 1) / steps)
                about: dict[str, Any] = {"usage": sitting.usage(1)} if final else {"partial_image_index": at}
                name = f"{kind}.{'completed' if final else 'partial_image'}"
                data = {
                    "type": name,
                    "b64_json": _json_string(picture),
                    "created_at": int(sitting.studio.clock().timestamp()),
                    **sitting.about(),
                    **about,
                }
                told += 1
                yield event(name, orjson.dumps(data))
    finally:
        if told < steps:
            call_of(request).outcome = "cut" if sitting.fault and sitting.fault.kind == "cut" else "cancelled"


def _json_string(base64: bytes) -> orjson.Fragment:
    # Base64 needs no escaping, so megabytes are copied once and never decoded to text.
    return orjson.Fragment(b'"' + base64 + b'"')


def _shape(source: bytes) -> sizes.Size:
    return Image.open(BytesIO(source)).size


def _size(order: Order, prompt: str) -> sizes.Size:
    if order.size != "auto":
        return sizes.parse(order.size, order.model)
    if order.sources:
        return sizes.closest_classic(*_shape(order.sources[0]))
    if WIDE.search(prompt):
        return 1536, 1024
    return (1024, 1536) if TALL.search(prompt) else (1024, 1024)


def _commissions(order: Order, prompt: str, size: sizes.Size, fault: Fault | None) -> tuple[Commission, ...]:
    painted = fault.value if fault and isinstance(fault.value, tuple) else size
    return tuple(
        Commission(
            prompt=prompt,
            width=painted[0],
            height=painted[1],
            quality=order.quality,
            transparent=order.transparent,
            output_format=order.output_format,
            compression=order.compression,
            seed=order.seed,
            index=index,
            partials=order.partial_images,
            sources=order.sources,
            mask=order.mask,
            flag=fault.value if fault and isinstance(fault.value, str) else None,
        )
        for index in range(order.n)
    )
