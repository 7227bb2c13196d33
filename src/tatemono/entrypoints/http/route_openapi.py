"""How routes describe themselves in the OpenAPI document."""

from typing import Any

from fastapi import APIRouter

from tatemono.entrypoints.http.bodies import ResponseBody
from tatemono.entrypoints.http.direct_route import DirectRoute
from tatemono.entrypoints.http.problems import MEDIA_TYPE

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
OF_A_BODY = (400, 413, 415)


def router_below(prefix: str, tag: str, route: type[DirectRoute] = DirectRoute) -> APIRouter:
    return APIRouter(prefix=prefix, tags=[tag], route_class=route, redirect_slashes=False)


def answers(*statuses: int, **success: Any) -> dict[int | str, dict[str, Any]]:
    """The responses of a route: the problems it may answer with, besides those that every route has.

    :param success: as FastAPI's `responses`, with keys like `_201`
    """
    found: dict[int | str, dict[str, Any]] = {int(name[1:]): response for name, response in success.items()}
    for status in sorted({*statuses, 403, 422, 503}):
        content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        found[status] = {"description": _PROBLEMS[status], **found.get(status, {}), "content": content}
    return found


def body(model: type[ResponseBody], description: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "description": description, **more}


#: Who may call: everyone else needs an access token.
OPEN_TO_ALL: dict[str, Any] = {"security": []}
WITH_TOKEN: dict[str, Any] = {"security": [{"access_token": []}]}
