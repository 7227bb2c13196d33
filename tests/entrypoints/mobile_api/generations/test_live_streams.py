"""What watching promises beyond one stream: other processes, phones that vanish or do not read, and quiet."""

import asyncio
import json
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from api_processes import WallClock, running_api
from conftest import free_port
from phone import Phone, open_stream
from tatemono.adapters.postgres.generations.event_feed import MAX_BYTES_WAITING, Watch
from tatemono.adapters.postgres.generations.queries import EventRow
from tatemono.bootstrap.mobile_api import MobileApiBackend
from tatemono.entrypoints.http.serving import HttpEdge
from tatemono.entrypoints.mobile_api.generations.streams import MAX_BYTES_OF_A_STREAM
from tatemono.settings import MobileApiSettings
from worker_steps import Worker, worker

pytest_plugins = ["mobile_api"]

_ORIGIN = {"x-origin-verify": "first"}


@pytest.fixture
async def painter(settings: MobileApiSettings) -> AsyncIterator[Worker]:
    async with worker(settings) as found:
        yield found


@asynccontextmanager
async def api(settings: MobileApiSettings, log: Path) -> AsyncIterator[tuple[Process, httpx2.AsyncClient]]:
    port = free_port()
    async with (
        running_api(settings, port, log) as process,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=_ORIGIN, timeout=60) as client,
    ):
        yield process, client


class Follower:
    """A phone's EventSource: it keeps the last id, and resumes where the test says.

    :ivar heard: kind and id of each event that has an id
    :ivar broke: why the last stream broke off; none: it ended
    """

    def __init__(self, token: str, path: str) -> None:
        self._headers = {"authorization": token}
        self._path = path
        self._last_id: str | None = None
        self.heard: list[tuple[str, int]] = []
        self.broke: httpx2.TransportError | None = None

    async def follow(self, client: httpx2.AsyncClient, until: str, *, count: int = 0) -> bool:
        """Follow until an event of that kind, or until so many were heard with those of before.

        :returns: whether it came before the stream ended or broke off
        """
        headers = self._headers | ({} if self._last_id is None else {"last-event-id": self._last_id})
        fields: dict[str, str] = {}
        self.broke = None
        try:
            async with client.stream("GET", self._path, headers=headers) as stream:
                assert stream.status_code == 200, (await stream.aread()).decode()
                async for line in stream.aiter_lines():
                    if line:
                        name, _, value = line.partition(": ")
                        fields[name] = value
                        continue
                    if "id" in fields:
                        self._last_id = fields["id"]
                        self.heard.append((fields["event"], int(fields["id"])))
                    if fields.get("event") == until and sum(kind == until for kind, _ in self.heard) >= count:
                        return True
                    fields = {}
        except httpx2.TransportError as error:
            self.broke = error
        return False


class TestResumingElsewhere:
    async def test_loses_and_repeats_nothing_when_processes_are_killed_and_started_again(
        self, settings: MobileApiSettings, painter: Worker, tmp_path: Path
    ) -> None:
        async with AsyncExitStack() as stack:
            first, at_first = await stack.enter_async_context(api(settings, tmp_path / "first"))
            second, at_second = await stack.enter_async_context(api(settings, tmp_path / "second"))
            phone = Phone(at_first, WallClock())
            await phone.sign_in()
            asked = await phone.ask()
            follower = Follower(at_first.headers["authorization"], f"/v1/api/generations/{asked['id']}/events")
            following = asyncio.create_task(follower.follow(at_first, "partial"))
            claim = await painter.claim()
            await painter.partial(claim, 0)
            assert await following, follower.broke
            following = asyncio.create_task(follower.follow(at_first, "nothing"))
            first.kill()
            assert not await following
            # This one comes while the phone has no stream at all.
            await painter.partial(claim, 1)
            assert await follower.follow(at_second, "partial"), follower.broke
            following = asyncio.create_task(follower.follow(at_second, "partial"))
            await painter.partial(claim, 2)
            assert await following, follower.broke
            second.kill()
            await second.wait()
            await painter.retry(claim)
            claim = await painter.claim()
            _, at_third = await stack.enter_async_context(api(settings, tmp_path / "third"))
            following = asyncio.create_task(follower.follow(at_third, "done"))
            await painter.succeed(claim)
            assert await following, follower.broke
        kinds = [kind for kind, _ in follower.heard]
        assert kinds == ["queued", "started", "partial", "partial", "partial", "retrying", "started", "done"]
        ids = [number for _, number in follower.heard]
        assert ids == sorted(set(ids))

    async def test_reads_at_its_own_pace_and_within_bounds(
        self, settings: MobileApiSettings, painter: Worker, tmp_path: Path
    ) -> None:
        """Five times as much as a stream may hold, for a phone that does not read while it comes."""
        async with api(settings, tmp_path / "log") as (_, client):
            phone = Phone(client, WallClock())
            await phone.sign_in()
            asked = await phone.ask()
            path, token = f"/v1/api/generations/{asked['id']}/events", client.headers["authorization"]
            port = client.base_url.port
            assert port is not None
            claim = await painter.claim()
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**16)
            writer.write(
                f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Origin-Verify: first\r\n"
                f"Authorization: {token}\r\nConnection: close\r\n\r\n".encode()
            )
            await reader.readuntil(b"event: started")
            size = 100_000
            count = 5 * MAX_BYTES_OF_A_STREAM // size
            for index in range(count):
                await painter._db.generations.add_partial(claim, index, "A" * size)
                painter._tell(claim)
                await asyncio.sleep(0.02)
            received = 0
            while chunk := await reader.read(2**16):
                received += len(chunk)
            writer.close()
            # It ended by itself, after no more than it may hold and one event.
            assert received < MAX_BYTES_OF_A_STREAM + MAX_BYTES_WAITING + 2 * size
            follower = Follower(token, path)
            streams = 1
            while not await follower.follow(client, "partial", count=count):
                streams += 1
                assert streams < count
            await painter.succeed(claim)
            assert await follower.follow(client, "done")
        assert [kind for kind, _ in follower.heard] == ["queued", "started", *["partial"] * count, "done"]
        ids = [number for _, number in follower.heard]
        assert ids == sorted(set(ids))
        assert streams > 1


class TestPhonesThatVanish:
    async def test_neither_stop_the_job_nor_lose_what_it_cost(
        self, phone: Phone, edge: HttpEdge, painter: Worker, backend: MobileApiBackend
    ) -> None:
        asked = await phone.ask()
        path = f"/v1/api/generations/{asked['id']}/events"
        async with open_stream(edge, phone, path) as stream:
            claim = await painter.claim()
            await stream.until("started")
        assert edge.owner.state.streams.open == set()
        await painter.partial(claim, 0)
        await painter.succeed(claim)
        used = await painter._db._pool.fetchrow("select outcome::text, input_text_tokens, output_tokens from attempts")
        assert tuple(used) == ("succeeded", 1, 2)
        async with open_stream(edge, phone, path) as stream:
            assert await stream.rest() == ["queued", "started", "done"]


class TestWatch:
    def test_that_does_not_keep_up_is_let_go(self) -> None:
        overruns: list[bool] = []
        watch = Watch(UUID(int=1), 0, lambda: overruns.append(watch.overrun))
        data = json.dumps("A" * (MAX_BYTES_WAITING // 2))
        event: Callable[[int], EventRow] = lambda number: EventRow(number, UUID(int=1), "partial", data)  # noqa: E731
        # However much is found at once, a watcher that takes it keeps up.
        watch.offer([event(1), event(2), event(3)])
        assert [taken.id for taken in iter(watch.take, None)] == [1, 2, 3]
        watch.offer([event(3), event(4), event(5)])
        watch.offer([event(6)])
        assert overruns == [False, False, True]
        # What it has it may still take; the rest it asks for when it resumes.
        assert [taken.id for taken in iter(watch.take, None)] == [4, 5]
        assert watch.last_id == 5


class TestQuiet:
    async def test_asks_the_database_one_thing_now_and_then_for_all_streams(
        self, edge: HttpEdge, backend: MobileApiBackend, new_phone: Callable[[], Phone], painter: Worker
    ) -> None:
        queries: list[str] = []
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            for _ in range(4):
                phone = new_phone()
                await phone.sign_in()
                for _ in range(5):
                    path = f"/v1/api/generations/{(await phone.ask())['id']}/events"
                    stream = await stack.enter_async_context(open_stream(edge, phone, path))
                    await stream.until("position")
            # Two checks, until all is quiet; and the positions, which are sent once a second at most.
            await asyncio.sleep(2.5)
            _listen_in(backend.db._pool._pool, queries)
            began = loop.time()
            await asyncio.sleep(1)
            quiet, periods = list(queries), (loop.time() - began) / edge.owner.state.streams.heartbeat_seconds
            assert {query.split(" from ")[1] for query in quiet} == {"generation_events"}
            assert len(quiet) <= periods + 1
            # And still hears at once.
            await painter.claim()
            await stream.until("position")


def _listen_in(pool: Any, queries: list[str]) -> None:
    """Note every query of the connections that the pool has now."""
    for holder in pool._holders:
        if holder._con is not None:
            holder._con.add_query_logger(lambda record: queries.append(record.query))
