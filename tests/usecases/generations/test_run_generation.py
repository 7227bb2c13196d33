"""What a worker does with a job, whatever the painter and the store do."""

import asyncio
import io
import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from PIL import Image

from factories import PRICES, TODAY, USAGE, Unsigned, guest, submitted
from faults.invariants import violations
from tatemono.adapters.pillow.pictures import PillowPictures
from tatemono.adapters.postgres.database import Database
from tatemono.domain.generations.attempts import Claim, Outcome, UnknownPolicy
from tatemono.domain.generations.generation import Generation, OutputFormat, PictureRequest, Quality, State
from tatemono.domain.generations.painting import (
    Failure,
    PainterUsage,
    Painting,
    PaintingFailed,
    PaintRequest,
    PartialPicture,
)
from tatemono.usecases.generations.dependencies import GenerationDependencies
from tatemono.usecases.generations.run_generation import Stop, run_generation
from tatemono.usecases.safety.moderate_generation import Unmoderated

LEASE = timedelta(seconds=60)
#: Of a painter that does not say what it used.
SILENT = PainterUsage(0, 0, 0)


def png(width: int = 1024, height: int = 1024) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(buffer, "PNG")
    return buffer.getvalue()


class ScriptedPainter:
    """Yields or raises what it is given, and remembers what it was asked for."""

    def __init__(self, *steps: PartialPicture | Painting | PaintingFailed, hang: bool = False) -> None:
        self.steps = steps
        self.hang = hang
        self.asked: list[PaintRequest] = []
        self.hanging = asyncio.Event()

    async def paint(self, request: PaintRequest) -> AsyncGenerator[PartialPicture | Painting, None]:
        self.asked.append(request)
        for step in self.steps:
            if isinstance(step, PaintingFailed):
                raise step
            yield step
        if self.hang:
            self.hanging.set()
            await asyncio.Event().wait()


class MemoryStore:
    def __init__(self, *, full: bool = False) -> None:
        self.objects: dict[str, bytes] = {}
        self.full = full

    async def put(self, key: str, data: bytes, *, content_type: str, sha256: bytes | None = None) -> None:
        if self.full:
            raise PaintingFailed(Failure.NOT_KEPT, "full")
        self.objects[key] = data

    async def get(self, key: str) -> bytes | None:
        return self.objects.get(key)

    async def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.objects.pop(key, None)


def dependencies(
    db: Database, painter: ScriptedPainter, store: MemoryStore | None = None, *, retries: int = 1
) -> GenerationDependencies:
    return GenerationDependencies(
        db=db,
        painter=painter,
        inspector=PillowPictures(),
        store=store or MemoryStore(),
        model_id="gpt-image-2",
        safety_identifier_key=b"key",
        jitter=lambda: 0.5,
        unknown_policy=UnknownPolicy(retries),
        registry=PRICES.registry,
        references=store or MemoryStore(),
        today=PRICES.today,
        moderation=Unmoderated(),
        credentials=Unsigned(),
    )


def never() -> "asyncio.Future[Stop]":
    return asyncio.get_running_loop().create_future()


async def claim_of(db: Database, **request: object) -> Claim:
    user_id = await guest(db, credits=100)
    await submitted(db, user_id, PictureRequest(prompt="A fox", **request))  # type: ignore[arg-type]
    claim = await db.generations.claim(lease=LEASE, max_running=4, model="gpt-image-2")
    assert claim is not None
    return claim


async def after(db: Database, claim: Claim) -> tuple[Generation, int]:
    """The generation now, and the credits its user has left."""
    user_id: UUID = claim.generation.user_id
    generation = await db.queries.generation(user_id, claim.generation.id)
    me = await db.queries.me(user_id)
    assert generation is not None
    assert me is not None
    return generation, me.credits_available


async def booked(db: Database) -> tuple[int, int]:
    """What the only attempt cost, and what its user's day has come to, in micro-dollars."""
    row = await db._pool.fetchrow("select cost_micros, day_micros from attempts, accounts")
    return row["cost_micros"], row["day_micros"]


class TestRunGeneration:
    async def test_keeps_the_pictures_and_settles(self, db: Database) -> None:
        claim = await claim_of(db, n=2)
        store = MemoryStore()
        painter = ScriptedPainter(Painting((png(), png()), USAGE, "req_1"))
        assert (await run_generation(dependencies(db, painter, store), claim, never())).outcome is Outcome.SUCCEEDED
        generation, credits_left = await after(db, claim)
        assert (generation.state, credits_left) == (State.SUCCEEDED, 84)
        pictures = await db.queries.pictures_of([generation.id])
        assert set(store.objects) == {key for p in pictures for key in (p.object_key, p.thumbnail_key)}
        assert all(f"/{claim.fence}-" in key for key in store.objects)

    async def test_shows_the_newest_partial_picture_on_the_way(self, db: Database) -> None:
        claim = await claim_of(db)
        partials = PartialPicture(0, png()), PartialPicture(1, b"no picture"), PartialPicture(2, png())
        stop = never()
        job = asyncio.create_task(run_generation(dependencies(db, ScriptedPainter(*partials, hang=True)), claim, stop))
        async with asyncio.timeout(10):
            while True:
                events = await db.queries.events_after({claim.generation.id: 0})
                if len(events) > 1:
                    break
                await asyncio.sleep(0.01)
        assert [event.kind for event in events] == ["started", "partial"]
        assert json.loads(events[1].data)["index"] == 2
        stop.set_result(Stop.LEASE_LOST)
        assert (await job).outcome is None

    async def test_does_not_mind_a_partial_picture_that_is_none(self, db: Database) -> None:
        claim = await claim_of(db)
        painter = ScriptedPainter(PartialPicture(0, b"no picture"), Painting((png(),), USAGE, None))
        assert (await run_generation(dependencies(db, painter), claim, never())).outcome is Outcome.SUCCEEDED

    async def test_tells_the_painter_nothing_of_the_user_but_a_keyed_hash(self, db: Database) -> None:
        claim = await claim_of(db, style="ink")
        painter = ScriptedPainter(Painting((png(),), USAGE, None))
        await run_generation(dependencies(db, painter), claim, never())
        (request,) = painter.asked
        assert len(request.safety_identifier) == 64
        assert str(claim.generation.user_id) not in repr(request)
        assert request.prompt.startswith("A fox\nsumi-e")
        assert request.client_request_id == f"{claim.generation.id}-1"

    @pytest.mark.parametrize(
        ("quality", "n", "partials"),
        [(Quality.LOW, 1, 1), (Quality.MEDIUM, 1, 2), (Quality.HIGH, 1, 3), (Quality.HIGH, 2, 0)],
    )
    async def test_asks_for_as_many_partial_pictures_as_they_are_worth(
        self, db: Database, quality: Quality, n: int, partials: int
    ) -> None:
        claim = await claim_of(db, quality=quality, n=n)
        painter = ScriptedPainter(PaintingFailed(Failure.UNAVAILABLE, "500"))
        await run_generation(dependencies(db, painter), claim, never())
        assert painter.asked[0].partial_images == partials

    async def test_tries_again_soon_when_the_painter_is_busy_since_all_wait_for_it(self, db: Database) -> None:
        claim = await claim_of(db)
        painter = ScriptedPainter(PaintingFailed(Failure.RATE_LIMITED, "429", retry_after_seconds=30))
        assert (await run_generation(dependencies(db, painter), claim, never())).outcome is Outcome.FAILED
        generation, credits_left = await after(db, claim)
        assert (generation.state, credits_left) == (State.QUEUED, 92)
        async with db.transaction() as tx:
            await tx.outbox.delete([row.id for row in await tx.outbox.lock_due(10)])
        due = await db.outbox.seconds_until_due()
        assert due is not None
        assert 0 < due <= 1

    async def test_ends_at_once_when_the_painter_refuses(self, db: Database) -> None:
        claim = await claim_of(db)
        painter = ScriptedPainter(PaintingFailed(Failure.REFUSED, "moderation"))
        assert (await run_generation(dependencies(db, painter), claim, never())).outcome is Outcome.REFUSED
        generation, credits_left = await after(db, claim)
        assert (generation.state, generation.failure_code, credits_left) == (State.REFUSED, "prompt_refused", 100)

    async def test_refuses_bytes_that_are_no_picture(self, db: Database) -> None:
        claim = await claim_of(db)
        store = MemoryStore()
        painter = ScriptedPainter(Painting((b"<html>",), USAGE, None))
        assert (await run_generation(dependencies(db, painter, store), claim, never())).outcome is Outcome.FAILED
        assert (await after(db, claim))[0].state is State.QUEUED
        assert store.objects == {}

    async def test_refuses_another_size_than_asked_for(self, db: Database) -> None:
        claim = await claim_of(db)
        painter = ScriptedPainter(Painting((png(512, 512),), USAGE, None))
        assert (await run_generation(dependencies(db, painter), claim, never())).outcome is Outcome.FAILED

    @pytest.mark.parametrize(("asked", "came", "refund"), [(2, 1, 8), (4, 3, 2), (3, 1, 4), (3, 2, 2), (3, 3, 0)])
    async def test_keeps_fewer_pictures_than_asked_for_and_charges_for_those(
        self, db: Database, asked: int, came: int, refund: int
    ) -> None:
        claim = await claim_of(db, n=asked, quality=Quality.LOW if asked > 2 else Quality.MEDIUM)
        painter = ScriptedPainter(Painting((png(),) * came, USAGE, None))
        assert (await run_generation(dependencies(db, painter), claim, never())).outcome is Outcome.SUCCEEDED
        generation, left = await after(db, claim)
        assert (generation.state, left) == (State.SUCCEEDED, 100 - generation.price + refund)
        assert len(await db.queries.pictures_of([generation.id])) == came
        async with db._pool.connection() as connection:
            assert await violations(connection, unknown_retries=1, keys=None, calls=None) == []

    async def test_keeps_another_format_than_asked_for_as_the_one_asked_for(self, db: Database) -> None:
        claim = await claim_of(db, output_format=OutputFormat.WEBP)
        store = MemoryStore()
        painter = ScriptedPainter(Painting((png(),), USAGE, None))
        assert (await run_generation(dependencies(db, painter, store), claim, never())).outcome is Outcome.SUCCEEDED
        (picture,) = await db.queries.pictures_of([claim.generation.id])
        assert picture.content_type == "image/webp"
        assert store.objects[picture.object_key][8:12] == b"WEBP"

    async def test_waits_when_the_painter_refuses_our_account(self, db: Database) -> None:
        claim = await claim_of(db)
        detail = "status 429, insufficient_quota"
        for _ in range(4):
            refused = PaintingFailed(Failure.ACCOUNT_REFUSED, detail, cause="insufficient_quota")
            assert (await run_generation(dependencies(db, ScriptedPainter(refused)), claim, never())).outcome
            assert (await after(db, claim))[0].state is State.QUEUED
            await db._pool.execute("update generations set not_before = now()")
            again = await db.generations.claim(lease=LEASE, max_running=4, model="m")
            assert again is not None
            claim = again
        assert claim.before.account_refused == 4
        await run_generation(dependencies(db, ScriptedPainter(Painting((png(),), USAGE, None))), claim, never())
        assert (await after(db, claim))[0].state is State.SUCCEEDED

    async def test_keeps_what_the_painter_said_of_a_call_that_failed(self, db: Database) -> None:
        claim = await claim_of(db)
        failed = PaintingFailed(Failure.UNAVAILABLE, "status 503, overloaded", provider_request_id="req_1")
        await run_generation(dependencies(db, ScriptedPainter(failed)), claim, never())
        row = await db._pool.fetchrow("select failure, detail, provider_request_id from attempts")
        assert tuple(row) == ("unavailable", "status 503, overloaded", "req_1")

    @pytest.mark.parametrize(("asked", "came"), [(1, 0), (1, 2), (2, 3)])
    async def test_refuses_any_other_number_of_pictures_than_asked_for(
        self, db: Database, asked: int, came: int
    ) -> None:
        claim = await claim_of(db, n=asked, quality=Quality.LOW)
        store = MemoryStore()
        painter = ScriptedPainter(Painting((png(),) * came, USAGE, None))
        result = await run_generation(dependencies(db, painter, store), claim, never())
        assert result.failure is not None
        assert (result.outcome, result.failure.failure) == (Outcome.FAILED, Failure.NO_PICTURE)
        assert store.objects == {}
        assert await db.queries.pictures_of([claim.generation.id]) == []

    async def test_refuses_a_painter_that_ends_without_a_word(self, db: Database) -> None:
        claim = await claim_of(db)
        assert (await run_generation(dependencies(db, ScriptedPainter()), claim, never())).outcome is Outcome.FAILED

    async def test_tries_again_when_the_store_is_full(self, db: Database) -> None:
        claim = await claim_of(db)
        painter = ScriptedPainter(Painting((png(),), USAGE, None))
        assert (
            await run_generation(dependencies(db, painter, MemoryStore(full=True)), claim, never())
        ).outcome is Outcome.FAILED
        assert (await after(db, claim))[0].state is State.QUEUED

    async def test_gives_up_after_three_attempts_and_returns_the_credits(self, db: Database) -> None:
        claim = await claim_of(db)
        for _ in range(3):
            painter = ScriptedPainter(PaintingFailed(Failure.UNAVAILABLE, "500"))
            await run_generation(dependencies(db, painter), claim, never())
            await db._pool.execute("update generations set not_before = now()")
            claim = await db.generations.claim(lease=LEASE, max_running=4, model="m") or claim
        generation, credits_left = await after(db, claim)
        assert (generation.state, generation.failure_code) == (State.FAILED, "painter_unavailable")
        assert credits_left == 100

    @pytest.mark.parametrize("retries", [0, 1, 2])
    async def test_makes_an_attempt_whose_end_nobody_knows_again_as_often_as_the_policy_says(
        self, db: Database, retries: int
    ) -> None:
        claim: Claim | None = await claim_of(db)
        decisions = []
        for _ in range(retries + 1):
            await db._pool.execute("update generations set lease_expires_at = now() - interval '1 s'")
            claim = await db.generations.claim(lease=LEASE, max_running=4, model="m")
            assert claim is not None
            painter = ScriptedPainter(hang=True)
            stop = never()
            job = asyncio.create_task(run_generation(dependencies(db, painter, retries=retries), claim, stop))
            await asyncio.wait({job, asyncio.create_task(painter.hanging.wait())}, return_when=asyncio.FIRST_COMPLETED)
            decisions.append(await db._pool.fetchval("select decision from attempts where fence = $1", claim.fence - 1))
            stop.set_result(Stop.LEASE_LOST)
            await job
            assert len(painter.asked) == (decisions[-1] == "retry")
        assert claim is not None
        assert decisions == ["retry"] * retries + ["give_up"]
        generation, credits_left = await after(db, claim)
        assert (generation.state, credits_left) == (State.FAILED, 100)
        last = await db._pool.fetchrow("select outcome, failure from attempts order by fence desc limit 1")
        assert tuple(last) == ("failed", "not_called")

    async def test_asks_once_more_for_bytes_that_are_no_picture(self, db: Database) -> None:
        claim = await claim_of(db)
        for _ in range(2):
            painter = ScriptedPainter(Painting((b"<html>",), USAGE, None))
            await run_generation(dependencies(db, painter), claim, never())
            await db._pool.execute("update generations set not_before = now() where state = 'queued'")
            claim = await db.generations.claim(lease=LEASE, max_running=4, model="m") or claim
        generation, credits_left = await after(db, claim)
        assert (generation.state, generation.failure_code) == (State.FAILED, "painter_gave_no_picture")
        assert credits_left == 100

    async def test_does_not_call_the_painter_when_it_has_to_let_go_before(self, db: Database) -> None:
        claim = await claim_of(db)
        painter = ScriptedPainter(Painting((png(),), USAGE, None))
        stop = never()
        stop.set_result(Stop.LEASE_LOST)
        assert (await run_generation(dependencies(db, painter), claim, stop)).outcome is None
        assert painter.asked == []

    async def test_lets_go_when_the_user_cancels(self, db: Database) -> None:
        claim = await claim_of(db)
        painter = ScriptedPainter(hang=True)
        stop = never()
        job = asyncio.create_task(run_generation(dependencies(db, painter), claim, stop))
        await painter.hanging.wait()
        stop.set_result(Stop.CANCELLED_BY_USER)
        assert (await job).outcome is Outcome.UNKNOWN
        generation, credits_left = await after(db, claim)
        assert (generation.state, credits_left) == (State.CANCELLED, 100)

    async def test_hands_back_when_the_worker_must_go(self, db: Database) -> None:
        claim = await claim_of(db)
        painter = ScriptedPainter(hang=True)
        stop = never()
        job = asyncio.create_task(run_generation(dependencies(db, painter), claim, stop))
        await painter.hanging.wait()
        stop.set_result(Stop.SHUTTING_DOWN)
        assert (await job).outcome is Outcome.UNKNOWN
        assert (await after(db, claim))[0].state is State.QUEUED

    async def test_changes_nothing_when_the_lease_was_lost(self, db: Database) -> None:
        claim = await claim_of(db)
        await db._pool.execute("update generations set lease_expires_at = now() - interval '1 s'")
        other = await db.generations.claim(lease=LEASE, max_running=4, model="m")
        painter = ScriptedPainter(Painting((png(),), USAGE, None))
        assert (await run_generation(dependencies(db, painter), claim, never())).outcome is None
        assert other is not None
        assert (await after(db, claim))[0].state is State.RUNNING
        assert await db.queries.pictures_of([claim.generation.id]) == []

    async def test_ends_a_job_that_was_cancelled_before_it_came(self, db: Database) -> None:
        claim = await claim_of(db)
        await db.generations.cancel(claim.generation.user_id, claim.generation.id)
        await db._pool.execute("update generations set lease_expires_at = now() - interval '1 s'")
        again = await db.generations.claim(lease=LEASE, max_running=4, model="m")
        assert again is not None
        painter = ScriptedPainter(Painting((png(),), USAGE, None))
        await run_generation(dependencies(db, painter), again, never())
        assert painter.asked == []
        assert (await after(db, again))[0].state is State.CANCELLED

    async def test_books_what_the_painter_says_it_used(self, db: Database) -> None:
        claim = await claim_of(db)
        await run_generation(dependencies(db, ScriptedPainter(Painting((png(),), USAGE, None))), claim, never())
        cost = PRICES.model.micros(USAGE, TODAY)
        assert 0 < cost < claim.generation.expected_micros
        assert await booked(db) == (cost, cost)

    async def test_books_what_was_expected_when_the_painter_does_not_say_what_it_used(self, db: Database) -> None:
        claim = await claim_of(db)
        await run_generation(dependencies(db, ScriptedPainter(Painting((png(),), SILENT, None))), claim, never())
        assert claim.generation.expected_micros > 0
        assert await booked(db) == (claim.generation.expected_micros,) * 2

    async def test_books_what_was_expected_when_the_painter_counts_what_makes_no_sense(self, db: Database) -> None:
        claim = await claim_of(db)
        usage = replace(USAGE, output_tokens=2**31 - 1)
        await run_generation(dependencies(db, ScriptedPainter(Painting((png(),), usage, None))), claim, never())
        assert await booked(db) == (claim.generation.expected_micros,) * 2

    async def test_books_what_was_expected_of_pictures_that_are_refused_when_they_have_come(self, db: Database) -> None:
        claim = await claim_of(db)
        flagged = PaintingFailed(Failure.FLAGGED_RESULT, "moderation", painting=Painting((png(),), SILENT, None))
        await run_generation(dependencies(db, ScriptedPainter(flagged)), claim, never())
        assert (await after(db, claim))[0].state is State.REFUSED
        assert await booked(db) == (claim.generation.expected_micros,) * 2

    async def test_books_what_was_expected_when_the_price_is_unknown_by_then(self, db: Database) -> None:
        claim = await claim_of(db)
        days = iter([TODAY])
        painter = ScriptedPainter(Painting((png(),), USAGE, None))
        before_all_prices = replace(dependencies(db, painter), today=lambda: next(days, date(2000, 1, 1)))
        assert (await run_generation(before_all_prices, claim, never())).outcome is Outcome.SUCCEEDED
        assert await booked(db) == (claim.generation.expected_micros,) * 2

    async def test_books_nothing_when_the_painter_was_not_available(self, db: Database) -> None:
        claim = await claim_of(db)
        painter = ScriptedPainter(PaintingFailed(Failure.REFUSED, "moderation"))
        await run_generation(dependencies(db, painter), claim, never())
        assert await booked(db) == (0, 0)

    async def test_says_how_the_call_ended(self, db: Database) -> None:
        answered = ScriptedPainter(Painting((png(),), USAGE, None))
        result = await run_generation(dependencies(db, answered), await claim_of(db), never())
        assert (result.call_ended, result.failure) == (True, None)

    async def test_says_how_the_call_failed(self, db: Database) -> None:
        busy = ScriptedPainter(PaintingFailed(Failure.RATE_LIMITED, "429", retry_after_seconds=7))
        result = await run_generation(dependencies(db, busy), await claim_of(db), never())
        assert result.call_ended
        assert result.failure is not None
        assert (result.failure.failure, result.failure.retry_after_seconds) == (Failure.RATE_LIMITED, 7)

    async def test_says_that_no_call_ended_when_it_let_go(self, db: Database) -> None:
        painter, stop = ScriptedPainter(hang=True), never()
        job = asyncio.create_task(run_generation(dependencies(db, painter), await claim_of(db), stop))
        await painter.hanging.wait()
        stop.set_result(Stop.CANCELLED_BY_USER)
        assert not (await job).call_ended
