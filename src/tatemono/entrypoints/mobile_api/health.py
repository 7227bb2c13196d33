"""Whether the whole building works (`/v1/api/health`). `/healthz` says that this process does."""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

import structlog
from pydantic import Field
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
_TIMEOUT_SECONDS = 2
#: With less room than this for files, the disk counts as full.
LEAST_FREE_BYTES = 100_000_000

routes = router("Health")
log = structlog.get_logger()


class Health(ResponseBody):
    model_config = example(
        {
            "status": "degraded",
            "parts": {"database": "ok", "image-worker": "ok", "outbox-relay": "ok"},
            "concerns": {"moderation": "away"},
        }
    )

    status: Literal["ok", "degraded"]
    parts: dict[str, Literal["ok", "away"]]
    concerns: dict[str, str] = Field(
        default_factory=dict,
        description="What does not work all the same: `disk` is `full`, `moderation` is `away`, `painter` is `away` "
        "(none takes our account).",
    )


async def _disk(_backend: MobileApiBackend) -> str | None:
    return "full" if shutil.disk_usage(tempfile.gettempdir()).free < LEAST_FREE_BYTES else None


async def _moderation(backend: MobileApiBackend) -> str | None:
    return "away" if await backend.db.moderations.is_away() else None


async def _painter(backend: MobileApiBackend) -> str | None:
    return "away" if await backend.db.queries.painter_outage() else None


#: Each looks for one concern, and has a word for it if there is one. None makes the building unfit for requests.
CONCERNS: Final[dict[str, Callable[[MobileApiBackend], Awaitable[str | None]]]] = {
    "disk": _disk,
    "moderation": _moderation,
    "painter": _painter,
}


class BuildingHealth:
    def __init__(self, backend: MobileApiBackend) -> None:
        self._backend = backend
        self._known_at = float("-inf")
        self._parts: dict[str, str] = {}
        self._concerns: dict[str, str] = {}
        self._lock = asyncio.Lock()

    async def look(self) -> tuple[dict[str, str], dict[str, str]]:
        """Part → `ok` or `away`, and concern → a word for it."""
        loop = asyncio.get_running_loop()
        async with self._lock:
            if loop.time() - self._known_at >= REMEMBERED_SECONDS:
                self._parts, self._concerns = await self._look()
                self._known_at = loop.time()
        return self._parts, self._concerns

    async def _look(self) -> tuple[dict[str, str], dict[str, str]]:
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                connected = await self._backend.db.queries.services_connected()
                found = {name: await concern(self._backend) for name, concern in CONCERNS.items()}
        except Exception as error:  # noqa: BLE001 - any error means that the database does not answer
            log.warning("health_not_known", error=repr(error))
            return dict.fromkeys(("database", *_NEEDED), "away"), {}
        parts = {"database": "ok"} | {name: "ok" if name in connected else "away" for name in _NEEDED}
        return parts, {name: word for name, word in found.items() if word is not None}


@routes.get(
    "/health",
    summary="Whether every service that pictures need is there",
    openapi_extra=WITHOUT_TOKEN,
    responses=responses(
        _200=response(Health, "All are there; `status` is `degraded` if there are concerns."),
        _503=response(Health, "Some are away."),
    ),
)
async def route_check_health(request: Request) -> Response:
    health: BuildingHealth = request.app.state.health
    parts, concerns = await health.look()
    complete = all(state == "ok" for state in parts.values())
    status = "ok" if complete and not concerns else "degraded"
    content: dict[str, Any] = {"status": status, "parts": parts, "concerns": concerns}
    return json_response(content, 200 if complete else 503)
