"""The first page: who is signed in, with which role, where else, and what they did lately."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from tatemono.domain.operators.roles import Operation
from tatemono.domain.operators.sessions import NotSignedIn
from tatemono.entrypoints.web.cookies import SESSION_COOKIE, set_cookie
from tatemono.entrypoints.web.pages import Pages
from tatemono.entrypoints.web.sessions import dependencies_of, on_behalf, session_token, signed_in

_ACTS = "10"
_NO_ROLE = 403
_TOKEN_REFUSED = 401


async def route_start_page(request: Request) -> Response:
    """The start page, or the way to sign in for a browser that is not signed in."""
    pages: Pages = request.app.state.pages
    if (response := pages.switched_language(request)) is not None:
        return response
    try:
        caller = await signed_in(request)
    except NotSignedIn:
        return _welcome_page(request, pages)
    dependencies = dependencies_of(request)
    asked = on_behalf(request, caller.tokens)
    me, acts, sign_ins = await asyncio.gather(
        dependencies.admin_api.get("me", asked),
        dependencies.admin_api.get("me/acts", asked, limit=_ACTS),
        dependencies.db.operator_sessions.of_operator(caller.session.operator.id),
    )
    if me.status == _TOKEN_REFUSED:
        return _welcome_page(request, pages)
    common: dict[str, Any] = {"operator": caller.session.operator, "form_token": caller.token.form_token}
    if me.status == _NO_ROLE:
        return pages.page(request, "no_role.html.j2", _NO_ROLE, **common)
    return pages.page(
        request,
        "start.html.j2",
        roles=me.body["roles"],
        operations=[operation for operation in Operation if operation in me.body["operations"]],
        acts=acts.body["items"] if acts.is_success else [],
        sign_ins=sign_ins,
        this_sign_in=caller.session.id,
        **common,
    )


def _welcome_page(request: Request, pages: Pages) -> Response:
    was_signed_in = session_token(request) is not None
    response = pages.page(request, "welcome.html.j2", was_signed_in=was_signed_in)
    if was_signed_in:
        set_cookie(response, SESSION_COOKIE, "", 0)
    return response
