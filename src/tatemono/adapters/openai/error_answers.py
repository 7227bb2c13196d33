"""What an error of an images API means, by one table for both ways of answering.

OpenAI's own errors (https://platform.openai.com/docs/guides/error-codes) and those of servers, gateways and relays that
speak its API. Code, type, text and status contradict each other in the wild, so the most telling comes first.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx2

from tatemono.adapters.openai.answers import json_of
from tatemono.domain.generations.painting import Failure

#: A page of a gateway that comes sooner came before anything was painted.
EARLY_SECONDS = 10.0
#: Of a page; more tells nothing.
_MOST_CHARACTERS = 2**20

_REFUSED, _ACCOUNT, _RATE, _AWAY, _UNKNOWN, _OURS, _REFERENCE = (
    Failure.REFUSED,
    Failure.ACCOUNT_REFUSED,
    Failure.RATE_LIMITED,
    Failure.UNAVAILABLE,
    Failure.CUT_OFF,
    Failure.BAD_REQUEST,
    Failure.REFERENCE_REJECTED,
)

#: By `code`, of the error or of its `innererror`; in lower case.
_CODES = {
    _REFUSED: (
        *("moderation_blocked", "content_policy_violation", "contentfilter", "content_filter"),
        *("responsibleaipolicyviolation", "contentpolicyviolationerror"),
    ),
    _ACCOUNT: (
        *("insufficient_quota", "credit_balance_exhausted", "billing_not_active", "billing_hard_limit_reached"),
        *("project_spend_limit_exceeded", "organization_spend_limit_exceeded", "organization_usage_limit_exceeded"),
        *("invalid_api_key", "account_deactivated", "unsupported_country_region_territory", "model_not_found"),
        *("deploymentnotfound", "insufficient_permissions", "missing_scope"),
    ),
    _RATE: ("rate_limit_exceeded", "slow_down", "model_loading"),
    _AWAY: ("server_is_overloaded", "engineoverloaded", "image_generation_failed"),
    _REFERENCE: (
        *("invalid_image_file", "image_too_large", "image_too_small", "image_parse_error", "invalid_image_mode"),
        *("empty_image_file", "unsupported_image_media_type"),
    ),
    _OURS: (
        *("invalid_value", "unknown_parameter", "string_above_max_length", "invalid_input_fidelity_model"),
        *("missing_required_parameter", "convert_request_failed"),
    ),
}
#: By `type`, where the code does not tell.
_TYPES = {
    _ACCOUNT: ("insufficient_quota", "billing_not_active", "billing_limit_user_error", "request_forbidden"),
    _RATE: ("requests", "tokens", "images", "input-images", "rate_limit_error"),
    _AWAY: ("service_unavailable_error", "image_generation_server_error"),
}
_BY_CODE = {code: failure for failure, codes in _CODES.items() for code in codes}
_BY_TYPE = {kind: failure for failure, kinds in _TYPES.items() for kind in kinds}

#: A refusal whose code is missing or hidden by a relay.
_REFUSAL_TEXT = re.compile(
    r"safety_violations|rejected by (the|our) safety system|content[ _]policy|content management policy"
    r"|contentpolicyviolation|responsible ai|moderation[_ ](blocked|flag)",
    re.IGNORECASE,
)
#: An account that lacks something, told with a code that may mean anything, or none.
_ACCOUNT_TEXT = re.compile(
    r"must be verified|verify (your )?organi[sz]ation|service tier|service_tier|exceeded your current quota"
    r"|hard limit has been reached",
    re.IGNORECASE,
)
_USER_TEXT = re.compile(r"safety[ _]identifier", re.IGNORECASE)
_UNKNOWN_FIELD_TEXT = re.compile(r"unknown|unrecogni[sz]ed|unsupported", re.IGNORECASE)

_BY_STATUS = {
    401: _ACCOUNT,
    402: _ACCOUNT,
    403: _ACCOUNT,
    404: _ACCOUNT,
    407: _ACCOUNT,
    451: _ACCOUNT,
    409: _AWAY,
    425: _AWAY,
    429: _RATE,
    408: Failure.TIMED_OUT,
    504: Failure.TIMED_OUT,
    524: Failure.TIMED_OUT,
    # The origin's answer was lost on the way: it may have painted.
    502: _UNKNOWN,
    520: _UNKNOWN,
}
#: Cloudflare did not reach the origin: https://developers.cloudflare.com/support/troubleshooting/http-status-codes/
_NEVER_ARRIVED = {521, 522, 523, 525, 526}
_MAX_STATUS = 599


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An error as it came.

    :ivar status: of the answer; none: the error came within an answer that had begun well
    :ivar in_envelope: it is told in JSON by an API, not as a page by something on the way
    :ivar after_seconds: how long the call had taken
    :ivar waits: it came with a time to come back
    """

    status: int | None
    type: str = ""
    code: str = ""
    param: str = ""
    message: str = ""
    in_envelope: bool = True
    after_seconds: float = 0.0
    waits: bool = False

    @classmethod
    def of(cls, response: httpx2.Response, *, after_seconds: float = 0.0, waits: bool = False) -> "ErrorAnswer":
        """The error of an answer that was read to its end."""
        return cls.read(
            json_of(response),
            status=response.status_code,
            text=response.text[:_MOST_CHARACTERS],
            after_seconds=after_seconds,
            waits=waits,
        )

    @classmethod
    def read(
        cls, body: Any, *, status: int | None, text: str = "", after_seconds: float = 0.0, waits: bool = False
    ) -> "ErrorAnswer":
        """
        :param body: what the JSON says, or None if there is none; flat or within `error`
        :param text: the whole answer where it is no JSON
        """
        told = body.get("error", body) if isinstance(body, Mapping) else body
        if not isinstance(told, Mapping):
            # stable-diffusion.cpp says nothing but a text.
            words = told if isinstance(told, str) else text
            return cls(status, message=words, in_envelope=body is not None, after_seconds=after_seconds, waits=waits)
        inner = told.get("innererror") or told.get("inner_error")
        code = str(told.get("code") or "")
        if isinstance(inner, Mapping) and str(inner.get("code", "")).lower() in _BY_CODE:
            code = str(inner["code"])
        # LangWatch and FastAPI say `detail`; OpenRouter explains a number in `metadata`.
        message = [told.get(name) for name in ("message", "detail", "metadata") if told.get(name)]
        if status is None and code.isdecimal() and HTTPStatus.BAD_REQUEST <= int(code) <= _MAX_STATUS:
            status = int(code)
        return cls(
            status,
            type=str(told.get("type") or ""),
            code=code,
            param=str(told.get("param") or ""),
            message=" ".join(map(str, message)),
            after_seconds=after_seconds,
            waits=waits,
        )

    @property
    def failure(self) -> Failure:
        """What it means, in the words of the domain."""
        by_code = _BY_CODE.get(self.code.lower())
        if self._is_about_the_user:
            return Failure.USER_REFUSED
        if by_code is _REFUSED or _REFUSAL_TEXT.search(self.message):
            return _REFUSED
        if by_code is not _OURS and by_code is not None:
            return by_code
        if _ACCOUNT_TEXT.search(self.message):
            return _ACCOUNT
        return by_code or _BY_TYPE.get(self.type.lower()) or self._by_status()

    @property
    def _is_about_the_user(self) -> bool:
        """The painter's own documents do not say how it answers for a user whom it blocked, but for the identifier."""
        named = self.param == "safety_identifier" or _USER_TEXT.search(self.message)
        refuses = self.status in (None, 400, 403, 429) and self.code not in ("unknown_parameter", "invalid_value")
        return bool(named and refuses and not _UNKNOWN_FIELD_TEXT.search(self.message))

    def _by_status(self) -> Failure:
        if self.status is None:
            ours = self.type in ("invalid_request_error", "image_generation_user_error")
            # It had begun to paint.
            return _OURS if ours else _UNKNOWN
        if self.status == HTTPStatus.PAYMENT_REQUIRED and self.waits:
            return _RATE
        if self.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return _BY_STATUS.get(self.status) or self._of_a_server()
        # Below 400 it is a proxy's sign-in page.
        return _BY_STATUS.get(self.status, _OURS if self.status >= HTTPStatus.BAD_REQUEST else _ACCOUNT)

    def _of_a_server(self) -> Failure:
        early = self.status == HTTPStatus.SERVICE_UNAVAILABLE and self.after_seconds < EARLY_SECONDS
        return _AWAY if self.in_envelope or early or self.status in _NEVER_ARRIVED else _UNKNOWN
