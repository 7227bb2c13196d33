"""The review queue: reports, what is decided about them, takedowns and escalations."""

from collections.abc import Callable, Sequence
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
from tatemono.entrypoints.admin_api.authority import Backend, Caller, act_of, router
from tatemono.entrypoints.admin_api.operators.people import Cursor, Limit
from tatemono.entrypoints.admin_api.safety import safety_schemas as schemas
from tatemono.entrypoints.http.responses import json_response
from tatemono.entrypoints.http.route_openapi import OF_A_BODY, WITH_TOKEN, answers, body
from tatemono.usecases.safety import decide_report as deciding
from tatemono.usecases.safety import take_down_picture as taking_down
from tatemono.usecases.safety import undo_takedown as undoing

_DONE = {"description": "Done, and written down."}

routes = router("Safety")


@routes.get(
    "/reports",
    operation_id="list_reports",
    summary="Reports, the oldest first",
    openapi_extra=WITH_TOKEN,
    responses=answers(401, _200=body(schemas.ReportPage, "A page.")),
)
async def list_reports(
    backend: Backend,
    state: Annotated[ReportState | None, Query(description="Only these; without it, all.")] = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Response:
    return _page(await backend.db.reports.all(state, after=cursor, limit=limit + 1), limit, lambda report: report.id)


@routes.post(
    "/reports/{report_id}/claim",
    operation_id="claim_report",
    summary="Take a report on",
    description="Mine for 30 minutes; to claim it again makes that longer.",
    openapi_extra=WITH_TOKEN,
    responses=answers(401, 404, 409, *OF_A_BODY, _200=body(schemas.SafetyReport, "It is mine.")),
)
async def claim_report(backend: Backend, caller: Caller, report_id: UUID, body: schemas.ClaimRequest) -> Response:
    del body  # an empty object, so that nothing a browser sends by itself claims anything
    return json_response(asdict(await backend.db.reports.claim(report_id, caller.email, claimed_for=CLAIM_FOR)))


@routes.post(
    "/reports/{report_id}/decide",
    operation_id="decide_report",
    summary="Decide about a report I have claimed",
    description="`takedown`: the picture goes, and can be brought back for 30 days. `strike`: it goes, and counts "
    "against its user. `escalate`: it may be illegal, so it is kept as evidence and the account frozen. Other reports "
    "of the same picture are decided with it.",
    openapi_extra=WITH_TOKEN,
    responses=answers(401, 404, 409, *OF_A_BODY, _200=body(schemas.SafetyReport, "Decided, and written down.")),
)
async def decide_report(
    request: Request, backend: Backend, caller: Caller, report_id: UUID, body: schemas.DecisionRequest
) -> Response:
    report = await deciding.decide_report(
        backend.db,
        act_of(request, caller, body.reason),
        report_id=report_id,
        decision=body.decision,
        now=_now(backend),
    )
    return json_response(asdict(report))


@routes.post(
    "/pictures/{picture_id}/takedown",
    operation_id="take_down_picture",
    summary="Take a picture down that nobody has reported",
    openapi_extra=WITH_TOKEN,
    status_code=204,
    responses=answers(401, 404, *OF_A_BODY, _204=_DONE),
)
async def take_down_picture(
    request: Request, backend: Backend, caller: Caller, picture_id: UUID, body: schemas.TakedownRequest
) -> Response:
    await taking_down.take_down_picture(
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
    operation_id="list_takedowns",
    summary="Pictures that were taken down",
    openapi_extra=WITH_TOKEN,
    responses=answers(401, _200=body(schemas.TakedownPage, "A page.")),
)
async def list_takedowns(backend: Backend, cursor: Cursor = None, limit: Limit = 20) -> Response:
    found = await backend.db.takedowns.all(before=cursor, limit=limit + 1)
    return _page(found, limit, lambda takedown: takedown.picture_id)


@routes.post(
    "/takedowns/{picture_id}/undo",
    operation_id="undo_takedown",
    summary="Bring a picture back that was taken down by mistake",
    description="It is in its user's gallery within seconds. A strike for it counts no more; a suspension stays.",
    openapi_extra=WITH_TOKEN,
    status_code=204,
    responses=answers(401, 404, 409, *OF_A_BODY, _204=_DONE),
)
async def undo_takedown(
    request: Request, backend: Backend, caller: Caller, picture_id: UUID, body: schemas.SafetyAct
) -> Response:
    await undoing.undo_takedown(backend.db, act_of(request, caller, body.reason), picture_id=picture_id)
    return Response(status_code=204)


@routes.get(
    "/escalations",
    operation_id="list_escalations",
    summary="What may be illegal, the newest first",
    description="The record, never the picture. To have looked is written down.",
    openapi_extra=WITH_TOKEN,
    responses=answers(401, _200=body(schemas.EscalationPage, "A page.")),
)
async def list_escalations(
    request: Request, backend: Backend, caller: Caller, cursor: Cursor = None, limit: Limit = 20
) -> Response:
    async with backend.db.transaction() as rows:
        found = await rows.escalations.all(before=cursor, limit=limit + 1)
        await rows.people.record(Operation.LIST_ESCALATIONS, act_of(request, caller, "looked"), None, {})
    return _page(found, limit, lambda record: record.id, _escalation)


def _escalation(record: Escalation) -> dict[str, Any]:
    return asdict(record) | {"sha256": record.sha256 and record.sha256.hex()}


def _page(
    found: Sequence[Any], limit: int, key: Callable[[Any], UUID], shape: Callable[[Any], dict[str, Any]] = asdict
) -> Response:
    next_cursor = key(found[limit - 1]) if len(found) > limit else None
    return json_response({"items": [shape(each) for each in found[:limit]], "next_cursor": next_cursor})


def _now(backend: AdminApiBackend) -> datetime:
    return datetime.fromtimestamp(backend.now(), UTC)
