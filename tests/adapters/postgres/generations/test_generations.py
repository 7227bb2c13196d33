"""The writes of the pipeline against real PostgreSQL, each as the role that runs it in production."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from factories import COST, FOX, PRICES, TERMS, USAGE, guest, kept, submit_openly, submitted
from tatemono.adapters.postgres.database import Database
from tatemono.domain.generations.attempts import CANCELLED, Claim, Outcome
from tatemono.domain.generations.generation import (
    Accepted,
    KeyInFlight,
    KeyUsedForAnother,
    NoSuchStyle,
    OutOfCredits,
    PictureRequest,
    State,
    TooManyWaiting,
    accept_submission,
)
from tatemono.domain.generations.image_models import PaintingUnavailable
from tatemono.domain.generations.painting import Failure

LEASE = timedelta(seconds=60)
GONE = timedelta(seconds=-1)

pytest_plugins = ["services"]


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def claimed(worker: Database, *, lease: timedelta = LEASE, max_running: int = 4) -> Claim:
    claim = await worker.generations.claim(lease=lease, max_running=max_running, model="gpt-image-2")
    assert claim is not None
    return claim


async def account(owner: Any, user_id: UUID) -> dict[str, int]:
    row = await owner.fetchrow(
        "select available, held, spent, queued, running from accounts where user_id = $1", user_id
    )
    return dict(row)


async def assert_ledger_agrees(owner: Any) -> None:
    """Every pot of every account is what its transfers make it."""
    wrong = await owner.fetch("""
        select user_id, pot, sum(change) - balance as difference from (
            select user_id, into_pot as pot, credits as change from credit_transfers
            union all select user_id, out_of, -credits from credit_transfers
        ) as changes join lateral (
            select case pot when 'available' then available when 'held' then held when 'spent' then spent end as balance
            from accounts where accounts.user_id = changes.user_id
        ) as account on true where pot <> 'issued' group by user_id, pot, balance having sum(change) <> balance""")
    assert wrong == []


class TestSubmit:
    async def test_holds_the_price_and_writes_a_ticket(self, api: Database, owner: Any) -> None:
        user_id = await guest(api, credits=100)
        generation = await submitted(api, user_id)
        assert generation.state is State.QUEUED
        assert await account(owner, user_id) == {
            "available": 92, "held": 8, "spent": 0, "queued": 1, "running": 0
        }  # fmt: skip
        assert await owner.fetchval("select body from outbox") == str(generation.id)
        await assert_ledger_agrees(owner)

    async def test_round_trips_the_request(self, api: Database) -> None:
        user_id = await guest(api)
        request = PictureRequest(prompt="月の下の狐 \U0001f98a", style="ink", n=2)
        generation = await submitted(api, user_id, request)
        assert await api.queries.generation(user_id, generation.id) == generation
        assert generation.request == request

    async def test_gives_the_same_generation_for_the_same_key(self, api: Database, owner: Any) -> None:
        user_id = await guest(api)
        first = await submitted(api, user_id, key="k")
        assert await submitted(api, user_id, key="k") == first
        assert (await account(owner, user_id))["queued"] == 1

    async def test_makes_one_generation_of_twenty_at_once(self, api: Database, owner: Any) -> None:
        user_id = await guest(api)
        results = await asyncio.gather(*(submitted(api, user_id, key="k") for _ in range(20)), return_exceptions=True)
        accepted = {result.id for result in results if not isinstance(result, BaseException)}
        refused = [result for result in results if isinstance(result, BaseException)]
        assert len(accepted) == 1
        # They came while the first was in flight.
        assert all(isinstance(refusal, KeyInFlight) for refusal in refused)
        assert await submitted(api, user_id, key="k") == await api.queries.generation(user_id, accepted.pop())
        assert await owner.fetchval("select count(*) from outbox") == 1
        await assert_ledger_agrees(owner)

    async def test_answers_a_repetition_whatever_paints_by_then(self, api: Database) -> None:
        user_id = await guest(api)
        first = await submitted(api, user_id, key="k")
        gone = replace(PRICES, model_id="gone")
        again = await submit_openly(api, gone, user_id=user_id, request=FOX, idempotency_key="k")
        assert again == Accepted(first, repeated=True)
        with pytest.raises(PaintingUnavailable):
            await submit_openly(api, gone, user_id=user_id, request=FOX, idempotency_key="another")

    async def test_keeps_the_keys_of_users_apart(self, api: Database) -> None:
        one = await submitted(api, await guest(api), key="k")
        other = await submitted(api, await guest(api), key="k")
        assert one.id != other.id

    async def test_refuses_a_key_of_another_request(self, api: Database) -> None:
        user_id = await guest(api)
        await submitted(api, user_id, key="k")
        with pytest.raises(KeyUsedForAnother):
            await submitted(api, user_id, PictureRequest(prompt="An owl"), key="k")

    async def test_refuses_when_out_of_credits(self, api: Database, owner: Any) -> None:
        user_id = await guest(api, credits=7)
        with pytest.raises(OutOfCredits) as refusal:
            await submitted(api, user_id)
        assert refusal.value.facts == {"price": 8, "available": 7}
        assert await owner.fetchval("select count(*) from outbox") == 0

    async def test_never_overdraws_when_many_spend_at_once(self, api: Database, owner: Any) -> None:
        user_id = await guest(api, credits=40)
        results = await asyncio.gather(*(submitted(api, user_id) for _ in range(12)), return_exceptions=True)
        assert sum(isinstance(result, OutOfCredits) for result in results) == 7
        assert (await account(owner, user_id))["available"] == 0
        await assert_ledger_agrees(owner)

    async def test_refuses_an_unknown_style(self, api: Database, owner: Any) -> None:
        user_id = await guest(api)
        with pytest.raises(NoSuchStyle):
            await submitted(api, user_id, PictureRequest(prompt="A fox", style="cubism"))
        assert (await account(owner, user_id))["held"] == 0

    async def test_refuses_too_many_waiting(self, api: Database) -> None:
        user_id = await guest(api)
        for key in ("a", "b"):
            await submitted(api, user_id, key=key)
        terms = replace(TERMS, max_waiting=2)
        refused = await api.generations.submit(user_id, FOX, idempotency_key="c", cost=COST, terms=terms)
        assert refused.generation is None
        assert refused.account.waiting == 2
        with pytest.raises(TooManyWaiting):
            accept_submission(refused, FOX, COST.reserved, terms)


class TestClaim:
    async def test_gives_the_job_once(self, api: Database, worker: Database) -> None:
        await submitted(api, await guest(api))
        claims = await asyncio.gather(
            *(worker.generations.claim(lease=LEASE, max_running=4, model="m") for _ in range(8))
        )
        assert sum(claim is not None for claim in claims) == 1

    async def test_goes_round_among_users(self, api: Database, worker: Database) -> None:
        greedy, modest = await guest(api), await guest(api)
        for _ in range(3):
            await submitted(api, greedy)
        await submitted(api, modest)
        order = [(await claimed(worker)).generation.user_id for _ in range(4)]
        assert order.index(modest) <= 1
        assert order.count(greedy) == 3

    async def test_takes_the_oldest_of_a_user(self, api: Database, worker: Database) -> None:
        user_id = await guest(api)
        first, second = await submitted(api, user_id), await submitted(api, user_id)
        assert [(await claimed(worker)).generation.id for _ in range(2)] == [first.id, second.id]

    async def test_bounds_what_one_user_runs_at_a_time(self, api: Database, worker: Database) -> None:
        user_id = await guest(api)
        for _ in range(3):
            await submitted(api, user_id)
        running = [await claimed(worker, max_running=2) for _ in range(2)]
        assert await worker.generations.claim(lease=LEASE, max_running=2, model="m") is None
        await worker.generations.succeed(running[0], [kept(running[0])], USAGE, None)
        assert await worker.generations.any_due(max_running=2)
        await claimed(worker, max_running=2)

    async def test_takes_over_when_a_lease_ran_out(self, api: Database, worker: Database, owner: Any) -> None:
        user_id = await guest(api)
        await submitted(api, user_id)
        dead = await claimed(worker, lease=GONE)
        again = await claimed(worker)
        assert (again.generation.id, again.fence, again.attempt) == (dead.generation.id, 2, 2)
        assert await owner.fetch("select fence, outcome, failure from attempts order by fence") == [
            (1, "unknown", "lease_lost"),
            (2, None, None),
        ]
        assert (await account(owner, user_id))["running"] == 1

    async def test_knows_an_attempt_that_was_lost_before_it_was_decided(
        self, api: Database, worker: Database, owner: Any
    ) -> None:
        await submitted(api, await guest(api))
        for _ in range(2):
            await claimed(worker, lease=GONE)
        third = await claimed(worker)
        assert (third.taken_over, third.before.ended, third.before.unknown) == (True, 2, 1)
        assert await owner.fetch("select outcome, failure from attempts order by fence") == [
            ("unknown", "lease_lost"),
            ("failed", "not_called"),
            (None, None),
        ]

    async def test_brings_what_the_style_adds(self, api: Database, worker: Database) -> None:
        await submitted(api, await guest(api), PictureRequest(prompt="A fox", style="ink"))
        assert (await claimed(worker)).prompt.startswith("A fox\nsumi-e ink")

    async def test_passes_over_what_is_not_due(self, api: Database, worker: Database) -> None:
        await submitted(api, await guest(api))
        claim = await claimed(worker)
        await worker.generations.retry(claim, Outcome.FAILED, Failure.RATE_LIMITED, timedelta(hours=1), None)
        assert await worker.generations.claim(lease=LEASE, max_running=4, model="m") is None
        assert not await worker.generations.any_due(max_running=4)

    async def test_passes_over_what_is_not_due_for_what_is(self, api: Database, worker: Database) -> None:
        patient, other = await guest(api), await guest(api)
        await submitted(api, patient)
        back = await claimed(worker)
        await worker.generations.retry(back, Outcome.FAILED, Failure.RATE_LIMITED, timedelta(hours=1), None)
        # It is the turn of the one whose only job has to wait.
        first = await submitted(api, other)
        assert (await claimed(worker)).generation.id == first.id
        second = await submitted(api, patient)
        assert (await claimed(worker)).generation.id == second.id
        assert await worker.generations.claim(lease=LEASE, max_running=4, model="m") is None

    async def test_finds_nothing_due_while_a_worker_is_at_it(self, api: Database, worker: Database) -> None:
        assert not await worker.generations.any_due(max_running=4)
        await submitted(api, await guest(api))
        assert await worker.generations.any_due(max_running=4)
        await claimed(worker, lease=GONE)
        assert await worker.generations.any_due(max_running=4)
        await claimed(worker)
        assert not await worker.generations.any_due(max_running=4)


class TestSucceed:
    async def test_settles_and_records(self, api: Database, worker: Database, owner: Any) -> None:
        user_id = await guest(api, credits=100)
        await submitted(api, user_id, PictureRequest(prompt="Two foxes", n=2))
        claim = await claimed(worker)
        await worker.generations.add_partial(claim, 0, "cGFydA==")
        assert await worker.generations.succeed(claim, [kept(claim, 0), kept(claim, 1)], USAGE, "req_1")
        assert await account(owner, user_id) == {
            "available": 84, "held": 0, "spent": 16, "queued": 0, "running": 0
        }  # fmt: skip
        pictures = await api.queries.pictures_of([claim.generation.id])
        assert [picture.object_key[-7:] for picture in pictures] == ["1-0.png", "1-1.png"]
        attempt = await owner.fetchrow("select * from attempts")
        assert (attempt["outcome"], attempt["output_tokens"], attempt["provider_request_id"]) == (
            "succeeded", 1056, "req_1"
        )  # fmt: skip
        events = await api.queries.events_after({claim.generation.id: 0})
        assert [event.kind for event in events] == ["started", "done"]
        await assert_ledger_agrees(owner)

    async def test_changes_nothing_with_a_stale_fence(self, api: Database, worker: Database, owner: Any) -> None:
        user_id = await guest(api)
        await submitted(api, user_id)
        stale = await claimed(worker, lease=GONE)
        fresh = await claimed(worker)
        assert not await worker.generations.succeed(stale, [kept(stale)], USAGE, None)
        assert not await worker.generations.add_partial(stale, 0, "")
        assert not await worker.generations.give_up(stale, Outcome.FAILED, None, CANCELLED, None)
        assert not await worker.generations.retry(stale, Outcome.FAILED, Failure.TIMED_OUT, LEASE, None)
        assert await worker.generations.extend_leases([stale], lease=LEASE) == {}
        assert await owner.fetchval("select count(*) from pictures") == 0
        assert await worker.generations.succeed(fresh, [kept(fresh)], USAGE, None)
        assert not await worker.generations.succeed(fresh, [kept(fresh)], USAGE, None)
        await assert_ledger_agrees(owner)


class TestGiveUpAndRetry:
    async def test_returns_the_credits(self, api: Database, worker: Database, owner: Any) -> None:
        user_id = await guest(api, credits=100)
        await submitted(api, user_id)
        claim = await claimed(worker)
        assert await worker.generations.give_up(claim, Outcome.UNKNOWN, Failure.STOPPED, CANCELLED, None)
        assert await account(owner, user_id) == {
            "available": 100, "held": 0, "spent": 0, "queued": 0, "running": 0
        }  # fmt: skip
        generation = await api.queries.generation(user_id, claim.generation.id)
        assert generation is not None
        assert (generation.state, generation.failure_code) == (State.CANCELLED, "cancelled")
        await assert_ledger_agrees(owner)

    async def test_counts_the_attempts(self, api: Database, worker: Database, owner: Any) -> None:
        user_id = await guest(api)
        await submitted(api, user_id)
        for number in (1, 2):
            claim = await claimed(worker)
            assert claim.attempt == number
            assert await worker.generations.retry(claim, Outcome.FAILED, Failure.UNAVAILABLE, timedelta(), "req")
        assert await account(owner, user_id) == {
            "available": 492, "held": 8, "spent": 0, "queued": 1, "running": 0
        }  # fmt: skip
        assert await owner.fetchval("select count(*) from outbox") == 3


class TestCancel:
    async def test_ends_at_once_what_waits(self, api: Database, owner: Any) -> None:
        user_id = await guest(api, credits=8)
        generation = await submitted(api, user_id)
        assert await api.generations.cancel(user_id, generation.id) is State.QUEUED
        assert await account(owner, user_id) == {"available": 8, "held": 0, "spent": 0, "queued": 0, "running": 0}
        assert await api.generations.cancel(user_id, generation.id) is State.CANCELLED
        await assert_ledger_agrees(owner)

    async def test_asks_the_worker_to_stop_what_runs(self, api: Database, worker: Database) -> None:
        user_id = await guest(api)
        generation = await submitted(api, user_id)
        claim = await claimed(worker)
        assert await api.generations.cancel(user_id, generation.id) is State.RUNNING
        assert await worker.generations.extend_leases([claim], lease=LEASE) == {generation.id: True}

    async def test_knows_nothing_of_other_peoples(self, api: Database) -> None:
        generation = await submitted(api, await guest(api))
        assert await api.generations.cancel(await guest(api), generation.id) is None
        assert await api.generations.cancel(await guest(api), uuid4()) is None


class TestOutbox:
    async def test_never_shows_a_row_to_two_relays(self, api: Database, relay: Database) -> None:
        user_id = await guest(api)
        for _ in range(6):
            await submitted(api, user_id)
        async with relay.transaction() as one, relay.transaction() as other:
            first = await one.outbox.lock_due(4)
            second = await other.outbox.lock_due(4)
            await one.outbox.delete([row.id for row in first])
        assert (len(first), len(second)) == (4, 2)
        assert not {row.id for row in first} & {row.id for row in second}
        async with relay.transaction() as tx:
            assert [row.id for row in await tx.outbox.lock_due(10)] == [row.id for row in second]

    async def test_waits_until_a_row_is_due(self, api: Database, worker: Database, relay: Database) -> None:
        assert await relay.outbox.seconds_until_due() is None
        await submitted(api, await guest(api))
        async with relay.transaction() as tx:
            await tx.outbox.delete([row.id for row in await tx.outbox.lock_due(10)])
        claim = await claimed(worker)
        await worker.generations.retry(claim, Outcome.FAILED, Failure.UNAVAILABLE, timedelta(seconds=90), None)
        due = await relay.outbox.seconds_until_due()
        assert due is not None
        assert 60 < due <= 90
        async with relay.transaction() as tx:
            assert await tx.outbox.lock_due(10) == []

    async def test_reissues_the_ticket_of_a_worker_that_vanished_once(
        self, api: Database, worker: Database, relay: Database
    ) -> None:
        await submitted(api, await guest(api))
        long = timedelta(hours=1)
        assert await relay.outbox.reissue_lost_tickets(older_than=long, limit=10) == 0
        await claimed(worker, lease=timedelta(milliseconds=1))
        await asyncio.sleep(0.01)
        assert await relay.outbox.reissue_lost_tickets(older_than=long, limit=10) == 1
        assert await relay.outbox.reissue_lost_tickets(older_than=long, limit=10) == 0

    async def test_reissues_the_ticket_of_a_job_that_waits_too_long(self, api: Database, relay: Database) -> None:
        await submitted(api, await guest(api))
        assert await relay.outbox.reissue_lost_tickets(older_than=timedelta(), limit=10) == 1

    async def test_reissues_no_ticket_of_a_job_that_has_its_worker_or_its_time_to_wait(
        self, api: Database, worker: Database, relay: Database, owner: Any
    ) -> None:
        for _ in range(2):
            await submitted(api, await guest(api))
        back = await claimed(worker)
        await claimed(worker)
        await worker.generations.retry(back, Outcome.FAILED, Failure.UNAVAILABLE, timedelta(hours=1), None)
        await owner.execute("update generations set ticketed_at = now() - interval '1 day'")
        short = timedelta(minutes=10)
        assert await relay.outbox.reissue_lost_tickets(older_than=short, limit=10) == 0
        await owner.execute("update generations set not_before = now() - interval '9 minutes'")
        assert await relay.outbox.reissue_lost_tickets(older_than=short, limit=10) == 0
        await owner.execute("update generations set not_before = now() - interval '11 minutes'")
        assert await relay.outbox.reissue_lost_tickets(older_than=short, limit=10) == 1

    async def test_reissues_the_ticket_of_a_worker_that_vanished_again_when_that_is_lost_too(
        self, api: Database, worker: Database, relay: Database, owner: Any
    ) -> None:
        await submitted(api, await guest(api))
        await claimed(worker, lease=GONE)
        short = timedelta(minutes=10)
        await owner.execute("update generations set ticketed_at = now() - interval '9 minutes'")
        await owner.execute("update generations set lease_expires_at = now() - interval '1 hour'")
        assert await relay.outbox.reissue_lost_tickets(older_than=short, limit=10) == 0
        await owner.execute("update generations set ticketed_at = now() - interval '11 minutes'")
        assert await relay.outbox.reissue_lost_tickets(older_than=short, limit=10) == 1

    async def test_forgets_old_keys(self, api: Database, relay: Database) -> None:
        user_id = await guest(api)
        first = await submitted(api, user_id, key="k")
        assert await relay.outbox.forget_old_keys(older_than=timedelta(hours=24), limit=10) == 0
        assert await relay.outbox.forget_old_keys(older_than=timedelta(), limit=10) == 1
        assert (await submitted(api, user_id, key="k")).id != first.id


class TestPictures:
    async def test_are_erased_by_the_worker_after_the_api_marked_them(self, api: Database, worker: Database) -> None:
        user_id = await guest(api)
        await submitted(api, user_id)
        claim = await claimed(worker)
        await worker.generations.succeed(claim, [kept(claim)], USAGE, None)
        (picture,) = await api.queries.pictures(user_id, before=None, limit=10)
        assert await api.pictures.mark_deleted(user_id, picture.id)
        async with worker.transaction() as tx:
            (deleted,) = await tx.pictures.lock_deleted(10)
            await tx.pictures.erase([deleted.id])
        assert not await api.pictures.mark_deleted(user_id, picture.id)


class TestPositions:
    async def test_count_whose_turn_comes_before(self, api: Database) -> None:
        greedy, modest = await guest(api), await guest(api)
        mine = [await submitted(api, greedy) for _ in range(3)]
        theirs = await submitted(api, modest)
        positions = await api.queries.positions([*(generation.id for generation in mine), theirs.id])
        assert [positions[generation.id].position for generation in mine] == [2, 3, 4]
        assert positions[theirs.id].position == 2
