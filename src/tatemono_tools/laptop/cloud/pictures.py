"""`/_edge/pictures/…`: CloudFront in front of the pictures bucket. The front door sends every `/pictures/…` here."""

import time
from typing import Any
from xml.sax.saxutils import escape

from ministack.core.responses import request_scope
from ministack.services import s3

from tatemono_tools.laptop.cloud.settings import CloudSettings
from tatemono_tools.laptop.cloud.signed_urls import TrustedKeys, UrlRefused, check_signed_url

PREFIX = "/_edge"
"""What follows it is the path of the viewer's URL, which like on CloudFront is the object's key as well."""

_PASSED_ON = ("range", "if-none-match", "if-modified-since", "if-range")
_ANSWERED = frozenset(
    {
        "accept-ranges",
        "cache-control",
        "content-disposition",
        "content-length",
        "content-range",
        "content-type",
        "etag",
        "last-modified",
    }
)
_OBJECT = frozenset({200, 206, 304, 416})

Answer = tuple[int, dict[str, str], bytes]


class Pictures:
    def __init__(self, settings: CloudSettings) -> None:
        self._settings = settings
        self._keys = TrustedKeys(path=settings.picture_keys) if settings.picture_keys else None

    async def answer(self, scope: dict[str, Any]) -> Answer:
        """The picture, if the viewer's URL (header `X-Original-URL`, without query) is signed by a trusted key."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if scope["method"] not in {"GET", "HEAD"}:
            return _refused("AccessDenied", "Only GET and HEAD are allowed", status=405)
        url, query = headers.get("x-original-url", ""), scope["query_string"].decode("latin-1")
        try:
            check_signed_url(url, query, self._keys.current() if self._keys else {}, time.time())
        except UrlRefused as refusal:
            return _refused(refusal.code, str(refusal))
        path = scope["path"].removeprefix(PREFIX)
        if not _same_path(url, scope):
            return _refused("AccessDenied", "The signature is for another path")
        return await self._object(scope["method"], path, headers)

    async def _object(self, method: str, path: str, headers: dict[str, str]) -> Answer:
        passed_on = {name: headers[name] for name in _PASSED_ON if name in headers}
        with request_scope(self._settings.account_id, self._settings.region):
            status, answered, body = await s3.handle_request(
                method, f"/{self._settings.pictures_bucket}{path}", passed_on, b"", {}, internal=True
            )
        if status not in _OBJECT:
            # Without permission to list the bucket S3 answers alike for a missing object and a forbidden one.
            return _refused("AccessDenied", "Access Denied")
        kept = {name: value for name, value in answered.items() if name.lower() in _ANSWERED}
        return status, kept, body


def _same_path(url: str, scope: dict[str, Any]) -> bool:
    raw_path: str = scope["raw_path"].decode("latin-1").split("?", 1)[0]
    return "/" + url.split("://", 1)[-1].partition("/")[2] == raw_path.removeprefix(PREFIX)


def _refused(code: str, message: str, *, status: int = 403) -> Answer:
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>'
    )
    return status, {"Content-Type": "text/xml", "Cache-Control": "no-store"}, body.encode()
