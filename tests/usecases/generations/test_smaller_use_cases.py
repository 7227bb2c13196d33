"""The smaller use cases."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

import pytest

from factories import USAGE, guest, kept, submitted
from tatemono.adapters.postgres.database import Database
from tatemono.domain.generations.generation import AlreadyFinished, NoSuchGeneration, State
from tatemono.domain.pictures.picture import NoSuchPicture
from tatemono.usecases.generations.cancel_generation import cancel_generation
from tatemono.usecases.generations.ports import Ticket
from tatemono.usecases.generations.relay_outbox import relay_outbox
from tatemono.usecases.pictures.delete_picture import delete_picture, erase_deleted_pictures


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


class Shelf:
    """A store that may be away."""

    def __init__(self) -> None:
        self.away = False
        self.kept: dict[str, bytes] = {}
        self.deleted: list[str] = []

    async def put(self, key: str, data: bytes, *, content_type: str, sha256: bytes | None = None) -> None:
        self.kept[key] = data

    async def delete(self, keys: Sequence[str]) -> None:
        if self.away:
            raise ConnectionError
        self.deleted += keys


class TestDeletePicture:
    async def test_hides_at_once_and_erases_both_objects_later(self, db: Database) -> None:
        user_id = await guest(db)
        await submitted(db, user_id)
        claim = await db.generations.claim(lease=timedelta(minutes=1), max_running=4, model="m")
        assert claim is not None
        await db.generations.succeed(claim, [kept(claim)], USAGE, None)
        (picture,) = await db.queries.pictures(user_id, before=None, limit=10)
        with pytest.raises(NoSuchPicture):
            await delete_picture(db.pictures, user_id=await guest(db), picture_id=picture.id)
        await delete_picture(db.pictures, user_id=user_id, picture_id=picture.id)
        await delete_picture(db.pictures, user_id=user_id, picture_id=picture.id)
        assert await db.queries.pictures(user_id, before=None, limit=10) == []
        shelf = Shelf()
        shelf.away = True
        with pytest.raises(ConnectionError):
            await erase_deleted_pictures(db, shelf)
        shelf.away = False
        assert await erase_deleted_pictures(db, shelf) == 1
        assert sorted(shelf.deleted) == sorted([picture.object_key, picture.thumbnail_key])
        assert await erase_deleted_pictures(db, shelf) == 0

    async def test_refuses_what_never_was(self, db: Database) -> None:
        with pytest.raises(NoSuchPicture):
            await delete_picture(db.pictures, user_id=await guest(db), picture_id=uuid4())


class LetterBox:
    """A queue that refuses some, or breaks."""

    def __init__(self, *, refused: Sequence[int] = (), broken: bool = False, broken_at: str = "") -> None:
        self.sent: list[str] = []
        self.refused = list(refused)
        self.broken = broken
        self.broken_at = broken_at

    async def send(self, bodies: Sequence[str], *, delay_seconds: int = 0) -> list[int]:
        if self.broken or self.broken_at in bodies:
            raise ConnectionError
        self.sent += [body for index, body in enumerate(bodies) if index not in self.refused]
        return self.refused

    async def receive(self, limit: int) -> list[Ticket]:
        return [Ticket(body, body, 1) for body in self.sent[:limit]]

    async def delete(self, tickets: Sequence[Ticket]) -> None:
        self.sent = [body for body in self.sent if body not in {ticket.body for ticket in tickets}]

    async def extend(self, tickets: Sequence[Ticket], visibility_seconds: int) -> None:
        """It never hides what it hands out."""


class TestRelayOutbox:
    async def test_sends_in_order_and_keeps_what_was_refused(self, db: Database) -> None:
        user_id = await guest(db)
        generations = [await submitted(db, user_id) for _ in range(12)]
        box = LetterBox(refused=[3])
        # SQS takes ten in one call: the fourth of the first call is refused, the second call has but two.
        assert await relay_outbox(db, {"image-jobs": box}) == 11
        assert box.sent[0] == str(generations[0].id)
        second = LetterBox()
        assert await relay_outbox(db, {"image-jobs": second}) == 1
        assert second.sent[0] == str(generations[3].id)
        assert await relay_outbox(db, {"image-jobs": second}) == 0

    async def test_sends_what_it_can_when_one_call_of_several_fails(self, db: Database) -> None:
        user_id = await guest(db)
        generations = [str((await submitted(db, user_id)).id) for _ in range(25)]
        box = LetterBox(broken_at=generations[10])
        with pytest.raises(ConnectionError):
            await relay_outbox(db, {"image-jobs": box})
        assert sorted(box.sent) == sorted(generations[:10] + generations[20:])
        box = LetterBox()
        assert await relay_outbox(db, {"image-jobs": box}) == 10
        assert box.sent == generations[10:20]

    async def test_loses_nothing_when_the_queue_breaks(self, db: Database) -> None:
        await submitted(db, await guest(db))
        with pytest.raises(ConnectionError):
            await relay_outbox(db, {"image-jobs": LetterBox(broken=True)})
        assert await relay_outbox(db, {"image-jobs": LetterBox()}) == 1
