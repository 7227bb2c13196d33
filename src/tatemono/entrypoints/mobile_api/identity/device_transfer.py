"""Changing phones, and making one account of two."""

import io
import secrets
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import segno
from fastapi import Header
from starlette.requests import Request
from starlette.responses import Response

from tatemono.adapters.jwt_text import MAX_TOKEN_CHARACTERS
from tatemono.bootstrap.mobile_api import MobileApiBackend
from tatemono.domain.identity.merges import MERGE_TOKEN_LIFETIME, MergeGrant, MergeSide
from tatemono.domain.identity.transfers import ATTEMPTS, RANDOM_BYTES
from tatemono.entrypoints.http.openapi import BODY_PROBLEMS, WITH_TOKEN, WITHOUT_TOKEN, response, responses
from tatemono.entrypoints.http.rate_limits import Limited, limited
from tatemono.entrypoints.http.responses import json_response, page_response
from tatemono.entrypoints.mobile_api.caller import Backend, Caller, Dpop, proven, router
from tatemono.entrypoints.mobile_api.identity import device_transfer_schemas as schemas
from tatemono.entrypoints.mobile_api.identity.auth import credentials
from tatemono.entrypoints.mobile_api.identity.device_schemas import DeviceSignedIn
from tatemono.entrypoints.mobile_api.paging import Cursor, Limit
from tatemono.usecases.identity.confirm_merge import confirm_merge
from tatemono.usecases.identity.issue_transfer_code import issue_transfer_code
from tatemono.usecases.identity.preview_merge import preview_merge
from tatemono.usecases.identity.redeem_transfer_code import redeem_transfer_code
from tatemono.usecases.identity.undo_merge import undo_merge

routes = router("Changing phones, merging accounts")

_QR_DOT_PIXELS = 4
MergeToken = Annotated[str, Header(alias="Merge-Token", min_length=1, max_length=MAX_TOKEN_CHARACTERS)]


def merge_offer(backend: MobileApiBackend, grant: MergeGrant) -> dict[str, Any]:
    """What a phone gets that has to ask its person about merging: a `MergeOffer`."""
    token = backend.merge_tokens.issue(grant, now=backend.now())
    return {"merge_token": token, "expires_in": int(MERGE_TOKEN_LIFETIME.total_seconds())}


def _transfer_key(backend: MobileApiBackend) -> bytes:
    return backend.settings.transfer_code_key.get_secret_value().encode()


@routes.post(
    "/transfer-codes",
    summary="A code for my new phone",
    description=(
        "The code opens this account, a guest's, too, to one other phone, once, within minutes. Show it with the QR "
        "code; it cannot be asked for again. A newer code voids the older one."
    ),
    openapi_extra=WITH_TOKEN,
    status_code=201,
    responses=responses(401, 429, *BODY_PROBLEMS, _201=response(schemas.TransferCode, "The code.")),
)
async def route_issue_transfer_code(
    backend: Backend,
    limit: Annotated[Limited, limited("issue-transfer-code")],
    caller: Caller,
    body: schemas.TransferCodeRequest,
) -> Response:
    limit.account(caller.user_id)
    issued = await issue_transfer_code(
        backend.db.transfers,
        caller=caller,
        sign_out_old_device=body.sign_out_this_device,
        key=_transfer_key(backend),
        lifetime=timedelta(seconds=backend.settings.transfer_code_seconds),
        random_bits=secrets.token_bytes(RANDOM_BYTES),
    )
    code = issued.code.grouped
    return json_response(
        {
            "code": code,
            "expires_at": issued.expires_at,
            "attempts": ATTEMPTS,
            "qr_svg": _qr_svg(code),
        },
        201,
    )


@routes.post(
    "/transfer-codes/redeem",
    summary="I have a code from my old phone",
    description=(
        "On the new phone, with a `DPoP` proof of its own key, whether it has signed in before or not. It joins the "
        "account; its own guest goes away if it has never asked for a picture. If it has, nothing changes yet: the "
        "answer is 202 with a `merge_token` for `preview_merge`. Either way the code is used up. A slip of the finger "
        "is told from a wrong code (422 `not_a_transfer_code`) and costs no attempt; all else that is wrong is 404."
    ),
    openapi_extra=WITHOUT_TOKEN,
    responses=responses(
        401,
        404,
        409,
        429,
        *BODY_PROBLEMS,
        _200=response(DeviceSignedIn, "The device is in the account."),
        _202=response(schemas.MergeOffer, "The person is to be asked about this device's guest first."),
    ),
)
async def route_redeem_transfer_code(
    request: Request,
    backend: Backend,
    limit: Annotated[Limited, limited("redeem-transfer-code")],
    body: schemas.TransferCodeRedemption,
    dpop: Dpop,
) -> Response:
    proof = proven(request, dpop)
    limit.device(proof.thumbprint)
    outcome = await redeem_transfer_code(
        backend.db,
        typed=body.code,
        platform=body.platform,
        identifier_hashes=backend.identifiers.hashes(body.device_identifier, now=backend.now()),
        proof=proof,
        code_key=_transfer_key(backend),
        random_bits=secrets.token_bytes(32),
    )
    if isinstance(outcome, MergeGrant):
        return json_response(merge_offer(backend, outcome), 202)
    return json_response(credentials(backend, *outcome, proof))


@routes.get(
    "/merge",
    summary="What would come of merging this guest",
    description=(
        "For the guest that is signed in here and the account that it is about to join. The header `Merge-Token` holds "
        "the token that a member's sign-in or a transfer code gave to this device. Nothing changes by looking."
    ),
    openapi_extra=WITH_TOKEN,
    responses=responses(401, 409, _200=response(schemas.MergePreview, "Both sides, and what wins.")),
)
async def route_preview_merge(backend: Backend, caller: Caller, merge_token: MergeToken) -> Response:
    grant = backend.merge_tokens.verify(merge_token, caller=caller, now=backend.now())
    preview = await preview_merge(backend.db.merges, grant=grant)
    return json_response(
        {
            "leaving": _side(preview.leaving),
            "staying": _side(preview.staying),
            "outcome": {
                "generations": "moved",
                "pictures": "moved",
                "devices": "moved",
                "strikes": "added",
                "credits": "added",
                "profile": "staying",
                "credits_available": preview.credits_after,
            },
        }
    )


@routes.post(
    "/merge",
    summary="Merge this guest into the account",
    description=(
        "All at once: pictures, generations (those in flight go on), devices and credits go over, and this device is "
        "the account's, with the tokens of the answer. Needs the `Merge-Token`, and a `DPoP` proof of the device's "
        "key. The guest's other devices have to sign in again, and are the account's then. For seven days `undo_merge` "
        "takes it back. If the answer gets lost, sign the device in: it is the account's, or it is not."
    ),
    openapi_extra=WITH_TOKEN,
    responses=responses(401, 409, 429, _200=response(schemas.ConfirmedMerge, "One account now.")),
)
async def route_confirm_merge(
    *,
    request: Request,
    backend: Backend,
    limit: Annotated[Limited, limited("merge")],
    caller: Caller,
    merge_token: MergeToken,
    dpop: Dpop,
) -> Response:
    limit.account(caller.user_id)
    grant = backend.merge_tokens.verify(merge_token, caller=caller, now=backend.now())
    proof = proven(request, dpop)
    merged, device, refresh_token = await confirm_merge(
        backend.db, grant=grant, proof=proof, random_bits=secrets.token_bytes(32)
    )
    return json_response({**asdict(merged), "credentials": credentials(backend, device, refresh_token, proof)})


@routes.get(
    "/merges",
    summary="What I can still undo, newest first",
    description=(
        "The guests that were merged into the caller's account within the last seven days, and what would come of "
        "undoing each by itself, as everything stands now. Only the account gone into sees and undoes them; nothing "
        "changes by looking. `obstacle` names the refusal that `undo_merge` would answer with."
    ),
    openapi_extra=WITH_TOKEN,
    responses=responses(401, _200=response(schemas.UndoableMergePage, "A page.")),
)
async def route_list_merges(backend: Backend, caller: Caller, cursor: Cursor = None, limit: Limit = 20) -> Response:
    merges = await backend.db.merges.undoable(caller.user_id, before=cursor, limit=limit + 1)
    return page_response(
        merges,
        limit,
        lambda merge: {
            "id": merge.id,
            "user_id": merge.user_id,
            "merged_at": merge.merged_at,
            "undo_until": merge.undo_until,
            "generations": merge.generations,
            "generations_in_flight": merge.in_flight,
            "pictures": merge.pictures,
            "devices": merge.devices,
            "credits_returned": merge.credits_back.available,
            "credits_short": merge.credits_back.short,
            "obstacle": merge.obstacle,
        },
    )


@routes.post(
    "/merges/{merge_id}/undo",
    summary="Make two accounts of it again",
    description=(
        "By the account gone into, within seven days. Exactly what came goes back, with what became of it. Credits "
        "that were spent meanwhile stay spent: `credits_short` says how many of those that came do not go back. The "
        "devices that go back, perhaps this one, have to sign in again. 409 `no_device_to_return` or `only_way_in` if "
        "no device could open one of the two accounts then."
    ),
    openapi_extra=WITH_TOKEN,
    responses=responses(401, 404, 409, 429, _200=response(schemas.UndoneMerge, "Two accounts again.")),
)
async def route_undo_merge(
    backend: Backend, limit: Annotated[Limited, limited("merge")], caller: Caller, merge_id: UUID
) -> Response:
    limit.account(caller.user_id)
    undone = await undo_merge(backend.db, user_id=caller.user_id, merge_id=merge_id)
    return json_response(asdict(undone))


def _qr_svg(text: str) -> str:
    svg = io.BytesIO()
    segno.make(text, error="m", micro=False).save(svg, kind="svg", scale=_QR_DOT_PIXELS, xmldecl=False, nl=False)
    return svg.getvalue().decode()


def _side(side: MergeSide) -> dict[str, Any]:
    return {
        "user_id": side.user_id,
        "kind": side.kind,
        "email": side.email,
        "generations": side.generations,
        "generations_in_flight": side.in_flight,
        "pictures": side.pictures,
        "devices": side.devices,
        "strikes": side.strikes,
        "credits_available": side.credits_available,
        "credits_held": side.credits_held,
    }
