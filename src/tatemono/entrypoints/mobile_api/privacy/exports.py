"""Exports: a copy of all the user's data, to take along."""

from datetime import UTC, datetime
from typing import Annotated, Any

from starlette.requests import Request
from starlette.responses import Response

from tatemono.domain.privacy.exports import Export, ExportState, NoSuchExport
from tatemono.entrypoints.http.openapi import WITH_TOKEN, response, responses
from tatemono.entrypoints.http.rate_limits import Limited, limited
from tatemono.entrypoints.http.responses import json_response, language_of
from tatemono.entrypoints.mobile_api.caller import Backend, Caller, router
from tatemono.entrypoints.mobile_api.pictures.picture_urls import PictureUrls
from tatemono.entrypoints.mobile_api.privacy import export_schemas as schemas
from tatemono.usecases.privacy.request_export import request_export

routes = router("Leaving")


@routes.post(
    "/me/export",
    summary="Give me everything that is mine",
    description=(
        "A zip with pictures, prompts, profile and the history of credits is built in the background; `get_export` "
        "tells how far it is. Members get a mail with a link when it is ready. While one is being built, asking again "
        "gives the same one."
    ),
    openapi_extra=WITH_TOKEN,
    status_code=202,
    responses=responses(401, 429, _202=response(schemas.Export, "It is being built.")),
)
async def route_request_export(
    request: Request, backend: Backend, limit: Annotated[Limited, limited("export")], caller: Caller
) -> Response:
    limit.account(caller.user_id)
    export = await request_export(backend.db, user_id=caller.user_id, language=language_of(request))
    return json_response(_export(export, request.app.state.urls), 202)


@routes.get(
    "/me/export",
    summary="How far my export is, and its link",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, 404, _200=response(schemas.Export, "The newest one.")),
)
async def route_get_export(request: Request, backend: Backend, caller: Caller) -> Response:
    export = await backend.db.exports.newest(caller.user_id)
    if export is None:
        raise NoSuchExport
    return json_response(_export(export, request.app.state.urls))


def _export(export: Export, urls: PictureUrls) -> dict[str, Any]:
    expires_at = urls.expiry() if export.state is ExportState.READY else None
    return {
        "id": export.id,
        "state": export.state,
        "created_at": export.created_at,
        "ready_at": export.ready_at,
        "expires_at": export.expires_at,
        "size_bytes": export.size_bytes,
        "pictures": export.pictures,
        "url": urls.url(export.object_key, expires_at) if expires_at else None,
        "url_expires_at": datetime.fromtimestamp(expires_at, UTC) if expires_at else None,
    }
