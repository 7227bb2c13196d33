"""What a worker does about prompts and pictures that must not be; and that nobody pays for it or sees it."""

import asyncio
import hashlib
import io
import json
from collections.abc import AsyncGenerator
from typing import Any

import c2pa
import pytest
from PIL import Image

from factories import guest
from guarded import GuardedWorker
from tatemono.adapters.pillow.difference_hash import difference_hashes
from tatemono.domain.generations.attempts import Outcome
from tatemono.domain.generations.generation import State
from tatemono.domain.generations.painting import Failure, Painting, PaintingFailed, PaintRequest, PartialPicture
from tatemono.domain.safety.moderation import HashClass, Stage, WhenDown

pytest_plugins = ["guarded_worker"]

EVENTS = "select kind::text, data->>'failure_code' from generation_events order by id"
ATTEMPTS = "select outcome::text, failure, cost_micros > 0 from attempts"
CHECKS = "select stage, by, outcome, categories from moderations order by id"


def photo(seed: int = 1) -> bytes:
    small = Image.new("RGB", (7, 6))
    small.putdata([((at * 53 * seed) % 256, (at * 91) % 256, (at * 17 * seed) % 256) for at in range(42)])
    buffer = io.BytesIO()
    small.resize((640, 480), Image.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


class TestBeforeSpending:
    async def test_a_harmless_request_is_looked_at_painted_and_looked_at_again(self, guarded: GuardedWorker) -> None:
        claim, picture_id = await guarded.paint()
        assert await guarded.endpoints() == ["moderations", "generations", "moderations"]
        assert await guarded.fetch(CHECKS) == [
            ("prompt", "provider", "passed", []),
            ("result", "provider", "passed", []),
        ]
        picture = (await guarded.owner.queries.pictures_of([claim.generation.id]))[0]
        assert picture.id == picture_id
        for key, kind in ((picture.object_key, "image/png"), (picture.thumbnail_key, "image/webp")):
            data = await guarded.served.get(key)
            assert data is not None
            store = json.loads(c2pa.Reader(kind, io.BytesIO(data)).json())
            assert store["validation_state"] == "Valid"
            assert str(claim.generation.user_id) not in json.dumps(store)
        kept = await guarded.served.get(picture.object_key)
        digest = await guarded.fetch("select sha256, size_bytes from pictures")
        assert kept is not None
        assert digest == [(hashlib.sha256(kept).digest(), len(kept))]

    async def test_no_picture_is_shown_whose_judgement_is_not_on_record(
        self, guarded: GuardedWorker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = guarded.worker.moderations.record

        async def slow_then_failing(*told: Any, **how: Any) -> None:
            await asyncio.sleep(0.2)
            if told[2].stage is Stage.RESULT:
                raise ConnectionResetError("the database went away")
            await record(*told, **how)

        monkeypatch.setattr(guarded.worker.moderations, "record", slow_then_failing)
        claim = await guarded.claim()
        with pytest.raises(ConnectionResetError):
            await guarded.run(claim)

        generation, _ = await guarded.after(claim)
        assert generation.state is State.RUNNING
        assert await guarded.fetch(CHECKS) == [("prompt", "provider", "passed", [])]

    async def test_what_passed_is_on_record_also_if_the_painter_fails(
        self, guarded: GuardedWorker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = guarded.worker.moderations.record

        async def slow(*told: Any, **how: Any) -> None:
            await asyncio.sleep(0.2)
            await record(*told, **how)

        class Refuses:
            async def paint(self, _request: PaintRequest) -> AsyncGenerator[PartialPicture | Painting, None]:
                raise PaintingFailed(Failure.BAD_REQUEST, "no")
                yield  # what makes it a generator

        monkeypatch.setattr(guarded.worker.moderations, "record", slow)
        guarded.paints_with(Refuses())
        assert await guarded.run(await guarded.claim()) is Outcome.FAILED
        assert await guarded.fetch(CHECKS) == [("prompt", "provider", "passed", [])]

    async def test_a_flagged_prompt_is_refused_before_it_is_painted(self, guarded: GuardedWorker) -> None:
        claim = await guarded.claim(prompt="a gory massacre")
        assert await guarded.run(claim) is Outcome.REFUSED
        generation, credits_left = await guarded.after(claim)
        assert (generation.state, generation.failure_code, credits_left) == (State.REFUSED, "prompt_flagged", 100)
        assert await guarded.endpoints() == ["moderations"]
        assert await guarded.fetch(ATTEMPTS) == [("refused", "flagged_prompt", False)]
        assert await guarded.fetch("select day_micros from accounts") == [(0,)]
        assert await guarded.fetch("select count(*) from escalations") == [(0,)]

    async def test_negative_words_are_looked_at_too(self, guarded: GuardedWorker) -> None:
        claim = await guarded.claim(prompt="A fox", negative_prompt="massacre")
        assert await guarded.run(claim) is Outcome.REFUSED

    async def test_words_that_may_be_illegal_are_escalated_and_freeze_nobody(self, guarded: GuardedWorker) -> None:
        claim = await guarded.claim(prompt="child porn")
        assert await guarded.run(claim) is Outcome.REFUSED
        digest = hashlib.sha256(b"child porn").digest()
        assert await guarded.fetch("select user_id, stage, found_by, sha256, evidence_key from escalations") == [
            (claim.generation.user_id, "prompt", "moderation", digest, None)
        ]
        assert await guarded.fetch("select suspended_at from users") == [(None,)]

    async def test_a_flagged_reference_is_refused_before_it_is_painted(self, guarded: GuardedWorker) -> None:
        user_id = await guest(guarded.owner, credits=100)
        image = Image.open(io.BytesIO(photo())).convert("RGB")
        image.paste((255, 0, 0), (0, 0, 64, 64))
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        claim = await guarded.claim(user_id, reference_id=await guarded.reference(user_id, buffer.getvalue()))
        assert await guarded.run(claim) is Outcome.REFUSED
        generation, credits_left = await guarded.after(claim)
        assert (generation.failure_code, credits_left) == ("reference_flagged", 100)
        assert await guarded.endpoints() == ["moderations", "moderations"]

    async def test_a_reference_that_may_be_illegal_is_shown_to_nobody(self, guarded: GuardedWorker) -> None:
        user_id = await guest(guarded.owner, credits=100)
        data = photo()
        await guarded.admin.blocked_hashes.add(difference_hashes(data)[0], HashClass.ILLEGAL, None, by="a test")
        reference_id = await guarded.reference(user_id, data)
        claim = await guarded.claim(user_id, reference_id=reference_id)
        assert await guarded.run(claim) is Outcome.REFUSED
        assert await guarded.endpoints() == []
        key = f"evidence/{claim.generation.id}/{claim.fence}-reference-0"
        assert await guarded.kept.get(key) == data
        assert await guarded.keys(guarded.uploads) == set()
        assert await guarded.fetch("select evidence_key, sha256, stage, found_by from escalations") == [
            (key, hashlib.sha256(data).digest(), "reference", "blocked-hash")
        ]
        assert await guarded.fetch("select suspended_at is null, suspended_until from users") == [(False, None)]
        found = await guarded.owner.references.find(reference_id)
        assert found is not None
        assert not found.ready


class TestResults:
    async def test_that_are_flagged_are_never_kept_or_charged(self, guarded: GuardedWorker) -> None:
        claim = await guarded.claim(prompt="A fox [studio:flag=violence/graphic]")
        assert await guarded.run(claim) is Outcome.REFUSED
        generation, credits_left = await guarded.after(claim)
        assert (generation.state, generation.failure_code, credits_left) == (State.REFUSED, "picture_flagged", 100)
        # What the painter charges us is on record all the same.
        assert await guarded.fetch(ATTEMPTS) == [("refused", "flagged_result", True)]
        (cost,) = await guarded.fetch("select cost_micros from attempts")
        assert await guarded.fetch("select day_micros from accounts") == [cost]
        assert await guarded.keys(guarded.served) == await guarded.keys(guarded.kept) == set()
        assert await guarded.fetch("select count(*) from pictures") == [(0,)]
        assert (await guarded.fetch(EVENTS))[-1] == ("failed", "picture_flagged")

    async def test_one_flagged_picture_keeps_the_others_back(self, guarded: GuardedWorker) -> None:
        claim = await guarded.claim(prompt="A fox [studio:flag=sexual]", n=2)
        assert await guarded.run(claim) is Outcome.REFUSED
        assert await guarded.keys(guarded.served) == set()

    async def test_that_came_up_before_are_refused_without_asking_anybody(self, guarded: GuardedWorker) -> None:
        claim, _ = await guarded.paint()
        picture = (await guarded.owner.queries.pictures_of([claim.generation.id]))[0]
        data = await guarded.served.get(picture.object_key)
        assert data is not None
        before = await guarded.endpoints()
        await guarded.admin.blocked_hashes.add(difference_hashes(data)[0], HashClass.UNWANTED, None, by="a test")
        again = await guarded.claim()
        assert await guarded.run(again) is Outcome.REFUSED
        assert (await guarded.endpoints())[len(before) :] == ["moderations", "generations"]
        assert await guarded.fetch("select count(*) from escalations") == [(0,)]
        # Nor was it seen on the way.
        kinds = "select kind::text from generation_events where generation_id = $1 order by id"
        assert ("partial",) not in await guarded.fetch(kinds, again.generation.id)

    async def test_that_may_be_illegal_go_to_quarantine_only(self, guarded: GuardedWorker) -> None:
        claim, _ = await guarded.paint()
        picture = (await guarded.owner.queries.pictures_of([claim.generation.id]))[0]
        served = await guarded.keys(guarded.served)
        data = await guarded.served.get(picture.object_key)
        assert data is not None
        await guarded.admin.blocked_hashes.add(difference_hashes(data)[0], HashClass.ILLEGAL, None, by="a test")
        before = await guarded.endpoints()
        again = await guarded.claim()
        assert await guarded.run(again) is Outcome.REFUSED
        assert (await guarded.endpoints())[len(before) :] == ["moderations", "generations"]
        assert await guarded.keys(guarded.served) == served
        assert await guarded.keys(guarded.kept) == {f"evidence/{again.generation.id}/{again.fence}-result-0"}
        user = "select suspended_at is not null, suspended_until, suspension_reason from users where id = $1"
        ((frozen, until, reason),) = await guarded.fetch(user, again.generation.user_id)
        assert (frozen, until) == (True, None)
        assert "review" in reason
        assert (await guarded.after(again))[1] == 100


async def away(guarded: GuardedWorker, times: int | None = None) -> None:
    fault = {"fault": "500", "on": "moderations"} | ({"count": times} if times else {})
    await guarded.studio.http.put("/studio/faults", json={"faults": [fault]})


class ThenAway:
    """The painter; when it is asked, moderation goes away, so many times."""

    def __init__(self, guarded: GuardedWorker, times: int | None = None) -> None:
        self._guarded = guarded
        self._painter = guarded.workshop.painter
        self._times = times

    async def paint(self, request: PaintRequest) -> AsyncGenerator[PartialPicture | Painting, None]:
        await away(self._guarded, self._times)
        async for step in self._painter.paint(request):
            yield step


class TestModerationAway:
    async def test_keeps_words_alone_from_nothing_by_default(self, guarded: GuardedWorker) -> None:
        await away(guarded)
        claim = await guarded.claim()
        assert await guarded.run(claim) is Outcome.SUCCEEDED
        assert ("prompt", "provider", "away", []) in await guarded.fetch(CHECKS)

    async def test_keeps_references_from_being_painted_by_default_and_tries_again(self, guarded: GuardedWorker) -> None:
        await away(guarded)
        user_id = await guest(guarded.owner, credits=100)
        claim = await guarded.claim(user_id, reference_id=await guarded.reference(user_id, photo()))
        assert await guarded.run(claim) is Outcome.FAILED
        assert "edits" not in await guarded.endpoints()
        assert (await guarded.after(claim))[0].state is State.QUEUED

    async def test_keeps_everything_from_being_painted_if_told_so(self, guarded: GuardedWorker) -> None:
        await away(guarded)
        claim = await guarded.claim()
        assert await guarded.run(claim, when_down=WhenDown.CLOSED) is Outcome.FAILED
        assert "generations" not in await guarded.endpoints()

    async def test_after_painting_is_waited_for(self, guarded: GuardedWorker) -> None:
        claim = await guarded.claim()
        guarded.paints_with(ThenAway(guarded, times=2))
        assert await guarded.run(claim, when_down=WhenDown.CLOSED) is Outcome.SUCCEEDED
        results = [row[2] for row in await guarded.fetch(CHECKS) if row[0] == "result"]
        assert results == ["away", "away", "passed"]

    async def test_after_painting_for_good_shows_nothing_and_charges_nobody(self, guarded: GuardedWorker) -> None:
        claim = await guarded.claim()
        guarded.paints_with(ThenAway(guarded))
        assert await guarded.run(claim, when_down=WhenDown.CLOSED) is Outcome.FAILED
        generation, credits_left = await guarded.after(claim)
        assert (generation.state, generation.failure_code) == (State.FAILED, "picture_not_moderated")
        assert credits_left == 100
        assert await guarded.fetch(ATTEMPTS) == [("failed", "result_not_moderated", True)]
        assert await guarded.keys(guarded.served) == set()


class TestEscalations:
    @pytest.mark.parametrize(
        "statement", ["update escalations set reason = 'x'", "delete from escalations", "truncate escalations"]
    )
    async def test_cannot_be_changed_by_anybody(self, guarded: GuardedWorker, statement: str) -> None:
        claim = await guarded.claim(prompt="child porn")
        await guarded.run(claim)
        for db in (guarded.owner, guarded.admin, guarded.worker):
            with pytest.raises(Exception, match=r"only ever added|permission denied"):
                await db._pool.execute(statement)
        assert await guarded.fetch("select count(*) from escalations") == [(1,)]
