"""Sessions: renewed, ended, listed."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tatemono.adapters.postgres.identity.devices import SUSPENDED, signed_in_device
from tatemono.adapters.postgres.identity.proofs import remember
from tatemono.adapters.postgres.statements import Parameters, Statement
from tatemono.domain.identity.devices import Platform, SignedInDevice
from tatemono.domain.identity.sessions import SESSION_LIFETIME, OwnDevice, SecurityEvent, Session, Suspension

# Of many with the same token the first takes the row; for the others the hash is another one when they get it.
p = Parameters("proof_digest", "session_id", "old_hash", "new_hash", "lifetime", "key_thumbprint")
_ROTATE = Statement(
    p,
    f"""
with {remember(p.proof_digest)}, rotated as (
    update sessions set previous_hash = refresh_hash, previous_proof = {p.proof_digest}, refresh_hash = {p.new_hash},
        rotated_at = now(), expires_at = now() + {p.lifetime}::interval
    from devices, users
    where sessions.id = {p.session_id} and sessions.refresh_hash = {p.old_hash} and sessions.revoked_at is null
        and sessions.expires_at > now() and exists (select from proof)
        and devices.id = sessions.device_id and devices.key_thumbprint = {p.key_thumbprint}
        and users.id = sessions.user_id and not ({SUSPENDED}) and users.erase_at is null
    returning sessions.id as session_id, sessions.device_id, sessions.user_id, users.kind, users.email
), seen as (
    update devices set last_seen_at = now() from rotated where devices.id = rotated.device_id
), used as (
    update users set last_used_at = now() from rotated
    where users.id = rotated.user_id and users.last_used_at < now() - interval '1 day'
)
select * from rotated
""",
)

_LOCK = f"""
select sessions.id as session_id, sessions.device_id, sessions.user_id, users.kind, users.email, devices.key_thumbprint,
    sessions.refresh_hash, sessions.previous_hash, sessions.previous_proof, now() - sessions.rotated_at as rotated_ago,
    sessions.revoked_at is not null or sessions.expires_at <= now() as over,
    {SUSPENDED} as suspended, users.suspended_until, users.suspension_reason
from sessions join devices on devices.id = sessions.device_id join users on users.id = sessions.user_id
where sessions.id = $1
for update of sessions
"""

_DEVICES = """
select devices.id, devices.platform, devices.created_at, devices.last_seen_at,
    sessions.id is not null and sessions.expires_at > now() as signed_in
from devices left join sessions on sessions.device_id = devices.id and sessions.revoked_at is null
where devices.user_id = $1 and devices.revoked_at is null order by devices.last_seen_at desc, devices.id
"""

_SUSPENDED_USERS = f"""
select id, suspended_until, suspension_reason from users
where {SUSPENDED} and ($1::uuid[] is null or id = any($1))
"""

_LEAVING = "select id, erase_at from users where erase_at is not null and ($1::uuid[] is null or id = any($1))"

_ENDED = """
select id, now() - revoked_at from sessions
where revoked_at > now() - $1::interval and ($2::uuid[] is null or user_id = any($2))
"""


class Sessions:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def rotate(
        self, session_id: UUID, *, key_thumbprint: str, proof_digest: bytes, old_hash: bytes, new_hash: bytes
    ) -> SignedInDevice | None:
        statement = _ROTATE.bind(
            proof_digest=proof_digest,
            session_id=session_id,
            old_hash=old_hash,
            new_hash=new_hash,
            lifetime=SESSION_LIFETIME,
            key_thumbprint=key_thumbprint,
        )
        row = await self._executor.fetchrow(*statement)
        return row and signed_in_device(row, new=False)

    async def lock(self, session_id: UUID) -> Session | None:
        row = await self._executor.fetchrow(_LOCK, session_id)
        if row is None:
            return None
        rotated_ago: timedelta = row["rotated_ago"]
        return Session(
            device=signed_in_device(row, new=False),
            key_thumbprint=row["key_thumbprint"],
            refresh_hash=row["refresh_hash"],
            previous_hash=row["previous_hash"],
            previous_proof=row["previous_proof"],
            rotated_ago=rotated_ago,
            over=row["over"],
            suspension=Suspension(row["suspended_until"], row["suspension_reason"]) if row["suspended"] else None,
        )

    async def revoke(self, session_id: UUID, reason: str) -> None:
        await self._executor.execute(
            "update sessions set revoked_at = now(), revocation = $2 where id = $1 and revoked_at is null",
            session_id,
            reason,
        )

    async def revoke_all(self, user_id: UUID, reason: str) -> None:
        await self._executor.execute(
            "update sessions set revoked_at = now(), revocation = $2 where user_id = $1 and revoked_at is null",
            user_id,
            reason,
        )

    async def revoke_device(self, device_id: UUID, reason: str) -> None:
        await self._executor.execute("update devices set revoked_at = now() where id = $1", device_id)
        await self._executor.execute(
            "update sessions set revoked_at = now(), revocation = $2 where device_id = $1 and revoked_at is null",
            device_id,
            reason,
        )

    async def lock_user(self, user_id: UUID) -> None:
        await self._executor.execute("select from users where id = $1 for no key update", user_id)

    async def devices(self, user_id: UUID) -> list[OwnDevice]:
        rows = await self._executor.fetch(_DEVICES, user_id)
        return [
            OwnDevice(row["id"], Platform(row["platform"]), row["created_at"], row["last_seen_at"], row["signed_in"])
            for row in rows
        ]

    async def record_security_event(self, user_id: UUID, kind: str, device_id: UUID | None = None) -> None:
        await self._executor.execute(
            "insert into security_events (user_id, device_id, kind) values ($1, $2, $3::security_event_kind)",
            user_id,
            device_id,
            kind,
        )

    async def events(self, user_id: UUID, *, before: UUID | None, limit: int) -> list[SecurityEvent]:
        """Newest first."""
        rows = await self._executor.fetch(
            "select id, kind::text, device_id, created_at from security_events"
            " where user_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3",
            user_id,
            before,
            limit,
        )
        return [SecurityEvent(*row) for row in rows]

    async def suspended_users(self, users: Collection[UUID] | None) -> dict[UUID, Suspension]:
        """Those of `users`, or all, who are suspended now."""
        rows = await self._executor.fetch(_SUSPENDED_USERS, None if users is None else list(users))
        return {row["id"]: Suspension(row["suspended_until"], row["suspension_reason"]) for row in rows}

    async def leaving_users(self, users: Collection[UUID] | None) -> dict[UUID, datetime]:
        """Those of `users`, or all, whose account is to be erased, and when."""
        rows = await self._executor.fetch(_LEAVING, None if users is None else list(users))
        return {row["id"]: row["erase_at"] for row in rows}

    async def ended_within(self, past: timedelta, users: Collection[UUID] | None) -> dict[UUID, timedelta]:
        """The sessions of `users`, or all, that were revoked no longer ago than `past`, and how long ago."""
        rows = await self._executor.fetch(_ENDED, past, None if users is None else list(users))
        return {row[0]: row[1] for row in rows}
