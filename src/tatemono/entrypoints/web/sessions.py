"""The operator whose session the browser has."""

from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request

from tatemono.adapters.admin_api import OnBehalf
from tatemono.bootstrap.web import WebDependencies
from tatemono.domain.operators.sessions import (
    TOKEN_CHARACTERS,
    NotSignedIn,
    OperatorSession,
    OperatorTokenSet,
    SessionToken,
)
from tatemono.entrypoints.web.cookies import SESSION_COOKIE, cookies_of, language_of
from tatemono.usecases.operators.use_operator_session import use_operator_session


@dataclass(frozen=True, slots=True)
class SignedInOperator:
    session: OperatorSession
    token: SessionToken
    tokens: OperatorTokenSet


def dependencies_of(request: Request) -> WebDependencies:
    found: WebDependencies = request.app.state.dependencies
    return found


def now_of(request: Request) -> datetime:
    return datetime.fromtimestamp(dependencies_of(request).now(), UTC)


def session_token(request: Request) -> SessionToken | None:
    text = cookies_of(dict(request.scope["headers"])).get(SESSION_COOKIE, "")
    return SessionToken(text) if len(text) == TOKEN_CHARACTERS else None


async def signed_in(request: Request) -> SignedInOperator:
    """:raises NotSignedIn: the browser has no session, or one that is over"""
    token = session_token(request)
    if token is None:
        raise NotSignedIn
    dependencies = dependencies_of(request)
    session, tokens = await use_operator_session(
        dependencies.db.operator_sessions, dependencies.pool, dependencies.sealing, token=token, now=now_of(request)
    )
    return SignedInOperator(session, token, tokens)


def on_behalf(request: Request, tokens: OperatorTokenSet) -> OnBehalf:
    return OnBehalf(
        tokens.access_token,
        address=request.scope["client_address"],
        request_id=request.scope["request_id"],
        language=language_of(dict(request.scope["headers"])),
    )
