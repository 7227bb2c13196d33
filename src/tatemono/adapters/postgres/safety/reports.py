"""Reports of pictures, and pictures that were taken down."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from tatemono.adapters.postgres.statements import Parameters, Statement
from tatemono.domain.safety.reports import (
    CannotUndo,
    Decision,
    MovingPicture,
    NoSuchReport,
    NoSuchTakedown,
    NotClaimed,
    Origin,
    Report,
    ReportReason,
    ReportState,
    ReportTaken,
    Takedown,
)

# The same thing said again about the same picture, by the same user or by people outside, is one report.
p = Parameters("picture_id", "object_key", "reporter_id", "origin", "reason", "note")
_ADD = Statement(
    p,
    f"""
with picture as (
    select id, user_id from pictures
    where (id = {p.picture_id} or object_key = {p.object_key} or thumbnail_key = {p.object_key}) and deleted_at is null
        and ({p.reporter_id}::uuid is null or user_id = {p.reporter_id}) limit 1
), added as (
    insert into reports (picture_id, user_id, reporter_id, origin, reason, note)
    select id, user_id, {p.reporter_id}, {p.origin}, {p.reason}, {p.note} from picture where not exists (
        select from reports r where r.picture_id = picture.id and r.origin = {p.origin}
            and r.reporter_id is not distinct from {p.reporter_id} and r.decision is null)
    returning id
)
select picture.id from picture
""",
)

_STATE = """case when r.decision is not null then 'decided' when r.claimed_until > now() then 'claimed'
    else 'open' end"""
_REPORT = f"""r.id, r.created_at, r.picture_id, r.user_id, r.origin, r.reason, r.note, {_STATE} as state,
    case when r.decision is not null or r.claimed_until > now() then r.claimed_by end as claimed_by, r.claimed_until,
    r.decision, r.decided_by, r.decided_at,
    exists (select from takedowns t where t.picture_id = r.picture_id) as taken_down"""

_LIST = f"""
select {_REPORT} from reports r
where ($1::text is null or {_STATE} = $1) and ($2::uuid is null or r.id > $2) order by r.id limit $3
"""

_FIND = f"select {_REPORT} from reports r where id = $1"

_CLAIM = f"""
update reports r set claimed_by = $2, claimed_until = now() + $3::interval
where id = $1 and decision is null and (claimed_until is null or claimed_until <= now() or claimed_by = $2)
returning {_REPORT}
"""

_DECIDE = f"""
update reports r set decision = $3, decided_by = $2, decided_at = now()
where id = $1 and decision is null and claimed_by = $2 and claimed_until > now() returning {_REPORT}
"""

# Others about the same picture are decided with it, unless another operator has claimed them.
_DECIDE_ALIKE = """
update reports set decision = $3, decided_by = $2, decided_at = now()
where picture_id = $1 and decision is null and (claimed_until is null or claimed_until <= now() or claimed_by = $2)
"""

_COLUMNS = """generation_id, position, object_key, thumbnail_key, content_type, width, height, size_bytes, sha256,
    thumbhash"""
# One statement: there is no moment at which the picture is in neither table or in both.
p = Parameters("picture_id", "reason", "by", "undo_for", "escalated")
_TAKE_DOWN = Statement(
    p,
    f"""
with gone as (
    delete from pictures where id = {p.picture_id} and deleted_at is null returning *
)
insert into takedowns (picture_id, user_id, picture_created_at, {_COLUMNS}, reason, by, undo_until, escalated)
select id, user_id, created_at, {_COLUMNS}, {p.reason}, {p.by}, now() + {p.undo_for}::interval, {p.escalated} from gone
returning user_id
""",
)
# Archives that hold it go; one that is being built is built anew.
_VOID_EXPORTS = """
update exports set expires_at = case when state = 'ready' then now() end, lease_expires_at = null,
    state = case when state = 'ready' then state else 'queued' end, ticketed_at = '-infinity'
where user_id = $1 and state in ('ready', 'building')
"""
_BRING_BACK = f"""
insert into pictures (id, user_id, created_at, {_COLUMNS})
select t.picture_id, g.user_id, t.picture_created_at, {", ".join("t." + name.strip() for name in _COLUMNS.split(","))}
from takedowns t join generations g on g.id = t.generation_id where t.picture_id = $1
on conflict do nothing returning id
"""

_TAKEDOWN = """picture_id, user_id, generation_id, reason, by, created_at, undo_until, escalated, moved_at,
    invalidated_at, undo_asked_at"""
_MOVING = "picture_id, object_key, thumbnail_key, content_type, escalated"


class Reports:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def add(
        self,
        *,
        picture_id: UUID | None,
        object_key: str | None,
        reporter_id: UUID | None,
        origin: Origin,
        reason: ReportReason,
        note: str | None,
    ) -> bool:
        statement = _ADD.bind(
            picture_id=picture_id,
            object_key=object_key,
            reporter_id=reporter_id,
            origin=origin,
            reason=reason,
            note=note,
        )
        return await self._executor.fetchval(*statement) is not None

    async def all(self, state: ReportState | None, *, after: UUID | None, limit: int) -> list[Report]:
        """The oldest first."""
        return [_report(row) for row in await self._executor.fetch(_LIST, state, after, limit)]

    async def find(self, report_id: UUID) -> Report:
        row = await self._executor.fetchrow(_FIND, report_id)
        if row is None:
            raise NoSuchReport
        return _report(row)

    async def claim(self, report_id: UUID, by: str, *, claimed_for: timedelta) -> Report:
        """
        :raises NoSuchReport: there is none with this id
        :raises ReportTaken: another operator has it, or it is decided
        """
        row = await self._executor.fetchrow(_CLAIM, report_id, by, claimed_for)
        if row is None:
            raise ReportTaken if await self._exists(report_id) else NoSuchReport
        return _report(row)

    async def decide(self, report_id: UUID, by: str, decision: Decision) -> Report:
        row = await self._executor.fetchrow(_DECIDE, report_id, by, decision)
        if row is None:
            raise NotClaimed if await self._exists(report_id) else NoSuchReport
        await self._executor.execute(_DECIDE_ALIKE, row["picture_id"], by, decision)
        return _report(row)

    async def _exists(self, report_id: UUID) -> bool:
        return await self._executor.fetchval("select id from reports where id = $1", report_id) is not None


class Takedowns:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def take_down(self, picture_id: UUID, *, reason: str, by: str, undo_for: timedelta, escalated: bool) -> bool:
        statement = _TAKE_DOWN.bind(picture_id=picture_id, reason=reason, by=by, undo_for=undo_for, escalated=escalated)
        user_id = await self._executor.fetchval(*statement)
        if user_id is not None:
            await self._executor.execute(_VOID_EXPORTS, user_id)
        return user_id is not None

    async def find(self, picture_id: UUID) -> tuple[Takedown, MovingPicture, bytes] | None:
        row = await self._executor.fetchrow("select * from takedowns where picture_id = $1", picture_id)
        if row is None:
            return None
        columns = [name.strip() for name in _TAKEDOWN.split(",")]
        return Takedown(*(row[name] for name in columns)), _moving(row), row["sha256"]

    async def all(self, *, before: UUID | None, limit: int) -> list[Takedown]:
        """By the picture, the newest first."""
        rows = await self._executor.fetch(
            f"select {_TAKEDOWN} from takedowns where $1::uuid is null or picture_id < $1"
            " order by picture_id desc limit $2",
            before,
            limit,
        )
        return [Takedown(*row) for row in rows]

    async def escalate(self, picture_id: UUID) -> None:
        await self._executor.execute(
            "update takedowns set escalated = true, moved_at = null, undo_asked_at = null where picture_id = $1",
            picture_id,
        )

    async def ask_undo(self, picture_id: UUID) -> None:
        found = await self._executor.fetchval(
            "update takedowns t set undo_asked_at = coalesce(undo_asked_at, now()) where picture_id = $1"
            " and not escalated and undo_until > now() and exists (select from generations where id = t.generation_id)"
            " returning true",
            picture_id,
        )
        if not found:
            raise CannotUndo if await self.find(picture_id) else NoSuchTakedown

    async def to_move(self, limit: int) -> list[MovingPicture]:
        return await self._moving("moved_at is null", limit)

    async def to_invalidate(self, limit: int) -> list[MovingPicture]:
        return await self._moving("moved_at is not null and invalidated_at is null", limit)

    async def to_bring_back(self, limit: int) -> list[MovingPicture]:
        return await self._moving("undo_asked_at is not null and moved_at is not null", limit)

    async def to_erase(self, limit: int) -> list[MovingPicture]:
        return await self._moving(
            "not escalated and undo_until <= now() and moved_at is not null and undo_asked_at is null", limit
        )

    async def mark_moved(self, picture_id: UUID) -> None:
        await self._executor.execute("update takedowns set moved_at = now() where picture_id = $1", picture_id)

    async def mark_invalidated(self, picture_ids: Sequence[UUID]) -> None:
        await self._executor.execute(
            "update takedowns set invalidated_at = now() where picture_id = any($1::uuid[])", picture_ids
        )

    async def bring_back(self, picture_id: UUID) -> bool:
        return await self._executor.fetchval(_BRING_BACK, picture_id) is not None

    async def refuse_undo(self, picture_id: UUID) -> None:
        await self._executor.execute("update takedowns set undo_asked_at = null where picture_id = $1", picture_id)

    async def forget(self, picture_id: UUID) -> None:
        await self._executor.execute("delete from takedowns where picture_id = $1", picture_id)

    async def _moving(self, which: str, limit: int) -> list[MovingPicture]:
        rows = await self._executor.fetch(
            f"select {_MOVING} from takedowns where {which} order by created_at limit $1",
            limit,
        )
        return [_moving(row) for row in rows]


def _moving(row: Any) -> MovingPicture:
    return MovingPicture(*(row[name.strip()] for name in _MOVING.split(",")))


def _report(row: Any) -> Report:
    decision = row["decision"]
    return Report(
        id=row["id"],
        created_at=row["created_at"],
        picture_id=row["picture_id"],
        user_id=row["user_id"],
        origin=Origin(row["origin"]),
        reason=ReportReason(row["reason"]),
        note=row["note"],
        state=ReportState(row["state"]),
        claimed_by=row["claimed_by"],
        claimed_until=row["claimed_until"],
        decision=decision and Decision(decision),
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
        taken_down=row["taken_down"],
    )
