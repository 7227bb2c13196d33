"""An operator who is signed in asks for something."""

import asyncio
from datetime import datetime

from tatemono.domain.operators.sessions import (
    FETCHING,
    GrantEnded,
    NotSignedIn,
    OperatorPoolUnavailable,
    OperatorSession,
    OperatorTokenSet,
    SessionToken,
)
from tatemono.usecases.operators.ports import OperatorPool, OperatorSessions, TokenEncryption

_LOOK_AGAIN_SECONDS = 0.1


async def use_operator_session(
    sessions: OperatorSessions, pool: OperatorPool, seal: TokenEncryption, *, token: SessionToken, now: datetime
) -> tuple[OperatorSession, OperatorTokenSet]:
    """The session of a cookie, and fresh tokens: a disabled operator is out, and a changed role counts.

    Of many requests at once, one fetches new tokens; the others go on with the old ones, or wait for it if they cannot.
    While Cognito does not answer the old ones are used, as long as they are good.

    :raises NotSignedIn: there is no such session, or it is over now
    :raises OperatorPoolUnavailable: the tokens are too old, and no others are to be had
    """
    session = await sessions.use(token.digest)
    if session is None:
        raise NotSignedIn
    tokens = _opened(seal, session)
    if session.is_fresh(now):
        return session, tokens
    if await sessions.claim(session):
        fetched = await _fetched(sessions, pool, session, tokens, now)
        if fetched is not tokens:
            await sessions.renew(session.id, seal.seal(fetched.content(), session.id.bytes), now)
        return session, fetched
    if tokens.expires_at > now.timestamp():
        return session, tokens
    return await _fetched_by_another(sessions, seal, session)


async def _fetched(
    sessions: OperatorSessions, pool: OperatorPool, session: OperatorSession, tokens: OperatorTokenSet, now: datetime
) -> OperatorTokenSet:
    try:
        return await pool.refresh(tokens, now=now.timestamp())
    except GrantEnded:
        await sessions.end(session.id, session.operator.id)
        raise NotSignedIn from None
    except OperatorPoolUnavailable:
        if tokens.expires_at > now.timestamp():
            return tokens
        raise


async def _fetched_by_another(
    sessions: OperatorSessions, seal: TokenEncryption, session: OperatorSession
) -> tuple[OperatorSession, OperatorTokenSet]:
    for _ in range(int(FETCHING.total_seconds() / _LOOK_AGAIN_SECONDS)):
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        found = await sessions.read(session.id)
        if found is None:
            raise NotSignedIn
        if found.fetched_at > session.fetched_at:
            return found, _opened(seal, found)
    raise OperatorPoolUnavailable


def _opened(seal: TokenEncryption, session: OperatorSession) -> OperatorTokenSet:
    """:raises NotSignedIn: the key is another one by now"""
    content = seal.open(session.sealed_tokens, session.id.bytes)
    if content is None:
        raise NotSignedIn
    return OperatorTokenSet.of_content(content)
