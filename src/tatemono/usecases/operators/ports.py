"""What the use cases of operators need of the outside world."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from tatemono.domain.operators.roles import Act, Operation
from tatemono.domain.operators.sessions import IdentifiedOperator, OperatorSession, OperatorTokenSet, PendingSignIn
from tatemono.usecases.identity.ports import Sessions
from tatemono.usecases.ports import Transactions


class People(Protocol):
    """Users as operators see them. An act and its record belong in one transaction."""

    async def suspend(self, user_id: UUID, *, until: datetime | None, reason: str) -> bool:
        """Also changes the end and the reason of a suspension that holds. :returns: whether there is such a user"""
        ...

    async def restore(self, user_id: UUID) -> bool:
        """:returns: whether the user was suspended, even if that suspension had ended by itself"""
        ...

    async def exists(self, user_id: UUID) -> bool: ...

    async def record(self, operation: Operation, act: Act, user_id: UUID | None, data: dict[str, object]) -> None:
        """Write down what was done. :param user_id: the person that it concerns, if it concerns one"""
        ...


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
        """:param previous_hash: of the session that the browser had before, which ends; empty: none"""
        ...

    async def use(self, token_hash: bytes) -> OperatorSession | None:
        """The session of a cookie, if it is not over and was not idle for too long. Its idle time begins anew."""
        ...

    async def read(self, session_id: UUID) -> OperatorSession | None:
        """The session as it stands."""
        ...

    async def claim(self, session: OperatorSession) -> bool:
        """Whether it is for the caller to fetch new tokens in place of these."""
        ...

    async def renew(self, session_id: UUID, sealed_tokens: bytes, fetched_at: datetime) -> None:
        """Put new tokens in the place of the old ones."""
        ...

    async def end(self, session_id: UUID, operator_id: str) -> bytes | None:
        """Delete a session, if it is this operator's. :returns: its tokens, sealed"""
        ...


class OperatorPool(Protocol):
    async def exchange(
        self, code: str, pending: PendingSignIn, *, now: float
    ) -> tuple[IdentifiedOperator, OperatorTokenSet]:
        """Exchange the code of a sign-in for the operator and the tokens.

        :param now: seconds since 1970
        :raises SignInLost: the code is not of this sign-in, or was used
        :raises OperatorTokenRejected: the tokens that came for it are not good
        :raises OperatorKeysUnavailable: that cannot be told now
        :raises OperatorPoolUnavailable: the pool does not answer
        """
        ...

    async def refresh(self, tokens: OperatorTokenSet, *, now: float) -> OperatorTokenSet:
        """:param now: seconds since 1970
        :raises GrantEnded: the operator gets no more
        :raises OperatorPoolUnavailable: the pool does not answer
        """
        ...

    async def revoke(self, tokens: OperatorTokenSet) -> None:
        """End the grant that these tokens came from."""
        ...


class TokenEncryption(Protocol):
    def seal(self, content: bytes, purpose: bytes) -> bytes:
        """:param purpose: it can be opened for this purpose only, so that nothing sealed passes for something else"""
        ...

    def open(self, sealed: bytes, purpose: bytes) -> bytes | None:
        """None if it was not sealed with this key for this purpose, or was changed."""
        ...


class OperatorsRows(Protocol):
    @property
    def people(self) -> People: ...
    @property
    def sessions(self) -> Sessions: ...


class OperatorsDatabase(OperatorsRows, Transactions[OperatorsRows], Protocol): ...
