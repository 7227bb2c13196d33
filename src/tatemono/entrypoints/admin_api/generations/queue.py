"""The queue: its state, pausing, draining, and priorities."""

from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from tatemono.domain.generations.circuit_breaker import Breaker, BreakerDecision
from tatemono.domain.generations.queue import Order, Priority
from tatemono.entrypoints.admin_api.authority import DONE, Backend, Caller, act_of, router
from tatemono.entrypoints.admin_api.generations import queue_schemas
from tatemono.entrypoints.admin_api.schemas import ActRequest
from tatemono.entrypoints.http.openapi import BODY_PROBLEMS, WITH_TOKEN, response, responses
from tatemono.entrypoints.http.responses import json_response
from tatemono.usecases.generations.control_queue import drain_queue, fill_queue, pause_queue, resume_queue
from tatemono.usecases.generations.reprioritise import reprioritise_generation, reprioritise_person

routes = router("Queue")


@routes.get(
    "/queue",
    summary="How the queue is",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, _200=response(queue_schemas.Queue, "The queue.")),
)
async def route_get_queue(backend: Backend) -> Response:
    db = backend.db
    controls, pace = await db.queue.controls(), await db.queue.pace()
    waiting, high, low, running, people = await db.queue.counts()
    return json_response(
        {
            "paused": _order(controls.paused),
            "draining": _order(controls.draining),
            "waiting": {"high": high, "normal": waiting - high - low, "low": low},
            "running": running,
            "people_waiting": people,
            "seconds_per_attempt": round(pace.mean_seconds, 2) if pace.samples else None,
            "painters": [_painter(*name, breaker) for name, breaker in (await db.painters.all()).items()],
            "dead_letters": await db.dead_letters.counts(),
        }
    )


def _order(order: Order | None) -> dict[str, Any] | None:
    return asdict(order) if order else None


def _painter(provider: str, model: str, breaker: Breaker) -> dict[str, Any]:
    decision, wait = breaker.decision()
    busy, opened = breaker.busy_for > 0, breaker.open_for is not None
    state = "busy" if busy else "closed" if not opened else "open" if (breaker.open_for or 0) > 0 else "half-open"
    seconds = round(wait) if decision is BreakerDecision.WAIT else 0
    return {
        "provider": provider,
        "model": model,
        "state": state,
        "failures": breaker.failures,
        "seconds": seconds,
        "refused_because": breaker.refused_because,
    }


#: What the routes that control the whole queue have in common.
_CONTROL: Final[dict[str, Any]] = {
    "openapi_extra": WITH_TOKEN,
    "status_code": 204,
    "responses": responses(401, 409, *BODY_PROBLEMS, _204=DONE),
}


@routes.post(
    "/queue/pause",
    summary="Begin nothing more",
    description="Effective at once, for all workers. What is being painted is finished; people may still ask for "
    "pictures.",
    **_CONTROL,
)
async def route_pause_queue(request: Request, backend: Backend, caller: Caller, body: ActRequest) -> Response:
    await pause_queue(backend.db, act_of(request, caller, body.reason))
    return Response(status_code=204)


@routes.post("/queue/resume", summary="Go on after a pause", description="Workers go on at once.", **_CONTROL)
async def route_resume_queue(request: Request, backend: Backend, caller: Caller, body: ActRequest) -> Response:
    await resume_queue(backend.db, act_of(request, caller, body.reason))
    return Response(status_code=204)


@routes.post(
    "/queue/drain",
    summary="Take nothing more on",
    description="Within seconds new requests are refused (503 `queue_draining`, with Retry-After). What waits is "
    "painted.",
    **_CONTROL,
)
async def route_drain_queue(request: Request, backend: Backend, caller: Caller, body: ActRequest) -> Response:
    await drain_queue(backend.db, act_of(request, caller, body.reason))
    return Response(status_code=204)


@routes.post("/queue/fill", summary="Take requests on again", description="Within seconds, everywhere.", **_CONTROL)
async def route_fill_queue(request: Request, backend: Backend, caller: Caller, body: ActRequest) -> Response:
    await fill_queue(backend.db, act_of(request, caller, body.reason))
    return Response(status_code=204)


@routes.post(
    "/generations/{generation_id}/priority",
    summary="Move one generation forward or back",
    description="As long as it waits. Within a priority turns go round among people.",
    openapi_extra=WITH_TOKEN,
    status_code=204,
    responses=responses(401, 404, *BODY_PROBLEMS, _204=DONE),
)
async def route_reprioritise_generation(
    request: Request, backend: Backend, caller: Caller, generation_id: UUID, body: queue_schemas.PriorityRequest
) -> Response:
    await reprioritise_generation(
        backend.db,
        act_of(request, caller, body.reason),
        generation_id=generation_id,
        priority=Priority[body.priority.upper()],
    )
    return Response(status_code=204)


@routes.post(
    "/people/{person_id}/priority",
    summary="Move all that a person has waiting forward or back",
    description="What they ask for later is normal again.",
    openapi_extra=WITH_TOKEN,
    responses=responses(
        401, 404, *BODY_PROBLEMS, _200=response(queue_schemas.Reprioritised, "Done, and written down.")
    ),
)
async def route_reprioritise_person(
    request: Request, backend: Backend, caller: Caller, person_id: UUID, body: queue_schemas.PriorityRequest
) -> Response:
    changed = await reprioritise_person(
        backend.db,
        act_of(request, caller, body.reason),
        user_id=person_id,
        priority=Priority[body.priority.upper()],
    )
    return json_response({"changed": changed})
