"""Between the socket and MiniStack: which requests pass, what they may have changed, and whether that was kept."""

import hmac
import json
import re
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from tatemono_tools.laptop.cloud.durable_writes import WriteGuard, failed_writes
from tatemono_tools.laptop.cloud.hosted.app import HostedPages, is_hosted
from tatemono_tools.laptop.cloud.pictures import PREFIX, Pictures
from tatemono_tools.laptop.cloud.snapshots import touched_services

_HEALTH = "/_ministack/health"
_MAIL = "/_tatemono/mail"
_UNSIGNED_TARGETS = ("AWSCognitoIdentityProviderService.", "AWSCognitoIdentityService.")
_PUBLIC_KEYS = re.compile(r"/[\w-]+/\.well-known/(jwks\.json|openid-configuration)")
_BUCKET = re.compile(r"/[a-z0-9][a-z0-9.-]{2,62}")
_Answer = tuple[int, dict[str, str], bytes]
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
        *,
        writes: WriteGuard,
    ) -> None:
        self._cloud = cloud
        self._pictures = pictures
        self._bearer = b"Bearer " + secret_access_key.encode()
        self._touch = touch
        self._hosted = HostedPages(touch)
        self._mail_since = mail_since
        self._writes = writes

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        if scope["path"].startswith(PREFIX + "/"):
            await _answer(send, scope["method"], *await self._pictures.answer(scope))
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        for_s3 = _is_for_s3(scope, headers)
        refused = self._refused(scope, headers, for_s3=for_s3)
        if refused is not None:
            await _read_to_the_end(receive)
            await _answer(send, scope["method"], *refused)
        elif is_hosted(scope["path"]):
            await _answer(send, scope["method"], *await self._hosted.answer(scope, receive))
        elif scope["path"] == _MAIL:
            known = scope["query_string"].decode("latin-1").removeprefix("known=")
            found = json.dumps(self._mail_since(int(known) if known.isdecimal() else 0)).encode()
            await _answer(send, scope["method"], 200, {"Content-Type": "application/json"}, found)
        elif scope["method"] in {"GET", "HEAD"}:
            await self._cloud(scope, receive, send)
        else:
            await self._change(scope, receive, send, for_s3=for_s3)

    def _refused(self, scope: dict[str, Any], headers: dict[bytes, bytes], *, for_s3: bool) -> _Answer | None:
        """The answer to a request that may not reach MiniStack, or could not be kept."""
        reason = self._refusal(scope, headers)
        if reason is not None:
            body = json.dumps({"__type": "AccessDeniedException", "message": reason}).encode()
            return 403, {"Content-Type": "application/json"}, body
        unwritable = self._writes.refusal(scope["method"], _action(headers), for_s3=for_s3)
        return None if unwritable is None else _unavailable(unwritable, for_s3=for_s3)

    async def _change(self, scope: dict[str, Any], receive: Any, send: Any, *, for_s3: bool) -> None:
        """A request that may change something. Its answer waits until it is known whether that is on the disk."""
        touched: set[str] = set()
        failed: list[str] = []
        answer: list[Any] = []
        tokens = touched_services.set(touched), failed_writes.set(failed)

        async def hold(message: Any) -> None:
            answer.append(message)

        try:
            await self._cloud(scope, receive, hold)
        finally:
            touched_services.reset(tokens[0])
            failed_writes.reset(tokens[1])
            self._touch(touched or None)
        if failed:
            await _answer(send, scope["method"], *_unavailable(failed[0], for_s3=for_s3))
            return
        for message in answer:
            await send(message)

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


async def _read_to_the_end(receive: Any) -> None:
    """A caller that still sends when the connection is closed may not see the answer."""
    while (await receive()).get("more_body"):
        pass


async def _answer(send: Any, method: str, status: int, headers: dict[str, str], body: bytes) -> None:
    length = {} if any(name.lower() == "content-length" for name in headers) else {"content-length": str(len(body))}
    fields = [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers | length).items()]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})


def _action(headers: dict[bytes, bytes]) -> str:
    """The API's name for what is asked, where a header has it."""
    return headers.get(b"x-amz-target", b"").decode("latin-1").rpartition(".")[2]


def _is_for_s3(scope: dict[str, Any], headers: dict[bytes, bytes]) -> bool:
    """Whether it is signed for S3, in a header or in the URL."""
    return b"/s3/aws4_request" in headers.get(b"authorization", b"") or b"%2Fs3%2F" in scope["query_string"]


def _unavailable(reason: str, *, for_s3: bool) -> _Answer:
    """What AWS answers when it is at fault; SDKs try again then."""
    message = f"The embedded cloud cannot write this down: {reason}"
    if for_s3:
        body = f"<Error><Code>ServiceUnavailable</Code><Message>{escape(message)}</Message></Error>"
        return 503, {"Content-Type": "application/xml"}, body.encode()
    code = "ServiceUnavailableException"
    kind = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": code}
    return 503, kind, json.dumps({"__type": code, "message": message}).encode()
