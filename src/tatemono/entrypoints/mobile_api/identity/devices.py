"""The user's devices, and what happened to the account."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from tatemono.entrypoints.http.openapi import WITH_TOKEN, response, responses
from tatemono.entrypoints.http.responses import json_response, language_of, page_response
from tatemono.entrypoints.mobile_api.caller import Backend, Caller, router
from tatemono.entrypoints.mobile_api.identity import device_schemas
from tatemono.entrypoints.mobile_api.identity.security_event_texts import security_event_text
from tatemono.entrypoints.mobile_api.paging import Cursor, Limit
from tatemono.usecases.identity.revoke_device import revoke_device

routes = router("Devices")


@routes.get(
    "/devices",
    summary="My devices, the last seen first",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, _200=response(device_schemas.DeviceList, "All that are not revoked.")),
)
async def route_list_devices(backend: Backend, caller: Caller) -> Response:
    items = [
        {
            "id": device.id,
            "platform": device.platform,
            "created_at": device.created_at,
            "last_seen_at": device.last_seen_at,
            "signed_in": device.signed_in,
            "current": device.id == caller.device_id,
        }
        for device in await backend.db.sessions.devices(caller.user_id)
    ]
    return json_response({"items": items})


@routes.delete(
    "/devices/{device_id}",
    summary="This device is not mine any more",
    description=(
        "Ends its session at once. When it signs in again, it gets a new guest. A guest's last device cannot be "
        "revoked (409 `only_way_in`): no device could open the account any more."
    ),
    openapi_extra=WITH_TOKEN,
    status_code=204,
    responses=responses(401, 404, 409, _204={"description": "Revoked."}),
)
async def route_revoke_device(backend: Backend, caller: Caller, device_id: UUID) -> Response:
    await revoke_device(backend.db, user_id=caller.user_id, user_kind=caller.user_kind, device_id=device_id)
    return Response(status_code=204)


@routes.get(
    "/security-events",
    summary="What happened to my account, newest first",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, _200=response(device_schemas.SecurityEventPage, "A page.")),
)
async def route_list_security_events(
    request: Request, backend: Backend, caller: Caller, cursor: Cursor = None, limit: Limit = 20
) -> Response:
    language = language_of(request)
    events = await backend.db.sessions.events(caller.user_id, before=cursor, limit=limit + 1)
    return page_response(
        events,
        limit,
        lambda event: {
            "id": event.id,
            "kind": event.kind,
            "text": security_event_text(event.kind, language),
            "device_id": event.device_id,
            "created_at": event.created_at,
        },
    )
