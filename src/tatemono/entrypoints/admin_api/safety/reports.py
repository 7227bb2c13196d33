"""The review queue: reports, what is decided about them, takedowns and escalations."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from tatemono.bootstrap.admin_api import AdminApiBackend
from tatemono.domain.operators.roles import Operation
from tatemono.domain.safety.moderation import Escalation
from tatemono.domain.safety.reports import CLAIM_FOR, Decision, ReportState
from tatemono.entrypoints.admin_api.authority import DONE, Backend, Caller, act_of, router
from tatemono.entrypoints.admin_api.paging import Cursor, Limit
from tatemono.entrypoints.admin_api.safety import safety_schemas as schemas
from tatemono.entrypoints.http.openapi import BODY_PROBLEMS, WITH_TOKEN, response, responses
from tatemono.entrypoints.http.responses import json_response, page_response
from tatemono.usecases.safety.decide_report import decide_report
from tatemono.usecases.safety.take_down_picture import take_down_picture
from tatemono.usecases.safety.undo_takedown import undo_takedown

routes = router("Safety")


@routes.get(
    "/reports",
    summary="Reports, the oldest first",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, _200=response(schemas.ReportPage, "A page.")),
)
async def route_list_reports(
    backend: Backend,
    state: Annotated[ReportState | None, Query(description="Only these; without it, all.")] = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Response:
    return page_response(await backend.db.reports.all(state, after=cursor, limit=limit + 1), limit)


@routes.post(
    "/reports/{report_id}/claim",
    summary="Take a report on",
    description="Mine for 30 minutes; to claim it again makes that longer.",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, 404, 409, *BODY_PROBLEMS, _200=response(schemas.SafetyReport, "It is mine.")),
)
async def route_claim_report(backend: Backend, caller: Caller, report_id: UUID, body: schemas.ClaimRequest) -> Response:
    del body  # an empty object: a request that another site makes a browser send has none
    return json_response(asdict(await backend.db.reports.claim(report_id, caller.email, claimed_for=CLAIM_FOR)))


@routes.post(
    "/reports/{report_id}/decide",
    summary="Decide about a report I have claimed",
    description="`takedown`: the picture goes, and can be brought back for 30 days. `strike`: it goes, and counts "
    "against its user. `escalate`: it may be illegal, so it is kept as evidence and the account frozen. Other reports "
    "of the same picture are decided with it.",
    openapi_extra=WITH_TOKEN,
    responses=responses(
        401, 404, 409, *BODY_PROBLEMS, _200=response(schemas.SafetyReport, "Decided, and written down.")
    ),
)
async def route_decide_report(
    request: Request, backend: Backend, caller: Caller, report_id: UUID, body: schemas.DecisionRequest
) -> Response:
    report = await decide_report(
        backend.db,
        act_of(request, caller, body.reason),
        report_id=report_id,
        decision=body.decision,
        now=_now(backend),
    )
    return json_response(asdict(report))


@routes.post(
    "/pictures/{picture_id}/takedown",
    summary="Take a picture down that was not reported",
    openapi_extra=WITH_TOKEN,
    status_code=204,
    responses=responses(401, 404, *BODY_PROBLEMS, _204=DONE),
)
async def route_take_down_picture(
    request: Request, backend: Backend, caller: Caller, picture_id: UUID, body: schemas.TakedownRequest
) -> Response:
    await take_down_picture(
        backend.db,
        act_of(request, caller, body.reason),
        picture_id=picture_id,
        reason=body.report_reason,
        decision=Decision(body.decision),
        now=_now(backend),
    )
    return Response(status_code=204)


@routes.get(
    "/takedowns",
    summary="Pictures that were taken down",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, _200=response(schemas.TakedownPage, "A page.")),
)
async def route_list_takedowns(backend: Backend, cursor: Cursor = None, limit: Limit = 20) -> Response:
    found = await backend.db.takedowns.all(before=cursor, limit=limit + 1)
    return page_response(found, limit, key=lambda takedown: takedown.picture_id)


@routes.post(
    "/takedowns/{picture_id}/undo",
    summary="Bring a picture back that was taken down by mistake",
    description="It is in its user's gallery within seconds. A strike for it counts no more; a suspension stays.",
    openapi_extra=WITH_TOKEN,
    status_code=204,
    responses=responses(401, 404, 409, *BODY_PROBLEMS, _204=DONE),
)
async def route_undo_takedown(
    request: Request, backend: Backend, caller: Caller, picture_id: UUID, body: schemas.SafetyAct
) -> Response:
    await undo_takedown(backend.db, act_of(request, caller, body.reason), picture_id=picture_id)
    return Response(status_code=204)


@routes.get(
    "/escalations",
    summary="What may be illegal, the newest first",
    description="The record, never the picture. To have looked is written down.",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, _200=response(schemas.EscalationPage, "A page.")),
)
async def route_list_escalations(
    request: Request, backend: Backend, caller: Caller, cursor: Cursor = None, limit: Limit = 20
) -> Response:
    async with backend.db.transaction() as rows:
        found = await rows.escalations.all(before=cursor, limit=limit + 1)
        await rows.people.record(Operation.LIST_ESCALATIONS, act_of(request, caller, "looked"), None, {})
    return page_response(found, limit, _escalation)


def _escalation(record: Escalation) -> dict[str, Any]:
    return asdict(record) | {"sha256": record.sha256 and record.sha256.hex()}


def _now(backend: AdminApiBackend) -> datetime:
    return datetime.fromtimestamp(backend.now(), UTC)
