"""People as operators see them, what operators do to them, and the record of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tatemono.adapters.postgres.statements import Parameters, Statement
from tatemono.domain.identity.devices import Platform, UserKind
from tatemono.domain.operators.roles import (
    Act,
    AuditRecord,
    Operation,
    Person,
    PersonInFull,
    PersonsDevice,
    PersonsSession,
    Search,
)

#: Of the devices and the sessions of one person so many are shown.
_SHOWN = 100

_SUSPENDED = "u.suspended_at is not null and coalesce(u.suspended_until > now(), true)"
_PERSON = f"""u.id, u.kind, u.email, u.created_at, u.last_used_at, {_SUSPENDED} as suspended, u.suspended_at,
    u.suspended_until, u.suspension_reason, u.merged_into, u.erase_at"""

_NEWEST = f"select {_PERSON} from users u where ($1::uuid is null or u.id < $1) order by u.id desc limit $2"

_BY_EMAIL = f"select {_PERSON} from users u where u.email = $1"

# An id does not say what it is the id of; each look is one in a primary key.
_BY_ID = f"""
select {_PERSON} from users u where ($2::uuid is null or u.id < $2) and u.id in (
    select $1 union all
    select user_id from devices where id = $1 union all
    select user_id from sessions where id = $1 union all
    select user_id from generations where id = $1 union all
    select user_id from transfer_codes where id = $1)
order by u.id desc limit $3
"""

# `_` is a character of base64url and a wildcard of LIKE.
_BY_THUMBPRINT = f"""
select {_PERSON} from users u where ($2::uuid is null or u.id < $2) and u.id in (
    select user_id from devices where key_thumbprint ^@ $1)
order by u.id desc limit $3
"""

_IN_FULL = f"""
select {_PERSON}, coalesce(a.available, 0) as available, coalesce(a.held, 0) as held,
    (select count(*) from pictures p where p.user_id = u.id and p.deleted_at is null) as pictures,
    (select count(*) from generations g where g.user_id = u.id) as generations
from users u left join accounts a on a.user_id = u.id where u.id = $1
"""

_DEVICES = """
select id, platform::text, key_thumbprint, created_at, last_seen_at, revoked_at from devices
where user_id = $1 order by last_seen_at desc, id desc limit $2
"""

_SESSIONS = """
select id, device_id, created_at, expires_at, rotated_at, revoked_at, revocation from sessions
where user_id = $1 order by id desc limit $2
"""

_SUSPEND = """
update users set suspended_at = now(), suspended_until = $2, suspension_reason = $3 where id = $1 returning id
"""

_RESTORE = """
update users set suspended_at = null, suspended_until = null, suspension_reason = null
where id = $1 and suspended_at is not null returning id
"""

p = Parameters("operator_id", "operator_email", "action", "user_id", "reason", "data", "request_id", "address")
_RECORD = Statement(
    p,
    f"""
insert into audit_records (operator_id, operator_email, action, user_id, reason, data, request_id, address)
values ({p.operator_id}, {p.operator_email}, {p.action}, {p.user_id}, {p.reason}, {p.data}, {p.request_id},
    {p.address}::text::inet)
""",
)

_RECORDS = """
select id, operator_id, operator_email, action, user_id, reason, data, request_id, host(address), created_at
from audit_records
where ($1::uuid is null or user_id = $1) and ($2::uuid is null or id < $2) order by id desc limit $3
"""

_RECORDS_BY = """
select id, operator_id, operator_email, action, user_id, reason, data, request_id, host(address), created_at
from audit_records where operator_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3
"""


class People:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def find(self, search: Search | None, *, before: UUID | None, limit: int) -> list[Person]:
        """The newest first; without a search, all people."""
        if search is None:
            rows = await self._executor.fetch(_NEWEST, before, limit)
        elif search.email is not None:
            rows = await self._executor.fetch(_BY_EMAIL, search.email)
        elif search.id is not None:
            rows = await self._executor.fetch(_BY_ID, search.id, before, limit)
        else:
            rows = await self._executor.fetch(_BY_THUMBPRINT, search.thumbprint, before, limit)
        return [_person(row) for row in rows]

    async def in_full(self, user_id: UUID) -> PersonInFull | None:
        row = await self._executor.fetchrow(_IN_FULL, user_id)
        if row is None:
            return None
        devices = await self._executor.fetch(_DEVICES, user_id, _SHOWN)
        sessions = await self._executor.fetch(_SESSIONS, user_id, _SHOWN)
        return PersonInFull(
            person=_person(row),
            credits_available=row["available"],
            credits_held=row["held"],
            pictures=row["pictures"],
            generations=row["generations"],
            devices=[PersonsDevice(device[0], Platform(device[1]), *device[2:]) for device in map(tuple, devices)],
            sessions=[PersonsSession(*session) for session in sessions],
        )

    async def suspend(self, user_id: UUID, *, until: datetime | None, reason: str) -> bool:
        return await self._executor.fetchval(_SUSPEND, user_id, until, reason) is not None

    async def restore(self, user_id: UUID) -> bool:
        return await self._executor.fetchval(_RESTORE, user_id) is not None

    async def exists(self, user_id: UUID) -> bool:
        return await self._executor.fetchval("select id from users where id = $1", user_id) is not None

    async def record(self, operation: Operation, act: Act, user_id: UUID | None, data: dict[str, object]) -> None:
        statement = _RECORD.bind(
            operator_id=act.operator.id,
            operator_email=act.operator.email,
            action=operation,
            user_id=user_id,
            reason=act.reason,
            data=data,
            request_id=act.request_id,
            address=act.address,
        )
        await self._executor.execute(*statement)

    async def records(self, user_id: UUID | None, *, before: UUID | None, limit: int) -> list[AuditRecord]:
        """What was done, to one person or to all; the newest first."""
        return [AuditRecord(*row) for row in await self._executor.fetch(_RECORDS, user_id, before, limit)]

    async def records_by(self, operator_id: str, *, before: UUID | None, limit: int) -> list[AuditRecord]:
        """What one operator did; the newest first."""
        return [AuditRecord(*row) for row in await self._executor.fetch(_RECORDS_BY, operator_id, before, limit)]


def _person(row: Any) -> Person:
    return Person(
        id=row["id"],
        kind=UserKind(row["kind"]),
        email=row["email"],
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        suspended=row["suspended"],
        suspended_at=row["suspended_at"],
        suspended_until=row["suspended_until"],
        suspension_reason=row["suspension_reason"],
        merged_into=row["merged_into"],
        erase_at=row["erase_at"],
    )
