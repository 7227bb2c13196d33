"""Asking for pictures."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Header
from starlette.requests import Request
from starlette.responses import Response

from tatemono.domain.generations.generation import NoSuchGeneration
from tatemono.entrypoints.http.openapi import BODY_PROBLEMS, WITH_TOKEN, response, responses
from tatemono.entrypoints.http.responses import json_response, language_of, next_cursor
from tatemono.entrypoints.mobile_api.caller import PREFIX, Backend, Caller, router
from tatemono.entrypoints.mobile_api.generations import generation_schemas as schemas
from tatemono.entrypoints.mobile_api.generations.generation_resources import generation_resource, generation_resources
from tatemono.entrypoints.mobile_api.paging import Cursor, Limit
from tatemono.usecases.generations.cancel_generation import cancel_generation
from tatemono.usecases.generations.quote_generation import quote_generation
from tatemono.usecases.generations.submit_generation import submit_generation

routes = router("Generations")


@routes.post(
    "/generations",
    summary="Ask for pictures",
    description="Holds the credits and queues the request. The same key and body again give the same answer, for a "
    "day; the same key with another body is refused (422), and so is a repetition while the first is being answered "
    "(409). A request that was refused has done nothing: it is judged anew.",
    openapi_extra=WITH_TOKEN,
    status_code=201,
    responses=responses(
        401,
        404,
        409,
        429,
        *BODY_PROBLEMS,
        _201=response(
            schemas.Generation,
            "In the queue. A repetition shows it as it was then.",
            headers={
                "Location": {"schema": {"type": "string"}, "description": "The path of the generation."},
                "Idempotency-Replayed": {
                    "schema": {"type": "string", "enum": ["true"]},
                    "description": "There if this is the answer to an earlier request with the same key.",
                },
            },
        ),
    ),
)
async def route_submit_generation(
    request: Request,
    backend: Backend,
    caller: Caller,
    body: schemas.GenerationRequest,
    idempotency_key: Annotated[
        str,
        Header(
            min_length=1,
            max_length=255,
            pattern=r"^[\x21-\x7e]+$",
            description="Random, new for each new request; the same when a request is repeated. Good for a day.",
        ),
    ],
) -> Response:
    accepted = await submit_generation(
        backend.db,
        backend.prices,
        controls=backend.controls.value,
        words=backend.blocked_words.value,
        user_id=caller.user_id,
        request=body.asked(),
        idempotency_key=unquoted(idempotency_key),
    )
    generation = accepted.generation
    headers = {"location": f"{PREFIX}/generations/{generation.id}"}
    if accepted.repeated:
        headers["idempotency-replayed"] = "true"
    return json_response(generation_resource(generation, language_of(request)), 201, headers)


def unquoted(key: str) -> str:
    """The key without the quotes that the draft (a structured string, RFC 9651) has and many clients leave out."""
    return key[1:-1] if len(key) > len('""') and key[0] == key[-1] == '"' else key


@routes.post(
    "/generations/quote",
    summary="What it would cost",
    description="For the same body as `submit_generation`. Nothing is held and nothing is queued.",
    openapi_extra=WITH_TOKEN,
    responses=responses(
        401, *BODY_PROBLEMS, _200=response(schemas.GenerationQuote, "The price, and what stands in the way.")
    ),
)
async def route_quote_generation(backend: Backend, caller: Caller, body: schemas.GenerationRequest) -> Response:
    quote = await quote_generation(backend.db.generations, backend.prices, user_id=caller.user_id, request=body.asked())
    return json_response(
        {
            "price_credits": quote.price,
            "credits": {"available": quote.available, "free_today": quote.free_credits},
            "acceptable": quote.obstacle is None,
            "obstacle": quote.obstacle,
        }
    )


@routes.get(
    "/generations",
    summary="What I asked for, newest first",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, _200=response(schemas.GenerationPage, "A page.")),
)
async def route_list_generations(
    request: Request, backend: Backend, caller: Caller, cursor: Cursor = None, limit: Limit = 20
) -> Response:
    found = await backend.db.queries.generations(caller.user_id, before=cursor, limit=limit + 1)
    items = await generation_resources(backend, request.app.state.urls, found[:limit], language_of(request))
    return json_response({"items": items, "next_cursor": next_cursor(found, limit)})


@routes.get(
    "/generations/{generation_id}",
    summary="One request and how far it is",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, 404, _200=response(schemas.Generation, "The generation.")),
)
async def route_get_generation(request: Request, backend: Backend, caller: Caller, generation_id: UUID) -> Response:
    return json_response(await _resource(request, backend, caller, generation_id))


@routes.post(
    "/generations/{generation_id}/cancel",
    summary="I do not want it any more",
    description="What waits is cancelled at once; what is being painted, a moment later. The credits come back.",
    openapi_extra=WITH_TOKEN,
    status_code=202,
    responses=responses(401, 404, 409, _202=response(schemas.Generation, "Cancelled, or about to be.")),
)
async def route_cancel_generation(request: Request, backend: Backend, caller: Caller, generation_id: UUID) -> Response:
    await cancel_generation(backend.db, user_id=caller.user_id, generation_id=generation_id)
    return json_response(await _resource(request, backend, caller, generation_id), 202)


async def _resource(request: Request, backend: Backend, caller: Caller, generation_id: UUID) -> dict[str, Any]:
    generation = await backend.db.queries.generation(caller.user_id, generation_id)
    if generation is None:
        raise NoSuchGeneration
    resources = await generation_resources(backend, request.app.state.urls, [generation], language_of(request))
    return resources[0]
