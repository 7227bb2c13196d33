"""Reporting a picture. An operator decides; a report alone changes nothing."""

from typing import Annotated
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from tatemono.domain.safety.reports import ReportReason, reason_text
from tatemono.entrypoints.http.openapi import BODY_PROBLEMS, WITH_TOKEN, WITHOUT_TOKEN, response, responses
from tatemono.entrypoints.http.rate_limits import Limited, limited
from tatemono.entrypoints.http.responses import json_response, language_of
from tatemono.entrypoints.mobile_api.caller import Backend, Caller, router
from tatemono.entrypoints.mobile_api.safety import safety_schemas as schemas
from tatemono.usecases.safety.report_from_outside import report_from_outside
from tatemono.usecases.safety.report_picture import report_picture

routes = router("Reports")


@routes.get(
    "/report-reasons",
    summary="What a picture can be reported for",
    openapi_extra=WITHOUT_TOKEN,
    responses=responses(_200=response(schemas.ReportReasonList, "In the order to show.")),
)
async def route_list_report_reasons(request: Request) -> Response:
    language = language_of(request)
    items = [{"reason": reason, "text": reason_text(reason, language)} for reason in ReportReason]
    return json_response({"items": items}, headers={"content-language": language, "vary": "accept-language"})


@routes.post(
    "/pictures/{picture_id}/report",
    summary="Report a picture of mine",
    description="An operator looks at it. Until that is decided, to report it again adds nothing.",
    openapi_extra=WITH_TOKEN,
    status_code=202,
    responses=responses(401, 404, 429, *BODY_PROBLEMS, _202={"description": "An operator will look at it."}),
)
async def route_report_picture(
    backend: Backend,
    limit: Annotated[Limited, limited("report")],
    caller: Caller,
    picture_id: UUID,
    body: schemas.PictureReport,
) -> Response:
    limit.account(caller.user_id)
    await report_picture(
        backend.db.reports, user_id=caller.user_id, picture_id=picture_id, reason=body.reason, note=body.note
    )
    return Response(status_code=202)


@routes.post(
    "/reports",
    summary="Report a picture without an account",
    description="For people who have come across a picture. The answer is the same whether there is such a picture or "
    "not, and the picture stays until an operator has decided.",
    openapi_extra=WITHOUT_TOKEN,
    status_code=202,
    responses=responses(
        429, *BODY_PROBLEMS, _202={"description": "If there is such a picture, an operator will look."}
    ),
)
async def route_report_from_outside(
    backend: Backend, _limit: Annotated[Limited, limited("report")], body: schemas.OutsideReport
) -> Response:
    await report_from_outside(backend.db.reports, picture=body.picture, reason=body.reason, note=body.note)
    return Response(status_code=202)
