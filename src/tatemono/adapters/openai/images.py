"""The painter behind OpenAI's images API: https://platform.openai.com/docs/api-reference/images

Any server that speaks it will do. Prompts and keys stay out of logs and errors.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable
from contextlib import AsyncExitStack, aclosing
from types import TracebackType
from typing import Any, Self

import httpx2
import orjson
import pybase64
from openai import APIError, AsyncOpenAI, OpenAIError
from openai.types import ImagesResponse

from tatemono.adapters.openai.event_stream import event_data
from tatemono.adapters.openai.failures import as_painting_failed
from tatemono.domain.generations.painting import (
    Failure,
    PainterUsage,
    Painting,
    PaintingFailed,
    PaintRequest,
    PartialPicture,
)

_CONNECT_TIMEOUT_SECONDS = 5
_WRITE_TIMEOUT_SECONDS = 10
_POOL_TIMEOUT_SECONDS = 10

_log = logging.getLogger(__name__)


class OpenAIPainter:
    """Paints through one connection pool; use it as a context manager, or close it.

    The SDK's own retries are off: whether a call that may have been charged is made again is not for an SDK to decide.
    """

    def __init__(
        self, *, api_key: str, base_url: str, silence_seconds: float = 150, total_seconds: float = 300
    ) -> None:
        """
        :param base_url: ends in `/v1`
        :param silence_seconds: how long the painter may send nothing; a picture takes up to two minutes
        :param total_seconds: how long a whole call may take, connecting and partial pictures included
        """
        # At DEBUG the SDK logs whole requests, which hold the prompt.
        logging.getLogger("openai").setLevel(logging.WARNING)
        self._total_seconds = total_seconds
        self._client = AsyncOpenAI(
            api_key=api_key,
            base_url=base_url,
            max_retries=0,
            timeout=httpx2.Timeout(
                connect=_CONNECT_TIMEOUT_SECONDS,
                read=silence_seconds,
                write=_WRITE_TIMEOUT_SECONDS,
                pool=_POOL_TIMEOUT_SECONDS,
            ),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; calls under way fail."""
        await self._client.close()

    async def paint(self, request: PaintRequest) -> AsyncGenerator[PartialPicture | Painting, None]:
        """Several pictures come without partial ones: OpenAI says "Streaming is only supported with n=1"."""
        deadline = asyncio.get_running_loop().time() + self._total_seconds
        if request.n > 1:
            yield await self._paint_several(request, deadline)
            return
        painting = None
        async with AsyncExitStack() as stack:
            images = self._client.images.with_streaming_response
            streaming = _call(images, request, stream=True, partial_images=request.partial_images)
            answer = await _within(deadline, stack.enter_async_context(streaming))
            request_id = answer.headers.get("x-request-id")
            events = await stack.enter_async_context(aclosing(_events(answer)))
            while event := await _within(deadline, anext(events, None), request_id):
                if event.get("type") in ("image_generation.partial_image", "image_edit.partial_image"):
                    yield PartialPicture(
                        event.get("partial_image_index", 0), _decoded(event.get("b64_json"), request_id)
                    )
                elif event.get("type") in ("image_generation.completed", "image_edit.completed"):
                    picture = _decoded(event.get("b64_json"), request_id)
                    painting = Painting((picture,), _usage(event.get("usage"), request_id), request_id)
                    break
        if painting is None:
            what = "the stream ended before the picture came"
            raise PaintingFailed(Failure.CUT_OFF, what, provider_request_id=request_id)
        yield painting

    async def _paint_several(self, request: PaintRequest, deadline: float) -> Painting:
        answer = await _within(deadline, _call(self._client.images, request))
        request_id = answer._request_id if isinstance(answer, ImagesResponse) else None  # noqa: SLF001 - documented as public
        images = (answer.data or []) if isinstance(answer, ImagesResponse) else []
        if len(images) != request.n:
            raise PaintingFailed(
                Failure.NO_PICTURE,
                f"the answer holds {len(images)} pictures instead of {request.n}",
                provider_request_id=request_id,
            )
        pictures = []
        for image in images:
            pictures.append(_decoded(image.b64_json, request_id))
            image.b64_json = None  # several megabytes that are not needed twice
        usage = answer.usage.to_dict() if answer.usage else None
        return Painting(tuple(pictures), _usage(usage, request_id), request_id)


def _call(images: Any, request: PaintRequest, **how: Any) -> Any:
    """Paint from the words alone, or change the pictures that came along; `images` is the SDK's, or streams."""
    if not request.references:
        return images.generate(**_asked(request), **how)
    files = [(f"reference-{number}", data, _media_type(data)) for number, data in enumerate(request.references)]
    return images.edit(image=files, **_asked(request), **how)


def _asked(request: PaintRequest) -> dict[str, Any]:
    return {
        "model": request.model,
        "prompt": request.prompt,
        "n": request.n,
        "size": request.size,
        "quality": request.quality,
        "background": request.background,
        "output_format": request.output_format,
        "safety_identifier": request.safety_identifier,
        "extra_headers": {"X-Client-Request-Id": request.client_request_id},
        **({"extra_body": dict(request.extra)} if request.extra else {}),
    }


def _media_type(picture: bytes) -> str:
    return "image/png" if picture.startswith(b"\x89PNG") else "image/jpeg"


async def _events(answer: Any) -> AsyncGenerator[dict[str, Any], None]:
    """
    :raises APIError: one of them says that it failed, as the SDK's own reader would
    :raises ValueError: one is no JSON object
    """
    async for data in event_data(answer.iter_bytes()):
        event = orjson.loads(data)
        if not isinstance(event, dict):
            raise ValueError("an event holds no object")  # noqa: TRY004 - of those that `_within` knows
        if error := event.get("error"):
            raise APIError("error within the stream", request=answer.http_request, body=error)
        yield event


async def _within(deadline: float, answer: Awaitable[Any], request_id: str | None = None) -> Any:
    """The answer, if it comes before `deadline` (the event loop's clock).

    :raises PaintingFailed: it does not come
    """
    try:
        async with asyncio.timeout_at(deadline):
            return await answer
    except (OpenAIError, httpx2.RequestError, TimeoutError, ValueError) as error:
        # Not `from error`: its message may quote the prompt, and a traceback would show it.
        raise as_painting_failed(error, request_id) from None


def _decoded(base64: Any, request_id: str | None) -> bytes:
    try:
        if data := pybase64.b64decode(base64, validate=True):
            return data
        what = "an empty picture"
    except (ValueError, TypeError):
        what = "no picture in base64"
    raise PaintingFailed(Failure.NO_PICTURE, f"the answer holds {what}", provider_request_id=request_id)


def _usage(usage: Any, request_id: str | None) -> PainterUsage:
    try:
        details = usage["input_tokens_details"]
        return PainterUsage(details["text_tokens"], details["image_tokens"], usage["output_tokens"])
    except (KeyError, TypeError):
        _log.warning("the painter does not say what call %s used: it is recorded as nothing", request_id)
        return PainterUsage(0, 0, 0)
