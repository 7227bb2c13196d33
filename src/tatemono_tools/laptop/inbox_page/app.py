"""The inbox as an ASGI application. It asks the embedded cloud for new mail, and keeps it."""

import asyncio
import re
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tatemono_tools.laptop.inbox_page.samples import samples

_FOLDER = Path(__file__).parent
_ASSETS = {"inbox.css": "text/css", "inbox.js": "text/javascript"}
#: Nothing is loaded from elsewhere. A mail in its frame may do nothing at all: no script, no form, no picture to fetch.
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
# A page on the internet can make a browser call us by a name of its own that resolves to 127.0.0.1; codes are in here.
_LOCAL_HOST = re.compile(r"(127\.0\.0\.1|localhost)(:\d+)?")
_SECONDS_TO_WAIT = 20.0
_LOOK_EVERY_SECONDS = 0.5
_CODE = re.compile(r"(?<![\d-])\d{6}(?![\d-])")


class Mailbox:
    """The mail that the cloud has sent so far. :param url: of the cloud"""

    def __init__(self, url: str, secret_access_key: str) -> None:
        headers = {"Authorization": f"Bearer {secret_access_key}"}
        self._client = httpx2.AsyncClient(base_url=url, headers=headers, timeout=5)
        self.mails: list[dict[str, Any]] = []
        self._lock = asyncio.Lock()

    async def refresh(self) -> None:
        """:raises httpx2.HTTPError: the cloud does not answer"""
        async with self._lock:
            answer = await self._client.get("/_tatemono/mail", params={"known": len(self.mails)})
            answer.raise_for_status()
            found = answer.json()
            self.mails[found["from"] :] = found["mails"]

    async def close(self) -> None:
        await self._client.aclose()


def _summary(number: int, mail: dict[str, Any]) -> dict[str, Any]:
    code = _CODE.search(mail["BodyText"] or "") if mail.get("Type", "").startswith("Cognito") else None
    return {
        "number": number,
        "at": mail["Timestamp"],
        "to": ", ".join(mail["To"]),
        "subject": mail["Subject"],
        "kind": mail.get("Tags", {}).get("kind", "cognito" if code else ""),
        "code": code[0] if code else "",
        "outcomes": mail.get("Outcomes", []),
        "sample": mail.get("Sample", False),
        "html": bool(mail["BodyHtml"]),
    }


def _json(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, {"cache-control": "no-store"}, "application/json")


def _mailbox(request: Request) -> Mailbox:
    box: Mailbox = request.app.state.mailbox
    return box


def _found(request: Request) -> dict[str, Any] | None:
    chosen = request.app.state.samples() if request.path_params["box"] == "samples" else _mailbox(request).mails
    number = request.path_params["number"]
    return chosen[number] if 0 <= number < len(chosen) else None


async def page(_: Request) -> Response:
    headers = {"content-security-policy": _PAGE_POLICY, "referrer-policy": "no-referrer"}
    return Response((_FOLDER / "inbox.html").read_bytes(), headers=headers, media_type="text/html")


async def asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _ASSETS:
        return Response(status_code=404)
    return Response((_FOLDER / name).read_bytes(), headers={"cache-control": "no-cache"}, media_type=_ASSETS[name])


async def mails(request: Request) -> Response:
    """All, the oldest first. With `?known=3` it answers when there is a fourth, or fewer, or after a while."""
    box, known = _mailbox(request), request.query_params.get("known", "")
    deadline = asyncio.get_running_loop().time() + _SECONDS_TO_WAIT
    try:
        await box.refresh()
        while known == str(len(box.mails)) and asyncio.get_running_loop().time() < deadline:
            if await request.is_disconnected():
                break
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            await box.refresh()
    except httpx2.HTTPError:
        return _json({"detail": "the embedded cloud does not answer"}, 503)
    return _json({"mails": [_summary(number, mail) for number, mail in enumerate(box.mails)]})


async def sample_mails(request: Request) -> Response:
    return _json({"mails": [_summary(number, mail) for number, mail in enumerate(request.app.state.samples())]})


async def one(request: Request) -> Response:
    mail = _found(request)
    if mail is None:
        return _json({"detail": "there is no such mail"}, 404)
    tags = ", ".join(f"{name}={value}" for name, value in mail.get("Tags", {}).items())
    headers = [
        ["From", mail["Source"]],
        ["To", ", ".join(mail["To"])],
        ["Subject", mail["Subject"]],
        ["Message-ID", f"<{mail['MessageId']}>"],
        *mail.get("Headers", []),
        ["X-SES-CONFIGURATION-SET", mail.get("ConfigurationSetName", "")],
        ["X-SES-MESSAGE-TAGS", tags],
    ]
    return _json({"headers": [header for header in headers if header[1]], "text": mail["BodyText"] or ""})


async def html(request: Request) -> Response:
    mail = _found(request)
    if mail is None:
        return Response(status_code=404)
    headers = {
        "content-security-policy": _MAIL_POLICY,
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    # Links leave the frame, not the page.
    body = (mail["BodyHtml"] or "").replace("<head>", '<head><base target="_blank">', 1)
    return Response(body, headers=headers, media_type="text/html")


async def health(_: Request) -> Response:
    return _json({"status": "ok"})


class _LocalOnly:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").lower()
            if not _LOCAL_HOST.fullmatch(host):
                await Response("The inbox answers to 127.0.0.1 and localhost only", 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def make_app(mailbox: Mailbox, *, public_url: str) -> ASGIApp:
    """:param public_url: of the front door, for the links in samples"""
    box = "{box:str}/{number:int}"
    app = Starlette(
        routes=[
            Route("/", page),
            Route("/health", health),
            Route("/mails", mails),
            Route("/samples", sample_mails),
            Route("/assets/{name}", asset),
            Route(f"/{box}", one),
            Route(f"/{box}/html", html),
        ]
    )
    app.state.mailbox = mailbox
    app.state.samples = cache(lambda: samples(public_url))
    return _LocalOnly(app)
