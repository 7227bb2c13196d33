"""How operators control the queue, and what they see of it."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from factories import guest, submitted
from operators import EMAIL, Desk
from tatemono.adapters.postgres.database import Database
from tatemono.domain.generations.circuit_breaker import Breaker
from tatemono.domain.generations.dead_letters import DeadMessage
from tatemono.domain.generations.painting import Failure
from tatemono.domain.generations.queue import Priority

pytest_plugins = ["admin_api", "services"]

LEASE = timedelta(seconds=60)
REASON = {"reason": "A test"}


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with await Database.connect(database_url, service="test") as database:
        yield database


async def records(db: Database) -> list[Any]:
    found: list[Any] = await db._pool.fetch("select action, user_id, reason, data from audit_records order by id")
    return found


class TestControls:
    async def test_pause_and_resume_with_a_record_of_who_and_why(self, desk: Desk, db: Database) -> None:
        await submitted(db, await guest(db))
        async with desk.operator("admin") as admin:
            assert (await admin.post("/queue/pause", json=REASON)).status_code == 204
            paused = (await admin.get("/queue")).json()["paused"]
            assert (paused["by"], paused["reason"]) == (EMAIL, "A test")
            assert await db.generations.claim(lease=LEASE, max_running=4, model="m") is None
            again = await admin.post("/queue/pause", json=REASON)
            assert (again.status_code, again.json()["code"]) == (409, "queue_already_so")
            assert (await admin.post("/queue/resume", json=REASON)).status_code == 204
        assert await db.generations.claim(lease=LEASE, max_running=4, model="m") is not None
        assert [record["action"] for record in await records(db)] == ["pause_queue", "resume_queue"]

    async def test_drain_and_fill(self, desk: Desk) -> None:
        async with desk.operator("admin") as admin:
            assert (await admin.post("/queue/drain", json=REASON)).status_code == 204
            assert (await admin.get("/queue")).json()["draining"]["by"] == EMAIL
            assert (await admin.post("/queue/fill", json=REASON)).status_code == 204
            assert (await admin.get("/queue")).json()["draining"] is None


class TestGetQueue:
    async def test_tells_counts_painters_and_letters(self, desk: Desk, db: Database) -> None:
        user_id = await guest(db)
        first, _, third = [await submitted(db, user_id) for _ in range(3)]
        await db.queue.reprioritise(Priority.HIGH, generation_id=first.id, user_id=None)
        await db.queue.reprioritise(Priority.LOW, generation_id=third.id, user_id=None)
        async with db.transaction() as rows:
            await rows.painters.lock("first", "m")
            await rows.painters.save("first", "m", Breaker(failures=5, opened=1, open_for=10))
        await db.dead_letters.keep("image-jobs", [DeadMessage("1", "x", 6, None, None)])
        async with desk.operator("viewer") as viewer:
            shown = (await viewer.get("/queue")).json()
        assert shown["waiting"] == {"high": 1, "normal": 1, "low": 1}
        assert (shown["running"], shown["people_waiting"], shown["dead_letters"]) == (0, 1, {"image-jobs": 1})
        (painter,) = shown["painters"]
        assert (painter["state"], painter["failures"]) == ("open", 5)


class TestPriorities:
    async def test_change_for_one_generation(self, desk: Desk, db: Database) -> None:
        user_id = await guest(db)
        await submitted(db, user_id)
        second = await submitted(db, user_id)
        async with desk.operator("support") as support:
            answer = await support.post(
                f"/generations/{second.id}/priority", json={"priority": "high", "reason": "It waited long"}
            )
        assert answer.status_code == 204
        claim = await db.generations.claim(lease=LEASE, max_running=4, model="m")
        assert claim is not None
        assert claim.generation.id == second.id
        (record,) = await records(db)
        assert (record["action"], record["reason"]) == ("reprioritise_generation", "It waited long")
        assert '"high"' in record["data"] or record["data"]["priority"] == "high"

    async def test_change_for_all_that_a_person_has_waiting(self, desk: Desk, db: Database) -> None:
        greedy, other = await guest(db), await guest(db)
        for _ in range(3):
            await submitted(db, greedy)
        theirs = await submitted(db, other)
        async with desk.operator("support") as support:
            answer = await support.post(f"/people/{greedy}/priority", json={"priority": "low", "reason": "Floods"})
            assert answer.json() == {"changed": 3}
            nothing = await support.post(f"/people/{greedy}/priority", json={"priority": "low", "reason": "Again"})
            assert nothing.json() == {"changed": 0}
        assert (await db.queries.positions([theirs.id]))[theirs.id].position == 1
        record = (await records(db))[0]
        assert (record["action"], record["user_id"]) == ("reprioritise_person", greedy)

    async def test_do_not_change_for_what_does_not_wait(self, desk: Desk, db: Database) -> None:
        generation = await submitted(db, await guest(db))
        await db.generations.claim(lease=LEASE, max_running=4, model="m")
        async with desk.operator("support") as support:
            answer = await support.post(
                f"/generations/{generation.id}/priority", json={"priority": "high", "reason": "Late"}
            )
        assert (answer.status_code, answer.json()["code"]) == (404, "nothing_waiting")


class TestDeadLetters:
    async def test_are_listed_and_explained(self, desk: Desk, db: Database, relay: Database) -> None:
        user_id = await guest(db)
        waiting, ended = await submitted(db, user_id), await submitted(db, user_id)
        await db.generations.cancel(user_id, ended.id)
        await db.generations.claim(lease=timedelta(seconds=-1), max_running=4, model="m")
        claim = await db.generations.claim(lease=LEASE, max_running=4, model="m")
        assert claim is not None
        await relay.dead_letters.keep(
            "image-jobs",
            [
                DeadMessage("1", str(waiting.id), 6, datetime.now(UTC), datetime.now(UTC)),
                DeadMessage("2", str(ended.id), 6, None, None),
                DeadMessage("3", str(user_id), 6, None, None),
                DeadMessage("4", "<xml>", 6, None, None),
            ],
        )
        async with desk.operator("support") as support:
            page = (await support.get("/dead-letters", params={"queue": "image-jobs"})).json()
            japanese = (await support.get("/dead-letters", headers={"accept-language": "ja"})).json()
        shown = {item["message_id"]: item for item in page["items"]}
        assert {name: item["reason"]["code"] for name, item in shown.items()} == {
            "1": "workers_died",
            "2": "generation_ended",
            "3": "generation_gone",
            "4": "not_a_ticket",
        }
        assert (shown["1"]["generation_state"], shown["1"]["attempts"]) == ("running", 2)
        assert shown["1"]["last_failure"] == Failure.LEASE_LOST
        assert "破棄" in japanese["items"][0]["reason"]["text"]

    async def test_are_counted_again_when_they_are_seen_again(self, relay: Database) -> None:
        for count in (6, 7):
            await relay.dead_letters.keep("image-jobs", [DeadMessage("1", "x", count, None, None)])
        assert await relay._pool.fetch("select times_seen, receive_count from dead_letters") == [(2, 7)]

    async def test_are_sent_again_once_and_not_all_at_once(self, desk: Desk, db: Database, relay: Database) -> None:
        await relay.dead_letters.keep("image-jobs", [DeadMessage(str(n), f"b{n}", 6, None, None) for n in range(6)])
        async with desk.operator("admin") as admin:
            order = {"queue": "image-jobs", "reason": "The database is back"}
            first = await admin.post("/dead-letters/redrive", json=order)
            assert first.json() == {"letters": 6}
            again = await admin.post("/dead-letters/redrive", json=order)
            assert (again.status_code, again.json()["code"]) == (404, "no_such_letter")
        rows = await db._pool.fetch(
            "select body, extract(epoch from due_at - min(due_at) over ())::float8 as later from outbox order by id"
        )
        assert [row["body"] for row in rows] == [f"b{n}" for n in range(6)]
        assert [row["later"] for row in rows] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
        assert (await records(db))[0]["action"] == "redrive_dead_letters"

    async def test_are_discarded_by_name_only(self, desk: Desk, db: Database) -> None:
        await db.dead_letters.keep("image-jobs", [DeadMessage(str(n), "x", 6, None, None) for n in range(2)])
        (first, second) = await db.dead_letters.page(None, before=None, limit=9)
        async with desk.operator("admin") as admin:
            order = {"queue": "image-jobs", "reason": "Not ours"}
            assert (await admin.post("/dead-letters/discard", json=order)).status_code == 422
            answer = await admin.post("/dead-letters/discard", json={**order, "letters": [str(first.id)]})
            assert answer.json() == {"letters": 1}
        assert [letter.id for letter in await db.dead_letters.page(None, before=None, limit=9)] == [second.id]
        assert len(await db.dead_letters.page(None, before=None, limit=9, decided=True)) == 2
        assert await db._pool.fetchval("select count(*) from outbox") == 0


class TestRights:
    async def test_of_the_service_reach_no_prompt(self, service_database_url: Callable[[str], str]) -> None:
        connection = await asyncpg.connect(service_database_url("admin-api"))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("select prompt from generations")
        await connection.close()
