"""Signing in through the user pool's pages (authorization code with PKCE), and out."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import structlog
from starlette.requests import Request
from starlette.responses import Response

from tatemono.domain.operators.sessions import LIFETIME, SIGN_IN, PendingSignIn, SignInDeclined, SignInLost
from tatemono.entrypoints.web.cookies import SESSION_COOKIE, SIGN_IN_COOKIE, cookies_of, set_cookie
from tatemono.entrypoints.web.csrf import check_form
from tatemono.entrypoints.web.pages import Pages
from tatemono.entrypoints.web.sessions import dependencies_of, now_of, session_token, signed_in
from tatemono.usecases.operators.end_operator_session import end_operator_session
from tatemono.usecases.operators.open_operator_session import open_operator_session

_PURPOSE = b"a sign-in that is under way"
_LONGEST_CODE = 512
_LONGEST_BROWSER = 300

log = structlog.get_logger()


async def route_begin_sign_in(request: Request) -> Response:
    """Send the browser to the pool's pages. A sealed cookie keeps what `route_finish_sign_in` will need."""
    dependencies = dependencies_of(request)
    pending = PendingSignIn.begin(now_of(request))
    response = Pages.redirect(dependencies.pool.authorization_url(pending))
    sealed = urlsafe_b64encode(dependencies.sealing.seal(pending.content(), _PURPOSE)).decode()
    set_cookie(response, SIGN_IN_COOKIE, sealed, int(SIGN_IN.total_seconds()))
    return response


async def route_finish_sign_in(request: Request) -> Response:
    """:raises SignInLost: this browser has not begun it, or too long ago, or comes twice
    :raises SignInDeclined: the pool's pages say so
    """
    dependencies, now = dependencies_of(request), now_of(request)
    pending = _pending(request)
    pending.check(request.query_params.get("state", ""), now)
    code = request.query_params.get("code", "")
    if not code:
        log.info("sign_in_declined", error=request.query_params.get("error", "")[:100])
        raise SignInDeclined
    if len(code) > _LONGEST_CODE:
        raise SignInLost
    token = await open_operator_session(
        dependencies.db.operator_sessions,
        dependencies.pool,
        dependencies.sealing,
        code=code,
        pending=pending,
        previous=session_token(request),
        address=request.scope["client_address"],
        browser=request.headers.get("user-agent", "").replace("\0", "")[:_LONGEST_BROWSER],
        now=now,
    )
    response = Pages.redirect("/")
    set_cookie(response, SESSION_COOKIE, token.text, int(LIFETIME.total_seconds()))
    set_cookie(response, SIGN_IN_COOKIE, "", 0)
    return response


async def route_sign_out(request: Request) -> Response:
    """End the session here, and the one that the pool's own pages remember.

    :raises CrossSiteForm: no page of this session has sent it
    """
    dependencies, token = dependencies_of(request), session_token(request)
    if token is None:
        return Pages.redirect("/")
    await check_form(request, token)
    session = await dependencies.db.operator_sessions.use(token.digest)
    if session is not None:
        await end_operator_session(
            dependencies.db.operator_sessions,
            dependencies.pool,
            dependencies.sealing,
            session_id=session.id,
            operator_id=session.operator.id,
        )
    response = Pages.redirect(dependencies.pool.logout_url())
    set_cookie(response, SESSION_COOKIE, "", 0)
    # The pages say `no-store`; this is for a browser that has kept one in spite of it.
    response.headers["clear-site-data"] = '"cache"'
    return response


async def route_end_sign_in(request: Request) -> Response:
    """End one of the operator's own sessions: of this browser, as `route_sign_out` does, or of another.

    :raises NotSignedIn: the browser has no session, or one that is over
    :raises CrossSiteForm: no page of this session has sent it
    """
    caller = await signed_in(request)
    if request.path_params["session_id"] == caller.session.id:
        return await route_sign_out(request)
    await check_form(request, caller.token)
    dependencies = dependencies_of(request)
    await end_operator_session(
        dependencies.db.operator_sessions,
        dependencies.pool,
        dependencies.sealing,
        session_id=request.path_params["session_id"],
        operator_id=caller.session.operator.id,
    )
    return Pages.redirect("/")


def _pending(request: Request) -> PendingSignIn:
    """:raises SignInLost: the cookie is gone, or not one of ours"""
    sealed = cookies_of(dict(request.scope["headers"])).get(SIGN_IN_COOKIE, "")
    try:
        content = dependencies_of(request).sealing.open(urlsafe_b64decode(sealed), _PURPOSE)
    except ValueError:
        content = None
    if content is None:
        raise SignInLost
    return PendingSignIn.of_content(content)
