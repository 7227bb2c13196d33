"""What went wrong in a call to OpenAI's API, in the words of the domain.

https://platform.openai.com/docs/guides/error-codes. The API's own messages are left out of ours: they may quote the
prompt or a part of the key.
"""

import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import httpx2
from openai import APIConnectionError, APIError, APIStatusError

from tatemono.domain.generations.painting import Failure, PaintingFailed

_REFUSALS = {"moderation_blocked", "content_policy_violation"}

_STATUS = {
    # Our key is wrong or lacks a right: for people to put right, and no reason to give up the pictures meanwhile.
    401: Failure.UNAVAILABLE,
    403: Failure.UNAVAILABLE,
    409: Failure.UNAVAILABLE,
    429: Failure.RATE_LIMITED,
    # A gateway stopped waiting for the painter, who may paint on. 524 is Cloudflare's word for it.
    408: Failure.TIMED_OUT,
    504: Failure.TIMED_OUT,
    524: Failure.TIMED_OUT,
}

_FAULTS_OF_OURS = {"invalid_request_error", "image_generation_user_error"}

_NOTHING_WAS_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


def as_painting_failed(error: Exception, request_id: str | None) -> PaintingFailed:
    """:param request_id: the painter's name for the call, if the answer had begun"""
    match error:
        case APIStatusError():
            return PaintingFailed(
                _failure_by_status(error),
                f"status {error.status_code}{_named(error)}",
                retry_after_seconds=_retry_after_seconds(error.response.headers),
                provider_request_id=error.request_id,
            )
        case APIConnectionError() | httpx2.RequestError():
            # While it streams, the SDK lets its HTTP client's own errors through.
            cause = error.__cause__ if isinstance(error, APIConnectionError) else error
            return PaintingFailed(
                _failure_by_cause(cause), f"connection: {type(cause).__name__}", provider_request_id=request_id
            )
        case APIError():
            return PaintingFailed(
                _failure_in_stream(error), f"error within the answer{_named(error)}", provider_request_id=request_id
            )
        case TimeoutError():
            return PaintingFailed(Failure.TIMED_OUT, "the call took too long", provider_request_id=request_id)
        case _:
            # An event or a body that was torn is no JSON any more.
            return PaintingFailed(
                Failure.CUT_OFF, f"the answer is not readable ({type(error).__name__})", provider_request_id=request_id
            )


def _failure_by_status(error: APIStatusError) -> Failure:
    if error.code in _REFUSALS:
        return Failure.REFUSED
    status = error.status_code
    return _STATUS.get(
        status, Failure.UNAVAILABLE if status >= httpx2.codes.INTERNAL_SERVER_ERROR else Failure.BAD_REQUEST
    )


def _failure_by_cause(cause: BaseException | None) -> Failure:
    if isinstance(cause, _NOTHING_WAS_SENT):
        return Failure.UNAVAILABLE
    return Failure.TIMED_OUT if isinstance(cause, httpx2.TimeoutException) else Failure.CUT_OFF


def _failure_in_stream(error: APIError) -> Failure:
    """An error that came as an event, after a good status."""
    if error.code in _REFUSALS:
        return Failure.REFUSED
    if error.code == "rate_limit_exceeded":
        return Failure.RATE_LIMITED
    return Failure.BAD_REQUEST if error.type in _FAULTS_OF_OURS else Failure.UNAVAILABLE


def _named(error: APIError) -> str:
    return "".join(f", {word}" for word in (error.type, error.code, error.param) if word)


def _retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """RFC 9110 10.2.3, and OpenAI's exact form beside it. A date counts from the answer's own: our clock has no say."""
    try:
        if milliseconds := headers.get("retry-after-ms"):
            seconds = float(milliseconds) / 1000
        elif (value := headers.get("retry-after", "")).strip().isdigit():
            seconds = float(value)
        else:
            seconds = (parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))).total_seconds()
    except (ValueError, TypeError):
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
