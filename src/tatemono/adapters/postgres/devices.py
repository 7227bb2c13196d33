"""Devices and the guests that come with them."""

from typing import Any
from uuid import UUID

import asyncpg

from tatemono.domain.devices import Platform, SignedInDevice, UserKind

_SIGN_IN = """
with seen as (
    update devices set last_seen_at = now()
    where identifier_hash = $1 and key_thumbprint = $2 and platform = $3
    returning id, user_id
)
select seen.id, users.id as user_id, users.kind from seen join users on users.id = seen.user_id
"""

_CREATE_GUEST = """
with guest as (
    insert into users default values returning id, kind
), account as (
    insert into accounts (user_id, available) select id, $4 from guest
), welcome as (
    insert into credit_transfers (user_id, out_of, into_pot, credits)
    select id, 'issued', 'available', $4 from guest where $4 > 0
), device as (
    insert into devices (user_id, identifier_hash, key_thumbprint, platform)
    select id, $1, $2, $3 from guest
    returning id
)
select device.id, guest.id as user_id, guest.kind from device, guest
"""


class Devices:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def sign_in(self, platform: Platform, identifier_hash: bytes, key_thumbprint: str) -> SignedInDevice | None:
        """The device with just this identifier and this key, if it is known."""
        row = await self._executor.fetchrow(_SIGN_IN, identifier_hash, key_thumbprint, platform)
        return row and _signed_in(row, new=False)

    async def create_guest(
        self, platform: Platform, identifier_hash: bytes, key_thumbprint: str, *, welcome_credits: int
    ) -> SignedInDevice | None:
        """A new device with a new guest and its account; none if another sign-in of the same device was first."""
        try:
            row = await self._executor.fetchrow(
                _CREATE_GUEST, identifier_hash, key_thumbprint, platform, welcome_credits
            )
        except asyncpg.UniqueViolationError:
            return None
        return _signed_in(row, new=True)


def _signed_in(row: Any, *, new: bool) -> SignedInDevice:
    user_id: UUID = row["user_id"]
    return SignedInDevice(row["id"], user_id, UserKind(row["kind"]), new)
