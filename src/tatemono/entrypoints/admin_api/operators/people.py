"""People: finding, showing, suspending, restoring and signing them out."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from tatemono.domain.operators.roles import NoSuchPerson, Search
from tatemono.entrypoints.admin_api.authority import DONE, Backend, Caller, act_of, router
from tatemono.entrypoints.admin_api.operators import person_schemas as schemas
from tatemono.entrypoints.admin_api.paging import Cursor, Limit
from tatemono.entrypoints.admin_api.schemas import ActRequest
from tatemono.entrypoints.http.bodies import NO_NUL
from tatemono.entrypoints.http.openapi import BODY_PROBLEMS, WITH_TOKEN, response, responses
from tatemono.entrypoints.http.responses import json_response, page_response
from tatemono.usecases.operators.restore_person import restore_person
from tatemono.usecases.operators.sign_out_person import sign_out_person
from tatemono.usecases.operators.suspend_person import suspend_person

routes = router("People")


@routes.get(
    "/people",
    summary="Find people, the newest first",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, _200=response(schemas.PersonPage, "A page.")),
)
async def route_find_people(
    backend: Backend,
    search: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=320,
            pattern=NO_NUL,
            description="An e-mail address; the id of a person, device, session, generation or transfer code; or the "
            "first 6 characters or more of a device key's thumbprint. Without it: all people.",
        ),
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Response:
    wanted = None if search is None else Search.parse(search)
    found = await backend.db.people.find(wanted, before=cursor, limit=limit + 1)
    return page_response(found, limit)


@routes.get(
    "/people/{person_id}",
    summary="A person with devices and sessions",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, 404, _200=response(schemas.PersonInFull, "The person.")),
)
async def route_get_person(backend: Backend, person_id: UUID) -> Response:
    person = await backend.db.people.in_full(person_id)
    if person is None:
        raise NoSuchPerson
    return json_response(asdict(person))


@routes.post(
    "/people/{person_id}/suspend",
    summary="Suspend a person",
    description="Everything is refused to them within seconds, and they are told why. Their sessions stay for "
    "afterwards. To suspend again changes the end and the reason.",
    openapi_extra=WITH_TOKEN,
    status_code=204,
    responses=responses(401, 404, *BODY_PROBLEMS, _204=DONE),
)
async def route_suspend_person(
    request: Request, backend: Backend, caller: Caller, person_id: UUID, body: schemas.SuspensionRequest
) -> Response:
    await suspend_person(
        backend.db,
        act_of(request, caller, body.reason),
        user_id=person_id,
        until=body.until,
        now=datetime.fromtimestamp(backend.now(), UTC),
    )
    return Response(status_code=204)


@routes.post(
    "/people/{person_id}/restore",
    summary="End a suspension",
    openapi_extra=WITH_TOKEN,
    status_code=204,
    responses=responses(401, 404, 409, *BODY_PROBLEMS, _204=DONE),
)
async def route_restore_person(
    request: Request, backend: Backend, caller: Caller, person_id: UUID, body: ActRequest
) -> Response:
    await restore_person(backend.db, act_of(request, caller, body.reason), user_id=person_id)
    return Response(status_code=204)


@routes.post(
    "/people/{person_id}/sign-out",
    summary="Sign a person out everywhere",
    description="Ends all sessions. The devices stay the person's, and may sign in again.",
    openapi_extra=WITH_TOKEN,
    status_code=204,
    responses=responses(401, 404, *BODY_PROBLEMS, _204=DONE),
)
async def route_sign_out_person(
    request: Request, backend: Backend, caller: Caller, person_id: UUID, body: ActRequest
) -> Response:
    await sign_out_person(backend.db, act_of(request, caller, body.reason), user_id=person_id)
    return Response(status_code=204)
