"""Dead letters: listing, redriving and discarding them."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from tatemono.domain.generations.dead_letters import DeadLetter, reason_text
from tatemono.entrypoints.admin_api.authority import Backend, Caller, act_of, router
from tatemono.entrypoints.admin_api.generations import queue_schemas
from tatemono.entrypoints.admin_api.paging import Cursor, Limit
from tatemono.entrypoints.http.openapi import BODY_PROBLEMS, WITH_TOKEN, response, responses
from tatemono.entrypoints.http.responses import json_response, language_of, page_response
from tatemono.usecases.generations.decide_dead_letters import discard_dead_letters, redrive_dead_letters

routes = router("Dead letters")


@routes.get(
    "/dead-letters",
    summary="Messages that a queue gave up, the newest first",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, _200=response(queue_schemas.DeadLetterPage, "A page.")),
)
async def route_list_dead_letters(
    request: Request,
    backend: Backend,
    queue: Annotated[
        str | None, Query(min_length=1, max_length=80, pattern=r"^[a-z0-9-]+$", description="Only of this queue.")
    ] = None,
    *,
    decided: Annotated[bool, Query(description="Also those that were redriven or discarded.")] = False,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Response:
    found = await backend.db.dead_letters.page(queue, before=cursor, limit=limit + 1, decided=decided)
    language = language_of(request)
    return page_response(found, limit, lambda letter: _resource(letter, language))


def _resource(letter: DeadLetter, language: str) -> dict[str, Any]:
    facts = asdict(letter)
    del facts["times_seen"]
    return facts | {"reason": {"code": letter.reason, "text": reason_text(letter.reason, language)}}


@routes.post(
    "/dead-letters/redrive",
    summary="Send dead letters to their queue again",
    description="Five a second, each once, however often this is asked.",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, 404, *BODY_PROBLEMS, _200=response(queue_schemas.Decided, "Done, and written down.")),
)
async def route_redrive_dead_letters(
    request: Request, backend: Backend, caller: Caller, body: queue_schemas.RedriveRequest
) -> Response:
    act = act_of(request, caller, body.reason)
    count = await redrive_dead_letters(backend.db, act, queue=body.queue, ids=body.letters)
    return json_response({"letters": count})


@routes.post(
    "/dead-letters/discard",
    summary="Throw dead letters away",
    description="They are not sent again. What they were stays on record.",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, 404, *BODY_PROBLEMS, _200=response(queue_schemas.Decided, "Done, and written down.")),
)
async def route_discard_dead_letters(
    request: Request, backend: Backend, caller: Caller, body: queue_schemas.DiscardRequest
) -> Response:
    act = act_of(request, caller, body.reason)
    count = await discard_dead_letters(backend.db, act, queue=body.queue, ids=body.letters)
    return json_response({"letters": count})
