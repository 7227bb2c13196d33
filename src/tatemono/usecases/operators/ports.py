"""What the use cases of operators' sessions need of the outside world."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from tatemono.domain.operators.sessions import IdentifiedOperator, OperatorSession, OperatorTokenSet, PendingSignIn


class OperatorSessions(Protocol):
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
        """:param previous_hash: of the session that the browser had before, which ends"""
        ...

    async def use(self, token_hash: bytes) -> OperatorSession | None:
        """The session of a cookie, if it is not over. It is not idle from now."""
        ...

    async def read(self, session_id: UUID) -> OperatorSession | None:
        """The session as it stands."""
        ...

    async def claim(self, session: OperatorSession) -> bool:
        """Whether it is for the caller to fetch new tokens in place of these."""
        ...

    async def renew(self, session_id: UUID, sealed_tokens: bytes, fetched_at: datetime) -> None:
        """New tokens have come."""
        ...

    async def end(self, session_id: UUID, operator_id: str) -> bytes | None:
        """Delete a session, if it is this operator's. :returns: its tokens, sealed"""
        ...


class OperatorPool(Protocol):
    async def exchange(
        self, code: str, pending: PendingSignIn, *, now: float
    ) -> tuple[IdentifiedOperator, OperatorTokenSet]:
        """Turn the code of a sign-in into who it was, and tokens.

        :raises SignInLost: the code is not of this sign-in, or was used
        """
        ...

    async def refresh(self, tokens: OperatorTokenSet, *, now: float) -> OperatorTokenSet:
        """:raises GrantEnded: the operator gets no more
        :raises PoolAway: that cannot be told now
        """
        ...

    async def revoke(self, tokens: OperatorTokenSet) -> None:
        """End what these tokens came from."""
        ...


class TokenEncryption(Protocol):
    def seal(self, content: bytes, purpose: bytes) -> bytes: ...

    def open(self, sealed: bytes, purpose: bytes) -> bytes | None:
        """None if it was not sealed here for this purpose, or was changed."""
        ...
