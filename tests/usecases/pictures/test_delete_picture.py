from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

import pytest

from factories import USAGE, guest, kept, submitted
from tatemono.adapters.postgres.database import Database
from tatemono.domain.pictures.picture import NoSuchPicture
from tatemono.usecases.pictures.delete_picture import delete_picture, erase_deleted_pictures


class FailingStore:
    """A store that may be unavailable."""

    def __init__(self) -> None:
        self.unavailable = False
        self.kept: dict[str, bytes] = {}
        self.deleted: list[str] = []

    async def put(self, key: str, data: bytes, *, content_type: str, sha256: bytes | None = None) -> None:
        self.kept[key] = data

    async def delete(self, keys: Sequence[str]) -> None:
        if self.unavailable:
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
        store = FailingStore()
        store.unavailable = True
        with pytest.raises(ConnectionError):
            await erase_deleted_pictures(db, store)
        store.unavailable = False
        assert await erase_deleted_pictures(db, store) == 1
        assert sorted(store.deleted) == sorted([picture.object_key, picture.thumbnail_key])
        assert await erase_deleted_pictures(db, store) == 0

    async def test_refuses_what_never_was(self, db: Database) -> None:
        with pytest.raises(NoSuchPicture):
            await delete_picture(db.pictures, user_id=await guest(db), picture_id=uuid4())
