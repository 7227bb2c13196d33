"""Event streams: what happens to a generation, as it happens (server-sent events, HTML standard, section 9.2).

Each stream is a coroutine and a little state, without a timer of its own: 5,000 of them fit into one process.
"""

import asyncio
from collections import Counter
from contextlib import suppress
from typing import ClassVar
from uuid import UUID

import orjson
import structlog
from starlette.types import Receive, Scope, Send

from tatemono.adapters.postgres.generations.event_feed import Watch
from tatemono.adapters.postgres.generations.queries import EventRow, Place
from tatemono.bootstrap.mobile_api import MobileApiBackend
from tatemono.domain.errors import Exhausted, Unavailable
from tatemono.domain.generations.generation import FINAL_STATES, Generation, State
from tatemono.entrypoints.http.responses import json_bytes
from tatemono.entrypoints.http.serving import DATABASE_AWAY
from tatemono.entrypoints.mobile_api.generations.generation_resources import (
    failure,
    generation_resources,
    place_resource,
)
from tatemono.entrypoints.mobile_api.pictures.picture_urls import PictureUrls

MAX_STREAMS_OF_A_USER = 10
MAX_STREAMS = 5_000
HEARTBEAT_SECONDS = 15.0
#: Between two heartbeats of a stream, the others have theirs: so many groups, one after the other.
_GROUPS = 15
#: A stream ends after so many bytes, which the server may have to keep for a phone that does not read: it resumes. An
#: unfinished picture has some 20 kB, a generation a handful of them.
MAX_BYTES_OF_A_STREAM = 1024 * 1024
#: Positions are looked up so often at most, for all streams in one query.
POSITIONS_SECONDS = 1.0
#: A phone that lost the stream comes back after so long.
RETRY_MILLISECONDS = 1_000

log = structlog.get_logger()


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
    """The open streams of this process, and the positions that those in the queue are shown."""

    def __init__(
        self, backend: MobileApiBackend, urls: PictureUrls, *, heartbeat_seconds: float = HEARTBEAT_SECONDS
    ) -> None:
        self.backend = backend
        self.urls = urls
        self.heartbeat_seconds = heartbeat_seconds
        self.read_positions = backend.db.queries.positions
        self.open: set[EventStream] = set()
        self._of_user: Counter[UUID] = Counter()
        self._waiting: set[EventStream] = set()
        self._positions: asyncio.Task[None] | None = None
        self._groups: list[set[EventStream]] = [set() for _ in range(_GROUPS)]
        self._turn = 0
        self._beating: asyncio.Task[None] | None = None
        self._stopping = False

    def enter(self, stream: "EventStream", user_id: UUID) -> None:
        """:raises TooManyStreams: the user's, or those of the process"""
        if self._stopping:
            raise Stopping
        if (count := self._of_user[user_id]) >= MAX_STREAMS_OF_A_USER:
            raise TooManyStreams(open=count)
        if len(self.open) >= MAX_STREAMS:
            raise TooManyStreams(open=len(self.open))
        self.open.add(stream)
        self._of_user[user_id] += 1
        stream.group = self._turn
        self._groups[stream.group].add(stream)
        if self._beating is None:
            self._beating = asyncio.create_task(self._beat())

    def leave(self, stream: "EventStream", user_id: UUID) -> None:
        self.open.discard(stream)
        self._groups[stream.group].discard(stream)
        self._waiting.discard(stream)
        self._of_user[user_id] -= 1
        if not self._of_user[user_id]:
            del self._of_user[user_id]

    def stop(self) -> None:
        """End all streams, and open no more: phones resume elsewhere."""
        self._stopping = True
        for stream in self.open:
            stream.end()
        for task in (self._positions, self._beating):
            if task is not None:
                task.cancel()

    async def _beat(self) -> None:
        """One timer for all streams, while there are any."""
        try:
            while self.open:
                await asyncio.sleep(self.heartbeat_seconds / _GROUPS)
                self._turn = (self._turn + 1) % _GROUPS
                for stream in self._groups[self._turn]:
                    stream.beat()
                if self._turn == 0:
                    with suppress(*DATABASE_AWAY):
                        await self.backend.feed.check()
        finally:
            self._beating = None

    def wait(self, stream: "EventStream", *, waiting: bool) -> None:
        """Whether the stream is to be told its position."""
        if not waiting:
            self._waiting.discard(stream)
            return
        self._waiting.add(stream)
        self.backend.feed.moved.set()
        if self._positions is None and not self._stopping:
            self._positions = asyncio.create_task(self._tell_positions())

    async def _tell_positions(self) -> None:
        loop = asyncio.get_running_loop()
        moved = self.backend.feed.moved
        try:
            while self._waiting:
                await moved.wait()
                moved.clear()
                began = loop.time()
                try:
                    positions = await self.read_positions(list({stream.generation_id for stream in self._waiting}))
                except Exception:  # the database may be away; positions can wait
                    log.warning("positions_not_read", exc_info=True)
                    positions = {}
                for stream in list(self._waiting):
                    stream.tell_place(positions.get(stream.generation_id))
                # A long queue takes longer to look through: at most a fifth of the time goes into it.
                await asyncio.sleep(max(POSITIONS_SECONDS, 4 * (loop.time() - began)))
        finally:
            self._positions = None


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
        "_streams",
        "_told",
        "_woken",
        "_written",
        "group",
    )

    def __init__(self, streams: Streams, generation: Generation, last_event_id: int | None, language: str) -> None:
        self.group = 0
        self._streams = streams
        self._generation = generation
        self._last_event_id = last_event_id
        self._language = language
        self._woken: asyncio.Future[None] | None = None
        self._beat_due = False
        self._ended = False
        self._place: Place | None = None
        self._told: Place | None = None
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

    def tell_place(self, place: Place | None) -> None:
        """Say it if it is news: another position, or an estimate where there was none."""
        told = self._told
        if place is not None and told is not None and place.position == told.position:
            place = told if (place.waiting is None) == (told.waiting is None) else place
        self._place = place
        if place is not None and place != told:
            self._wake()

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
        with suppress(Exception):  # a body that is too large, or the like: nobody to talk to
            while (await receive())["type"] != "http.disconnect":
                pass
        self.end()

    async def _run(self) -> None:
        after = self._last_event_id or 0
        if self._generation.state in FINAL_STATES:
            events = await self._streams.backend.db.queries.events_after({self.generation_id: after})
            if not events:
                # The one answer after which an EventSource does not come back.
                await self._send({"type": "http.response.start", "status": 204, "headers": []})
                await self._send({"type": "http.response.body"})
                return
            await self._start()
            for event in events:
                await self._tell(event)
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
        self._streams.wait(self, waiting=self._generation.state is State.QUEUED)
        loop = asyncio.get_running_loop()
        while not (self._ended or watch.overrun or self._written >= MAX_BYTES_OF_A_STREAM):
            if self._place is not None and self._place != self._told:
                self._told = self._place
                await self._write(_event("position", orjson.dumps(place_resource(self._told))))
            elif (event := watch.take()) is not None:
                self._streams.wait(self, waiting=event.kind == "retrying")
                self._place = self._told = None
                await self._tell(event)
                if event.is_final:
                    return
            elif self._beat_due:
                self._beat_due = False
                backend = self._streams.backend
                if backend.revocations.refuses(self._generation.user_id, backend.now()):
                    return  # The phone comes back, and is told.
                await self._write(b": still here\n\n")
            else:
                self._woken = loop.create_future()
                await self._woken
                self._woken = None

    async def _tell(self, event: EventRow) -> None:
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
