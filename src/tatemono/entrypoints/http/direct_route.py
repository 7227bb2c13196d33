"""FastAPI's routes with a shorter way through a request.

A route is written as for FastAPI, and FastAPI describes it in the OpenAPI document; but a request takes the short way:
parameters are validated by the same pydantic validators, a JSON body goes to pydantic as bytes, dependencies are plain
functions of the request. That is a third of the time. Unknown query parameters are refused.
"""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qsl

import pydantic
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic_core import PydanticUndefined, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router
from starlette.types import Receive, Scope, Send

from tatemono.entrypoints.http.problems import MalformedJson, RequestNotUnderstood, UnsupportedMediaType

#: What the name of a route's function begins with.
_PREFIX = "route_"
#: More than a route has: parsing stops there.
_MAX_QUERY_FIELDS = 20


def operation_id_of(endpoint: Callable[..., Any]) -> str:
    """`route_sign_out` is the operation `sign_out`, and so is the use case that it calls.

    :raises ValueError: the function's name has no such prefix
    """
    name = endpoint.__name__
    if not name.startswith(_PREFIX):
        raise ValueError(f"The function of a route is called {_PREFIX}…, not {name}")
    return name.removeprefix(_PREFIX)


class DirectRoute(APIRoute):
    """Takes: dependencies that are plain functions of the request, path, query and header parameters, one JSON body.

    The endpoint is a coroutine function that returns a response: any ASGI application. Its name is `route_` and the
    route's operationId.
    """

    # Starlette's own. FastAPI's first look for an `include_router` in between, which no service of ours has.
    matches = Route.matches
    handle = Route.handle

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        options |= {
            "operation_id": operation_id_of(endpoint),
            # What it returns is sent as it is; `responses` describes it.
            "response_model": None,
            "response_class": Response,
        }
        super().__init__(path, endpoint, **options)
        self._binding = _Binding(self.dependant)
        self.app = self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self.endpoint(**await self._binding.arguments(request, receive))
        await response(scope, receive, send)


class DirectRouter(Router):
    """Finds a `DirectRoute` without path parameters by its path; Starlette tries the others one after another."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        super().__init__(routes, redirect_slashes=False)
        self._by_path = {
            (method, route.path): route
            for route in reversed(routes)
            if isinstance(route, DirectRoute) and not route.param_convertors
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._by_path.get((scope["method"], scope["path"]))
        await (super().__call__ if route is None else route.app)(scope, receive, send)


class _Binding:
    """How a request becomes the arguments of one endpoint."""

    def __init__(self, dependant: Dependant) -> None:
        self._dependencies = [(inner.name, inner.call) for inner in dependant.dependencies]
        self._request_name = dependant.request_param_name
        self._path = [_Parameter("path", field) for field in dependant.path_params]
        self._query = {field.alias: _Parameter("query", field) for field in dependant.query_params}
        self._headers = [_Parameter("header", field) for field in dependant.header_params]
        self._body: tuple[str, Any] | None = None
        for field in dependant.body_params:
            assert self._body is None, "a route has one body"
            model: Any = field.field_info.annotation
            self._body = (field.name, pydantic.TypeAdapter(model).validator)

    async def arguments(self, request: Request, receive: Receive) -> dict[str, Any]:
        """:raises RequestNotUnderstood: naming all that is wrong, but the body only when the rest is right"""
        values: dict[str, Any] = {name: call(request) for name, call in self._dependencies}  # type: ignore[misc]
        faults: list[Any] = []
        if self._request_name:
            values[self._request_name] = request
        for parameter in self._path:
            parameter.read(request.path_params.get(parameter.alias), values, faults)
        query = request.scope["query_string"]
        if query or self._query:
            self._read_query(query, values, faults)
        for parameter in self._headers:
            given = request.scope["header"].get(parameter.header)
            parameter.read(None if given is None else given.decode("latin-1"), values, faults)
        if faults:
            raise RequestNotUnderstood(faults)
        if self._body:
            name, validator = self._body
            values[name] = await _read_json(request.scope, receive, validator)
        return values

    def _read_query(self, query: bytes, values: dict[str, Any], faults: list[Any]) -> None:
        given: dict[str, str] = {}
        try:
            fields = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS)
        except ValueError:
            fields = []
            faults.append({"type": "too_many", "loc": ("query",)})
        for name, value in fields:
            if name not in self._query:
                faults.append({"type": "extra_forbidden", "loc": ("query", name)})
            elif name in given:
                faults.append({"type": "repeated", "loc": ("query", name)})
            given[name] = value
        for name, parameter in self._query.items():
            parameter.read(given.get(name), values, faults)


class _Parameter:
    """One parameter that is text in the request."""

    __slots__ = ("_default", "_location", "_name", "_validator", "alias", "header")

    def __init__(self, part: str, field: Any) -> None:
        self.alias: str = field.alias
        self.header = self.alias.lower().encode()
        self._name: str = field.name
        self._location = (part, field.alias)
        self._default = PydanticUndefined if field.field_info.is_required() else field.get_default()
        self._validator = field._type_adapter.validator  # noqa: SLF001 - the one FastAPI would use

    def read(self, text: str | None, values: dict[str, Any], faults: list[Any]) -> None:
        if text is None:
            if self._default is PydanticUndefined:
                faults.append({"type": "missing", "loc": self._location})
            values[self._name] = self._default
            return
        try:
            values[self._name] = self._validator.validate_python(text)
        except ValidationError as error:
            faults.extend({**fault, "loc": self._location} for fault in error.errors(include_url=False))


async def _read_json(scope: Scope, receive: Receive, validator: Any) -> Any:
    """:raises UnsupportedMediaType: it does not say that it is JSON"""
    content_type: bytes = scope["header"].get(b"content-type", b"")
    if content_type != b"application/json" and content_type.partition(b";")[0].strip().lower() != b"application/json":
        raise UnsupportedMediaType
    try:
        return validator.validate_json(await _read_body(receive))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        if faults[0]["type"] == "json_invalid":
            raise MalformedJson(reason=faults[0]["ctx"]["error"]) from None
        raise RequestNotUnderstood([{**fault, "loc": ("body", *fault["loc"])} for fault in faults]) from None


async def _read_body(receive: Receive) -> bytes:
    """The server nearly always gives it in one piece.

    :raises ClientDisconnect:
    """
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body
