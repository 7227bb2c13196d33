"""Answers that are not one plain body: server-sent events, and answers that break off."""

import asyncio
from collections.abc import AsyncIterator

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from tatemono_studio.middleware import CutAnswerError

# Long enough for the server to send what it was given before the connection drops.
FLUSH_SECONDS = 0.05


class EventStream(StreamingResponse):
    def __init__(self, events: AsyncIterator[bytes]) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"cache-control": "no-cache"})


class CutResponse(Response):
    """Announces its whole length, sends a share of it and drops the connection."""

    def __init__(self, content: bytes, share: float) -> None:
        super().__init__(content, media_type="application/json")
        self._share = share

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        sent = self.body[: int(len(self.body) * self._share)]
        await send({"type": "http.response.body", "body": sent, "more_body": True})
        await asyncio.sleep(FLUSH_SECONDS)
        raise CutAnswerError


async def cut_after(events: AsyncIterator[bytes], count: int) -> AsyncIterator[bytes]:
    """The first `count` events and half of the next one."""
    sent = 0
    async for event in events:
        if sent == count:
            yield event[: len(event) // 2]
            break
        yield event
        sent += 1
    await asyncio.sleep(FLUSH_SECONDS)
    raise CutAnswerError


def event(name: str, data: bytes) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
