"""Devices, their sign-in, and the guests that come with them."""

from typing import Any

import asyncpg

from tatemono.adapters.postgres.identity.proofs import remember
from tatemono.adapters.postgres.statements import Parameters, Statement
from tatemono.domain.identity.devices import (
    IdentifierHashes,
    Platform,
    ProofFault,
    ProofRejected,
    SignedInDevice,
    UserKind,
)
from tatemono.domain.identity.sessions import SESSION_LIFETIME, AccountSuspended, Suspension
from tatemono.domain.privacy.account_deletion import DeletionPending

#: Whether a row of `users` is suspended now.
SUSPENDED = "users.suspended_at is not null and coalesce(users.suspended_until > now(), true)"

# One statement for the sign-in that happens most. A session that is not over is taken further, with a new family of
# tokens: so there is one per device, also when two sign-ins of it race. A device that is found by an older hash of its
# identifier (`identifier_hashes` has the newest first) is written down under the newest.
p = Parameters("proof_digest", "identifier_hashes", "key_thumbprint", "platform", "refresh_hash", "lifetime")
SIGN_IN = Statement(
    p,
    f"""
with {remember(p.proof_digest)}, seen as (
    update devices set last_seen_at = now(), identifier_hash = ({p.identifier_hashes}::bytea[])[1]
    where id = (
        select id from devices
        where identifier_hash = any({p.identifier_hashes}::bytea[]) and key_thumbprint = {p.key_thumbprint}
            and platform = {p.platform} and revoked_at is null
        order by array_position({p.identifier_hashes}, identifier_hash) limit 1
    ) and revoked_at is null and ({p.proof_digest}::bytea is null or exists (select from proof))
    returning id, user_id
), owner as (
    select users.id, users.kind, users.email, users.suspended_until, users.suspension_reason,
        {SUSPENDED} as suspended, users.erase_at
    from seen join users on users.id = seen.user_id
), opened as (
    insert into sessions (device_id, user_id, expires_at, refresh_hash)
    select seen.id, seen.user_id, now() + {p.lifetime}::interval, {p.refresh_hash}
    from seen join owner on not owner.suspended and owner.erase_at is null
    on conflict (device_id) where revoked_at is null do update set user_id = excluded.user_id,
        expires_at = excluded.expires_at, refresh_hash = excluded.refresh_hash, previous_hash = null,
        previous_proof = null, rotated_at = now()
    returning id
), used as (
    update users set last_used_at = now() from seen
    where users.id = seen.user_id and users.last_used_at < now() - interval '1 day'
)
select {p.proof_digest}::bytea is null or exists (select from proof) as proven, seen.id as device_id,
    owner.id as user_id, owner.kind, owner.email, owner.suspended, owner.suspended_until, owner.suspension_reason,
    owner.erase_at, opened.id as session_id
from (values (1)) as always left join seen on true left join owner on true left join opened on true
""",
)

# The user who came first with this identifier is told, once an hour at most.
p = Parameters("identifier_hashes", "key_thumbprint", "platform", "credits", "refresh_hash", "lifetime")
_CREATE_GUEST = Statement(
    p,
    f"""
with guest as (
    insert into users default values returning id, kind
), account as (
    insert into accounts (user_id, available) select id, {p.credits} from guest
), welcome as (
    insert into credit_transfers (user_id, out_of, into_pot, credits)
    select id, 'issued', 'available', {p.credits} from guest where {p.credits} > 0
), device as (
    insert into devices (user_id, identifier_hash, key_thumbprint, platform)
    select id, ({p.identifier_hashes}::bytea[])[1], {p.key_thumbprint}, {p.platform} from guest
    returning id
), opened as (
    insert into sessions (device_id, user_id, expires_at, refresh_hash)
    select device.id, guest.id, now() + {p.lifetime}::interval, {p.refresh_hash} from device, guest
    returning id
), first as (
    select id, user_id from devices
    where identifier_hash = any({p.identifier_hashes}::bytea[]) and platform = {p.platform}
        and key_thumbprint <> {p.key_thumbprint} and revoked_at is null
    order by id limit 1
), told as (
    insert into security_events (user_id, device_id, kind)
    select user_id, id, 'copied_identifier' from first
    where not exists (
        select from security_events e where e.user_id = first.user_id and e.kind = 'copied_identifier'
            and e.device_id = first.id and e.created_at > now() - interval '1 hour')
)
select device.id as device_id, guest.id as user_id, guest.kind, null as email, opened.id as session_id
from device, guest, opened
""",
)


class Devices:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def sign_in(
        self,
        platform: Platform,
        identifier_hashes: IdentifierHashes,
        key_thumbprint: str,
        *,
        refresh_hash: bytes,
        proof_digest: bytes | None,
    ) -> SignedInDevice | None:
        statement = SIGN_IN.bind(
            proof_digest=proof_digest,
            identifier_hashes=identifier_hashes,
            key_thumbprint=key_thumbprint,
            platform=platform,
            refresh_hash=refresh_hash,
            lifetime=SESSION_LIFETIME,
        )
        row = await self._executor.fetchrow(*statement)
        if not row["proven"]:
            raise ProofRejected(ProofFault.REPLAYED)
        if row["suspended"]:
            raise AccountSuspended(Suspension(row["suspended_until"], row["suspension_reason"]))
        if row["erase_at"]:
            raise DeletionPending(row["erase_at"])
        return signed_in_device(row, new=False) if row["device_id"] else None

    async def create_guest(
        self,
        platform: Platform,
        identifier_hashes: IdentifierHashes,
        key_thumbprint: str,
        *,
        refresh_hash: bytes,
        welcome_credits: int,
    ) -> SignedInDevice | None:
        statement = _CREATE_GUEST.bind(
            identifier_hashes=identifier_hashes,
            key_thumbprint=key_thumbprint,
            platform=platform,
            credits=welcome_credits,
            refresh_hash=refresh_hash,
            lifetime=SESSION_LIFETIME,
        )
        try:
            row = await self._executor.fetchrow(*statement)
        except asyncpg.UniqueViolationError:
            return None
        return signed_in_device(row, new=True)


def signed_in_device(row: Any, *, new: bool) -> SignedInDevice:
    return SignedInDevice(row["device_id"], row["user_id"], UserKind(row["kind"]), new, row["session_id"], row["email"])
