"""An operator comes back from the user pool's sign-in pages."""

from datetime import datetime
from uuid import uuid4

from tatemono.domain.operators.sessions import LIFETIME, OperatorSession, PendingSignIn, SessionToken
from tatemono.usecases.operators.ports import OperatorPool, OperatorSessions, TokenEncryption


async def open_operator_session(
    sessions: OperatorSessions,
    pool: OperatorPool,
    seal: TokenEncryption,
    *,
    code: str,
    pending: PendingSignIn,
    previous: SessionToken | None,
    address: str,
    browser: str,
    now: datetime,
) -> SessionToken:
    """Take the code for tokens, keep them, and give the browser a session of its own.

    :param previous: what the browser had until now; it ends, so an attacker cannot have planted it
    :raises SignInLost: the code is not of this sign-in, or was used
    :raises OperatorTokenRejected: the tokens that came for it are not good
    :raises OperatorPoolUnavailable: the pool does not answer
    """
    operator, tokens = await pool.exchange(code, pending, now=now.timestamp())
    session_id, token = uuid4(), SessionToken.new()
    session = OperatorSession(session_id, operator, seal.seal(tokens.content(), session_id.bytes), now)
    await sessions.open(
        session,
        token_hash=token.digest,
        previous_hash=previous.digest if previous else b"",
        expires_at=now + LIFETIME,
        address=address,
        browser=browser,
    )
    return token
