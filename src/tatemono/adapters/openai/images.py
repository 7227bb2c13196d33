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
from openai import APIError, AsyncOpenAI, DefaultAsyncHttpx2Client, OpenAIError

from tatemono.adapters.openai.answers import MOST_PICTURE_CHARACTERS, address_of, entries_of, picture_of, usage_of
from tatemono.adapters.openai.bounded import bounded, read_bounded
from tatemono.adapters.openai.event_stream import event_data
from tatemono.adapters.openai.failures import as_painting_failed
from tatemono.adapters.openai.picture_download import PictureDownload
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
    It follows no redirect: on the way to an API that leads to a proxy's sign-in page.
    """

    def __init__(
        self, *, api_key: str, base_url: str, silence_seconds: float = 420, total_seconds: float = 600
    ) -> None:
        """
        :param base_url: ends in `/v1`
        :param silence_seconds: how long the painter may send nothing: good answers were seen after 394 s, and one that
            is no stream sends nothing before
        :param total_seconds: how long a whole call may take, connecting and partial pictures included
        """
        # At DEBUG the SDK logs whole requests, which hold the prompt.
        logging.getLogger("openai").setLevel(logging.WARNING)
        self._total_seconds = total_seconds
        timeout = httpx2.Timeout(
            connect=_CONNECT_TIMEOUT_SECONDS,
            read=silence_seconds,
            write=_WRITE_TIMEOUT_SECONDS,
            pool=_POOL_TIMEOUT_SECONDS,
        )
        self._client = AsyncOpenAI(
            api_key=api_key,
            base_url=base_url,
            max_retries=0,
            timeout=timeout,
            http_client=DefaultAsyncHttpx2Client(timeout=timeout, follow_redirects=False),
        )
        self._download = PictureDownload(base_url)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; calls under way fail."""
        await self._client.close()
        await self._download.close()

    async def paint(self, request: PaintRequest) -> AsyncGenerator[PartialPicture | Painting, None]:
        """Several pictures come without partial ones: OpenAI says "Streaming is only supported with n=1"."""
        call = _Call(request, self._download, self._total_seconds)
        how = {"stream": True, "partial_images": request.partial_images} if request.n == 1 else {}
        async with AsyncExitStack() as stack:
            streaming = _send(self._client.images.with_streaming_response, request, **how)
            answer = await call.within(stack.enter_async_context(streaming))
            call.request_id = answer.headers.get("x-request-id")
            # Servers that know no stream answer with plain JSON, even if one was asked for.
            if answer.headers.get("content-type", "").startswith("text/event-stream"):
                steps = await stack.enter_async_context(aclosing(call.streamed(answer)))
                async for step in steps:
                    yield step
            else:
                yield await call.within(call.whole(answer))


class _Call:
    """One call: what was asked for, until when, and how the painter names it."""

    def __init__(self, request: PaintRequest, download: PictureDownload, total_seconds: float) -> None:
        self._request = request
        self._download = download
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        self._deadline = self._began + total_seconds
        self.request_id: str | None = None

    async def within(self, answer: Awaitable[Any]) -> Any:
        """The answer, if it comes before the deadline.

        :raises PaintingFailed: it does not come
        """
        try:
            async with asyncio.timeout_at(self._deadline):
                return await answer
        except (OpenAIError, httpx2.RequestError, TimeoutError, ValueError) as error:
            # Not `from error`: its message may quote the prompt, and a traceback would show it.
            raise as_painting_failed(
                error, self.request_id, prompt=self._request.prompt, after_seconds=self._clock() - self._began
            ) from None

    async def streamed(self, answer: Any) -> AsyncGenerator[PartialPicture | Painting, None]:
        """The events' pictures, until the finished one.

        :raises PaintingFailed: none comes
        """
        count, last = 0, None
        async with aclosing(_events(answer, self._most_characters)) as events:
            while event := await self.within(anext(events, None)):
                kind = str(event.get("type", ""))
                if kind.endswith(".completed") or (not kind and "data" in event):
                    yield await self.within(self._painting(event))
                    return
                if kind.endswith(".partial_image"):
                    # One that shows nothing is no reason to lose the picture that follows.
                    if (last := picture_of(event)) is not None:
                        yield PartialPicture(count, last)
                    count += 1
        if last is None or count < self._request.partial_images:
            raise self._failed(Failure.CUT_OFF, "the stream ended before the picture came")
        # The server said all that it was asked for, and left the last event out: the latest picture is what was paid.
        _log.warning("call %s ended without its last event: its latest picture is kept", self.request_id)
        yield Painting((last,), usage_of(None), self.request_id)

    async def whole(self, answer: Any) -> Painting:
        """
        :raises APIError: the body tells of an error, under a good status
        :raises PaintingFailed: it holds no picture
        :raises ValueError: it is no JSON
        """
        body = orjson.loads(await read_bounded(answer.iter_bytes(), self._most_characters))
        if isinstance(body, dict) and body.get("error"):
            raise APIError("error within the answer", request=answer.http_request, body=body["error"])
        return await self._painting(body)

    async def _painting(self, body: Any) -> Painting:
        """:raises PaintingFailed: the body holds no picture"""
        entries = entries_of(body)
        pictures = [picture for entry in entries if (picture := picture_of(entry) or await self._fetched(entry))]
        if not pictures:
            raise self._failed(Failure.NO_PICTURE, f"the answer holds no picture in {len(entries)} entries")
        if len(pictures) != self._request.n:
            _log.warning("call %s gave %d pictures of %d", self.request_id, len(pictures), self._request.n)
        return Painting(tuple(pictures[: self._request.n]), self._usage(body), self.request_id)

    async def _fetched(self, entry: Any) -> bytes | None:
        url = address_of(entry)
        return await self._download.get(url) if url else None

    def _usage(self, body: Any) -> PainterUsage:
        usage = usage_of(body.get("usage") if isinstance(body, dict) else None)
        if not usage.output_tokens:
            _log.warning("the painter does not say what call %s used: what was expected is booked", self.request_id)
        return usage

    def _failed(self, failure: Failure, what: str) -> PaintingFailed:
        return PaintingFailed(failure, what, provider_request_id=self.request_id)

    @property
    def _most_characters(self) -> int:
        return MOST_PICTURE_CHARACTERS * (self._request.n + self._request.partial_images + 1)


def _send(images: Any, request: PaintRequest, **how: Any) -> Any:
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


async def _events(answer: Any, most_bytes: int) -> AsyncGenerator[dict[str, Any], None]:
    """
    :raises APIError: one of them says that it failed, as the SDK's own reader would
    :raises ValueError: one is no JSON object
    """
    async for data in event_data(bounded(answer.iter_bytes(), most_bytes)):
        if data.strip() == b"[DONE]":
            continue
        event = orjson.loads(data)
        if not isinstance(event, dict):
            raise ValueError("an event holds no object")  # noqa: TRY004 - of those that `within` knows
        # Bridges from another API tell an error flat.
        error = event if event.get("type") == "error" and not event.get("error") else event.get("error")
        if error:
            raise APIError("error within the stream", request=answer.http_request, body=error)
        yield event
