"""Deleting the account, undoing that, and the receipt."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from tatemono.domain.identity.members import Password
from tatemono.domain.privacy.account_deletion import NoSuchReceipt
from tatemono.entrypoints.http.openapi import BODY_PROBLEMS, WITH_TOKEN, WITHOUT_TOKEN, response, responses
from tatemono.entrypoints.http.rate_limits import Limited, limited
from tatemono.entrypoints.http.responses import json_response, language_of
from tatemono.entrypoints.mobile_api.caller import Backend, Caller, Dpop, proven, router
from tatemono.entrypoints.mobile_api.privacy import account_deletion_schemas as schemas
from tatemono.usecases.privacy.request_deletion import request_deletion
from tatemono.usecases.privacy.undo_deletion import MemberWords, undo_deletion

routes = router("Leaving")

_PROOF = "With a `DPoP` proof of the device's key, made for this address, as at `sign_in_device`. "


@routes.post(
    "/me/deletion",
    summary="Delete my account",
    description=(
        _PROOF + "Members show their password once more. All devices are signed out at once, transfer codes are void, "
        "and what waits for the painter is cancelled. At `erase_at` everything is erased: pictures, prompts, address, "
        "devices. Until then `undo_deletion` takes it back. Keep the `receipt_id`."
    ),
    openapi_extra=WITH_TOKEN,
    status_code=202,
    responses=responses(
        401, 409, 429, *BODY_PROBLEMS, _202=response(schemas.RequestedDeletion, "When it will happen.")
    ),
)
async def route_request_deletion(
    *,
    request: Request,
    backend: Backend,
    limit: Annotated[Limited, limited("delete-account")],
    caller: Caller,
    body: schemas.DeletionRequest,
    dpop: Dpop,
) -> Response:
    limit.account(caller.user_id)
    deletion = await request_deletion(
        backend.db,
        backend.members,
        caller=caller,
        proof=proven(request, dpop),
        password=body.known_password(),
        totp_code=body.totp_code,
        grace=timedelta(days=backend.settings.deletion_grace_days),
        language=language_of(request),
        even_seconds=backend.settings.even_seconds,
    )
    return json_response({"receipt_id": deletion.id, "erase_at": deletion.erase_at}, 202)


@routes.post(
    "/auth/undo-deletion",
    summary="I want my account back",
    description=(
        _PROOF + "A guest needs nothing but a device of the account; a member sends `email` and `password`, on "
        "any phone. Sign in as usual afterwards. 409 `no_deletion_pending` if there is nothing to undo, 409 "
        "`deletion_begun` if it is too late."
    ),
    openapi_extra=WITHOUT_TOKEN,
    status_code=204,
    responses=responses(401, 409, 429, *BODY_PROBLEMS, _204={"description": "The account is back."}),
)
async def route_undo_deletion(
    request: Request,
    backend: Backend,
    limit: Annotated[Limited, limited("undo-deletion")],
    body: schemas.DeletionUndoing,
    dpop: Dpop,
) -> Response:
    proof = proven(request, dpop)
    limit.device(proof.thumbprint)
    member = None
    if body.email is not None and body.password is not None:
        await limit.address(body.email)
        member = MemberWords(body.email, Password(body.password.get_secret_value()), body.totp_code)
    await undo_deletion(
        backend.db,
        backend.members,
        platform=body.platform,
        identifier_hashes=backend.identifiers.hashes(body.device_identifier, now=backend.now()),
        proof=proof,
        member=member,
        even_seconds=backend.settings.even_seconds,
    )
    return Response(status_code=204)


@routes.get(
    "/deletion-receipts/{receipt_id}",
    summary="What was erased",
    description="Its id is enough to read it. It says how much was erased, and nothing about whose it was.",
    openapi_extra=WITHOUT_TOKEN,
    responses=responses(404, 429, _200=response(schemas.DeletionReceipt, "The receipt.")),
)
async def route_get_deletion_receipt(
    backend: Backend, _limit: Annotated[Limited, limited("deletion-receipt")], receipt_id: UUID
) -> Response:
    receipt = await backend.db.deletions.receipt(receipt_id)
    if receipt is None:
        raise NoSuchReceipt
    receipt.check(backend.settings.receipt_key.get_secret_value().encode())
    erased = receipt.erased_at is not None
    return json_response(
        {
            "id": receipt.id,
            "state": "erased" if erased else "pending",
            "erase_at": receipt.erase_at,
            "erased_at": receipt.erased_at,
            "erased": receipt.counts if erased else None,
            "hmac_sha256": receipt.mac.hex() if receipt.mac else None,
        }
    )
