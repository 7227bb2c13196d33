"""Which devices were attested by their maker."""

from typing import Any
from uuid import UUID

from tatemono.domain.identity.devices import IdentifierHashes, Platform


class Attestations:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def known(self, platform: Platform, identifier_hashes: IdentifierHashes, key_thumbprint: str) -> bool:
        found: bool = await self._executor.fetchval(
            "select exists (select from devices where identifier_hash = any($1::bytea[]) and key_thumbprint = $2"
            " and platform = $3 and revoked_at is null and attested_at is not null)",
            identifier_hashes,
            key_thumbprint,
            platform,
        )
        return found

    async def record(self, device_id: UUID) -> None:
        await self._executor.execute("update devices set attested_at = now() where id = $1", device_id)
