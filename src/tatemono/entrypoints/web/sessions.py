"""Who asks: the browser's cookies, its language, its form; and the operator whose session it has."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request, cookie_parser

from tatemono.adapters.admin_api import OnBehalf
from tatemono.bootstrap.web import WebDependencies
from tatemono.domain.operators.sessions import (
    TOKEN_CHARACTERS,
    CrossSiteForm,
    NotSignedIn,
    OperatorSession,
    OperatorTokenSet,
    SessionToken,
)
from tatemono.entrypoints.http.languages import LANGUAGES, preferred_language
from tatemono.usecases.operators.use_operator_session import use_operator_session

# `__Host-`: set by this very host over TLS, for all of it; no neighbour's and no plain-HTTP page can plant one.
SESSION_COOKIE: Final = "__Host-session"
SIGN_IN_COOKIE: Final = "__Host-sign-in"
LANGUAGE_COOKIE: Final = "__Host-language"

_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """An operator, in one browser."""

    session: OperatorSession
    token: SessionToken
    tokens: OperatorTokenSet


def dependencies_of(request: Request) -> WebDependencies:
    found: WebDependencies = request.app.state.dependencies
    return found


def now_of(request: Request) -> datetime:
    return datetime.fromtimestamp(dependencies_of(request).now(), UTC)


def cookies_of(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    # On a laptop the cookies of all projects come along, and Python's own parser stops at the first odd one.
    return cookie_parser(headers.get(b"cookie", b"").decode("latin-1"))


def language_of(headers: Mapping[bytes, bytes]) -> str:
    """What the person has chosen here, otherwise what the browser prefers."""
    chosen = cookies_of(headers).get(LANGUAGE_COOKIE, "")
    return chosen if chosen in LANGUAGES else preferred_language(headers.get(b"accept-language", b"").decode("latin-1"))


def session_token(request: Request) -> SessionToken | None:
    text = cookies_of(dict(request.scope["headers"])).get(SESSION_COOKIE, "")
    return SessionToken(text) if len(text) == TOKEN_CHARACTERS else None


async def signed_in(request: Request) -> SignedIn:
    """:raises NotSignedIn: nobody is, in this browser"""
    token = session_token(request)
    if token is None:
        raise NotSignedIn
    dependencies = dependencies_of(request)
    session, tokens = await use_operator_session(
        dependencies.db.operator_sessions, dependencies.pool, dependencies.sealing, token=token, now=now_of(request)
    )
    return SignedIn(session, token, tokens)


def on_behalf(request: Request, tokens: OperatorTokenSet) -> OnBehalf:
    return OnBehalf(
        tokens.access_token,
        address=request.scope["client_address"],
        request_id=request.scope["request_id"],
        language=language_of(dict(request.scope["headers"])),
    )


async def check_form(request: Request, token: SessionToken) -> None:
    """:raises CrossSiteForm: another site has sent it, or it is of another session"""
    headers = request.headers
    elsewhere = (
        headers.get("origin", dependencies_of(request).settings.public_url)
        != dependencies_of(request).settings.public_url
    )
    if elsewhere or headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise CrossSiteForm
    if headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise CrossSiteForm
    try:
        form = dict(parse_qsl((await request.body()).decode("latin-1"), max_num_fields=20))
    except ValueError:
        raise CrossSiteForm from None
    token.check_form(form.get("form_token", ""))
