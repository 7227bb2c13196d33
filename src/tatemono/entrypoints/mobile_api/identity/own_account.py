"""What a member changes about the own account. Each change asks for the password once more."""

from typing import Annotated

from starlette.responses import Response

from tatemono.entrypoints.http.rate_limits import Limited, limited
from tatemono.entrypoints.http.responses import json_response
from tatemono.entrypoints.mobile_api.caller import Backend, Caller
from tatemono.entrypoints.mobile_api.identity import member_schemas
from tatemono.entrypoints.mobile_api.route_openapi import OF_A_BODY, WITH_TOKEN, answers, body, router
from tatemono.usecases.identity import change_email as changing_email
from tatemono.usecases.identity import change_password as changing_password
from tatemono.usecases.identity import confirm_email as confirming_email
from tatemono.usecases.identity import set_up_totp as totp

routes = router("Members")

_PROBLEMS = (401, 409, 429, *OF_A_BODY)


@routes.post(
    "/me/password",
    operation_id="change_password",
    summary="Change the password",
    description="Sessions go on; `sign_out_everywhere` ends them.",
    openapi_extra=WITH_TOKEN,
    status_code=204,
    responses=answers(*_PROBLEMS, _204={"description": "The new password counts."}),
)
async def change_password(
    backend: Backend,
    limit: Annotated[Limited, limited("change-password")],
    caller: Caller,
    body: member_schemas.PasswordChange,
) -> Response:
    limit.account(caller.user_id)
    await changing_password.change_password(
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
    operation_id="change_email",
    summary="Change the address",
    description=(
        "The new address gets a code, which `confirm_email` takes; until then the old one counts. The answer is the "
        "same if another member has the new address: then sign in with it, instead."
    ),
    openapi_extra=WITH_TOKEN,
    status_code=202,
    responses=answers(*_PROBLEMS, _202={"description": "If there is something to send, it is on its way."}),
)
async def change_email(
    backend: Backend,
    limit: Annotated[Limited, limited("send-mail")],
    caller: Caller,
    body: member_schemas.EmailChange,
) -> Response:
    limit.account(caller.user_id)
    await limit.address(body.email)
    await changing_email.change_email(
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
    operation_id="confirm_email",
    summary="Show the code: the new address counts",
    openapi_extra=WITH_TOKEN,
    responses=answers(*_PROBLEMS, _200=body(member_schemas.OwnAddress, "The address that counts from now on.")),
)
async def confirm_email(
    backend: Backend,
    limit: Annotated[Limited, limited("confirm-code")],
    caller: Caller,
    body: member_schemas.EmailConfirmation,
) -> Response:
    limit.account(caller.user_id)
    email = await confirming_email.confirm_email(
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
    operation_id="set_up_totp",
    summary="Set up an authenticator app",
    description="Signing in asks for its code when `confirm_totp` has seen one.",
    openapi_extra=WITH_TOKEN,
    responses=answers(*_PROBLEMS, _200=body(member_schemas.Authenticator, "What the app has to know.")),
)
async def set_up_totp(
    backend: Backend,
    limit: Annotated[Limited, limited("change-password")],
    caller: Caller,
    body: member_schemas.Reauthentication,
) -> Response:
    limit.account(caller.user_id)
    found = await totp.set_up_totp(
        backend.db.members,
        backend.members,
        user_id=caller.user_id,
        password=body.known_password(),
        totp_code=body.totp_code,
    )
    return json_response({"secret": found.secret, "uri": found.uri})


@routes.post(
    "/me/totp/confirm",
    operation_id="confirm_totp",
    summary="Show the app's first code: it counts",
    openapi_extra=WITH_TOKEN,
    status_code=204,
    responses=answers(*_PROBLEMS, _204={"description": "Signing in asks for the app's code from now on."}),
)
async def confirm_totp(
    backend: Backend,
    limit: Annotated[Limited, limited("confirm-code")],
    caller: Caller,
    body: member_schemas.TotpConfirmation,
) -> Response:
    limit.account(caller.user_id)
    await totp.confirm_totp(
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
    operation_id="remove_totp",
    summary="Ask for no authenticator app any more",
    openapi_extra=WITH_TOKEN,
    status_code=204,
    responses=answers(*_PROBLEMS, _204={"description": "The password is enough from now on."}),
)
async def remove_totp(
    backend: Backend,
    limit: Annotated[Limited, limited("change-password")],
    caller: Caller,
    body: member_schemas.Reauthentication,
) -> Response:
    limit.account(caller.user_id)
    await totp.remove_totp(
        backend.db.members,
        backend.members,
        user_id=caller.user_id,
        password=body.known_password(),
        totp_code=body.totp_code,
    )
    return Response(status_code=204)
