"""`POST /v1/images/generations` and `POST /v1/images/edits`."""

import asyncio
import re
from base64 import b64decode, b64encode
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
from tatemono_studio.errors import moderation_blocked
from tatemono_studio.faults import Fault, Misbehaviour, split_prompt
from tatemono_studio.image_parameters import Fields, ImageParameters, read_image_parameters
from tatemono_studio.models import find
from tatemono_studio.odd_answers import odd_base64, odd_number, odd_usage
from tatemono_studio.painter import PictureSpec
from tatemono_studio.picture_cache import EncodedPicture
from tatemono_studio.provider_errors import ERRORS
from tatemono_studio.state import (
    Studio,
    call_of,
    choose_misbehaviour,
    open_call,
    raise_error_fault,
    require_key,
    studio_of,
    while_connected,
)
from tatemono_studio.streams import CutResponse, EventStream, cut_after, event
from tatemono_studio.uploads import read_body, read_upload
from tatemono_studio.word_filter import classify

WIDE = re.compile(r"panorama|widescreen|wide shot|landscape format|横長|パノラマ", re.IGNORECASE)
TALL = re.compile(r"portrait format|phone wallpaper|vertical|縦長|スマホ壁紙", re.IGNORECASE)


@dataclass(frozen=True)
class ImageJob:
    """One accepted request: what to paint, how long to take, and which fault to put into the answer."""

    studio: Studio
    parameters: ImageParameters
    endpoint: str
    size: sizes.Size
    specs: tuple[PictureSpec, ...]
    started: float
    delay_seconds: float
    fault: Fault | None
    base_url: str

    async def picture(self, index: int) -> EncodedPicture:
        picture = await self.studio.pictures.get(self.specs[index])
        if self.fault and self.fault.kind == "garbage":
            return EncodedPicture(b64encode(Random(index).randbytes(2048)), picture.partials)  # noqa: S311 - noise, no secret
        return picture

    @property
    def odd(self) -> str | None:
        return str(self.fault.value) if self.fault and self.fault.kind == "odd" else None

    def shown(self, base64: bytes) -> dict[str, Any]:
        """The picture as the answer holds it, in base64 or by its address."""
        output_format = self.specs[0].output_format
        if self.odd == "url":
            return {"url": self.base_url + self.studio.give(b64decode(base64), f"image/{output_format}")}
        return {"b64_json": _json_string(odd_base64(self.odd, base64, output_format))}

    async def wait_until(self, share: float) -> None:
        """Sleep until this share of the delay has passed since the request came."""
        await asyncio.sleep(max(0.0, self.started + self.delay_seconds * share - perf_counter()))

    def echoed_parameters(self) -> dict[str, Any]:
        echoed: dict[str, Any] = {
            "background": "transparent" if self.parameters.transparent else "opaque",
            "output_format": self.parameters.output_format,
            "quality": self.parameters.quality,
            "size": f"{self.size[0]}x{self.size[1]}",
        }
        if self.parameters.safety_identifier:
            echoed["safety_identifier"] = self.parameters.safety_identifier
        return echoed

    def usage(self, pictures: int) -> dict[str, Any]:
        text = sizes.text_tokens(self.parameters.prompt)
        images = sum(sizes.image_tokens(_size_of(source)) for source in self.parameters.sources)
        partials = self.parameters.partial_images
        output = pictures * sizes.output_tokens(self.size, self.parameters.quality, partials)
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
    return await _answer(
        request, "generations", read_image_parameters(fields, lambda model: find(model, today)), started
    )


async def edits(request: Request) -> Response:
    started = perf_counter()
    open_call(request, "edits")
    require_key(request)
    upload = await read_upload(request)
    fields = Fields(upload.fields, text_values=True)
    today = studio_of(request).clock().date()
    parameters = read_image_parameters(fields, lambda model: find(model, today), upload.images, upload.mask)
    return await _answer(request, "edits", parameters, started)


async def _answer(request: Request, endpoint: str, parameters: ImageParameters, started: float) -> Response:
    studio, call = studio_of(request), call_of(request)
    call.model, call.stream = parameters.model.id, parameters.stream
    call.prompt_sha256 = sha256(parameters.prompt.encode()).hexdigest()
    prompt, marker = split_prompt(parameters.prompt)
    size = _chosen_size(parameters, prompt)
    misbehaviour = choose_misbehaviour(request, endpoint, marker, parameters.prompt)
    await while_connected(request, _raise_errors(request, misbehaviour, prompt))

    delay = (misbehaviour.latency or studio.settings.latency).draw(studio.faults.random)
    call.latency_seconds = round(delay, 4)
    specs = _specs(parameters, prompt, size, misbehaviour.fault)
    call.cached = all(map(studio.pictures.has, specs))
    base_url = str(request.base_url).rstrip("/")
    job = ImageJob(studio, parameters, endpoint, size, specs, started, delay, misbehaviour.fault, base_url)
    usage = job.usage(parameters.n)
    call.pictures, call.input_tokens, call.output_tokens = parameters.n, usage["input_tokens"], usage["output_tokens"]
    share = misbehaviour.fault.value if misbehaviour.fault and misbehaviour.fault.kind == "cut" else None
    if parameters.stream and job.odd != "json":
        events = _events(request, job)
        if isinstance(share, float):
            events = cut_after(events, int(share * parameters.n * (parameters.partial_images + 1)))
        return EventStream(events)
    body = await while_connected(request, _body(job, usage))
    return CutResponse(body, share) if isinstance(share, float) else Response(body, media_type="application/json")


async def _raise_errors(request: Request, misbehaviour: Misbehaviour, prompt: str) -> None:
    """:raises ApiError: the request asks for an error, or moderation refuses its prompt"""
    fault, refused = misbehaviour.fault, classify(prompt).categories
    if misbehaviour.latency and fault and fault.kind in ("429", "500", "refuse"):
        await asyncio.sleep(misbehaviour.latency.draw(studio_of(request).faults.random))
    if fault:
        await raise_error_fault(request, fault)
    if refused or (fault and fault.kind == "refuse"):
        call_of(request).outcome = "refused"
        raise moderation_blocked(refused or ("studio",))


async def _body(job: ImageJob, usage: dict[str, Any]) -> bytes:
    pictures = await asyncio.gather(*(job.picture(index) for index in range(job.parameters.n)))
    await job.wait_until(1.0)
    return orjson.dumps(
        {
            "created": int(job.studio.clock().timestamp()),
            **job.echoed_parameters(),
            "data": odd_number(job.odd, [job.shown(picture.final) for picture in pictures]),
            "usage": odd_usage(job.odd, usage),
        }
    )


async def _events(request: Request, job: ImageJob) -> AsyncIterator[bytes]:
    """Each picture's partials, then the picture; several pictures follow one another."""
    parameters = job.parameters
    kind = "image_generation" if job.endpoint == "generations" else "image_edit"
    steps = parameters.n * (parameters.partial_images + 1)
    late = ERRORS[str(job.fault.value)]() if job.fault and job.fault.kind == "late-error" else None
    sent = 0
    try:
        for index in range(parameters.n):
            picture = await job.picture(index)
            for at, encoded in enumerate((*picture.partials, picture.final)):
                final = at == parameters.partial_images
                if final and late:
                    yield event("error", orjson.dumps({"type": "error", **late.envelope()}))
                    return
                if final and job.odd in ("unfinished", "fewer"):
                    return
                await job.wait_until((sent + 1) / steps)
                usage = {"usage": odd_usage(job.odd, job.usage(1))}
                more: dict[str, Any] = usage if final else {"partial_image_index": at}
                name = f"{kind}.{'completed' if final else 'partial_image'}"
                data = {
                    "type": name,
                    **({} if job.odd == "partial-empty" and not final else job.shown(encoded)),
                    "created_at": int(job.studio.clock().timestamp()),
                    **job.echoed_parameters(),
                    **more,
                }
                sent += 1
                yield event(name, orjson.dumps(data))
    finally:
        if sent < steps:
            call_of(request).outcome = "cut" if job.fault and job.fault.kind == "cut" else "cancelled"


def _json_string(base64: bytes) -> orjson.Fragment:
    # Base64 needs no escaping, so megabytes are copied once and never decoded to text.
    return orjson.Fragment(b'"' + base64 + b'"')


def _size_of(source: bytes) -> sizes.Size:
    return Image.open(BytesIO(source)).size


def _chosen_size(parameters: ImageParameters, prompt: str) -> sizes.Size:
    if parameters.size != "auto":
        return sizes.parse(parameters.size, parameters.model)
    if parameters.sources:
        return sizes.closest_classic(*_size_of(parameters.sources[0]))
    if WIDE.search(prompt):
        return 1536, 1024
    return (1024, 1536) if TALL.search(prompt) else (1024, 1024)


def _odd_format(fault: Fault | None) -> str | None:
    return str(fault.value) if fault and fault.kind == "odd" and fault.value in ("jpeg", "webp") else None


def _specs(parameters: ImageParameters, prompt: str, size: sizes.Size, fault: Fault | None) -> tuple[PictureSpec, ...]:
    painted = fault.value if fault and isinstance(fault.value, tuple) else size
    return tuple(
        PictureSpec(
            prompt=prompt,
            width=painted[0],
            height=painted[1],
            quality=parameters.quality,
            transparent=parameters.transparent,
            output_format=odd if (odd := _odd_format(fault)) else parameters.output_format,
            compression=parameters.compression,
            seed=parameters.seed,
            index=index,
            partials=parameters.partial_images,
            sources=parameters.sources,
            mask=parameters.mask,
            flagged_category=fault.value if fault and fault.kind == "flag" and isinstance(fault.value, str) else None,
        )
        for index in range(parameters.n)
    )
