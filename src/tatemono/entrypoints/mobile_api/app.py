"""The application: its routes around one backend."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.routing import Route, Router

from tatemono.bootstrap import MobileApiBackend, mobile_api
from tatemono.entrypoints.http import HEALTH_PATH, HttpEdge
from tatemono.entrypoints.mobile_api import auth, docs, events, generations, health, me, pictures
from tatemono.entrypoints.mobile_api.resources import PictureUrls
from tatemono.entrypoints.mobile_api.streams import HEARTBEAT_SECONDS, Streams
from tatemono.settings import MobileApiSettings


def create_app(backend: MobileApiBackend, *, heartbeat_seconds: float = HEARTBEAT_SECONDS) -> HttpEdge:
    """The whole application; `owner.state` of the edge holds what its requests share."""
    app = FastAPI(title="Tatemono mobile API", version="1", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.backend = backend
    app.state.urls = PictureUrls(backend)
    app.state.streams = Streams(backend, app.state.urls, heartbeat_seconds=heartbeat_seconds)
    app.state.health = health.BuildingHealth(backend)
    # The busiest first: routes are tried in order. FastAPI only describes them; Starlette's router finds them.
    modules = (generations, pictures, events, me, auth, health)
    described = [route for module in modules for route in module.routes.routes]
    app.router.routes[:] = described
    router = Router([*described, Route(HEALTH_PATH, health.alive), *docs.routes], redirect_slashes=False)
    return HttpEdge(router, origin_verify=backend.settings.origin_verify.get_secret_value(), owner=app)


@asynccontextmanager
async def open_app(settings: MobileApiSettings) -> AsyncIterator[tuple[HttpEdge, Callable[[], None]]]:
    async with mobile_api(settings) as backend:
        edge = create_app(backend)
        yield edge, edge.owner.state.streams.stop
