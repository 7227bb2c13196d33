"""An API's OpenAPI document: how routes describe themselves, the document, and its page, which works offline."""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from tatemono.entrypoints.http.bodies import Problem, ResponseBody
from tatemono.entrypoints.http.direct_route import DirectRoute
from tatemono.entrypoints.http.problems import MEDIA_TYPE, NoSuchRoute
from tatemono.entrypoints.http.responses import json_bytes

_PROBLEMS = {
    400: "The body is no JSON.",
    401: "No good access token, or no good proof.",
    403: "The request did not come through the front door, or its sender may not do this.",
    404: "There is no such thing, or it is not yours.",
    409: "The state of things does not allow it.",
    413: "The body is too large.",
    415: "The body is not declared as application/json.",
    422: "The request breaks the contract, or a rule of the domain.",
    429: "A limit is reached: credits, places in the queue, streams, requests.",
    503: "Something that is needed does not answer; try again.",
}
#: What a route that takes a body may answer with.
BODY_PROBLEMS = (400, 413, 415)
#: Of `openapi_extra`: whether the caller needs an access token.
WITHOUT_TOKEN: dict[str, Any] = {"security": []}
WITH_TOKEN: dict[str, Any] = {"security": [{"access_token": []}]}


def router_of(prefix: str, tag: str, route: type[DirectRoute] = DirectRoute) -> APIRouter:
    return APIRouter(prefix=prefix, tags=[tag], route_class=route, redirect_slashes=False)


def responses(*statuses: int, **success: Any) -> dict[int | str, dict[str, Any]]:
    """The responses of a route: the problems it may answer with, besides those that every route has.

    :param success: as FastAPI's `responses`, with keys like `_201`
    """
    found: dict[int | str, dict[str, Any]] = {int(name[1:]): described for name, described in success.items()}
    for status in sorted({*statuses, 403, 422, 503}):
        content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        found[status] = {"description": _PROBLEMS[status], **found.get(status, {}), "content": content}
    return found


def response(model: type[ResponseBody], description: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "description": description, **more}


def openapi_of(app: FastAPI, *, schemas: Sequence[ModuleType], token: str) -> dict[str, Any]:
    """The document of the app's routes. It is made once, by the first call.

    :param schemas: the modules with the models of the bodies
    :param token: which access token the routes take
    """
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            openapi_version="3.1.0",
            description=app.description,
            routes=app.routes,
        )
        components = document["components"]
        components["schemas"].pop("HTTPValidationError", None)
        components["schemas"].pop("ValidationError", None)
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        components["schemas"] |= problem.pop("$defs") | {"Problem": problem}
        models = {name: model for module in schemas for name, model in vars(module).items()}
        for name, schema in components["schemas"].items():
            if "examples" in schema and name != "Problem":
                # FastAPI leaves nulls out of examples; our bodies always have them.
                schema["examples"] = models[name].model_config["json_schema_extra"]["examples"]
        components["securitySchemes"] = {
            "access_token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": token}
        }
        app.openapi_schema = document
    return app.openapi_schema


_ASSETS = Path(__file__).parent / "docs_assets"
_MEDIA_TYPES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "start.js": "text/javascript"}
# Nothing from other origins, nothing inline; Swagger UI's own pictures are data URLs.
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{prefix}/docs/swagger-ui.css">
<body>
<div id="docs" data-openapi="{prefix}/openapi.json"></div>
<script src="{prefix}/docs/swagger-ui-bundle.js"></script>
<script src="{prefix}/docs/start.js"></script>
</body>
</html>
"""


def documentation_routes(prefix: str, *, title: str, schemas: Sequence[ModuleType], token: str) -> list[Route]:
    """`openapi.json` and `docs` below the prefix."""

    async def route_openapi_document(request: Request) -> Response:
        content = openapi_of(request.app, schemas=schemas, token=token)
        return Response(json_bytes(content), media_type="application/json")

    async def route_docs_page(_request: Request) -> Response:
        headers = {"content-security-policy": _CONTENT_SECURITY_POLICY, "x-content-type-options": "nosniff"}
        return Response(_PAGE.format(prefix=prefix, title=title), headers=headers, media_type="text/html")

    return [
        Route(f"{prefix}/openapi.json", route_openapi_document),
        Route(f"{prefix}/docs", route_docs_page),
        Route(f"{prefix}/docs/{{name}}", route_docs_asset),
    ]


async def route_docs_asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _MEDIA_TYPES:
        raise NoSuchRoute
    headers = {"cache-control": "public, max-age=3600", "x-content-type-options": "nosniff"}
    return FileResponse(_ASSETS / name, headers=headers, media_type=_MEDIA_TYPES[name])
