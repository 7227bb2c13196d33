"""Between the socket and MiniStack: which requests may pass unsigned, and what a request may have changed."""

import hmac
import json
import re
from collections.abc import Callable
from typing import Any

from tatemono_tools.laptop.cloud.hosted.app import HostedPages, is_hosted
from tatemono_tools.laptop.cloud.pictures import PREFIX, Pictures
from tatemono_tools.laptop.cloud.snapshots import touched_services

_HEALTH = "/_ministack/health"
_MAIL = "/_tatemono/mail"
_UNSIGNED_TARGETS = ("AWSCognitoIdentityProviderService.", "AWSCognitoIdentityService.")
_PUBLIC_KEYS = re.compile(r"/[\w-]+/\.well-known/(jwks\.json|openid-configuration)")
_BUCKET = re.compile(r"/[a-z0-9][a-z0-9.-]{2,62}")
_LOCAL_HOST = re.compile(r"(127\.0\.0\.1|localhost|[a-z0-9.-]+\.localhost)(:\d+)?")


class CloudMiddleware:
    """An ASGI application around MiniStack's.

    `touch` gets the names of the services a request may have changed, or None when it is not known. `mail_since` gives
    the mail after the first `known` ones, for the inbox.
    """

    def __init__(
        self,
        cloud: Any,
        pictures: Pictures,
        secret_access_key: str,
        touch: Callable[[set[str] | None], None],
        mail_since: Callable[[int], dict[str, Any]],
    ) -> None:
        self._cloud = cloud
        self._pictures = pictures
        self._bearer = b"Bearer " + secret_access_key.encode()
        self._touch = touch
        self._hosted = HostedPages(touch)
        self._mail_since = mail_since

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        if scope["path"].startswith(PREFIX + "/"):
            await _answer(send, scope["method"], *await self._pictures.answer(scope))
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        reason = self._refusal(scope, headers)
        if reason is not None:
            body = json.dumps({"__type": "AccessDeniedException", "message": reason}).encode()
            await _answer(send, scope["method"], 403, {"Content-Type": "application/json"}, body)
            return
        if is_hosted(scope["path"]):
            await _answer(send, scope["method"], *await self._hosted.answer(scope, receive))
            return
        if scope["path"] == _MAIL:
            known = scope["query_string"].decode("latin-1").removeprefix("known=")
            found = json.dumps(self._mail_since(int(known) if known.isdecimal() else 0)).encode()
            await _answer(send, scope["method"], 200, {"Content-Type": "application/json"}, found)
            return
        touched: set[str] = set()
        token = touched_services.set(touched)
        try:
            await self._cloud(scope, receive, send)
        finally:
            touched_services.reset(token)
            if scope["method"] not in {"GET", "HEAD"}:
                self._touch(touched or None)

    def _refusal(self, scope: dict[str, Any], headers: dict[bytes, bytes]) -> str | None:
        """Why a request may not reach MiniStack, which checks the signatures of those that do."""
        path: str = scope["path"]
        if not _LOCAL_HOST.fullmatch(headers.get(b"host", b"").decode("latin-1").lower()):
            # A page on the internet can make a browser call us by a name of its own that resolves to 127.0.0.1.
            return "The embedded cloud answers to 127.0.0.1 and localhost only"
        if path == _HEALTH or is_hosted(path):
            return None
        authorization = headers.get(b"authorization", b"")
        if path.startswith("/_"):
            # MiniStack's own pages: the mail that was sent, queues, reset. It would show and do them for any caller.
            return None if hmac.compare_digest(authorization, self._bearer) else "Send the secret access key as bearer"
        signed = authorization.startswith(b"AWS4-HMAC-SHA256 ") or b"X-Amz-Signature=" in scope["query_string"]
        target = headers.get(b"x-amz-target", b"").decode("latin-1")
        # A presigned POST is signed within its form, which MiniStack checks as it checks the other signatures.
        form = headers.get(b"content-type", b"").lower().startswith(b"multipart/form-data")
        if scope["method"] == "POST" and form and _BUCKET.fullmatch(path):
            return None
        if signed or target.startswith(_UNSIGNED_TARGETS) or _PUBLIC_KEYS.fullmatch(path):
            return None
        return "The request is not signed"


async def _answer(send: Any, method: str, status: int, headers: dict[str, str], body: bytes) -> None:
    length = {} if any(name.lower() == "content-length" for name in headers) else {"content-length": str(len(body))}
    fields = [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers | length).items()]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})
