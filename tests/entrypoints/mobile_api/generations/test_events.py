"""Watching a generation: which events come, in which order, to whom, and what happens when a phone comes and goes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import UUID

import pytest

from phone import Phone, open_stream
from tatemono.adapters.postgres.generations.queries import Place
from tatemono.bootstrap.mobile_api import MobileApiBackend
from tatemono.entrypoints.http.serving import HttpEdge
from tatemono.entrypoints.mobile_api.generations import streams
from tatemono.entrypoints.mobile_api.generations.generation_schemas import Generation
from worker_steps import Worker, worker

pytest_plugins = ["mobile_api"]


def events_of(generation: dict[str, str]) -> str:
    return f"/v1/api/generations/{generation['id']}/events"


@pytest.fixture
async def painter(backend: MobileApiBackend) -> AsyncIterator[Worker]:
    async with worker(backend.settings) as found:
        yield found


class TestWatchGeneration:
    async def test_tells_the_whole_story(self, phone: Phone, edge: HttpEdge, painter: Worker) -> None:
        asked = await phone.ask()
        async with open_stream(edge, phone, events_of(asked)) as stream:
            assert stream.status == 200
            assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert stream.headers["cache-control"] == "no-store"
            assert stream.headers["x-accel-buffering"] == "no"
            queued = await stream.next()
            assert queued is not None
            assert (queued.kind, queued.id, queued.data["id"]) == ("queued", 0, asked["id"])
            position = await stream.until("position")
            assert (position.data, position.id) == ({"position": 1, "waiting": None, "delay": None}, None)
            claim = await painter.claim()
            started = await stream.until("started")
            await painter.partial(claim, 0)
            partial = await stream.until("partial")
            assert partial.data == {"index": 0, "webp_base64": "UklGRg=="}
            await painter.succeed(claim)
            done = await stream.until("done")
            assert await stream.rest() == []
        assert started.id is not None
        assert partial.id is not None
        assert done.id is not None
        assert 0 < started.id < partial.id < done.id
        generation = Generation.model_validate(done.data, strict=False)
        assert (str(generation.id), generation.state, len(generation.pictures)) == (asked["id"], "succeeded", 1)
        assert generation.pictures[0].url.startswith("https://")

    async def test_says_why_it_failed_in_the_language_asked_for(
        self, phone: Phone, edge: HttpEdge, painter: Worker
    ) -> None:
        asked = await phone.ask()
        async with open_stream(edge, phone, events_of(asked), **{"accept-language": "ja"}) as stream:
            await painter.fail(await painter.claim())
            failed = await stream.until("failed")
            assert failed.data["failure"]["code"] == "painter_busy"
            assert "混み合って" in failed.data["failure"]["text"]
            assert await stream.rest() == []

    async def test_tells_that_it_goes_back_into_the_queue(self, phone: Phone, edge: HttpEdge, painter: Worker) -> None:
        async with open_stream(edge, phone, events_of(await phone.ask())) as stream:
            await painter.retry(await painter.claim())
            retrying = await stream.until("retrying")
            assert retrying.data["failure"] == "rate_limited"
            assert (await stream.until("position")).data == {"position": 1, "waiting": None, "delay": None}
            await painter.succeed(await painter.claim())
            assert await stream.rest() == ["started", "done"]

    async def test_tells_that_it_waits_for_no_fault_of_its_prompt(
        self, phone: Phone, edge: HttpEdge, painter: Worker
    ) -> None:
        await painter.refuse_account("insufficient_quota")
        asked = await phone.ask()
        async with open_stream(edge, phone, events_of(asked), **{"accept-language": "ja"}) as stream:
            position = await stream.until("position")
        assert position.data["delay"]["code"] == "painter_out_of_order"
        assert "プロンプトの問題ではありません" in position.data["delay"]["text"]
        shown = (await phone.client.get(f"/v1/api/generations/{asked['id']}")).json()
        assert shown["delay"]["text"].startswith("No pictures can be made now.")

    async def test_tells_that_it_was_cancelled(self, phone: Phone, edge: HttpEdge) -> None:
        asked = await phone.ask()
        async with open_stream(edge, phone, events_of(asked)) as stream:
            await stream.until("position")
            await phone.client.post(f"/v1/api/generations/{asked['id']}/cancel")
            assert (await stream.until("cancelled")).data["failure"]["code"] == "cancelled"
            assert await stream.rest() == []

    async def test_tells_a_new_position_when_the_queue_moves(
        self, phone: Phone, edge: HttpEdge, painter: Worker
    ) -> None:
        first, second = await phone.ask(), await phone.ask()
        async with open_stream(edge, phone, events_of(second)) as stream:
            assert (await stream.until("position")).data == {"position": 2, "waiting": None, "delay": None}
            claim = await painter.claim()
            assert str(claim.generation.id) == first["id"]
            assert (await stream.until("position")).data == {"position": 1, "waiting": None, "delay": None}

    async def test_reads_all_positions_in_one_query(
        self, phone: Phone, edge: HttpEdge, backend: MobileApiBackend
    ) -> None:
        asked: list[list[UUID]] = []
        positions = backend.db.queries.positions

        async def counting(generation_ids: list[UUID]) -> dict[UUID, Place]:
            asked.append(generation_ids)
            return await positions(generation_ids)

        edge.owner.state.streams.positions.read_positions = counting
        generations = [await phone.ask() for _ in range(3)]
        async with (
            open_stream(edge, phone, events_of(generations[0])) as first,
            open_stream(edge, phone, events_of(generations[1])) as second,
            open_stream(edge, phone, events_of(generations[2])) as third,
        ):
            for place, stream in enumerate((first, second, third), start=1):
                assert (await stream.until("position")).data == {"position": place, "waiting": None, "delay": None}
        assert len(asked) <= 2
        assert set(asked[-1]) == {UUID(generation["id"]) for generation in generations}


class TestResuming:
    @pytest.mark.parametrize("by", ["header", "query"])
    async def test_goes_on_after_the_last_event(self, phone: Phone, edge: HttpEdge, painter: Worker, by: str) -> None:
        path = events_of(await phone.ask())
        async with open_stream(edge, phone, path) as stream:
            claim = await painter.claim()
            started = await stream.until("started")
        await painter.partial(claim, 0)
        await painter.partial(claim, 1)
        headers = {"last-event-id": str(started.id)} if by == "header" else {}
        query = f"?last_event_id={started.id}" if by == "query" else ""
        async with open_stream(edge, phone, path + query, **headers) as stream:
            await stream.until("partial")
            await painter.succeed(claim)
            assert await stream.rest() == ["partial", "done"]

    async def test_after_the_queued_event_leaves_only_that_out(
        self, phone: Phone, edge: HttpEdge, painter: Worker
    ) -> None:
        path = events_of(await phone.ask())
        await painter.succeed(await painter.claim())
        async with open_stream(edge, phone, path, **{"last-event-id": "0"}) as stream:
            assert await stream.rest() == ["started", "done"]

    async def test_of_what_is_finished_replays_and_ends(self, phone: Phone, edge: HttpEdge, painter: Worker) -> None:
        path = events_of(await phone.ask())
        await painter.succeed(await painter.claim())
        async with open_stream(edge, phone, path) as stream:
            assert await stream.rest() == ["queued", "started", "done"]

    async def test_with_nothing_left_tells_the_phone_to_stay_away(
        self, phone: Phone, edge: HttpEdge, painter: Worker
    ) -> None:
        path = events_of(await phone.ask())
        await painter.succeed(await painter.claim())
        async with open_stream(edge, phone, path) as stream:
            done = await stream.until("done")
        async with open_stream(edge, phone, path, **{"last-event-id": str(done.id)}) as stream:
            assert stream.status == 204
            assert await stream.next() is None

    @pytest.mark.parametrize("number", ["-1", "x", "1e3", str(2**63), "9" * 400, "1.5"])
    async def test_refuses_an_id_that_is_none(self, phone: Phone, number: str) -> None:
        path = events_of(await phone.ask())
        assert (await phone.client.get(path, headers={"last-event-id": number})).status_code == 422
        assert (await phone.client.get(path, params={"last_event_id": number})).status_code == 422


class TestOpenStreams:
    async def test_are_kept_open_by_comments(self, phone: Phone, edge: HttpEdge) -> None:
        async with open_stream(edge, phone, events_of(await phone.ask())) as stream:
            for _ in range(2):
                assert (await stream.until(":")).data == "still here"

    async def test_hear_of_what_no_notification_told(
        self, phone: Phone, edge: HttpEdge, backend: MobileApiBackend, painter: Worker
    ) -> None:
        async with open_stream(edge, phone, events_of(await phone.ask())) as stream:
            await stream.until("position")
            # As if the connection that listens had been lost in that moment.
            backend.feed._notified = lambda keys: None  # type: ignore[method-assign]
            await painter.claim()
            await stream.until("started")

    async def test_leave_nothing_behind_when_the_phone_is_gone(
        self, phone: Phone, edge: HttpEdge, backend: MobileApiBackend
    ) -> None:
        path = events_of(await phone.ask())
        async with open_stream(edge, phone, path) as stream:
            await stream.until("position")
            assert len(edge.owner.state.streams.open) == 1
        state = edge.owner.state.streams
        assert (state.open, state.positions._waiting, dict(state._of_user)) == (set(), {}, {})
        assert (backend.feed._watches, state._heartbeats._group_of) == ({}, {})
        assert edge.open == 0

    async def test_of_one_user_are_limited(self, phone: Phone, edge: HttpEdge, new_phone: Callable[[], Phone]) -> None:
        path = events_of(await phone.ask())
        held = [open_stream(edge, phone, path) for _ in range(streams.MAX_STREAMS_OF_A_USER)]
        for each in held:
            await each.__aenter__()
        refused = await phone.client.get(path)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
        other = new_phone()
        await other.sign_in()
        async with open_stream(edge, other, events_of(await other.ask())) as stream:
            assert stream.status == 200
        await held.pop().__aexit__(None, None, None)
        async with open_stream(edge, phone, path) as stream:
            assert stream.status == 200
        for each in held:
            await each.__aexit__(None, None, None)

    async def test_end_when_the_service_stops(self, phone: Phone, edge: HttpEdge) -> None:
        path = events_of(await phone.ask())
        async with open_stream(edge, phone, path) as stream:
            await stream.until("position")
            edge.owner.state.streams.stop()
            assert await stream.rest() == []
            await asyncio.wait_for(edge.drain(5), 1)
        refused = await phone.client.get(path)
        assert (refused.status_code, refused.json()["code"]) == (503, "service_stopping")
        assert refused.headers["retry-after"]
