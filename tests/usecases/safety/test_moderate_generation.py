"""What a worker does about prompts and pictures that must not be; and that nobody pays for it or sees it."""

import asyncio
import dataclasses
import hashlib
import io
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any
from uuid import UUID

import c2pa
import pytest
from PIL import Image

from factories import guest
from moderated import ModeratedWorker
from tatemono.adapters.pillow.difference_hash import difference_hashes
from tatemono.domain.generations.attempts import Outcome
from tatemono.domain.generations.generation import State
from tatemono.domain.generations.painting import Failure, Painting, PaintingFailed, PaintRequest, PartialPicture
from tatemono.domain.safety.moderation import HashClass, Stage, WhenDown
from tatemono.usecases.generations.dependencies import GenerationDependencies
from tatemono.usecases.safety import moderate_generation

pytest_plugins = ["moderated_worker"]

EVENTS = "select kind::text, data->>'failure_code' from generation_events order by id"
ATTEMPTS = "select outcome::text, failure, cost_micros > 0 from attempts"
CHECKS = "select stage, by, outcome, categories from moderations order by id"


def photo(seed: int = 1) -> bytes:
    small = Image.new("RGB", (7, 6))
    small.putdata([((at * 53 * seed) % 256, (at * 91) % 256, (at * 17 * seed) % 256) for at in range(42)])
    buffer = io.BytesIO()
    small.resize((640, 480), Image.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


async def events(moderated: ModeratedWorker, user_id: UUID) -> list[str]:
    """What the user is told of the account's safety."""
    return [event.kind for event in await moderated.owner.sessions.events(user_id, before=None, limit=10)]


class TestBeforeSpending:
    async def test_a_harmless_request_is_looked_at_painted_and_looked_at_again(
        self, moderated: ModeratedWorker
    ) -> None:
        claim, picture_id = await moderated.paint()
        assert await moderated.endpoints() == ["moderations", "generations", "moderations"]
        assert await moderated.fetch(CHECKS) == [
            ("prompt", "provider", "passed", []),
            ("result", "provider", "passed", []),
        ]
        picture = (await moderated.owner.queries.pictures_of([claim.generation.id]))[0]
        assert picture.id == picture_id
        for key, kind in ((picture.object_key, "image/png"), (picture.thumbnail_key, "image/webp")):
            data = await moderated.served.get(key)
            assert data is not None
            store = json.loads(c2pa.Reader(kind, io.BytesIO(data)).json())
            assert store["validation_state"] == "Valid"
            assert str(claim.generation.user_id) not in json.dumps(store)
        kept = await moderated.served.get(picture.object_key)
        digest = await moderated.fetch("select sha256, size_bytes from pictures")
        assert kept is not None
        assert digest == [(hashlib.sha256(kept).digest(), len(kept))]

    async def test_no_picture_is_shown_whose_judgement_is_not_on_record(
        self, moderated: ModeratedWorker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = moderated.worker.moderations.record

        async def slow_then_failing(*told: Any, **how: Any) -> None:
            await asyncio.sleep(0.2)
            if told[2].stage is Stage.RESULT:
                raise ConnectionResetError("the database went away")
            await record(*told, **how)

        monkeypatch.setattr(moderated.worker.moderations, "record", slow_then_failing)
        claim = await moderated.claim()
        with pytest.raises(ConnectionResetError):
            await moderated.run(claim)

        generation, _ = await moderated.after(claim)
        assert generation.state is State.RUNNING
        assert await moderated.fetch(CHECKS) == [("prompt", "provider", "passed", [])]

    async def test_what_passed_is_on_record_also_if_the_painter_fails(
        self, moderated: ModeratedWorker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = moderated.worker.moderations.record

        async def slow(*told: Any, **how: Any) -> None:
            await asyncio.sleep(0.2)
            await record(*told, **how)

        class Refuses:
            async def paint(self, _request: PaintRequest) -> AsyncGenerator[PartialPicture | Painting, None]:
                raise PaintingFailed(Failure.BAD_REQUEST, "no")
                yield  # what makes it a generator

        monkeypatch.setattr(moderated.worker.moderations, "record", slow)
        moderated.paints_with(Refuses())
        assert await moderated.run(await moderated.claim()) is Outcome.FAILED
        assert await moderated.fetch(CHECKS) == [("prompt", "provider", "passed", [])]

    async def test_a_flagged_prompt_is_refused_before_it_is_painted(self, moderated: ModeratedWorker) -> None:
        claim = await moderated.claim(prompt="a gory massacre")
        assert await moderated.run(claim) is Outcome.REFUSED
        generation, credits_left = await moderated.after(claim)
        assert (generation.state, generation.failure_code, credits_left) == (State.REFUSED, "prompt_flagged", 100)
        assert await moderated.endpoints() == ["moderations"]
        assert await moderated.fetch(ATTEMPTS) == [("refused", "flagged_prompt", False)]
        assert await moderated.fetch("select day_micros from accounts") == [(0,)]
        assert await moderated.fetch("select count(*) from escalations") == [(0,)]

    async def test_negative_words_are_looked_at_too(self, moderated: ModeratedWorker) -> None:
        claim = await moderated.claim(prompt="A fox", negative_prompt="massacre")
        assert await moderated.run(claim) is Outcome.REFUSED

    async def test_words_that_may_be_illegal_are_escalated_and_freeze_nobody(self, moderated: ModeratedWorker) -> None:
        claim = await moderated.claim(prompt="child porn")
        assert await moderated.run(claim) is Outcome.REFUSED
        digest = hashlib.sha256(b"child porn").digest()
        assert await moderated.fetch("select user_id, stage, found_by, sha256, evidence_key from escalations") == [
            (claim.generation.user_id, "prompt", "moderation", digest, None)
        ]
        assert await moderated.fetch("select suspended_at from users") == [(None,)]
        assert await events(moderated, claim.generation.user_id) == []

    async def test_a_flagged_reference_is_refused_before_it_is_painted(self, moderated: ModeratedWorker) -> None:
        user_id = await guest(moderated.owner, credits=100)
        image = Image.open(io.BytesIO(photo())).convert("RGB")
        image.paste((255, 0, 0), (0, 0, 64, 64))
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        claim = await moderated.claim(user_id, reference_id=await moderated.reference(user_id, buffer.getvalue()))
        assert await moderated.run(claim) is Outcome.REFUSED
        generation, credits_left = await moderated.after(claim)
        assert (generation.failure_code, credits_left) == ("reference_flagged", 100)
        assert await moderated.endpoints() == ["moderations", "moderations"]

    async def test_a_reference_that_may_be_illegal_is_shown_to_nobody(self, moderated: ModeratedWorker) -> None:
        user_id = await guest(moderated.owner, credits=100)
        data = photo()
        await moderated.admin.blocked_hashes.add(difference_hashes(data)[0], HashClass.ILLEGAL, None, by="a test")
        reference_id = await moderated.reference(user_id, data)
        claim = await moderated.claim(user_id, reference_id=reference_id)
        assert await moderated.run(claim) is Outcome.REFUSED
        assert await moderated.endpoints() == []
        key = f"evidence/{claim.generation.id}/{claim.fence}-reference-0"
        assert await moderated.kept.get(key) == data
        assert await moderated.keys(moderated.uploads) == set()
        assert await moderated.fetch("select evidence_key, sha256, stage, found_by from escalations") == [
            (key, hashlib.sha256(data).digest(), "reference", "blocked-hash")
        ]
        assert await moderated.fetch("select suspended_at is null, suspended_until from users") == [(False, None)]
        found = await moderated.owner.references.find(reference_id)
        assert found is not None
        assert not found.ready
        assert await events(moderated, user_id) == ["suspended"]


class TestResults:
    async def test_that_are_flagged_are_never_kept_or_charged(self, moderated: ModeratedWorker) -> None:
        claim = await moderated.claim(prompt="A fox [studio:flag=violence/graphic]")
        assert await moderated.run(claim) is Outcome.REFUSED
        generation, credits_left = await moderated.after(claim)
        assert (generation.state, generation.failure_code, credits_left) == (State.REFUSED, "picture_flagged", 100)
        # What the painter charges us is on record all the same.
        assert await moderated.fetch(ATTEMPTS) == [("refused", "flagged_result", True)]
        (cost,) = await moderated.fetch("select cost_micros from attempts")
        assert await moderated.fetch("select day_micros from accounts") == [cost]
        assert await moderated.keys(moderated.served) == await moderated.keys(moderated.kept) == set()
        assert await moderated.fetch("select count(*) from pictures") == [(0,)]
        assert (await moderated.fetch(EVENTS))[-1] == ("failed", "picture_flagged")

    async def test_one_flagged_picture_keeps_the_others_back(self, moderated: ModeratedWorker) -> None:
        claim = await moderated.claim(prompt="A fox [studio:flag=sexual]", n=2)
        assert await moderated.run(claim) is Outcome.REFUSED
        assert await moderated.keys(moderated.served) == set()

    async def test_that_came_up_before_are_refused_without_asking_anybody(self, moderated: ModeratedWorker) -> None:
        claim, _ = await moderated.paint()
        picture = (await moderated.owner.queries.pictures_of([claim.generation.id]))[0]
        data = await moderated.served.get(picture.object_key)
        assert data is not None
        before = await moderated.endpoints()
        await moderated.admin.blocked_hashes.add(difference_hashes(data)[0], HashClass.UNWANTED, None, by="a test")
        again = await moderated.claim()
        assert await moderated.run(again) is Outcome.REFUSED
        assert (await moderated.endpoints())[len(before) :] == ["moderations", "generations"]
        assert await moderated.fetch("select count(*) from escalations") == [(0,)]
        # Nor was it seen on the way.
        kinds = "select kind::text from generation_events where generation_id = $1 order by id"
        assert ("partial",) not in await moderated.fetch(kinds, again.generation.id)

    async def test_that_may_be_illegal_go_to_quarantine_only(self, moderated: ModeratedWorker) -> None:
        claim, _ = await moderated.paint()
        picture = (await moderated.owner.queries.pictures_of([claim.generation.id]))[0]
        served = await moderated.keys(moderated.served)
        data = await moderated.served.get(picture.object_key)
        assert data is not None
        await moderated.admin.blocked_hashes.add(difference_hashes(data)[0], HashClass.ILLEGAL, None, by="a test")
        before = await moderated.endpoints()
        again = await moderated.claim()
        assert await moderated.run(again) is Outcome.REFUSED
        assert (await moderated.endpoints())[len(before) :] == ["moderations", "generations"]
        assert await moderated.keys(moderated.served) == served
        assert await moderated.keys(moderated.kept) == {f"evidence/{again.generation.id}/{again.fence}-result-0"}
        user = "select suspended_at is not null, suspended_until, suspension_reason from users where id = $1"
        ((frozen, until, reason),) = await moderated.fetch(user, again.generation.user_id)
        assert (frozen, until) == (True, None)
        assert "review" in reason
        assert await events(moderated, again.generation.user_id) == ["suspended"]
        assert (await moderated.after(again))[1] == 100


async def away(moderated: ModeratedWorker, times: int | None = None) -> None:
    fault = {"fault": "500", "on": "moderations"} | ({"count": times} if times else {})
    await moderated.studio.http.put("/studio/faults", json={"faults": [fault]})


class ThenAway:
    """The painter; when it is asked, moderation goes away, so many times."""

    def __init__(self, moderated: ModeratedWorker, times: int | None = None) -> None:
        self._moderated = moderated
        self._painter = moderated.dependencies.painter
        self._times = times

    async def paint(self, request: PaintRequest) -> AsyncGenerator[PartialPicture | Painting, None]:
        await away(self._moderated, self._times)
        async for step in self._painter.paint(request):
            yield step


class TestModerationAway:
    async def test_keeps_words_alone_from_nothing_by_default(self, moderated: ModeratedWorker) -> None:
        await away(moderated)
        claim = await moderated.claim()
        assert await moderated.run(claim) is Outcome.SUCCEEDED
        assert ("prompt", "provider", "away", []) in await moderated.fetch(CHECKS)

    async def test_keeps_references_from_being_painted_by_default_and_tries_again(
        self, moderated: ModeratedWorker
    ) -> None:
        await away(moderated)
        user_id = await guest(moderated.owner, credits=100)
        claim = await moderated.claim(user_id, reference_id=await moderated.reference(user_id, photo()))
        assert await moderated.run(claim) is Outcome.FAILED
        assert "edits" not in await moderated.endpoints()
        assert (await moderated.after(claim))[0].state is State.QUEUED

    async def test_keeps_everything_from_being_painted_if_told_so(self, moderated: ModeratedWorker) -> None:
        await away(moderated)
        claim = await moderated.claim()
        assert await moderated.run(claim, when_down=WhenDown.CLOSED) is Outcome.FAILED
        assert "generations" not in await moderated.endpoints()

    async def test_after_painting_is_waited_for(self, moderated: ModeratedWorker) -> None:
        claim = await moderated.claim()
        moderated.paints_with(ThenAway(moderated, times=2))
        assert await moderated.run(claim, when_down=WhenDown.CLOSED) is Outcome.SUCCEEDED
        results = [row[2] for row in await moderated.fetch(CHECKS) if row[0] == "result"]
        assert results == ["away", "away", "passed"]

    async def test_after_painting_for_good_shows_nothing_and_charges_nobody(self, moderated: ModeratedWorker) -> None:
        claim = await moderated.claim()
        moderated.paints_with(ThenAway(moderated))
        assert await moderated.run(claim, when_down=WhenDown.CLOSED) is Outcome.FAILED
        generation, credits_left = await moderated.after(claim)
        assert (generation.state, generation.failure_code) == (State.FAILED, "picture_not_moderated")
        assert credits_left == 100
        assert await moderated.fetch(ATTEMPTS) == [("failed", "result_not_moderated", True)]
        assert await moderated.keys(moderated.served) == set()

    async def test_after_painting_keeps_back_what_came_of_a_reference_by_default(
        self, moderated: ModeratedWorker
    ) -> None:
        user_id = await guest(moderated.owner, credits=100)
        claim = await moderated.claim(user_id, reference_id=await moderated.reference(user_id, photo()))
        moderated.paints_with(ThenAway(moderated))
        assert await moderated.run(claim, when_down=WhenDown.CLOSED_FOR_REFERENCES) is Outcome.FAILED
        assert "edits" in await moderated.endpoints()
        generation, credits_left = await moderated.after(claim)
        assert (generation.state, generation.failure_code) == (State.FAILED, "picture_not_moderated")
        assert credits_left == 100
        assert await moderated.keys(moderated.served) == set()

    @pytest.mark.parametrize(
        ("when_down", "with_reference"),
        [(WhenDown.CLOSED_FOR_REFERENCES, False), (WhenDown.OPEN, False), (WhenDown.OPEN, True)],
    )
    async def test_after_painting_keeps_back_nothing_else(
        self, moderated: ModeratedWorker, when_down: WhenDown, with_reference: bool
    ) -> None:
        user_id = await guest(moderated.owner, credits=100)
        reference_id = await moderated.reference(user_id, photo()) if with_reference else None
        claim = await moderated.claim(user_id, reference_id=reference_id)
        moderated.paints_with(ThenAway(moderated))
        assert await moderated.run(claim, when_down=when_down) is Outcome.SUCCEEDED
        assert {row[2] for row in await moderated.fetch(CHECKS) if row[0] == "result"} == {"away"}


class TestEscalations:
    @pytest.mark.parametrize(
        "statement", ["update escalations set reason = 'x'", "delete from escalations", "truncate escalations"]
    )
    async def test_cannot_be_changed_by_anybody(self, moderated: ModeratedWorker, statement: str) -> None:
        claim = await moderated.claim(prompt="child porn")
        await moderated.run(claim)
        for db in (moderated.owner, moderated.admin, moderated.worker):
            with pytest.raises(Exception, match=r"only ever added|permission denied"):
                await db._pool.execute(statement)
        assert await moderated.fetch("select count(*) from escalations") == [(1,)]


class TestUnmoderated:
    def test_is_used_by_tests_alone(self) -> None:
        source = Path(moderate_generation.__file__).parents[3]
        named = {
            str(path.relative_to(source))
            for path in source.rglob("*.py")
            if "Unmoderated" in path.read_text(encoding="utf-8")
        }
        # Where it is defined, and the field that takes it.
        assert named == {
            "tatemono/usecases/safety/moderate_generation.py",
            "tatemono/usecases/generations/dependencies.py",
        }
        assert "Unmoderated()" not in Path(moderate_generation.__file__).read_text(encoding="utf-8")

    def test_is_never_what_is_meant_when_nothing_is_said(self) -> None:
        fields = {field.name: field for field in dataclasses.fields(GenerationDependencies)}
        for required in ("moderation", "credentials"):
            assert fields[required].default is dataclasses.MISSING
            assert fields[required].default_factory is dataclasses.MISSING
