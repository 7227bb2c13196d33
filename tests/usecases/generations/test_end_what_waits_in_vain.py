from datetime import timedelta

from factories import guest, submitted
from faults.invariants import violations
from tatemono.adapters.postgres.database import Database
from tatemono.domain.generations.circuit_breaker import Breaker
from tatemono.domain.generations.generation import State
from tatemono.usecases.generations.end_what_waits_in_vain import end_what_waits_in_vain

FIRST, SECOND = ("first", "a-model"), ("second", "a-model")
AT_ONCE = timedelta()


pytest_plugins = ["services"]


async def refuse(worker: Database, name: tuple[str, str], because: str | None = "insufficient_quota") -> None:
    async with worker.transaction() as rows:
        await rows.painters.lock(*name)
        await rows.painters.save(*name, Breaker(failures=1, open_for=60.0, refused_because=because))


class TestEndWhatWaitsInVain:
    async def test_does_nothing_while_a_painter_takes_our_account(self, worker: Database, db: Database) -> None:
        generation = await submitted(db, await guest(db))
        assert await end_what_waits_in_vain(worker, [FIRST], longest_wait=AT_ONCE) == 0
        await refuse(worker, FIRST)
        assert await end_what_waits_in_vain(worker, [FIRST, SECOND], longest_wait=AT_ONCE) == 0
        assert await db.queries.painter_outage() is None
        place = (await db.queries.positions([generation.id]))[generation.id]
        assert not place.delayed

    async def test_tells_people_why_they_wait_and_ends_only_what_waited_long_enough(
        self, worker: Database, db: Database
    ) -> None:
        old, new = [await submitted(db, await guest(db, credits=20)) for _ in range(2)]
        await db._pool.execute("update generations set created_at = now() - interval '1 h' where id = $1", old.id)
        for name in (FIRST, SECOND):
            await refuse(worker, name)

        ended = await end_what_waits_in_vain(worker, [FIRST, SECOND], longest_wait=timedelta(minutes=10))

        assert ended == 1
        assert await db.queries.painter_outage() == "insufficient_quota"
        assert (await db.queries.positions([new.id]))[new.id].delayed
        found = await db.queries.generation(old.user_id, old.id)
        assert found is not None
        assert (found.state, found.failure_code) == (State.FAILED, "painter_out_of_order")
        (event,) = await db.queries.events_after({old.id: 0})
        assert event.is_final
        async with db._pool.connection() as connection:
            wrong = await violations(connection, unknown_retries=1, keys=None, calls=None)
        assert wrong == [f"{new.id} has not ended"]

    async def test_ends_all_of_many_accounts(self, worker: Database, db: Database) -> None:
        users = [await guest(db, credits=1000) for _ in range(3)]
        for number in range(210):
            await submitted(db, users[number % 3])
        await refuse(worker, FIRST)

        assert await end_what_waits_in_vain(worker, [FIRST], longest_wait=AT_ONCE) == 210

        for user_id in users:
            me = await db.queries.me(user_id)
            assert me is not None
            assert (me.credits_held, me.generations_queued) == (0, 0)

    async def test_is_over_when_the_account_is_taken_again(self, worker: Database, db: Database) -> None:
        await refuse(worker, FIRST)
        await end_what_waits_in_vain(worker, [FIRST], longest_wait=AT_ONCE)
        await refuse(worker, FIRST, None)
        await end_what_waits_in_vain(worker, [FIRST], longest_wait=AT_ONCE)
        assert await db.queries.painter_outage() is None
