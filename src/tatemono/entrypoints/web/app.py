"""The application: its pages around one backend. The two lists of routes say who may ask for a page."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route, Router

from tatemono.bootstrap.web import WebDependencies, web
from tatemono.entrypoints.http.allowed_addresses import AllowedAddresses
from tatemono.entrypoints.http.responses import route_healthz
from tatemono.entrypoints.http.serving import HEALTH_PATH, HttpEdge
from tatemono.entrypoints.web.pages import Pages
from tatemono.entrypoints.web.sign_in import (
    route_begin_sign_in,
    route_end_sign_in,
    route_finish_sign_in,
    route_sign_out,
)
from tatemono.entrypoints.web.start import route_start_page
from tatemono.settings import WebSettings

_STYLE = Path(__file__).parent / "assets" / "site.css"


async def route_stylesheet(_request: Request) -> Response:
    headers = {"cache-control": "public, max-age=300", "x-content-type-options": "nosniff"}
    return FileResponse(_STYLE, headers=headers, media_type="text/css")


#: Open to each browser at an allowed address.
OPEN = [
    Route("/", route_start_page),
    Route("/sign-in", route_begin_sign_in),
    Route("/sign-in/callback", route_finish_sign_in),
    Route("/site.css", route_stylesheet),
]
#: For operators who are signed in, with a form of this site.
SIGNED_IN = [
    Route("/sign-out", route_sign_out, methods=["POST"]),
    Route("/sign-ins/{session_id:uuid}/end", route_end_sign_in, methods=["POST"]),
]


def create_app(dependencies: WebDependencies) -> HttpEdge:
    app = Starlette()
    app.state.dependencies = dependencies
    app.state.pages = pages = Pages(dependencies.pool.origin)
    router = Router([*OPEN, *SIGNED_IN, Route(HEALTH_PATH, route_healthz)], redirect_slashes=False)
    guarded = AllowedAddresses(router, dependencies.settings.allowed_addresses)
    return HttpEdge(
        guarded,
        origin_verify=dependencies.settings.origin_verify.get_secret_value(),
        owner=app,
        refusal_page=pages.refusal,
    )


@asynccontextmanager
async def open_app(settings: WebSettings) -> AsyncIterator[tuple[HttpEdge, Callable[[], None]]]:
    async with web(settings) as dependencies:
        yield create_app(dependencies), lambda: None
