"""A minimal server of OpenAI's images API, written from its published reference and nothing of ours.

https://platform.openai.com/docs/api-reference/images, `/models` and `/moderations`, in the shapes that the types of
`openai.types` have. It paints one colour, and can lack what real accounts and servers lack.

`python tests/images_api.py PORT SETTINGS` serves it alone; SETTINGS is `ImagesApi` as JSON.
"""

import base64
import io
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from PIL import Image

_CATEGORIES = (
    *("harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent"),
    *("self-harm", "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors"),
    *("violence", "violence/graphic"),
)


@dataclass
class ImagesApi:
    """
    :ivar key: the one that it takes; empty: it wants none
    :ivar models: those that it lists, with the day that each ends; none: it has no such route
    :ivar refuses: path → what it answers there: status and `error`
    :ivar moderates: whether it has moderation; it flags what holds the word `gory`
    :ivar colour: of all that it paints
    :ivar asked: the bodies of its calls, by path
    """

    key: str = "sk-proj-right"
    models: dict[str, str | None] | None = field(default_factory=lambda: dict.fromkeys(["gpt-image-2", "gpt-5"]))
    refuses: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    moderates: bool = True
    colour: str = "#ff7700"
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def answer(self, path: str, body: dict[str, Any], key: str) -> tuple[int, Any]:
        """:returns: a status, and a body or the events of a stream"""
        self.asked.append((path, body))
        if self.key and key != self.key:
            said = (
                f"Incorrect API key provided: {key[:8]}***. You can find your API key at https://platform.openai.com."
            )
            return 401, _error("invalid_request_error", "invalid_api_key", said)
        if path in self.refuses:
            status, error = self.refuses[path]
            return status, {"error": error}
        if path == "/v1/models" and self.models is not None:
            listed = [
                {"id": name, "object": "model", "created": 1, "owned_by": "system", "shutdown_date": ends}
                for name, ends in self.models.items()
            ]
            return 200, {"object": "list", "data": listed}
        if path == "/v1/images/generations":
            return self._generate(body)
        if path == "/v1/moderations" and self.moderates:
            return 200, _moderation(body)
        return 404, _error("invalid_request_error", None, f"Invalid URL (POST {path})")

    def _generate(self, body: dict[str, Any]) -> tuple[int, Any]:
        if self.models is not None and body["model"] not in self.models:
            said = f"The model '{body['model']}' does not exist or you do not have access to it."
            return 404, _error("invalid_request_error", "model_not_found", said, "model")
        width, height = map(int, body.get("size", "1024x1024").split("x"))
        if width % 16 or height % 16:
            said = f"Invalid size '{width}x{height}'. Width and height must be divisible by 16."
            return 400, _error("image_generation_user_error", "invalid_value", said, "size")
        picture = self._picture(width, height, body.get("output_format", "png"))
        usage = {
            "input_tokens": 12,
            "input_tokens_details": {"text_tokens": 12, "image_tokens": 0},
            "output_tokens": 196,
            "output_tokens_details": {"text_tokens": 0, "image_tokens": 196},
            "total_tokens": 208,
        }
        applied = {
            "size": f"{width}x{height}",
            "quality": body.get("quality", "medium"),
            "background": "opaque",
            "output_format": body.get("output_format", "png"),
        }
        if not body.get("stream"):
            data = [{"b64_json": picture} for _ in range(body.get("n", 1))]
            return 200, {"created": int(time.time()), "data": data, "usage": usage, **applied}
        shown = {"b64_json": picture, "created_at": int(time.time()), **applied}
        events = [
            {"type": "image_generation.partial_image", "partial_image_index": index, **shown}
            for index in range(body.get("partial_images", 0))
        ]
        return 200, [*events, {"type": "image_generation.completed", "usage": usage, **shown}]

    def _picture(self, width: int, height: int, output_format: str) -> str:
        file = io.BytesIO()
        Image.new("RGB", (width, height), self.colour).save(file, output_format.upper())
        return base64.b64encode(file.getvalue()).decode()


def _error(kind: str, code: str | None, message: str, param: str | None = None) -> dict[str, Any]:
    return {"error": {"type": kind, "code": code, "message": message, "param": param}}


def _moderation(body: dict[str, Any]) -> dict[str, Any]:
    told = json.dumps(body["input"])
    flagged = {"violence/graphic"} if "gory" in told else set()
    result = {
        "flagged": bool(flagged),
        "categories": {name: name in flagged for name in _CATEGORIES},
        "category_scores": {name: float(name in flagged) for name in _CATEGORIES},
        "category_applied_input_types": {name: ["text"] for name in _CATEGORIES},
    }
    return {"id": "modr-1", "model": body["model"], "results": [result]}


class _Handler(BaseHTTPRequestHandler):
    api: ImagesApi
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body: dict[str, Any]) -> None:
        key = self.headers.get("Authorization", "").removeprefix("Bearer ")
        status, content = self.api.answer(self.path, body, key)
        events = isinstance(content, list)
        text = (
            "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in content)
            if events
            else json.dumps(content)
        )
        self.send_response(status)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8" if events else "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("x-request-id", "req_0123456789abcdef")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


def _server(api: ImagesApi, port: int) -> ThreadingHTTPServer:
    return ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (_Handler,), {"api": api}))


@contextmanager
def served(api: ImagesApi) -> Iterator[str]:
    """Its base URL."""
    server = _server(api, 0)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


if __name__ == "__main__":
    _server(ImagesApi(**json.loads(sys.argv[2])), int(sys.argv[1])).serve_forever()
