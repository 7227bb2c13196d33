"""Whether the whole building works (`/v1/api/health`). `/healthz` says that this process does."""

import asyncio
from typing import Any, Literal

import structlog
from starlette.requests import Request
from starlette.responses import Response

from tatemono.bootstrap.mobile_api import MobileApiBackend
from tatemono.entrypoints.http.bodies import ResponseBody, example
from tatemono.entrypoints.http.openapi import WITHOUT_TOKEN, response, responses
from tatemono.entrypoints.http.responses import json_response
from tatemono.entrypoints.mobile_api.caller import router

#: An answer is good for so long: the database is not asked more often than that, however many callers ask.
REMEMBERED_SECONDS = 0.5
#: Services that pictures need. Each connects to the database last, when it has found its queue and its store.
_NEEDED = ("image-worker", "outbox-relay")
#: A company of its own. All but new pictures works without it, so a front door must not turn phones away for it.
_PAINTER = "painter"
_TIMEOUT_SECONDS = 2

routes = router("Health")
log = structlog.get_logger()


class Health(ResponseBody):
    model_config = example(
        {"status": "ok", "parts": {"database": "ok", "image-worker": "ok", "outbox-relay": "ok", "painter": "ok"}}
    )

    status: Literal["ok", "degraded"]
    parts: dict[str, Literal["ok", "away"]]


class BuildingHealth:
    def __init__(self, backend: MobileApiBackend) -> None:
        self._backend = backend
        self._known_at = float("-inf")
        self._parts: dict[str, str] = {}
        self._lock = asyncio.Lock()

    async def parts(self) -> dict[str, str]:
        """Part → `ok` or `away`."""
        loop = asyncio.get_running_loop()
        async with self._lock:
            if loop.time() - self._known_at >= REMEMBERED_SECONDS:
                self._parts = await self._look()
                self._known_at = loop.time()
        return self._parts

    async def _look(self) -> dict[str, str]:
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                connected = await self._backend.db.queries.services_connected()
                outage = await self._backend.db.queries.painter_outage()
        except Exception as error:  # noqa: BLE001 - any error means that the database does not answer
            log.warning("health_not_known", error=repr(error))
            return dict.fromkeys(("database", *_NEEDED, _PAINTER), "away")
        services = {name: "ok" if name in connected else "away" for name in _NEEDED}
        return {"database": "ok", **services, _PAINTER: "away" if outage else "ok"}


@routes.get(
    "/health",
    summary="Whether every service that pictures need is there",
    openapi_extra=WITHOUT_TOKEN,
    responses=responses(
        _200=response(Health, "All are there; degraded, if but the painter is away: no new pictures can be made."),
        _503=response(Health, "Some are away."),
    ),
)
async def route_check_health(request: Request) -> Response:
    parts: dict[str, Any] = await request.app.state.health.parts()
    well = all(state == "ok" for state in parts.values())
    here = all(state == "ok" for name, state in parts.items() if name != _PAINTER)
    return json_response({"status": "ok" if well else "degraded", "parts": parts}, 200 if here else 503)
