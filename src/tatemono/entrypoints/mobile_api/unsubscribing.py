"""Saying that a kind of mail shall not come any more: a page for people, and RFC 8058's one click for their readers."""

import base64
import hashlib
from html import escape
from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from tatemono.domain.mail.message import MailKind
from tatemono.domain.mail.unsubscribing import UnsubscribeLinkRejected, check_optional
from tatemono.entrypoints.http.responses import language_of
from tatemono.entrypoints.mobile_api.caller import Backend
from tatemono.entrypoints.mobile_api.route_openapi import OPEN_TO_ALL, answers, router
from tatemono.usecases.mail import unsubscribe as unsubscribing

routes = router("Mail")

_KINDS = {MailKind.ANNOUNCEMENT: {"en": "news from Tatemono", "ja": "Tatemono からのお知らせメール"}}
_TEXTS = {
    "en": {
        "ask": "Unsubscribe?",
        "asked": "You will get no more {kind}. Mail that concerns your account still comes.",
        "button": "Unsubscribe",
        "done": "You are unsubscribed",
        "did": "You will get no more {kind}. One that is on its way already may still arrive.",
        "wrong": "This link does not work",
    },
    "ja": {
        "ask": "配信を停止しますか？",
        "asked": "{kind}が届かなくなります。アカウントに関する大切なご連絡は、これからもお送りします。",
        "button": "配信を停止する",
        "done": "配信を停止しました",
        "did": "{kind}は、今後お送りしません。行き違いで届いた場合はご容赦ください。",
        "wrong": "このリンクは使えません",
    },
}
_STYLE = """
:root{color-scheme:light dark}
body{margin:0;min-height:100vh;display:grid;place-items:center;background:#f3f1ec;color:#1f1d1a;
font:16px/1.7 -apple-system,"Hiragino Sans","Noto Sans JP","Noto Sans CJK JP","Segoe UI",Roboto,sans-serif}
main{box-sizing:border-box;width:min(34rem,100% - 24px);background:#fff;border:1px solid #e4e1da;border-radius:12px;
padding:36px}
h1{margin:0 0 12px;font-size:22px;line-height:1.4}p{margin:0 0 20px}p:last-child{margin:0}
.mark{display:flex;align-items:center;gap:10px;margin-bottom:24px;font-weight:600}
.mark b{background:#1d4f5c;color:#fff;border-radius:6px;width:32px;line-height:32px;text-align:center}
button{font:inherit;font-weight:600;min-height:48px;padding:0 28px;border:0;border-radius:8px;background:#1d4f5c;
color:#fff;cursor:pointer}
button:focus-visible{outline:3px solid #d98a3d;outline-offset:2px}
@media (prefers-color-scheme:dark){body{background:#14171a;color:#eceae5}main{background:#1e2327;border-color:#333a40}
.mark b,button{background:#8fc4cf;color:#10232a}}
"""
_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title} · Tatemono</title>
<style>{style}</style>
</head>
<body>
<main>
<div class="mark"><b aria-hidden="true">建</b>Tatemono</div>
<h1>{title}</h1>
<p>{text}</p>
{form}</main>
</body>
</html>
"""
# Without an action a form goes where the page came from, token and all.
_FORM = """<form method="post"><button name="List-Unsubscribe" value="One-Click">{button}</button></form>
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "cache-control": "no-store",
    "content-language": "",
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    # The address of the page holds the token.
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

Token = Annotated[str, Query(max_length=200, description="From the link in the mail.")]


def _html(description: str, title: str) -> dict[str, Any]:
    return {"description": description, "content": {"text/html": {"example": f"<!doctype html>…<h1>{title}</h1>…"}}}


def _responses(description: str, title: str) -> dict[int | str, dict[str, Any]]:
    responses = answers()
    responses[200] = _html(description, title)
    wrong = _html("The link is not whole.", _TEXTS["en"]["wrong"])["content"]
    responses[422]["content"] = responses[422]["content"] | wrong
    return responses


@routes.get(
    "/mail/unsubscribe",
    operation_id="ask_to_unsubscribe",
    summary="A page that asks whether to unsubscribe",
    description="For people who follow the link in a mail. It changes nothing: programs follow links too.",
    openapi_extra=OPEN_TO_ALL,
    responses=_responses("A page with one button.", _TEXTS["en"]["ask"]),
)
async def ask_to_unsubscribe(request: Request, backend: Backend, token: Token = "") -> Response:
    try:
        kind = backend.unsubscribe_links.read(token).kind
        check_optional(kind)
    except UnsubscribeLinkRejected as refusal:
        return _wrong(request, refusal)
    texts = _TEXTS[language_of(request)]
    return _page(
        request, texts["ask"], _about(texts["asked"], kind, request), form=_FORM.format(button=texts["button"])
    )


@routes.post(
    "/mail/unsubscribe",
    operation_id="unsubscribe",
    summary="Unsubscribe",
    description=(
        "The button of the page, or of a mail reader (RFC 8058), which sends the form field "
        "`List-Unsubscribe=One-Click`; the token says all, so the body is not read. Again changes nothing."
    ),
    openapi_extra=OPEN_TO_ALL,
    responses=_responses("No such mail comes any more.", _TEXTS["en"]["done"]),
)
async def unsubscribe(request: Request, backend: Backend, token: Token = "") -> Response:
    try:
        found = backend.unsubscribe_links.read(token)
        await unsubscribing.unsubscribe(backend.db.mails, digest=found.digest, kind=found.kind)
    except UnsubscribeLinkRejected as refusal:
        return _wrong(request, refusal)
    texts = _TEXTS[language_of(request)]
    return _page(request, texts["done"], _about(texts["did"], found.kind, request))


def _about(text: str, kind: MailKind, request: Request) -> str:
    return text.format(kind=_KINDS[kind][language_of(request)])


def _wrong(request: Request, refusal: UnsubscribeLinkRejected) -> Response:
    language = language_of(request)
    return _page(request, _TEXTS[language]["wrong"], refusal.text(language), status=422)


def _page(request: Request, title: str, text: str, *, form: str = "", status: int = 200) -> Response:
    language = language_of(request)
    page = _PAGE.format(language=language, title=escape(title), text=escape(text), form=form, style=_STYLE)
    return Response(page, status, _HEADERS | {"content-language": language}, "text/html")
