"""Saying that a picture should not be there. An operator decides; a report alone changes nothing."""

from typing import Annotated
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from tatemono.domain.safety.reports import ReportReason, reason_text
from tatemono.entrypoints.http.rate_limits import Limited, limited
from tatemono.entrypoints.http.responses import json_response, language_of
from tatemono.entrypoints.mobile_api.caller import Backend, Caller
from tatemono.entrypoints.mobile_api.route_openapi import OF_A_BODY, OPEN_TO_ALL, WITH_TOKEN, answers, body, router
from tatemono.entrypoints.mobile_api.safety import safety_schemas as schemas
from tatemono.usecases.safety import report_from_outside as reporting_from_outside
from tatemono.usecases.safety import report_picture as reporting

routes = router("Reports")


@routes.get(
    "/report-reasons",
    operation_id="list_report_reasons",
    summary="What a picture can be reported for",
    openapi_extra=OPEN_TO_ALL,
    responses=answers(_200=body(schemas.ReportReasonList, "In the order to show.")),
)
async def list_report_reasons(request: Request) -> Response:
    language = language_of(request)
    items = [{"reason": reason, "text": reason_text(reason, language)} for reason in ReportReason]
    return json_response({"items": items}, headers={"content-language": language, "vary": "accept-language"})


@routes.post(
    "/pictures/{picture_id}/report",
    operation_id="report_picture",
    summary="Report a picture of mine",
    description="An operator looks at it. Until that is decided, to report it again adds nothing.",
    openapi_extra=WITH_TOKEN,
    status_code=202,
    responses=answers(401, 404, 429, *OF_A_BODY, _202={"description": "An operator will look at it."}),
)
async def report_picture(
    backend: Backend,
    limit: Annotated[Limited, limited("report")],
    caller: Caller,
    picture_id: UUID,
    body: schemas.PictureReport,
) -> Response:
    limit.account(caller.user_id)
    await reporting.report_picture(
        backend.db.reports, user_id=caller.user_id, picture_id=picture_id, reason=body.reason, note=body.note
    )
    return Response(status_code=202)


@routes.post(
    "/reports",
    operation_id="report_from_outside",
    summary="Report anybody's picture",
    description="For whoever has come across a picture, without an account. The answer is the same whether there is "
    "such a picture or not, and the picture stays until an operator has decided.",
    openapi_extra=OPEN_TO_ALL,
    status_code=202,
    responses=answers(429, *OF_A_BODY, _202={"description": "If there is such a picture, an operator will look."}),
)
async def report_from_outside(
    backend: Backend, _limit: Annotated[Limited, limited("report")], body: schemas.OutsideReport
) -> Response:
    await reporting_from_outside.report_from_outside(
        backend.db.reports, picture=body.picture, reason=body.reason, note=body.note
    )
    return Response(status_code=202)
