"""Reference pictures: a form to upload one with, and the check afterwards."""

from typing import Any
from uuid import UUID

from starlette.responses import Response

from tatemono.domain.pictures.references import MAX_UPLOAD_BYTES, Reference
from tatemono.entrypoints.http.openapi import BODY_PROBLEMS, WITH_TOKEN, response, responses
from tatemono.entrypoints.http.responses import json_response
from tatemono.entrypoints.mobile_api.caller import Backend, Caller, router
from tatemono.entrypoints.mobile_api.pictures import reference_schemas
from tatemono.usecases.pictures.complete_reference import complete_reference
from tatemono.usecases.pictures.prepare_reference import prepare_reference

routes = router("References")


@routes.post(
    "/references",
    summary="Bring a picture along",
    description="A form that uploads one picture, good for ten minutes. Send it, then complete the reference. It is "
    "erased after a day.",
    openapi_extra=WITH_TOKEN,
    status_code=201,
    responses=responses(401, 429, *BODY_PROBLEMS, _201=response(reference_schemas.PreparedReference, "The form.")),
)
async def route_prepare_reference(
    backend: Backend, caller: Caller, body: reference_schemas.ReferenceRequest
) -> Response:
    reference, form = await prepare_reference(
        backend.db.references, backend.uploads, user_id=caller.user_id, content_type=body.content_type
    )
    shown = {
        "url": form.url,
        "fields": form.fields,
        "max_bytes": MAX_UPLOAD_BYTES,
        "expires_at": form.expires_at,
    }
    return json_response({"reference": _resource(reference), "form": shown}, 201)


@routes.post(
    "/references/{reference_id}/complete",
    summary="It is uploaded",
    description="Checks the picture by its content and makes a clean copy of it: upright, without EXIF and GPS, 2048 "
    "pixels a side at most. The upload is erased in either case.",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, 404, 409, _200=response(reference_schemas.ReferencePicture, "Ready to be used.")),
)
async def route_complete_reference(backend: Backend, caller: Caller, reference_id: UUID) -> Response:
    reference = await complete_reference(
        backend.db.references, backend.uploads, backend.cleaner, user_id=caller.user_id, reference_id=reference_id
    )
    return json_response(_resource(reference))


def _resource(reference: Reference) -> dict[str, Any]:
    return {
        "id": reference.id,
        "state": "ready" if reference.ready else "waiting",
        "width": reference.width,
        "height": reference.height,
        "expires_at": reference.expires_at,
    }
