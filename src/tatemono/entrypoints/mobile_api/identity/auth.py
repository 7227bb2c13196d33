"""Signing in, staying in, and signing out."""

import secrets
from typing import Annotated, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tatemono.bootstrap.mobile_api import MobileApiBackend
from tatemono.domain.identity.devices import Proof, SignedInDevice
from tatemono.domain.identity.sessions import SESSION_LIFETIME, RefreshToken
from tatemono.entrypoints.http.openapi import BODY_PROBLEMS, WITH_TOKEN, WITHOUT_TOKEN, response, responses
from tatemono.entrypoints.http.rate_limits import Limited, limited
from tatemono.entrypoints.http.responses import json_bytes, json_response
from tatemono.entrypoints.mobile_api.caller import PREFIX, Backend, Caller, Dpop, proven, router
from tatemono.entrypoints.mobile_api.identity import device_schemas
from tatemono.usecases.identity.refresh_session import refresh_session
from tatemono.usecases.identity.sign_in_device import AttestationTerms, sign_in_device
from tatemono.usecases.identity.sign_out import sign_out, sign_out_everywhere

routes = router("Sign-in")

#: Keys may be cached for so long. A new key signs later than that (tatemono_tools/laptop/operate/keys.py), so that
#: each cache has it by then.
JWKS_SECONDS = 300
_REFRESH_SECONDS = int(SESSION_LIFETIME.total_seconds())


def credentials(
    backend: MobileApiBackend, device: SignedInDevice, refresh_token: RefreshToken, proof: Proof
) -> dict[str, Any]:
    """What a device gets that has just signed in: a `DeviceSignedIn`."""
    now = backend.now()
    return {
        "access_token": backend.tokens.issue(device, key_thumbprint=proof.thumbprint, now=now),
        "token_type": "Bearer",
        "expires_in": backend.tokens.lifetime_seconds,
        "refresh_token": refresh_token.sealed(refresh_key(backend)),
        "refresh_expires_in": _REFRESH_SECONDS,
        "id_token": backend.tokens.issue_id_token(device, now=now),
        "user": {"id": device.user_id, "kind": device.user_kind, "new": device.new},
    }


def refresh_key(backend: MobileApiBackend) -> bytes:
    return backend.settings.refresh_rotation_key.get_secret_value().encode()


@routes.post(
    "/auth/device",
    summary="Sign a device in",
    description=(
        "The first call of the app. The same device is the same user each time. The `DPoP` header is a proof of "
        "possession of the device's P-256 key ([RFC 9449](https://www.rfc-editor.org/rfc/rfc9449)): a JWT with the "
        "header `typ` `dpop+jwt`, `alg` `ES256` and `jwk` (the public key), and the claims `htm` `POST`, `htu` (the "
        "address of this call), `iat` (now, within 60 seconds) and `jti` (16 to 128 random characters, new each time), "
        "signed with the device's private key. Each proof is good once. If the device's clock is off, the answer is "
        "401 `use_dpop_nonce` with a `DPoP-Nonce` header: send a new proof with that value in its claim `nonce`. Send "
        "the access token that comes back as `Authorization: Bearer …`. Signing in voids the device's older refresh "
        "tokens. A device that its user has revoked gets a new guest. Where devices have to be attested, 403 "
        "`device_not_attested` says what is missing. A user who has asked to delete the account gets "
        "403 `deletion_pending`, with `erase_at`: `undo_deletion` takes it back."
    ),
    openapi_extra=WITHOUT_TOKEN,
    responses=responses(401, 429, *BODY_PROBLEMS, _200=response(device_schemas.DeviceSignedIn, "Signed in.")),
)
async def route_sign_in_device(
    request: Request,
    backend: Backend,
    limit: Annotated[Limited, limited("sign-in")],
    body: device_schemas.DeviceSignIn,
    dpop: Dpop,
) -> Response:
    settings = backend.settings
    proof = proven(request, dpop)
    limit.device(proof.thumbprint)
    identifier_hashes = backend.identifiers.hashes(body.device_identifier, now=backend.now())
    device, refresh_token = await sign_in_device(
        backend.db,
        platform=body.platform,
        identifier_hashes=identifier_hashes,
        proof=proof,
        terms=AttestationTerms(
            settings.device_attestation, backend.attestations, body.attestation, dpop, backend.now()
        ),
        welcome_credits=settings.welcome_credits,
        random_bits=secrets.token_bytes(32),
    )
    return json_response(credentials(backend, device, refresh_token, proof))


@routes.post(
    "/auth/refresh",
    summary="Stay signed in",
    description=(
        "When the access token is about to expire. Takes the newest refresh token, with a `DPoP` proof of the same key "
        "as at the sign-in, and gives new tokens. If the answer gets lost, repeat the very same request, with the same "
        "proof, within 30 seconds: it gives the same refresh token. Any other use of an old refresh token signs the "
        "device out and is told to the user (`list_security_events`). After a refusal, `sign_in_device` gives the same "
        "user again."
    ),
    openapi_extra=WITHOUT_TOKEN,
    responses=responses(401, 429, *BODY_PROBLEMS, _200=response(device_schemas.DeviceSignedIn, "New tokens.")),
)
async def route_refresh_session(
    request: Request,
    backend: Backend,
    limit: Annotated[Limited, limited("refresh")],
    body: device_schemas.SessionRefresh,
    dpop: Dpop,
) -> Response:
    proof = proven(request, dpop)
    limit.device(proof.thumbprint)
    device, refresh_token = await refresh_session(
        backend.db, token=body.refresh_token, proof=proof, key=refresh_key(backend)
    )
    return json_response(credentials(backend, device, refresh_token, proof))


@routes.post(
    "/auth/sign-out",
    summary="Sign this device out",
    description=(
        "Ends this session and its tokens. The device stays yours: it may sign in again and is the same user. To part "
        "with it, revoke it (`revoke_device`)."
    ),
    openapi_extra=WITH_TOKEN,
    status_code=204,
    responses=responses(401, _204={"description": "Signed out."}),
)
async def route_sign_out(backend: Backend, caller: Caller) -> Response:
    await sign_out(backend.db, user_id=caller.user_id, session_id=caller.session_id)
    return Response(status_code=204)


@routes.post(
    "/auth/sign-out-everywhere",
    summary="Sign all my devices out",
    description="As `sign_out`, for all devices of the user, this one too.",
    openapi_extra=WITH_TOKEN,
    status_code=204,
    responses=responses(401, _204={"description": "Signed out."}),
)
async def route_sign_out_everywhere(backend: Backend, caller: Caller) -> Response:
    await sign_out_everywhere(backend.db, user_id=caller.user_id)
    return Response(status_code=204)


async def route_jwks(request: Request) -> Response:
    headers = {"cache-control": f"public, max-age={JWKS_SECONDS}"}
    keys = request.app.state.backend.tokens.public_keys()
    return Response(json_bytes(keys), headers=headers, media_type="application/jwk-set+json")


key_routes = [Route(f"{PREFIX}/.well-known/jwks.json", route_jwks)]
