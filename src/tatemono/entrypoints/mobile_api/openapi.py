"""What the OpenAPI document says besides the routes."""

from typing import Any

from fastapi import FastAPI

from tatemono.entrypoints.http.openapi import documentation_routes, openapi_of
from tatemono.entrypoints.mobile_api import health
from tatemono.entrypoints.mobile_api.caller import PREFIX
from tatemono.entrypoints.mobile_api.generations import generation_schemas
from tatemono.entrypoints.mobile_api.identity import device_schemas, device_transfer_schemas, me_schemas, member_schemas
from tatemono.entrypoints.mobile_api.pictures import picture_schemas, reference_schemas, style_schemas
from tatemono.entrypoints.mobile_api.privacy import account_deletion_schemas, export_schemas
from tatemono.entrypoints.mobile_api.safety import safety_schemas

TITLE = "Tatemono mobile API"
_SCHEMAS = (
    generation_schemas,
    picture_schemas,
    style_schemas,
    reference_schemas,
    me_schemas,
    device_schemas,
    member_schemas,
    device_transfer_schemas,
    account_deletion_schemas,
    export_schemas,
    safety_schemas,
    health,
)
DESCRIPTION = """What the app on the phone talks to. Texts come in Japanese or English (`Accept-Language`); times are
UTC (RFC 3339); a refusal is a problem (RFC 9457) with a stable `code`.

1. Make a P-256 key pair on the device, and sign in with `sign_in_device`, proving the key.
2. Send the access token as `Authorization: Bearer …` with everything else.
3. `submit_generation`, then `watch_generation` until `done`."""
_TOKEN = "The access token of `sign_in_device`."  # noqa: S105 - describes one


def openapi(app: FastAPI) -> dict[str, Any]:
    return openapi_of(app, schemas=_SCHEMAS, token=_TOKEN)


routes = documentation_routes(PREFIX, title=TITLE, schemas=_SCHEMAS, token=_TOKEN)
