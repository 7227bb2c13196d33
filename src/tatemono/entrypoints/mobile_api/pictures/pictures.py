"""The gallery."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from tatemono.entrypoints.http.openapi import WITH_TOKEN, response, responses
from tatemono.entrypoints.http.responses import page_response
from tatemono.entrypoints.mobile_api.caller import Backend, Caller, router
from tatemono.entrypoints.mobile_api.paging import Cursor, Limit
from tatemono.entrypoints.mobile_api.pictures.picture_schemas import PicturePage
from tatemono.usecases.pictures.delete_picture import delete_picture

routes = router("Pictures")


@routes.get(
    "/pictures",
    summary="My pictures, newest first",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, _200=response(PicturePage, "A page.")),
)
async def route_list_pictures(
    request: Request, backend: Backend, caller: Caller, cursor: Cursor = None, limit: Limit = 20
) -> Response:
    rows = await backend.db.queries.pictures(caller.user_id, before=cursor, limit=limit + 1)
    return page_response(rows, limit, request.app.state.urls.picture)


@routes.delete(
    "/pictures/{picture_id}",
    summary="Delete a picture",
    description="It is gone from the gallery at once, and its bytes soon after. Deleting it again changes nothing.",
    openapi_extra=WITH_TOKEN,
    status_code=204,
    responses=responses(401, 404, _204={"description": "Deleted."}),
)
async def route_delete_picture(backend: Backend, caller: Caller, picture_id: UUID) -> Response:
    await delete_picture(backend.db.pictures, user_id=caller.user_id, picture_id=picture_id)
    return Response(status_code=204)
