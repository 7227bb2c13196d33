"""Browsers that operators are signed in with. A session that is over is deleted, and its tokens with it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tatemono.adapters.postgres.statements import Parameters, Statement
from tatemono.domain.operators.sessions import FETCHING, IDLE, IdentifiedOperator, OperatorSession, OwnSignIn

# The session that this browser had before goes, also another operator's; and with it all that are over.
p = Parameters(
    *("id", "token_hash", "operator_id", "operator_email", "sealed_tokens", "fetched_at", "expires_at", "address"),
    *("browser", "previous_hash", "idle"),
)
_OPEN = Statement(
    p,
    f"""
with over as (
    delete from operator_sessions
    where token_hash = {p.previous_hash} or expires_at <= now() or last_used_at <= now() - {p.idle}::interval)
insert into operator_sessions
    (id, token_hash, operator_id, operator_email, sealed_tokens, fetched_at, expires_at, address, browser)
values ({p.id}, {p.token_hash}, {p.operator_id}, {p.operator_email}, {p.sealed_tokens}, {p.fetched_at}, {p.expires_at},
    {p.address}::text::inet, {p.browser})
""",
)

_USE = """
update operator_sessions set last_used_at = now()
where token_hash = $1 and expires_at > now() and last_used_at > now() - $2::interval
returning id, operator_id, operator_email, sealed_tokens, fetched_at
"""

# One process asks the pool; those that come meanwhile do not.
_CLAIM = """
update operator_sessions set fetching_until = now() + $3::interval
where id = $1 and fetched_at = $2 and (fetching_until is null or fetching_until <= now()) returning id
"""

_RENEW = """
update operator_sessions set sealed_tokens = $2, fetched_at = $3, fetching_until = null where id = $1
"""

_READ = """
select id, operator_id, operator_email, sealed_tokens, fetched_at from operator_sessions where id = $1
"""

_OF_OPERATOR = """
select id, created_at, last_used_at, expires_at, host(address), browser from operator_sessions
where operator_id = $1 and expires_at > now() and last_used_at > now() - $2::interval
order by last_used_at desc, id limit 100
"""


class OperatorSessions:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def open(
        self,
        session: OperatorSession,
        *,
        token_hash: bytes,
        previous_hash: bytes,
        expires_at: datetime,
        address: str,
        browser: str,
    ) -> None:
        statement = _OPEN.bind(
            id=session.id,
            token_hash=token_hash,
            operator_id=session.operator.id,
            operator_email=session.operator.email,
            sealed_tokens=session.sealed_tokens,
            fetched_at=session.fetched_at,
            expires_at=expires_at,
            address=address,
            browser=browser,
            previous_hash=previous_hash,
            idle=IDLE,
        )
        await self._executor.execute(*statement)

    async def use(self, token_hash: bytes) -> OperatorSession | None:
        return _session(await self._executor.fetchrow(_USE, token_hash, IDLE))

    async def read(self, session_id: UUID) -> OperatorSession | None:
        return _session(await self._executor.fetchrow(_READ, session_id))

    async def claim(self, session: OperatorSession) -> bool:
        claimed = await self._executor.fetchval(_CLAIM, session.id, session.fetched_at, FETCHING)
        return claimed is not None

    async def renew(self, session_id: UUID, sealed_tokens: bytes, fetched_at: datetime) -> None:
        await self._executor.execute(_RENEW, session_id, sealed_tokens, fetched_at)

    async def of_operator(self, operator_id: str) -> list[OwnSignIn]:
        """The last used first, so many at most."""
        return [OwnSignIn(*row) for row in await self._executor.fetch(_OF_OPERATOR, operator_id, IDLE)]

    async def end(self, session_id: UUID, operator_id: str) -> bytes | None:
        sealed: bytes | None = await self._executor.fetchval(
            "delete from operator_sessions where id = $1 and operator_id = $2 returning sealed_tokens",
            session_id,
            operator_id,
        )
        return sealed


def _session(row: Any) -> OperatorSession | None:
    if row is None:
        return None
    operator = IdentifiedOperator(row["operator_id"], row["operator_email"])
    return OperatorSession(row["id"], operator, row["sealed_tokens"], row["fetched_at"])
