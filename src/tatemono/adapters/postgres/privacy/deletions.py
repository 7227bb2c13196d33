"""Deletions: asked for, undone, begun, and carried out row by row.

Locks are taken in the order of `merges.py`: users, generations, accounts, sessions, of which the last are never waited
for, since signing in takes them first.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tatemono.adapters.postgres.identity.merges import never_waiting
from tatemono.adapters.postgres.identity.merges_sql import LOCK_ACCOUNTS, LOCK_SESSIONS
from tatemono.adapters.postgres.privacy import deletions_sql as sql
from tatemono.domain.identity.merges import AccountsBusy
from tatemono.domain.pictures.picture import generation_of_key
from tatemono.domain.privacy.account_deletion import Deletion, Receipt
from tatemono.usecases.privacy.ports import Erasing

#: To erase a user with very many generations takes longer than other statements may.
_ERASE_TIMEOUT_SECONDS = 300


class Deletions:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def request(self, user_id: UUID, *, grace: timedelta, language: str) -> Deletion:
        async with never_waiting():
            await self._executor.execute(LOCK_SESSIONS, [user_id])
        row = await self._executor.fetchrow(sql.REQUEST, user_id, grace, language)
        if row is None:
            # Asked twice at once; the other was first.
            row = await self._executor.fetchrow(sql.PENDING, user_id)
        return _deletion(row)

    async def cancel_generations(self, user_id: UUID) -> list[UUID]:
        async with never_waiting():
            rows = await self._executor.fetch(sql.LOCK_IN_FLIGHT, user_id)
            found: list[UUID] = [row["id"] for row in rows]
            await self._executor.execute(LOCK_ACCOUNTS, [user_id])
            if await self._executor.fetchval(sql.NEWCOMERS, user_id, found):
                raise AccountsBusy
        await self._executor.execute(sql.CANCEL_ALL, user_id, found)
        return found

    async def undo(self, user_id: UUID) -> bool:
        return bool(await self._executor.fetchval(sql.UNDO, user_id))

    async def pending(self, user_id: UUID) -> Deletion | None:
        row = await self._executor.fetchrow(sql.PENDING, user_id)
        return row and _deletion(row)

    async def receipt(self, receipt_id: UUID) -> Receipt | None:
        row = await self._executor.fetchrow(sql.RECEIPT, receipt_id)
        return row and Receipt(row["id"], row["erase_at"], row["erased_at"], row["counts"], row["mac"])

    async def begin_due(self, limit: int) -> int:
        count: int = await self._executor.fetchval(sql.BEGIN_DUE, limit)
        return count

    async def begun(self, limit: int) -> list[UUID]:
        return [row["id"] for row in await self._executor.fetch(sql.BEGUN, limit)]

    async def lock_begun(self, deletion_id: UUID) -> Erasing | None:
        row = await self._executor.fetchrow(sql.LOCK_BEGUN, deletion_id)
        if row is None:
            return None
        family = await self._executor.fetch(sql.FAMILY, row["user_id"])
        return Erasing(
            deletion=_deletion(row),
            family=[one["id"] for one in family],
            emails=[one["email"] for one in family if one["email"]],
            members=[one["cognito_sub"] for one in family if one["cognito_sub"]],
            identities=[one["cognito_identity_id"] for one in family if one["cognito_identity_id"]],
            busy=sum(one["busy"] for one in family),
            counts=row["counts"],
        )

    async def protected(self, keys: Sequence[str], family: Sequence[UUID]) -> set[str]:
        generations = {found for key in keys if (found := generation_of_key(key)) is not None}
        rows = await self._executor.fetch(sql.PROTECTED, list(generations), list(family))
        return {key for row in rows for key in row}

    async def strays(self, family: Sequence[UUID]) -> list[str]:
        folders = [str(each) for each in family]
        return [key for row in await self._executor.fetch(sql.STRAYS, list(family), folders) for key in row]

    async def note(self, deletion_id: UUID, counts: Mapping[str, int]) -> None:
        await self._executor.execute(
            "update deletions set counts = counts || $2 where id = $1", deletion_id, dict(counts)
        )

    async def erase_rows(self, erasing: Erasing) -> dict[str, int]:
        family = list(erasing.family)
        counts = dict(await self._executor.fetchrow(sql.COUNTS, family))
        counts["mails"] = await self._executor.fetchval(sql.DELETE_MAILS, list(erasing.emails))
        await self._executor.execute(sql.KEEP_CREDITS, family)
        await self._executor.execute(sql.FORGET_IN_AUDIT, family, erasing.deletion.id)
        await self._executor.execute(sql.DELETE_MERGES, family)
        await self._executor.execute(sql.DELETE_USERS, family, timeout=_ERASE_TIMEOUT_SECONDS)
        return counts

    async def finish(self, receipt: Receipt, mac: bytes) -> None:
        await self._executor.execute(sql.FINISH, receipt.id, receipt.erased_at, dict(receipt.counts), mac)

    async def now(self) -> datetime:
        moment: datetime = await self._executor.fetchval("select now()")
        return moment

    async def forget_erased(self, *, older_than: timedelta, limit: int) -> int:
        status: str = await self._executor.execute(sql.FORGET_ERASED, older_than, limit)
        return int(status.rsplit(maxsplit=1)[-1])


def _deletion(row: Any) -> Deletion:
    return Deletion(row["id"], row["user_id"], row["erase_at"], row["language"])
