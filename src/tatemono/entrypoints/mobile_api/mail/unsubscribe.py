"""Unsubscribing from a kind of mail: a page for people, and RFC 8058's one click for their mail readers."""

from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from tatemono.domain.mail.unsubscribing import UnsubscribeLinkRejected, check_optional
from tatemono.entrypoints.http.openapi import WITHOUT_TOKEN, responses
from tatemono.entrypoints.mobile_api.caller import Backend, router
from tatemono.entrypoints.mobile_api.mail.unsubscribe_page import (
    TEXTS,
    asked_page,
    done_page,
    html_response,
    rejected_page,
)
from tatemono.usecases.mail.unsubscribe import unsubscribe

routes = router("Mail")

Token = Annotated[str, Query(max_length=200, description="From the link in the mail.")]


def _responses(description: str, title: str) -> dict[int | str, dict[str, Any]]:
    found = responses(_200=html_response(description, title))
    found[422]["content"] |= html_response("The link is not whole.", TEXTS["en"]["wrong"])["content"]
    return found


@routes.get(
    "/mail/unsubscribe",
    summary="A page that asks whether to unsubscribe",
    description="For people who follow the link in a mail. It changes nothing: programs follow links too.",
    openapi_extra=WITHOUT_TOKEN,
    responses=_responses("A page with one button.", TEXTS["en"]["ask"]),
)
async def route_ask_to_unsubscribe(request: Request, backend: Backend, token: Token = "") -> Response:
    try:
        kind = backend.unsubscribe_links.read(token).kind
        check_optional(kind)
    except UnsubscribeLinkRejected as refusal:
        return rejected_page(request, refusal)
    return asked_page(request, kind)


@routes.post(
    "/mail/unsubscribe",
    summary="Unsubscribe",
    description=(
        "The button of the page, or of a mail reader (RFC 8058), which sends the form field "
        "`List-Unsubscribe=One-Click`; the token says all, so the body is not read. Again changes nothing."
    ),
    openapi_extra=WITHOUT_TOKEN,
    responses=_responses("No such mail comes any more.", TEXTS["en"]["done"]),
)
async def route_unsubscribe(request: Request, backend: Backend, token: Token = "") -> Response:
    try:
        found = backend.unsubscribe_links.read(token)
        await unsubscribe(backend.db.mails, digest=found.digest, kind=found.kind)
    except UnsubscribeLinkRejected as refusal:
        return rejected_page(request, refusal)
    return done_page(request, found.kind)
