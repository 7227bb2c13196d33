"""Merging two accounts, and undoing it: the writes, within one transaction of the use case.

Locks are taken in one order: users by id, then generations by id, then accounts by id, which is the pipeline's order,
so neither waits for the other in a circle. Devices and sessions come last and are never waited for, since signing in
takes them first: where one is taken, all is let go and tried again (`AccountsBusy`).
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg

from tatemono.adapters.postgres.identity import merges_sql as sql
from tatemono.domain.identity.devices import UserKind
from tatemono.domain.identity.merges import (
    UNDO_WITHIN,
    AccountsBusy,
    Merged,
    MergeSide,
    Moved,
    Return,
    UndoableMerge,
    Undoing,
)
from tatemono.domain.identity.sessions import Suspension


class Merges:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def side(self, user_id: UUID) -> MergeSide | None:
        row = await self._executor.fetchrow(sql.SIDE, user_id)
        return row and MergeSide(
            user_id=row["id"],
            kind=UserKind(row["kind"]),
            email=row["email"],
            merged=row["merged"],
            empty=row["kind"] == UserKind.GUEST and row["generations"] == 0 and row["transfers"] <= 1,
            suspension=Suspension(row["suspended_until"], row["suspension_reason"]) if row["suspended"] else None,
            erase_at=row["erase_at"],
            generations=row["generations"],
            in_flight=row["in_flight"],
            pictures=row["pictures"],
            devices=row["devices"],
            strikes=row["strikes"],
            credits_available=row["available"],
            credits_held=row["held"],
        )

    async def lock_users(self, *user_ids: UUID) -> None:
        await self._executor.execute(sql.LOCK_USERS, list(user_ids))

    async def lock_accounts(self, *user_ids: UUID) -> None:
        await self._executor.execute(sql.LOCK_ACCOUNTS, list(user_ids))

    async def lock_device(self, device_id: UUID, user_id: UUID, key_thumbprint: str) -> bool:
        async with never_waiting():
            found = await self._executor.fetchval(
                "select id from devices where id = $1 and user_id = $2 and key_thumbprint = $3 and revoked_at is null"
                " for no key update nowait",
                device_id,
                user_id,
                key_thumbprint,
            )
        return found is not None

    async def move(self, leaving: UUID, staying: UUID) -> Merged:
        async with never_waiting():
            rows = await self._executor.fetch(sql.LOCK_GENERATIONS_OF, leaving)
            generations = [row["id"] for row in rows]
            await self.lock_accounts(leaving, staying)
            # A transaction that waits for the account may hold what was submitted in between.
            if await self._executor.fetchval(sql.NEWCOMERS, leaving, generations):
                raise AccountsBusy
            devices = [row["id"] for row in await self._executor.fetch(sql.LOCK_DEVICES, leaving)]
            await self._executor.execute(sql.LOCK_SESSIONS, [leaving])
        side = await self._executor.fetchrow(
            "select available, held, queued, running from accounts where user_id = $1", leaving
        )
        moved = Moved(
            generations, [row["id"] for row in rows if row["in_flight"]], devices, side["available"], side["held"]
        )
        # An operator who takes a picture down holds that, and may wait for its user.
        async with never_waiting():
            pictures = await self._move(
                moved.generations, devices, source=leaving, target=staying, balances=dict(side), reason="merged"
            )
            strikes = await self._executor.fetchval(sql.MOVE_STRIKES, leaving, staying, None, generations)
        moved = replace(moved, strikes=strikes)
        await self._executor.execute(sql.MARK_MERGED, leaving, staying)
        merge = await self._executor.fetchrow(sql.ADD, leaving, staying, _json(moved), UNDO_WITHIN)
        return Merged(merge["id"], len(generations), pictures, len(devices), moved.available, merge["undo_until"])

    async def find(self, merge_id: UUID, into_user_id: UUID) -> UUID | None:
        found: UUID | None = await self._executor.fetchval(sql.FIND, merge_id, into_user_id)
        return found

    async def lock_moved(self, merge_id: UUID, guest: UUID, into_user_id: UUID) -> Undoing | None:
        record = await self._executor.fetchval(sql.OPEN_MERGE, merge_id, UNDO_WITHIN)
        if record is None:
            return None
        moved = _moved(record)
        async with never_waiting():
            await self._executor.execute(sql.LOCK_GENERATIONS, moved.generations)
            await self.lock_accounts(guest, into_user_id)
            own = [row["id"] for row in await self._executor.fetch(sql.LOCK_DEVICES, into_user_id)]
            await self._executor.execute(sql.LOCK_SESSIONS, [into_user_id])
        outcome = await self._executor.fetchrow(sql.OUTCOME, moved.generations, moved.in_flight)
        return _undoing(moved, own, outcome)

    async def undoable(self, user_id: UUID, *, before: UUID | None, limit: int) -> list[UndoableMerge]:
        """Those into this user that are not too old and not undone, the newest first."""
        rows = await self._executor.fetch(sql.UNDOABLE, user_id, before, UNDO_WITHIN, limit)
        return [
            UndoableMerge.seen(
                row["id"],
                row["from_user_id"],
                row["created_at"],
                found=_undoing(_moved(row["moved"]), row["devices"], row),
                pictures=row["pictures"],
                staying=UserKind(row["kind"]),
                credits_left=row["available"],
            )
            for row in rows
        ]

    async def move_back(
        self, merge_id: UUID, guest: UUID, into_user_id: UUID, found: Undoing, credits_back: Return
    ) -> int:
        balances = {
            "available": credits_back.available,
            "held": found.in_flight,
            "queued": found.queued,
            "running": found.running,
        }
        came = found.moved
        async with never_waiting():
            pictures = await self._move(
                came.generations,
                found.devices,
                source=into_user_id,
                target=guest,
                balances=balances,
                reason="merge_undone",
            )
            await self._executor.execute(sql.MOVE_STRIKES, into_user_id, guest, came.strikes, came.generations)
        await self._executor.execute(sql.MARK_MERGED, guest, None)
        await self._executor.execute(sql.MARK_UNDONE, merge_id)
        return pictures

    async def _move(
        self,
        generations: Sequence[UUID],
        devices: Sequence[UUID],
        *,
        source: UUID,
        target: UUID,
        balances: Mapping[str, int],
        reason: str,
    ) -> int:
        """:param balances: `available`, `held`, `queued`, `running`"""
        await self._executor.execute(sql.MOVE_GENERATIONS, generations, target)
        pictures: int = await self._executor.fetchval(sql.MOVE_PICTURES, generations, target)
        await self._executor.execute(sql.MOVE_TAKEDOWNS, generations, target)
        await self._executor.execute(*sql.MOVE_CREDITS.bind(source=source, target=target, **balances))
        await self._executor.execute(sql.MOVE_SPENDING, source, target, generations)
        await self._executor.execute(sql.RECOUNT_PRIORITIES, [source, target])
        # The access tokens speak for the old user: they end with the sessions.
        await self._executor.execute(sql.END_SESSIONS, devices, reason)
        await self._executor.execute(sql.MOVE_DEVICES, devices, target)
        return pictures


@asynccontextmanager
async def never_waiting() -> AsyncIterator[None]:
    """:raises AccountsBusy: a lock was taken, or waiting for it went round in a circle after all"""
    try:
        yield
    except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
        raise AccountsBusy from error


def _undoing(moved: Moved, own: Sequence[UUID], outcome: Any) -> Undoing:
    """:param own: the devices of the account gone into"""
    devices = [device for device in own if device in set(moved.devices)]
    return Undoing(
        moved=moved,
        devices=devices,
        devices_staying=len(own) - len(devices),
        queued=outcome["queued"],
        running=outcome["running"],
        in_flight=outcome["in_flight"],
        settled=outcome["settled"],
    )


def _json(moved: Moved) -> dict[str, Any]:
    return {
        "generations": [str(each) for each in moved.generations],
        "in_flight": [str(each) for each in moved.in_flight],
        "devices": [str(each) for each in moved.devices],
        "strikes": [str(each) for each in moved.strikes],
        "available": moved.available,
        "held": moved.held,
    }


def _moved(record: dict[str, Any]) -> Moved:
    names = ("generations", "in_flight", "devices", "strikes")
    # What was merged before strikes went along has none on record.
    ids = {name: [UUID(each) for each in record.get(name, [])] for name in names}
    return Moved(**ids, available=record["available"], held=record["held"])
