"""Becoming a member, and signing in as one on another phone."""

import secrets
from typing import Annotated, Any

from starlette.requests import Request
from starlette.responses import Response

from tatemono.domain.identity.members import Password
from tatemono.domain.identity.merges import MergeGrant
from tatemono.entrypoints.http.openapi import BODY_PROBLEMS, WITH_TOKEN, response, responses
from tatemono.entrypoints.http.rate_limits import Limited, limited
from tatemono.entrypoints.http.responses import json_response
from tatemono.entrypoints.mobile_api.caller import Backend, Caller, Dpop, proven, router
from tatemono.entrypoints.mobile_api.identity import device_schemas, member_schemas
from tatemono.entrypoints.mobile_api.identity.auth import credentials
from tatemono.entrypoints.mobile_api.identity.device_transfer import merge_offer
from tatemono.entrypoints.mobile_api.identity.device_transfer_schemas import MergeOffer
from tatemono.usecases.identity.confirm_member import confirm_member
from tatemono.usecases.identity.forgot_password import forgot_password
from tatemono.usecases.identity.register_member import register_member
from tatemono.usecases.identity.resend_code import resend_code
from tatemono.usecases.identity.reset_password import reset_password
from tatemono.usecases.identity.sign_in_member import sign_in_member

routes = router("Members")

_MAIL_MAY_COME: dict[str, Any] = {"description": "If there is something to send, it is on its way."}
_PROOF = "With a `DPoP` proof of the device's key, made for this address, as at `sign_in_device`. "


@routes.post(
    "/auth/register",
    summary="Become a member",
    description=(
        "For guests: the address gets a code, which `confirm_member` takes. The user keeps its id and all that it has. "
        "The answer is the same if a member has the address already: who reads its mail signs in instead "
        "(`sign_in_member`), and may take the pictures of this phone along."
    ),
    openapi_extra=WITH_TOKEN,
    status_code=202,
    responses=responses(401, 409, 429, *BODY_PROBLEMS, _202=_MAIL_MAY_COME),
)
async def route_register_member(
    backend: Backend,
    limit: Annotated[Limited, limited("send-mail")],
    caller: Caller,
    body: member_schemas.Registration,
) -> Response:
    limit.account(caller.user_id)
    await limit.address(body.email)
    await register_member(
        backend.db.members,
        backend.members,
        user_id=caller.user_id,
        email=body.email,
        password=body.password.get_secret_value(),
        even_seconds=backend.settings.even_seconds,
    )
    return Response(status_code=202)


@routes.post(
    "/auth/register/resend",
    summary="Send the code again",
    openapi_extra=WITH_TOKEN,
    status_code=202,
    responses=responses(401, 429, *BODY_PROBLEMS, _202=_MAIL_MAY_COME),
)
async def route_resend_code(
    backend: Backend, limit: Annotated[Limited, limited("send-mail")], caller: Caller, body: member_schemas.Address
) -> Response:
    limit.account(caller.user_id)
    await limit.address(body.email)
    await resend_code(backend.members, email=body.email, even_seconds=backend.settings.even_seconds)
    return Response(status_code=202)


@routes.post(
    "/auth/register/confirm",
    summary="Show the code: now a member",
    description=_PROOF + "The guest that registered brings the code, and gets new tokens: the old ones are void.",
    openapi_extra=WITH_TOKEN,
    responses=responses(
        401, 429, *BODY_PROBLEMS, _200=response(device_schemas.DeviceSignedIn, "The same user, a member now.")
    ),
)
async def route_confirm_member(
    *,
    request: Request,
    backend: Backend,
    limit: Annotated[Limited, limited("confirm-code")],
    caller: Caller,
    body: member_schemas.Confirmation,
    dpop: Dpop,
) -> Response:
    limit.account(caller.user_id)
    await limit.address(body.email)
    proof = proven(request, dpop)
    device, refresh_token = await confirm_member(
        backend.db,
        backend.members,
        caller=caller,
        proof=proof,
        email=body.email,
        code=body.code,
        random_bits=secrets.token_bytes(32),
        even_seconds=backend.settings.even_seconds,
    )
    return json_response(credentials(backend, device, refresh_token, proof))


@routes.post(
    "/auth/member",
    summary="Sign in with address and password",
    description=(
        _PROOF + "The device is the member's from now on, and gets new tokens. If its guest has something of its own, "
        "nothing changes yet: the answer is 202 with a `merge_token`. A wrong password, an unknown address, one that "
        "is not confirmed and a member who is locked out get the same answer: 403 `sign_in_refused`. Members with an "
        "authenticator app get 403 `totp_required` until the request has the app's code, too."
    ),
    openapi_extra=WITH_TOKEN,
    responses=responses(
        401,
        409,
        429,
        *BODY_PROBLEMS,
        _200=response(device_schemas.DeviceSignedIn, "The device is the member's."),
        _202=response(MergeOffer, "The person is to be asked about the guest first."),
    ),
)
async def route_sign_in_member(
    *,
    request: Request,
    backend: Backend,
    limit: Annotated[Limited, limited("sign-in-member")],
    caller: Caller,
    body: member_schemas.MemberSignIn,
    dpop: Dpop,
) -> Response:
    limit.account(caller.user_id)
    await limit.address(body.email)
    proof = proven(request, dpop)
    outcome = await sign_in_member(
        backend.db,
        backend.members,
        caller=caller,
        proof=proof,
        email=body.email,
        password=Password(body.password.get_secret_value()),
        totp_code=body.totp_code,
        random_bits=secrets.token_bytes(32),
        even_seconds=backend.settings.even_seconds,
    )
    if isinstance(outcome, MergeGrant):
        return json_response(merge_offer(backend, outcome), 202)
    return json_response(credentials(backend, *outcome, proof))


@routes.post(
    "/auth/forgot-password",
    summary="Send a code for a new password",
    description="The answer is the same whether a member has the address or not.",
    openapi_extra=WITH_TOKEN,
    status_code=202,
    responses=responses(401, 429, *BODY_PROBLEMS, _202=_MAIL_MAY_COME),
)
async def route_forgot_password(
    backend: Backend, limit: Annotated[Limited, limited("send-mail")], caller: Caller, body: member_schemas.Address
) -> Response:
    limit.account(caller.user_id)
    await limit.address(body.email)
    await forgot_password(backend.members, email=body.email, even_seconds=backend.settings.even_seconds)
    return Response(status_code=202)


@routes.post(
    "/auth/reset-password",
    summary="Set a new password with the code",
    description="All sessions of the member end. Then sign in (`sign_in_member`).",
    openapi_extra=WITH_TOKEN,
    status_code=204,
    responses=responses(401, 429, *BODY_PROBLEMS, _204={"description": "The new password counts."}),
)
async def route_reset_password(
    backend: Backend,
    limit: Annotated[Limited, limited("confirm-code")],
    caller: Caller,
    body: member_schemas.PasswordReset,
) -> Response:
    limit.account(caller.user_id)
    await limit.address(body.email)
    await reset_password(
        backend.db,
        backend.members,
        email=body.email,
        code=body.code,
        password=body.password.get_secret_value(),
        even_seconds=backend.settings.even_seconds,
    )
    return Response(status_code=204)
