"""Event streams: what happens to a generation, as it happens (server-sent events, HTML standard, section 9.2).

Each stream is a coroutine and a little state, without a timer of its own: 5,000 of them fit into one process.
"""

import asyncio
from collections import Counter
from contextlib import suppress
from typing import ClassVar
from uuid import UUID

import orjson
from starlette.types import Receive, Scope, Send

from tatemono.adapters.postgres.generations.event_feed import Watch
from tatemono.adapters.postgres.generations.queries import EventRow, Place
from tatemono.bootstrap.mobile_api import MobileApiBackend
from tatemono.domain.errors import Exhausted, Unavailable
from tatemono.domain.generations.generation import FINAL_STATES, Generation, State
from tatemono.entrypoints.http.responses import json_bytes
from tatemono.entrypoints.http.serving import DATABASE_ERRORS
from tatemono.entrypoints.mobile_api.generations.generation_resources import (
    failure,
    generation_resources,
    place_resource,
)
from tatemono.entrypoints.mobile_api.generations.heartbeats import Heartbeats
from tatemono.entrypoints.mobile_api.generations.queue_positions import QueuePositions
from tatemono.entrypoints.mobile_api.pictures.picture_urls import PictureUrls

MAX_STREAMS_OF_A_USER = 10
MAX_STREAMS = 5_000
HEARTBEAT_SECONDS = 15.0
#: A stream ends after so many bytes, and the phone resumes it: the server may have to keep them for a phone that does
#: not read. An unfinished picture has some 20 kB, a generation a handful of them.
MAX_BYTES_OF_A_STREAM = 1024 * 1024
#: A phone that lost its stream connects again after so long.
RETRY_MILLISECONDS = 1_000


class TooManyStreams(Exhausted):
    code = "too_many_streams"
    texts: ClassVar[dict[str, str]] = {
        "en": "{open} streams are open already. Close one first.",
        "ja": "すでに {open} 本のストリームが開いています。先にいずれかを閉じてください。",
    }


class Stopping(Unavailable):
    code = "service_stopping"
    texts: ClassVar[dict[str, str]] = {
        "en": "This server is about to stop. Connect again.",
        "ja": "サーバーが停止処理中です。接続し直してください。",
    }


class Streams:
    """The open streams of this process: how many there may be, and what they share."""

    def __init__(
        self, backend: MobileApiBackend, urls: PictureUrls, *, heartbeat_seconds: float = HEARTBEAT_SECONDS
    ) -> None:
        self.backend = backend
        self.urls = urls
        self.heartbeat_seconds = heartbeat_seconds
        self.open: set[EventStream] = set()
        self.positions = QueuePositions(backend.db.queries.positions, backend.feed.moved)
        self._heartbeats = Heartbeats(heartbeat_seconds, self._check_feed)
        self._of_user: Counter[UUID] = Counter()
        self._stopping = False

    def enter(self, stream: "EventStream", user_id: UUID) -> None:
        """:raises TooManyStreams: the user's, or those of the process
        :raises Stopping: no stream is opened any more
        """
        if self._stopping:
            raise Stopping
        if (count := self._of_user[user_id]) >= MAX_STREAMS_OF_A_USER:
            raise TooManyStreams(open=count)
        if len(self.open) >= MAX_STREAMS:
            raise TooManyStreams(open=len(self.open))
        self.open.add(stream)
        self._of_user[user_id] += 1
        self._heartbeats.add(stream.beat)

    def leave(self, stream: "EventStream", user_id: UUID) -> None:
        self.open.discard(stream)
        self._heartbeats.remove(stream.beat)
        self.positions.remove(stream.show_place)
        self._of_user[user_id] -= 1
        if not self._of_user[user_id]:
            del self._of_user[user_id]

    def stop(self) -> None:
        """End all streams, and open no more: phones resume elsewhere."""
        self._stopping = True
        for stream in self.open:
            stream.end()
        self.positions.stop()
        self._heartbeats.stop()

    async def _check_feed(self) -> None:
        with suppress(*DATABASE_ERRORS):
            await self.backend.feed.check()


class EventStream:
    """One phone that watches one generation: an ASGI response."""

    __slots__ = (
        "_beat_due",
        "_ended",
        "_generation",
        "_language",
        "_last_event_id",
        "_place",
        "_send",
        "_shown_place",
        "_streams",
        "_woken",
        "_written",
    )

    def __init__(self, streams: Streams, generation: Generation, last_event_id: int | None, language: str) -> None:
        self._streams = streams
        self._generation = generation
        self._last_event_id = last_event_id
        self._language = language
        self._woken: asyncio.Future[None] | None = None
        self._beat_due = False
        self._ended = False
        self._place: Place | None = None
        self._shown_place: Place | None = None
        self._written = 0
        self._send: Send

    @property
    def generation_id(self) -> UUID:
        return self._generation.id

    def end(self) -> None:
        self._ended = True
        self._wake()

    def beat(self) -> None:
        """Show that the connection is open, soon."""
        self._beat_due = True
        self._wake()

    def show_place(self, place: Place | None) -> None:
        """Show it if it is news: another position, a delay, or an estimate where there was none."""
        shown = self._shown_place
        if place is not None and shown is not None and place.position == shown.position:
            alike = (place.waiting is None) == (shown.waiting is None) and place.delayed == shown.delayed
            place = shown if alike else place
        self._place = place
        if place is not None and place != shown:
            self._wake()

    def _show_positions(self, *, waiting: bool) -> None:
        positions = self._streams.positions
        if waiting:
            positions.add(self.generation_id, self.show_place)
        else:
            positions.remove(self.show_place)

    def _wake(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        user_id = self._generation.user_id
        self._streams.enter(self, user_id)
        gone = asyncio.create_task(self._end_when_gone(receive))
        self._send = send
        try:
            await self._run()
        finally:
            gone.cancel()
            self._streams.leave(self, user_id)

    async def _end_when_gone(self, receive: Receive) -> None:
        with suppress(Exception):  # a body that is too large, or the like: the phone is not listening any more
            while (await receive())["type"] != "http.disconnect":
                pass
        self.end()

    async def _run(self) -> None:
        after = self._last_event_id or 0
        if self._generation.state in FINAL_STATES:
            events = await self._streams.backend.db.queries.events_after({self.generation_id: after})
            if not events:
                # After this status, and no other, an EventSource does not connect again.
                await self._send({"type": "http.response.start", "status": 204, "headers": []})
                await self._send({"type": "http.response.body"})
                return
            await self._start()
            for event in events:
                await self._write_event(event)
        else:
            async with self._streams.backend.feed.watch(self.generation_id, after=after, tell=self._wake) as watch:
                await self._start()
                await self._follow(watch)
        await self._send({"type": "http.response.body"})

    async def _start(self) -> None:
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
        ]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._write(f"retry: {RETRY_MILLISECONDS}\n\n".encode())
        if self._last_event_id is None:
            queued = {"id": self.generation_id, "created_at": self._generation.created_at}
            await self._write(_event("queued", json_bytes(queued), 0))

    async def _follow(self, watch: Watch) -> None:
        self._show_positions(waiting=self._generation.state is State.QUEUED)
        loop = asyncio.get_running_loop()
        while not (self._ended or watch.overrun or self._written >= MAX_BYTES_OF_A_STREAM):
            if self._place is not None and self._place != self._shown_place:
                self._shown_place = self._place
                await self._write(_event("position", orjson.dumps(place_resource(self._shown_place, self._language))))
            elif (event := watch.take()) is not None:
                self._show_positions(waiting=event.kind == "retrying")
                self._place = self._shown_place = None
                await self._write_event(event)
                if event.is_final:
                    return
            elif self._beat_due:
                self._beat_due = False
                backend = self._streams.backend
                if backend.revocations.refuses(self._generation.user_id, backend.now()):
                    return  # The phone connects again, and the refusal says why.
                await self._write(b": still here\n\n")
            else:
                self._woken = loop.create_future()
                await self._woken
                self._woken = None

    async def _write_event(self, event: EventRow) -> None:
        if event.kind == "done":
            data = await self._resource()
        elif event.kind in ("failed", "cancelled"):
            code = orjson.loads(event.data).get("failure_code")
            data = json_bytes({"failure": failure(code, self._language)})
        else:
            data = event.data.encode()
        await self._write(_event(event.kind, data, event.id))

    async def _resource(self) -> bytes:
        backend = self._streams.backend
        generation = await backend.db.queries.generation(self._generation.user_id, self.generation_id)
        assert generation is not None
        resources = await generation_resources(backend, self._streams.urls, [generation], self._language)
        return json_bytes(resources[0])

    async def _write(self, data: bytes) -> None:
        self._written += len(data)
        await self._send({"type": "http.response.body", "body": data, "more_body": True})


def _event(kind: str, data: bytes, number: int | None = None) -> bytes:
    identity = b"" if number is None else b"id: %d\n" % number
    return b"%sevent: %s\ndata: %s\n\n" % (identity, kind.encode(), data)
