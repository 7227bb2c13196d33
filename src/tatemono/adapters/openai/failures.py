"""What went wrong in a call to an images API, in the words of the domain: see `error_answers` for what it says."""

import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import httpx2
from openai import APIConnectionError, APIError, APIStatusError

from tatemono.adapters.openai.error_answers import ErrorAnswer
from tatemono.domain.generations.painting import Failure, PaintingFailed

_NOTHING_WAS_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)

_MOST_DETAIL_CHARACTERS = 300
#: So long a piece of a prompt is no chance.
_PROMPT_PIECE_CHARACTERS = 12
_SECRETS = re.compile(r"\b(sk|pk|key|sess)[-_][\w*.\-]+|bearer\s+\S+|\S+@\S+|\S{48,}", re.IGNORECASE)
_TAGS = re.compile(r"<(script|style).*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)


def as_painting_failed(
    error: Exception, request_id: str | None, *, prompt: str, after_seconds: float = 0.0
) -> PaintingFailed:
    """
    :param request_id: the painter's name for the call, if the answer had begun
    :param prompt: what the error must not quote
    :param after_seconds: how long the call had taken
    """
    match error:
        case APIStatusError():
            return _from_status(error, prompt, after_seconds)
        case APIConnectionError() | httpx2.RequestError():
            # While it streams, the SDK lets its HTTP client's own errors through.
            cause = error.__cause__ if isinstance(error, APIConnectionError) else error
            return PaintingFailed(
                _failure_by_cause(cause), f"connection: {type(cause).__name__}", provider_request_id=request_id
            )
        case APIError():
            answer = ErrorAnswer.read(error.body, status=None, after_seconds=after_seconds)
            return _failed(answer, "error within the answer", prompt, request_id)
        case TimeoutError():
            return PaintingFailed(Failure.TIMED_OUT, "the call took too long", provider_request_id=request_id)
        case _:
            # An event or a body that was torn is no JSON any more.
            return PaintingFailed(
                Failure.CUT_OFF, f"the answer is not readable ({type(error).__name__})", provider_request_id=request_id
            )


def _from_status(error: APIStatusError, prompt: str, after_seconds: float) -> PaintingFailed:
    response = error.response
    retry_after = _retry_after_seconds(response.headers)
    answer = ErrorAnswer.of(response, after_seconds=after_seconds, waits=retry_after is not None)
    return _failed(answer, f"status {error.status_code}", prompt, _request_id(response.headers), retry_after)


def _failed(
    answer: ErrorAnswer, begins: str, prompt: str, request_id: str | None, retry_after: float | None = None
) -> PaintingFailed:
    named = [word for word in (answer.type, answer.code, answer.param) if word]
    detail = ", ".join([begins, *(_redacted(word, prompt) for word in named)])
    if said := _redacted(answer.message, prompt):
        detail = f"{detail}: {said}"
    cause = answer.code if not answer.code.isdecimal() else ""
    return PaintingFailed(
        answer.failure,
        detail[:_MOST_DETAIL_CHARACTERS],
        cause=_redacted(cause or answer.type, prompt)[:64] or begins,
        retry_after_seconds=retry_after,
        provider_request_id=request_id,
    )


def _request_id(headers: Mapping[str, str]) -> str | None:
    """The API's own, or what Azure or Cloudflare call it."""
    return headers.get("x-request-id") or headers.get("apim-request-id") or headers.get("cf-ray")


def _failure_by_cause(cause: BaseException | None) -> Failure:
    if isinstance(cause, _NOTHING_WAS_SENT):
        return Failure.UNAVAILABLE
    return Failure.TIMED_OUT if isinstance(cause, httpx2.TimeoutException) else Failure.CUT_OFF


def _redacted(text: str, prompt: str) -> str:
    """The text in one line, without keys and addresses; nothing of it, if it repeats a part of the prompt."""
    words = " ".join(prompt.split())
    line = " ".join(_TAGS.sub(" ", text).split())
    length = min(_PROMPT_PIECE_CHARACTERS, len(words))
    pieces = {words[start : start + length].lower() for start in range(len(words) - length + 1)} if words else set()
    lowered = line.lower()
    if any(piece in lowered for piece in pieces):
        return "(it quotes the prompt)"
    return _SECRETS.sub("…", line)


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
