"""Errors that OpenAI, and servers and gateways that speak its API, were seen to answer with: for the fault `error`."""

from collections.abc import Callable, Mapping

from tatemono_studio.errors import ApiError, model_not_found

_QUOTA = "You exceeded your current quota, please check your plan and billing details."


def _page(status: int, words: str) -> Callable[[], ApiError]:
    """What something on the way answers, in HTML."""
    return lambda: ApiError(status, f"<html><head><title>{status} {words}</title></head><body>{words}</body></html>")


def _quota(code: str) -> Callable[[], ApiError]:
    return lambda: ApiError(429, _QUOTA, type="insufficient_quota", code=code)


ERRORS: Mapping[str, Callable[[], ApiError]] = {
    "quota": _quota("insufficient_quota"),
    "credit": _quota("credit_balance_exhausted"),
    "spend-limit": _quota("project_spend_limit_exceeded"),
    "billing": lambda: ApiError(400, "Billing hard limit has been reached.", code="billing_hard_limit_reached"),
    "key": lambda: ApiError(401, "Incorrect API key provided: sk-st**io.", code="invalid_api_key"),
    "unverified": lambda: ApiError(403, "Your organization must be verified to use this model."),
    "model": lambda: model_not_found("gpt-image-2"),
    "user": lambda: ApiError(403, "This safety identifier has been blocked.", param="safety_identifier"),
    "overloaded": lambda: ApiError(
        503, "The servers are overloaded.", type="service_unavailable_error", code="server_is_overloaded"
    ),
    "refusal-without-code": lambda: ApiError(
        400,
        "Your request was rejected by the safety system. safety_violations=[violence].",
        type="image_generation_user_error",
    ),
    "content-filter": lambda: ApiError(400, "Filtered.", type="", code="contentFilter"),
    "reference": lambda: ApiError(
        400, "Invalid image file or mode for image 1.", type="image_generation_user_error", code="invalid_image_file"
    ),
    "502": _page(502, "Bad gateway"),
    "520": _page(520, "Web server is returning an unknown error"),
    "524": _page(524, "A timeout occurred"),
}
