"""The OpenAPI document and its interactive page."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from tatemono.entrypoints.mobile_api import schemas
from tatemono.entrypoints.mobile_api.described import PREFIX
from tatemono.entrypoints.mobile_api.resources import json_bytes
from tatemono.entrypoints.problems import NoSuchRoute

_DESCRIPTION = """What the app on the phone talks to. Texts come in Japanese or English (`Accept-Language`); times are
UTC (RFC 3339); a refusal is a problem (RFC 9457) with a stable `code`.

1. Make a P-256 key pair on the device, and sign in with `sign_in_device`, proving the key.
2. Send the access token as `Authorization: Bearer …` with everything else.
3. `submit_generation`, then `watch_generation` until `done`."""


def openapi(app: FastAPI) -> dict[str, Any]:
    """Made when it is first asked for."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            openapi_version="3.1.0",
            description=_DESCRIPTION,
            routes=app.routes,
        )
        components = document["components"]
        components["schemas"].pop("HTTPValidationError", None)
        components["schemas"].pop("ValidationError", None)
        problem = schemas.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        components["schemas"] |= problem.pop("$defs") | {"Problem": problem}
        for name, schema in components["schemas"].items():
            if "examples" in schema:
                # FastAPI leaves out what is null, which our bodies never do.
                schema["examples"] = getattr(schemas, name).model_config["json_schema_extra"]["examples"]
        components["securitySchemes"] = {
            "access_token": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "The access token of `sign_in_device`.",
            }
        }
        app.openapi_schema = document
    return app.openapi_schema


async def _openapi_json(request: Request) -> Response:
    return Response(json_bytes(openapi(request.app)), media_type="application/json")


_ASSETS = Path(__file__).parent / "docs_assets"
_MEDIA_TYPES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "start.js": "text/javascript"}
# Nothing from elsewhere, nothing inline; Swagger UI's own pictures are data URLs.
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tatemono mobile API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{PREFIX}/docs/swagger-ui.css">
<body>
<div id="docs"></div>
<script src="{PREFIX}/docs/swagger-ui-bundle.js"></script>
<script src="{PREFIX}/docs/start.js"></script>
</body>
</html>
"""


async def _page(_request: Request) -> Response:
    headers = {"content-security-policy": _CONTENT_SECURITY_POLICY, "x-content-type-options": "nosniff"}
    return Response(_PAGE, headers=headers, media_type="text/html")


async def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _MEDIA_TYPES:
        raise NoSuchRoute
    headers = {"cache-control": "public, max-age=3600", "x-content-type-options": "nosniff"}
    return FileResponse(_ASSETS / name, headers=headers, media_type=_MEDIA_TYPES[name])


routes = [
    Route(f"{PREFIX}/openapi.json", _openapi_json),
    Route(f"{PREFIX}/docs", _page),
    Route(f"{PREFIX}/docs/{{name}}", _asset),
]
