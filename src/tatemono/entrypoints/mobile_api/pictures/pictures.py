"""The gallery."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from tatemono.entrypoints.http.responses import json_response
from tatemono.entrypoints.mobile_api import schemas
from tatemono.entrypoints.mobile_api.caller import Backend, Caller
from tatemono.entrypoints.mobile_api.generations.generations import Cursor, Limit
from tatemono.entrypoints.mobile_api.route_openapi import WITH_TOKEN, answers, body, router
from tatemono.usecases.pictures import delete_picture as use_case

routes = router("Pictures")


@routes.get(
    "/pictures",
    operation_id="list_pictures",
    summary="My pictures, newest first",
    openapi_extra=WITH_TOKEN,
    responses=answers(401, _200=body(schemas.PicturePage, "A page.")),
)
async def list_pictures(
    request: Request, backend: Backend, caller: Caller, cursor: Cursor = None, limit: Limit = 20
) -> Response:
    rows = await backend.db.queries.pictures(caller.user_id, before=cursor, limit=limit + 1)
    urls = request.app.state.urls
    items = [urls.picture(row) for row in rows[:limit]]
    return json_response({"items": items, "next_cursor": rows[limit - 1].id if len(rows) > limit else None})


@routes.delete(
    "/pictures/{picture_id}",
    operation_id="delete_picture",
    summary="Delete a picture",
    description="It is gone from the gallery at once, and its bytes soon after. Deleting it again changes nothing.",
    openapi_extra=WITH_TOKEN,
    status_code=204,
    responses=answers(401, 404, _204={"description": "Deleted."}),
)
async def delete_picture(backend: Backend, caller: Caller, picture_id: UUID) -> Response:
    await use_case.delete_picture(backend.db.pictures, user_id=caller.user_id, picture_id=picture_id)
    return Response(status_code=204)
