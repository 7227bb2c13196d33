"""Watching a generation."""

from typing import Annotated
from uuid import UUID

from fastapi import Header, Query
from starlette.requests import Request

from tatemono.domain.generations.generation import NoSuchGeneration
from tatemono.entrypoints.http.openapi import WITH_TOKEN, responses
from tatemono.entrypoints.http.responses import language_of
from tatemono.entrypoints.mobile_api.caller import Backend, Caller, router
from tatemono.entrypoints.mobile_api.generations.streams import EventStream

routes = router("Generations")

#: PostgreSQL's bigint.
_LARGEST_ID = 2**63 - 1
_EXAMPLE = """retry: 1000

id: 0
event: queued
data: {"id":"019ab3c2-5b1e-7a10-8c55-0d2f6a1b9e01","created_at":"2026-11-24T08:40:58.271828Z"}

event: position
data: {"position":3,"waiting":{"seconds":41,"least_seconds":22,"most_seconds":61},"delay":null}

id: 4711
event: started
data: {"attempt": 1}

id: 4713
event: partial
data: {"index": 0, "webp_base64": "UklGRi…"}

id: 4719
event: failed
data: {"failure":{"code":"prompt_refused","text":"The painter does not paint this prompt. …"}}

"""


@routes.get(
    "/generations/{generation_id}/events",
    summary="Watch a picture appear",
    description=(
        "Server-sent events: `queued`, `position` (while it waits, when it changes), `started`, `partial` (an "
        "unfinished picture, small, base64 of WebP), `retrying`, and last one of `done` (the whole generation), "
        "`failed` and `cancelled` (both with `failure`). The stream ends after the last event. A stream that broke "
        "off is resumed with `Last-Event-ID`; if nothing is left to tell, the answer is 204. A comment every 15 "
        "seconds keeps the connection open. Unfinished pictures are not kept once it is finished."
    ),
    openapi_extra=WITH_TOKEN,
    responses=responses(
        401,
        404,
        429,
        _200={
            "description": "The events.",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
        },
        _204={"description": "It is finished, and nothing came after that event. An EventSource does not come back."},
    ),
)
async def route_watch_generation(
    request: Request,
    backend: Backend,
    caller: Caller,
    generation_id: UUID,
    *,
    last_event_id: Annotated[
        int | None, Query(ge=0, le=_LARGEST_ID, description="As the header, for clients that cannot set one.")
    ] = None,
    last_event_id_header: Annotated[
        int | None,
        Header(alias="Last-Event-ID", ge=0, le=_LARGEST_ID, description="The id of the last event that was received."),
    ] = None,
) -> EventStream:
    generation = await backend.db.queries.generation(caller.user_id, generation_id)
    if generation is None:
        raise NoSuchGeneration
    resume_after = last_event_id if last_event_id_header is None else last_event_id_header
    return EventStream(request.app.state.streams, generation, resume_after, language_of(request))
