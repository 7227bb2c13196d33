"""How a service refuses: RFC 9457 problem details, in the caller's language.

Only this module knows which HTTP status a refusal has.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final

import orjson
from starlette.exceptions import HTTPException
from starlette.responses import Response

from tatemono.domain import errors
from tatemono.domain.generations.queue import QueueDraining
from tatemono.domain.identity.devices import ProofNeedsNonce, ProofRejected
from tatemono.domain.identity.rate_limits import TooManyRequests
from tatemono.domain.privacy.account_deletion import DeletionPending
from tatemono.entrypoints.http.field_errors import field_errors

MEDIA_TYPE = "application/problem+json"

#: Status and title of each kind. Credits that are used up are a limit like others, so 429: 402 has no agreed meaning.
_KINDS: dict[type[errors.Refusal], tuple[int, dict[str, str]]] = {
    errors.Invalid: (422, {"en": "The request is wrong", "ja": "リクエストの内容に誤りがあります"}),
    errors.Unauthenticated: (401, {"en": "Sign in first", "ja": "サインインが必要です"}),
    errors.Forbidden: (403, {"en": "Not allowed", "ja": "許可されていません"}),
    errors.NotFound: (404, {"en": "Not found", "ja": "見つかりません"}),
    errors.Conflict: (409, {"en": "Not possible now", "ja": "現在の状態では実行できません"}),
    errors.Exhausted: (429, {"en": "A limit is reached", "ja": "上限に達しました"}),
    errors.Unavailable: (503, {"en": "Not available now", "ja": "現在利用できません"}),
}
_RETRY_AFTER_SECONDS = {429: "5", 503: "2"}


MOST_FAULTS: Final = 50


class RequestNotUnderstood(errors.Invalid):
    """The request breaks the contract of the route; `faults` are pydantic's, their `loc` begins with the part.

    Only the first `MOST_FAULTS` are answered: thousands of wrong fields would get an answer larger than the request.
    """

    code = "validation_failed"
    texts: ClassVar[dict[str, str]] = {
        "en": "Some fields are not as the API describes them; `errors` says which.",
        "ja": "API の仕様に合わない項目があります。`errors` を確認してください。",
    }

    def __init__(self, faults: Sequence[Any]) -> None:
        super().__init__()
        self.faults = faults[:MOST_FAULTS]


class MalformedJson(errors.Invalid):
    code = "malformed_json"
    texts: ClassVar[dict[str, str]] = {
        "en": "The body is not JSON: {reason}.",
        "ja": "本文が JSON ではありません: {reason}。",
    }


class UnsupportedMediaType(errors.Invalid):
    code = "unsupported_media_type"
    texts: ClassVar[dict[str, str]] = {
        "en": "Send the body as application/json.",
        "ja": "本文は application/json で送ってください。",
    }


class BodyTooLarge(errors.Invalid):
    code = "body_too_large"
    texts: ClassVar[dict[str, str]] = {
        "en": "Send at most {limit} bytes.",
        "ja": "本文は {limit} バイト以下にしてください。",
    }


class OriginNotVerified(errors.Forbidden):
    code = "origin_not_verified"
    texts: ClassVar[dict[str, str]] = {
        "en": "Come in through the front door.",
        "ja": "正規の入口からアクセスしてください。",
    }


class NoSuchRoute(errors.NotFound):
    code = "not_found"
    texts: ClassVar[dict[str, str]] = {
        "en": "Nothing answers at this address.",
        "ja": "このアドレスには何もありません。",
    }


class MethodNotAllowed(errors.Invalid):
    code = "method_not_allowed"
    texts: ClassVar[dict[str, str]] = {
        "en": "This method cannot be used here.",
        "ja": "ここではこのメソッドを使用できません。",
    }


class InternalError(errors.Unavailable):
    code = "internal_error"
    texts: ClassVar[dict[str, str]] = {
        "en": "Something went wrong on our side. Try again, and name the request id if it goes on.",
        "ja": "サーバー側でエラーが発生しました。再度お試しのうえ、続く場合は request_id をお知らせください。",
    }


class DatabaseUnavailable(errors.Unavailable):
    code = "database_away"
    texts: ClassVar[dict[str, str]] = {
        "en": "The database does not answer. Try again in a moment.",
        "ja": "データベースが応答しません。しばらくしてからもう一度お試しください。",
    }


#: Refusals for which HTTP has a status of its own.
_OWN_STATUS: dict[type[errors.Refusal], tuple[int, dict[str, str]]] = {
    MalformedJson: (400, {"en": "Not JSON", "ja": "JSON ではありません"}),
    UnsupportedMediaType: (415, {"en": "Wrong content type", "ja": "Content-Type が違います"}),
    BodyTooLarge: (413, {"en": "Request too large", "ja": "リクエストが大きすぎます"}),
    MethodNotAllowed: (405, {"en": "Method not allowed", "ja": "使用できないメソッド"}),
    InternalError: (500, {"en": "Something went wrong", "ja": "エラーが発生しました"}),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal as an HTTP response."""

    status: int
    code: str
    title: str
    detail: str
    headers: dict[str, str] = field(default_factory=dict)
    errors: list[dict[str, str]] | None = None
    erase_at: datetime | None = None

    def response(self, request_id: str, language: str) -> Response:
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
        }
        if self.errors is not None:
            body["errors"] = self.errors
        if self.erase_at is not None:
            body["erase_at"] = self.erase_at
        headers = {"content-language": language, "cache-control": "no-store", **self.headers}
        return Response(orjson.dumps(body, option=orjson.OPT_UTC_Z), self.status, headers, MEDIA_TYPE)


def problem_of(refusal: errors.Refusal, language: str) -> Problem:
    kind = next(kind for kind in type(refusal).__mro__ if kind in _KINDS)
    status, titles = _OWN_STATUS.get(type(refusal), _KINDS[kind])
    headers = {}
    if status in _RETRY_AFTER_SECONDS:
        headers["retry-after"] = _RETRY_AFTER_SECONDS[status]
    if isinstance(refusal, QueueDraining):
        headers["retry-after"] = str(refusal.retry_after_seconds)
    if isinstance(refusal, TooManyRequests):
        headers |= _limit_headers(refusal)
    elif isinstance(refusal, ProofRejected):
        headers["www-authenticate"] = 'DPoP algs="ES256", error="invalid_dpop_proof"'
    elif isinstance(refusal, ProofNeedsNonce):
        headers["www-authenticate"] = 'DPoP algs="ES256", error="use_dpop_nonce"'
        headers["dpop-nonce"] = refusal.nonce
    elif status == 401:  # noqa: PLR2004 - a status of HTTP
        headers["www-authenticate"] = 'Bearer realm="tatemono", error="invalid_token"'
    faults = field_errors(refusal.faults, language) if isinstance(refusal, RequestNotUnderstood) else None
    erase_at = refusal.erase_at if isinstance(refusal, DeletionPending) else None
    return Problem(status, refusal.code, titles[language], refusal.text(language), headers, faults, erase_at)


def _limit_headers(refusal: TooManyRequests) -> dict[str, str]:
    """As draft-ietf-httpapi-ratelimit-headers-10 has it, and RFC 9110, 10.2.3."""
    limit, wait = refusal.limit, refusal.retry_after_seconds
    return {
        "retry-after": str(wait),
        "ratelimit-policy": f'"{limit.policy}";q={limit.requests};w={limit.window_seconds}',
        "ratelimit": f'"{limit.policy}";r=0;t={wait}',
    }


def refusal_of(error: HTTPException) -> errors.Refusal:
    """The refusal that stands for an error of Starlette's router."""
    return MethodNotAllowed() if error.status_code == 405 else NoSuchRoute()  # noqa: PLR2004 - a status of HTTP
