"""Pictures that came out."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from tatemono.usecases.pictures.ports import DeletedPicture


class Pictures:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def mark_deleted(self, user_id: UUID, picture_id: UUID) -> bool:
        found = await self._executor.fetchval(
            "update pictures set deleted_at = coalesce(deleted_at, now()) where id = $1 and user_id = $2 returning id",
            picture_id,
            user_id,
        )
        return bool(found)

    async def lock_deleted(self, limit: int) -> list[DeletedPicture]:
        rows = await self._executor.fetch(
            "select id, object_key, thumbnail_key from pictures where deleted_at is not null"
            " order by deleted_at limit $1 for update skip locked",
            limit,
        )
        return [DeletedPicture(*row) for row in rows]

    async def erase(self, ids: Sequence[UUID]) -> None:
        await self._executor.execute("delete from pictures where id = any($1::uuid[])", ids)
