"""What operators did, and who the operator is."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from starlette.responses import Response

from tatemono.domain.operators.roles import ALLOWED
from tatemono.entrypoints.admin_api.authority import Backend, Caller, router
from tatemono.entrypoints.admin_api.operators import audit_schemas as schemas
from tatemono.entrypoints.admin_api.paging import Cursor, Limit
from tatemono.entrypoints.http.openapi import WITH_TOKEN, response, responses
from tatemono.entrypoints.http.responses import json_response, page_response

routes = router("Operators")


@routes.get(
    "/me",
    summary="Who I am, and what I may do",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, _200=response(schemas.OperatorSelf, "The operator.")),
)
async def route_get_operator(caller: Caller) -> Response:
    operations = sorted(operation for operation, roles in ALLOWED.items() if roles & caller.roles)
    return json_response(
        {"id": caller.id, "email": caller.email, "roles": sorted(caller.roles), "operations": operations}
    )


@routes.get(
    "/me/acts",
    summary="What I did, the newest first",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, _200=response(schemas.AuditPage, "A page.")),
)
async def route_list_own_acts(backend: Backend, caller: Caller, cursor: Cursor = None, limit: Limit = 20) -> Response:
    return page_response(await backend.db.people.records_by(caller.id, before=cursor, limit=limit + 1), limit)


@routes.get(
    "/audit",
    summary="What operators did, the newest first",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, _200=response(schemas.AuditPage, "A page.")),
)
async def route_list_audit_records(
    backend: Backend,
    person_id: Annotated[UUID | None, Query(description="Only what was done to this person.")] = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Response:
    return page_response(await backend.db.people.records(person_id, before=cursor, limit=limit + 1), limit)
