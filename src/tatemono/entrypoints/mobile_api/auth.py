"""Who calls."""

from typing import Annotated

from fastapi import Header
from starlette.requests import Request
from starlette.responses import Response

from tatemono.adapters.tokens import MAX_TOKEN_CHARACTERS, verify_proof
from tatemono.entrypoints.mobile_api import schemas
from tatemono.entrypoints.mobile_api.caller import Backend
from tatemono.entrypoints.mobile_api.described import OF_A_BODY, OPEN_TO_ALL, answers, body, router
from tatemono.entrypoints.mobile_api.resources import json_response
from tatemono.usecases import sign_in_device as use_case

routes = router("Sign-in")


@routes.post(
    "/auth/device",
    operation_id="sign_in_device",
    summary="Sign a device in",
    description=(
        "The first call of the app, and the one it repeats when its access token is about to expire. The same device "
        "is the same user each time. The `DPoP` header is a proof of possession of the device's P-256 key "
        "([RFC 9449](https://www.rfc-editor.org/rfc/rfc9449)): a JWT with the header `typ` `dpop+jwt`, `alg` `ES256` "
        "and `jwk` (the public key), and the claims `htm` `POST`, `htu` (the address of this call), `iat` (now, within "
        "60 seconds) and `jti` (16 to 128 random characters, new each time), signed with the device's private key. "
        "Send the access token that comes back as `Authorization: Bearer …`."
    ),
    openapi_extra=OPEN_TO_ALL,
    responses=answers(401, *OF_A_BODY, _200=body(schemas.DeviceSignedIn, "Signed in.")),
)
async def sign_in_device(
    request: Request,
    backend: Backend,
    body: schemas.DeviceSignIn,
    dpop: Annotated[str, Header(alias="DPoP", min_length=1, max_length=MAX_TOKEN_CHARACTERS)],
) -> Response:
    now = backend.now()
    settings = backend.settings
    thumbprint = verify_proof(dpop, method="POST", url=settings.public_url + request.scope["path"], now=now)
    device = await use_case.sign_in_device(
        backend.db,
        platform=body.platform,
        identifier=body.device_identifier,
        key_thumbprint=thumbprint,
        identifier_key=settings.device_identifier_key.get_secret_value().encode(),
        welcome_credits=settings.welcome_credits,
    )
    return json_response(
        {
            "access_token": backend.tokens.issue(device, key_thumbprint=thumbprint, now=now),
            "token_type": "Bearer",
            "expires_in": backend.tokens.lifetime_seconds,
            "user": {"id": device.user_id, "kind": device.user_kind, "new": device.new},
        }
    )
