"""The application: its routes around one backend."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.routing import Route

from tatemono.bootstrap.admin_api import AdminApiBackend, admin_api
from tatemono.entrypoints.admin_api import schemas
from tatemono.entrypoints.admin_api.authority import PREFIX
from tatemono.entrypoints.admin_api.generations import dead_letters, queue, queue_schemas
from tatemono.entrypoints.admin_api.operators import audit, audit_schemas, people, person_schemas
from tatemono.entrypoints.admin_api.pictures import style_schemas, styles
from tatemono.entrypoints.admin_api.safety import blocked, reports, safety_schemas
from tatemono.entrypoints.http.allowed_addresses import AllowedAddresses
from tatemono.entrypoints.http.direct_route import DirectRouter
from tatemono.entrypoints.http.openapi import documentation_routes, openapi_of
from tatemono.entrypoints.http.responses import route_healthz
from tatemono.entrypoints.http.serving import HEALTH_PATH, HttpEdge
from tatemono.settings import AdminApiSettings

_TITLE = "Tatemono admin API"
_DESCRIPTION = """What the operators' tools talk to. Texts come in Japanese or English (`Accept-Language`); times are
UTC (RFC 3339); a refusal is a problem (RFC 9457) with a stable `code`.

Answered at allowed addresses only, to access tokens of the operators' user pool, each operation to its roles. Every act
is written down with its reason, together with the act itself or not at all.

On a laptop: `tatemono operator create EMAIL --role admin`, then `tatemono operator token EMAIL`."""
_TOKEN = "The access token of the operators' user pool, never its ID token."  # noqa: S105 - describes one
_SCHEMAS = (schemas, person_schemas, audit_schemas, queue_schemas, style_schemas, safety_schemas)


def api_app() -> FastAPI:
    """The routes alone, without a backend: what the OpenAPI document is made of."""
    app = FastAPI(title=_TITLE, description=_DESCRIPTION, version="1", docs_url=None, redoc_url=None, openapi_url=None)
    modules = (people, queue, dead_letters, audit, styles, reports, blocked)
    app.router.routes[:] = [route for module in modules for route in module.routes.routes]
    return app


def openapi(app: FastAPI) -> dict[str, Any]:
    return openapi_of(app, schemas=_SCHEMAS, token=_TOKEN)


def create_app(backend: AdminApiBackend) -> HttpEdge:
    """The whole application; `owner.state` of the edge holds what its requests share."""
    app = api_app()
    app.state.backend = backend
    documentation = documentation_routes(PREFIX, title=_TITLE, schemas=_SCHEMAS, token=_TOKEN)
    router = DirectRouter([*app.router.routes, Route(HEALTH_PATH, route_healthz), *documentation])
    guarded = AllowedAddresses(router, backend.settings.allowed_addresses)
    return HttpEdge(guarded, origin_verify=backend.settings.origin_verify.get_secret_value(), owner=app)


@asynccontextmanager
async def open_app(settings: AdminApiSettings) -> AsyncIterator[tuple[HttpEdge, Callable[[], None]]]:
    async with admin_api(settings) as backend:
        yield create_app(backend), lambda: None
