"""The quick set of the fault programme: after each run nothing may be wrong."""

from datetime import timedelta

import pytest

from factories import USAGE, guest, kept, submitted
from faults.invariants import violations
from faults.runner import SETTLED_WITHIN_SECONDS, Place, run_scenario
from faults.scenarios import QUICK_SET, SET, Scenario
from tatemono.adapters.postgres.database import Database

SECONDS = timedelta(seconds=60)


pytest_plugins = ["faults.places"]


class TestQuickSet:
    @pytest.mark.parametrize("scenario", SET, ids=lambda scenario: f"{scenario.name}, {scenario.seed}")
    async def test_leaves_nothing_wrong(self, place: Place, scenario: Scenario) -> None:
        await _leave_nothing_wrong(place, scenario)

    @pytest.mark.long
    @pytest.mark.parametrize("scenario", QUICK_SET, ids=lambda scenario: scenario.name)
    async def test_as_a_whole_leaves_nothing_wrong(self, place: Place, scenario: Scenario) -> None:
        await _leave_nothing_wrong(place, scenario)


async def _leave_nothing_wrong(place: Place, scenario: Scenario) -> None:
    report = await run_scenario(place, scenario)
    report.keep()
    assert report.violations == []
    assert report.settled_after_seconds < SETTLED_WITHIN_SECONDS
    assert report.kills == (scenario.kills or {})
    assert report.sqs_messages >= scenario.sqs_messages
    assert bool(report.lies) == bool(scenario.lies)
    assert report.states.get("succeeded", 0) > 0


class TestInvariants:
    """They find what is wrong: each is broken once, by hand."""

    @pytest.mark.parametrize(
        ("harm", "words"),
        [
            ("update generations set state = 'queued', finished_at = null", "has not ended"),
            ("delete from credit_transfers where into_pot = 'held'", "is not held exactly once"),
            ("delete from credit_transfers where out_of = 'held'", "is not settled or returned exactly once"),
            ("update credit_transfers set into_pot = 'available' where out_of = 'held'", "was paid for though"),
            ("update accounts set available = available + 1", "has other balances"),
            ("update accounts set queued = 1", "counts other jobs"),
            ("update attempts set cost_micros = cost_micros + 1", "whose budget says something else"),
            ("delete from budget_shards", "whose budget says something else"),
            ("update accounts set day_micros = day_micros + 1", "has spent something else today"),
            ("delete from pictures", "has not the pictures"),
            ("update generations set n = 2", "paid for pictures that did not come"),
            ("update attempts set outcome = 'failed', failure = 'timed_out'", "has not exactly one attempt"),
            ("update pictures set object_key = 'pictures/x/y/1-0.png'", "with the key of another attempt"),
            ("update attempts set outcome = null, finished_at = null", "has an attempt without an end"),
            (
                """insert into attempts (generation_id, fence, model, started_at)
                select generation_id, 2, 'm', '-infinity' from attempts""",
                "has attempts that overlap",
            ),
            (
                """insert into attempts (generation_id, fence, model, finished_at, outcome, failure)
                select generation_id, 0, 'm', now(), 'unknown', 'lease_lost' from attempts""",
                "was attempted again blindly",
            ),
            (
                """insert into attempts (generation_id, fence, model, finished_at, outcome, decision)
                select generation_id, -n, 'm', now(), 'unknown', 'retry' from attempts, generate_series(2, 4) n""",
                "more often than the policy",
            ),
        ],
    )
    async def test_are_seen_to_be_broken(self, database_url: str, harm: str, words: str) -> None:
        async with await Database.connect(database_url, service="test") as db:
            await submitted(db, await guest(db))
            claim = await db.generations.claim(lease=SECONDS, max_running=4, model="m")
            assert claim is not None
            await db.generations.succeed(claim, [kept(claim)], USAGE, None)
            keys = {kept(claim).object_key, kept(claim).thumbnail_key}
            calls = [{"client_request_id": f"{claim.generation.id}-1"}]
            async with db._pool.connection() as connection:
                assert await violations(connection, unknown_retries=1, keys=keys, calls=calls) == []
                await connection.execute(harm)
                found = await violations(connection, unknown_retries=1, keys=None, calls=None)
        assert any(words in each for each in found), found

    async def test_compare_objects_and_calls_one_to_one(self, database_url: str) -> None:
        async with await Database.connect(database_url, service="test") as db:
            await submitted(db, await guest(db))
            claim = await db.generations.claim(lease=SECONDS, max_running=4, model="m")
            assert claim is not None
            await db.generations.succeed(claim, [kept(claim)], USAGE, None)
            calls = [{"client_request_id": f"{claim.generation.id}-{fence}"} for fence in (1, 1, 2)]
            async with db._pool.connection() as connection:
                found = await violations(connection, unknown_retries=1, keys={"stray"}, calls=calls)
        assert sorted(each.split(" ", 1)[1] for each in found if each.startswith(("pictures/", "stray"))) == [
            "belongs to no picture",
            "is in no store",
            "is in no store",
        ]
        assert any("after 2 calls" in each for each in found)
        assert any("is no attempt" in each for each in found)
