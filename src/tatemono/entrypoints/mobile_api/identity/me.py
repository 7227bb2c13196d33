"""The user who asks."""

from starlette.requests import Request
from starlette.responses import Response

from tatemono.domain.identity.devices import TokenRejected
from tatemono.domain.safety.reports import reason_text
from tatemono.entrypoints.http.openapi import WITH_TOKEN, response, responses
from tatemono.entrypoints.http.responses import json_response, language_of
from tatemono.entrypoints.mobile_api.caller import Backend, Caller, router
from tatemono.entrypoints.mobile_api.identity.me_schemas import Me

routes = router("Me")


@routes.get(
    "/me",
    summary="Who I am, and my credits",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, _200=response(Me, "The user.")),
)
async def route_get_me(request: Request, backend: Backend, caller: Caller) -> Response:
    me = await backend.db.queries.me(caller.user_id)
    if me is None:
        # The user was deleted after the token was given out.
        raise TokenRejected
    language = language_of(request)
    return json_response(
        {
            "id": me.user_id,
            "kind": me.kind,
            "created_at": me.created_at,
            "credits": {"available": me.credits_available, "held": me.credits_held},
            "generations_queued": me.generations_queued,
            "generations_running": me.generations_running,
            "strikes": [
                {
                    "reason": strike.reason,
                    "text": reason_text(strike.reason, language),
                    "created_at": strike.created_at,
                    "expires_at": strike.expires_at,
                }
                for strike in me.strikes
            ],
        },
        headers={"content-language": language, "vary": "accept-language"},
    )
