"""How members change their own account. Each change asks for the password once more."""

from typing import Annotated

from starlette.responses import Response

from tatemono.entrypoints.http.openapi import BODY_PROBLEMS, WITH_TOKEN, response, responses
from tatemono.entrypoints.http.rate_limits import Limited, limited
from tatemono.entrypoints.http.responses import json_response
from tatemono.entrypoints.mobile_api.caller import Backend, Caller, router
from tatemono.entrypoints.mobile_api.identity import member_schemas
from tatemono.usecases.identity.change_email import change_email
from tatemono.usecases.identity.change_password import change_password
from tatemono.usecases.identity.confirm_email import confirm_email
from tatemono.usecases.identity.set_up_totp import confirm_totp, remove_totp, set_up_totp

routes = router("Members")

_PROBLEMS = (401, 409, 429, *BODY_PROBLEMS)


@routes.post(
    "/me/password",
    summary="Change the password",
    description="Sessions go on; `sign_out_everywhere` ends them.",
    openapi_extra=WITH_TOKEN,
    status_code=204,
    responses=responses(*_PROBLEMS, _204={"description": "The new password counts."}),
)
async def route_change_password(
    backend: Backend,
    limit: Annotated[Limited, limited("change-password")],
    caller: Caller,
    body: member_schemas.PasswordChange,
) -> Response:
    limit.account(caller.user_id)
    await change_password(
        backend.db,
        backend.members,
        user_id=caller.user_id,
        old=body.known_password(),
        new=body.new_password.get_secret_value(),
        totp_code=body.totp_code,
    )
    return Response(status_code=204)


@routes.post(
    "/me/email",
    summary="Change the address",
    description=(
        "The new address gets a code, which `confirm_email` takes; until then the old one counts. The answer is the "
        "same if another member has the new address: then sign in with it, instead."
    ),
    openapi_extra=WITH_TOKEN,
    status_code=202,
    responses=responses(*_PROBLEMS, _202={"description": "If there is something to send, it is on its way."}),
)
async def route_change_email(
    backend: Backend,
    limit: Annotated[Limited, limited("send-mail")],
    caller: Caller,
    body: member_schemas.EmailChange,
) -> Response:
    limit.account(caller.user_id)
    await limit.address(body.email)
    await change_email(
        backend.db.members,
        backend.members,
        user_id=caller.user_id,
        password=body.known_password(),
        totp_code=body.totp_code,
        new_email=body.email,
        even_seconds=backend.settings.even_seconds,
    )
    return Response(status_code=202)


@routes.post(
    "/me/email/confirm",
    summary="Show the code: the new address counts",
    openapi_extra=WITH_TOKEN,
    responses=responses(*_PROBLEMS, _200=response(member_schemas.OwnAddress, "The address that counts from now on.")),
)
async def route_confirm_email(
    backend: Backend,
    limit: Annotated[Limited, limited("confirm-code")],
    caller: Caller,
    body: member_schemas.EmailConfirmation,
) -> Response:
    limit.account(caller.user_id)
    email = await confirm_email(
        backend.db,
        backend.members,
        user_id=caller.user_id,
        password=body.known_password(),
        totp_code=body.totp_code,
        code=body.code,
    )
    return json_response({"email": email})


@routes.post(
    "/me/totp",
    summary="Set up an authenticator app",
    description="Signing in asks for its code when `confirm_totp` has seen one.",
    openapi_extra=WITH_TOKEN,
    responses=responses(*_PROBLEMS, _200=response(member_schemas.Authenticator, "What the app has to know.")),
)
async def route_set_up_totp(
    backend: Backend,
    limit: Annotated[Limited, limited("change-password")],
    caller: Caller,
    body: member_schemas.Reauthentication,
) -> Response:
    limit.account(caller.user_id)
    found = await set_up_totp(
        backend.db.members,
        backend.members,
        user_id=caller.user_id,
        password=body.known_password(),
        totp_code=body.totp_code,
    )
    return json_response({"secret": found.secret, "uri": found.uri})


@routes.post(
    "/me/totp/confirm",
    summary="Show the app's first code: it counts",
    openapi_extra=WITH_TOKEN,
    status_code=204,
    responses=responses(*_PROBLEMS, _204={"description": "Signing in asks for the app's code from now on."}),
)
async def route_confirm_totp(
    backend: Backend,
    limit: Annotated[Limited, limited("confirm-code")],
    caller: Caller,
    body: member_schemas.TotpConfirmation,
) -> Response:
    limit.account(caller.user_id)
    await confirm_totp(
        backend.db.members,
        backend.members,
        user_id=caller.user_id,
        password=body.known_password(),
        totp_code=body.totp_code,
        code=body.code,
    )
    return Response(status_code=204)


@routes.post(
    "/me/totp/remove",
    summary="Ask for no authenticator app any more",
    openapi_extra=WITH_TOKEN,
    status_code=204,
    responses=responses(*_PROBLEMS, _204={"description": "The password is enough from now on."}),
)
async def route_remove_totp(
    backend: Backend,
    limit: Annotated[Limited, limited("change-password")],
    caller: Caller,
    body: member_schemas.Reauthentication,
) -> Response:
    limit.account(caller.user_id)
    await remove_totp(
        backend.db.members,
        backend.members,
        user_id=caller.user_id,
        password=body.known_password(),
        totp_code=body.totp_code,
    )
    return Response(status_code=204)
