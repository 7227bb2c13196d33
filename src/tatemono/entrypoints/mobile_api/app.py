"""The application: its routes around one backend."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.routing import Route

from tatemono.bootstrap.mobile_api import MobileApiBackend, mobile_api
from tatemono.domain.identity.rate_limits import Limit
from tatemono.entrypoints.http.direct_route import DirectRouter
from tatemono.entrypoints.http.rate_limits import Limits, limits_of
from tatemono.entrypoints.http.responses import route_healthz
from tatemono.entrypoints.http.serving import HEALTH_PATH, HttpEdge
from tatemono.entrypoints.mobile_api import health, openapi
from tatemono.entrypoints.mobile_api.generations import events, generations
from tatemono.entrypoints.mobile_api.generations.streams import HEARTBEAT_SECONDS, Streams
from tatemono.entrypoints.mobile_api.identity import auth, device_transfer, devices, me, members, own_account
from tatemono.entrypoints.mobile_api.mail import unsubscribe
from tatemono.entrypoints.mobile_api.pictures import pictures, references, styles
from tatemono.entrypoints.mobile_api.pictures.picture_urls import PictureUrls
from tatemono.entrypoints.mobile_api.privacy import account_deletion, exports
from tatemono.entrypoints.mobile_api.safety import reports
from tatemono.settings import MobileApiSettings


def api_app() -> FastAPI:
    """The routes alone, without a backend: what the OpenAPI document is made of."""
    app = FastAPI(
        title=openapi.TITLE,
        description=openapi.DESCRIPTION,
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    # The busiest first: routes with parameters in their path are tried in order. FastAPI only documents them.
    modules = (
        generations,
        pictures,
        events,
        me,
        styles,
        auth,
        devices,
        members,
        device_transfer,
        own_account,
        references,
        account_deletion,
        exports,
        reports,
        unsubscribe,
        health,
    )
    app.router.routes[:] = [route for module in modules for route in module.routes.routes]
    return app


def create_app(backend: MobileApiBackend, *, heartbeat_seconds: float = HEARTBEAT_SECONDS) -> HttpEdge:
    """The whole application; `owner.state` of the edge holds what its requests share."""
    app = api_app()
    api_routes = app.router.routes
    app.state.backend = backend
    app.state.urls = PictureUrls(backend)
    app.state.streams = Streams(backend, app.state.urls, heartbeat_seconds=heartbeat_seconds)
    app.state.health = health.BuildingHealth(backend)
    app.state.limits = limits = limits_for(backend)
    limits.require(name for route in api_routes for name in limits_of(route))
    router = DirectRouter([*api_routes, Route(HEALTH_PATH, route_healthz), *auth.key_routes, *openapi.routes])
    return HttpEdge(router, origin_verify=backend.settings.origin_verify.get_secret_value(), owner=app)


def limits_for(backend: MobileApiBackend) -> Limits:
    rules = backend.settings.limits.items()
    limits = {
        name: [Limit(name, rule.by, rule.requests, rule.window_seconds) for rule in of_name] for name, of_name in rules
    }
    return Limits(limits, backend.db.limits)


@asynccontextmanager
async def open_app(settings: MobileApiSettings) -> AsyncIterator[tuple[HttpEdge, Callable[[], None]]]:
    async with mobile_api(settings) as backend:
        edge = create_app(backend)
        yield edge, edge.owner.state.streams.stop
