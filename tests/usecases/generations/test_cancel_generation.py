from datetime import timedelta

import pytest

from factories import USAGE, guest, kept, submitted
from tatemono.adapters.postgres.database import Database
from tatemono.domain.generations.generation import AlreadyFinished, NoSuchGeneration, State
from tatemono.usecases.generations.cancel_generation import cancel_generation


class TestCancelGeneration:
    async def test_says_when_it_is_too_late(self, db: Database) -> None:
        user_id = await guest(db)
        generation = await submitted(db, user_id)
        claim = await db.generations.claim(lease=timedelta(minutes=1), max_running=4, model="m")
        assert claim is not None
        await db.generations.succeed(claim, [kept(claim)], USAGE, None)
        with pytest.raises(AlreadyFinished):
            await cancel_generation(db, user_id=user_id, generation_id=generation.id)

    async def test_may_be_said_twice(self, db: Database) -> None:
        user_id = await guest(db)
        generation = await submitted(db, user_id)
        for _ in range(2):
            await cancel_generation(db, user_id=user_id, generation_id=generation.id)
        cancelled = await db.queries.generation(user_id, generation.id)
        assert cancelled is not None
        assert cancelled.state is State.CANCELLED

    async def test_refuses_for_what_is_not_ones_own(self, db: Database) -> None:
        generation = await submitted(db, await guest(db))
        with pytest.raises(NoSuchGeneration):
            await cancel_generation(db, user_id=await guest(db), generation_id=generation.id)
