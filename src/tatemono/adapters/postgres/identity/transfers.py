"""Transfer codes, and devices that join another account."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from tatemono.adapters.postgres.identity.devices import signed_in_device
from tatemono.adapters.postgres.statements import Parameters, Statement
from tatemono.domain.identity.devices import IdentifierHashes, Platform, SignedInDevice
from tatemono.domain.identity.merges import AccountsBusy
from tatemono.domain.identity.sessions import SESSION_LIFETIME
from tatemono.domain.identity.transfers import ATTEMPTS, IssuedTransferCode, TakenTransferCode, TransferCode

# An account has one code that is good: the newest. An account that is merged into another has none.
p = Parameters("user_id", "device_id", "locator", "code_hash", "sign_out_old_device", "lifetime", "attempts")
_ISSUE = Statement(
    p,
    f"""
with older as (
    update transfer_codes set expires_at = now() where user_id = {p.user_id} and used_at is null and expires_at > now()
)
insert into transfer_codes (user_id, device_id, locator, code_hash, sign_out_old_device, expires_at, attempts_left)
select users.id, devices.id, {p.locator}, {p.code_hash}, {p.sign_out_old_device}, now() + {p.lifetime}::interval,
    {p.attempts}
from users join devices on devices.user_id = users.id and devices.id = {p.device_id} and devices.revoked_at is null
where users.id = {p.user_id} and users.merged_into is null
returning expires_at
""",
)

# Whether it was right or not, an attempt is gone. Of two with the right one the second finds it used.
_TAKE = """
update transfer_codes set attempts_left = attempts_left - 1,
    used_at = case when code_hash = $2 then now() end
where locator = $1 and used_at is null and expires_at > now() and attempts_left > 0
returning user_id, case when sign_out_old_device then device_id end as sign_out_device_id, used_at is not null as right
"""

_OPEN = """
with opened as (
    insert into sessions (device_id, user_id, expires_at, refresh_hash) values ($1, $2, now() + $4::interval, $3)
    returning id, device_id, user_id
)
select opened.id as session_id, opened.device_id, opened.user_id, users.kind, users.email
from opened join users on users.id = opened.user_id
"""


class Transfers:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def issue(
        self,
        user_id: UUID,
        device_id: UUID,
        code: TransferCode,
        code_hash: bytes,
        *,
        sign_out_old_device: bool,
        lifetime: timedelta,
    ) -> IssuedTransferCode | None:
        statement = _ISSUE.bind(
            user_id=user_id,
            device_id=device_id,
            locator=code.locator,
            code_hash=code_hash,
            sign_out_old_device=sign_out_old_device,
            lifetime=lifetime,
            attempts=ATTEMPTS,
        )
        expires_at = await self._executor.fetchval(*statement)
        return expires_at and IssuedTransferCode(code, expires_at)

    async def take(self, code: TransferCode, code_hash: bytes) -> TakenTransferCode | None:
        rows = await self._executor.fetch(_TAKE, code.locator, code_hash)
        return next(
            (TakenTransferCode(row["user_id"], row["sign_out_device_id"]) for row in rows if row["right"]), None
        )

    async def find_device(
        self, platform: Platform, identifier_hashes: IdentifierHashes, key_thumbprint: str
    ) -> tuple[UUID, UUID] | None:
        row = await self._executor.fetchrow(
            "select id, user_id from devices"
            " where identifier_hash = any($1::bytea[]) and key_thumbprint = $2 and platform = $3"
            " and revoked_at is null",
            identifier_hashes,
            key_thumbprint,
            platform,
        )
        return row and (row["id"], row["user_id"])

    async def add_device(
        self, user_id: UUID, platform: Platform, identifier_hashes: IdentifierHashes, key_thumbprint: str
    ) -> UUID:
        device_id: UUID | None = await self._executor.fetchval(
            "insert into devices (user_id, identifier_hash, key_thumbprint, platform) values ($1, $2, $3, $4)"
            " on conflict (identifier_hash, key_thumbprint, platform) where revoked_at is null do nothing returning id",
            user_id,
            identifier_hashes[0],
            key_thumbprint,
            platform,
        )
        if device_id is None:
            raise AccountsBusy
        return device_id

    async def move_device(self, device_id: UUID, user_id: UUID) -> None:
        await self._executor.execute("update devices set user_id = $2 where id = $1", device_id, user_id)

    async def open_session(self, device_id: UUID, user_id: UUID, refresh_hash: bytes) -> SignedInDevice:
        await self._executor.execute(
            "update sessions set revoked_at = now(), revocation = 'moved' where device_id = $1 and revoked_at is null",
            device_id,
        )
        row = await self._executor.fetchrow(_OPEN, device_id, user_id, refresh_hash, SESSION_LIFETIME)
        return signed_in_device(row, new=False)

    async def forget_guest(self, user_id: UUID) -> bool:
        return bool(await self._executor.fetchval("select forget_guest($1)", user_id))
