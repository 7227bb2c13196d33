"""The style presets to choose from."""

from starlette.requests import Request
from starlette.responses import Response

from tatemono.entrypoints.http.openapi import WITH_TOKEN, response, responses
from tatemono.entrypoints.http.responses import json_response, language_of
from tatemono.entrypoints.mobile_api.caller import Backend, Caller, router
from tatemono.entrypoints.mobile_api.pictures.style_schemas import StyleList

routes = router("Me")


@routes.get(
    "/styles",
    summary="The style presets",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, _200=response(StyleList, "All of them, in the order to show.")),
)
async def route_list_styles(request: Request, backend: Backend, _caller: Caller) -> Response:
    language = language_of(request)
    urls = request.app.state.urls
    expires_at = urls.expiry()
    items = [
        {
            "id": style.id,
            "name": style.name_ja if language == "ja" else style.name_en,
            "name_en": style.name_en,
            "name_ja": style.name_ja,
            "sample_url": urls.url(style.sample_key, expires_at) if style.sample_key else None,
        }
        for style in await backend.db.queries.styles()
    ]
    return json_response({"items": items}, headers={"content-language": language, "vary": "accept-language"})
