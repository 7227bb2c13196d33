"""Things that go wrong on purpose, around the real servers."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tatemono.usecases.generations.ports import Ticket, TicketQueue


class SqsAway(Exception):
    """A call that failed; or so it seems."""


@dataclass
class DisturbedQueue:
    """A real queue of which each call may fail, be done and then reported as failed, or be done otherwise.

    :ivar share: of the calls, that go wrong
    :ivar disturbed: messages that something was done to
    """

    queue: TicketQueue
    chance: random.Random
    share: float
    disturbed: int = 0
    kinds: dict[str, int] = field(default_factory=dict)

    def calm(self) -> None:
        """Nothing goes wrong any more."""
        self.share = 0.0

    def _choose(self, messages: int, *kinds: str) -> str:
        if not messages or self.chance.random() >= self.share:
            return ""
        kind = self.chance.choice(kinds)
        self.disturbed += messages
        self.kinds[kind] = self.kinds.get(kind, 0) + messages
        return kind

    async def send(self, bodies: Sequence[str], *, delay_seconds: int = 0) -> list[int]:
        kind = self._choose(len(bodies), "refused", "sent, reported failed", "lost", "twice", "late", "reordered")
        if kind == "refused":
            return list(range(len(bodies)))
        if kind == "lost":
            return []
        if kind == "twice":
            await self.queue.send(bodies)
        if kind == "reordered":
            bodies = self.chance.sample(list(bodies), len(bodies))
        refused = await self.queue.send(bodies, delay_seconds=2 if kind == "late" else delay_seconds)
        if kind == "sent, reported failed":
            raise SqsAway(kind)
        return refused

    async def receive(self, limit: int) -> list[Ticket]:
        tickets = await self.queue.receive(limit)
        if self._choose(len(tickets), "received, reported failed"):
            raise SqsAway("received, reported failed")
        return tickets

    async def delete(self, tickets: Sequence[Ticket]) -> None:
        kind = self._choose(len(tickets), "not deleted", "deleted, reported failed")
        if kind != "not deleted":
            await self.queue.delete(tickets)
        if kind:
            raise SqsAway(kind)

    async def extend(self, tickets: Sequence[Ticket], visibility_seconds: int) -> None:
        if kind := self._choose(len(tickets), "not extended", "handed back at once"):
            if kind == "handed back at once":
                await self.queue.extend(tickets, 0)
            raise SqsAway(kind)
        await self.queue.extend(tickets, visibility_seconds)


class ReportedFailed(Exception):
    """It was done, and whoever asked for it hears that it failed."""


@dataclass
class Liar:
    """Lets things be done, and reports some of them as failed.

    :ivar share: of the calls, that are lied about
    :ivar lies: what, how often
    """

    chance: random.Random
    share: float
    lies: dict[str, int] = field(default_factory=dict)

    def about(self, what: str, method: Any, error: Exception | None = None) -> Any:
        """:param error: what is raised; none: what no caller expects"""

        async def called(*args: Any, **kwargs: Any) -> Any:
            result = await method(*args, **kwargs)
            if self.chance.random() < self.share:
                self.lies[what] = self.lies.get(what, 0) + 1
                raise error or ReportedFailed(what)
            return result

        return called


@dataclass
class DrippingPainter:
    """Answers at once that it paints, and then sends a byte at a time, for ever.

    :ivar calls: its log, as the studio keeps one
    """

    url: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            json.loads(await reader.readexactly(int(fields["content-length"])))
            self.calls.append({"client_request_id": fields["x-client-request-id"], "outcome": "hung"})
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
            while True:
                writer.write(b":")
                await writer.drain()
                await asyncio.sleep(0.05)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the caller hung up
        finally:
            writer.close()


@dataclass
class WeatherProxy:
    """Stands between a service and its store, and lets through what the weather allows.

    :ivar weather: `fair`; `refusing`: every call gets S3's 503 (SlowDown); `slow`: 64 kB at most in a tenth of a
        second; `cutting`: connections end after the first bytes of a body
    :ivar suffered: what came in that weather, in pieces
    """

    host: str
    port: int
    weather: str = "fair"
    suffered: dict[str, int] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(self.host, self.port)
            try:
                await asyncio.gather(self._pass(reader, back, writer), self._pass(there, writer, writer))
            finally:
                back.close()
        except OSError:
            pass  # one of both hung up
        finally:
            writer.close()

    async def _pass(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, caller: asyncio.StreamWriter
    ) -> None:
        while chunk := await source.read(2**16):
            if self.weather != "fair":
                self.suffered[self.weather] = self.suffered.get(self.weather, 0) + 1
            if self.weather == "slow":
                await asyncio.sleep(0.1)
            if self.weather == "refusing":
                body = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
                caller.write(b"HTTP/1.1 503 Slow Down\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body))
                caller.write(body)
                await caller.drain()
                raise ConnectionAbortedError
            target.write(chunk)
            await target.drain()
            if self.weather == "cutting":
                raise ConnectionAbortedError
        target.close()


@asynccontextmanager
async def weather_proxy(url: str) -> AsyncIterator[tuple[WeatherProxy, str]]:
    """:param url: of the store. :returns: what stands before it, and its own URL"""
    place = urlsplit(url)
    proxy = WeatherProxy(place.hostname or "", place.port or 80)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    try:
        yield proxy, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@asynccontextmanager
async def dripping_painter() -> AsyncIterator[DrippingPainter]:
    painter = DrippingPainter()
    server = await asyncio.start_server(painter.answer, "127.0.0.1", 0)
    try:
        painter.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        yield painter
    finally:
        server.close()
