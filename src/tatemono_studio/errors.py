"""Errors in OpenAI's envelope: `{"error": {"message", "type", "param", "code"}}`."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class ApiError(Exception):
    """An answer other than 200, as the SDK expects to read it.

    Source: https://platform.openai.com/docs/guides/error-codes
    """

    status: int
    message: str
    type: str = "invalid_request_error"
    param: str | None = None
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_page(self) -> bool:
        """Something on the way answers, and not the API."""
        return self.message.startswith("<html>")

    def envelope(self) -> dict[str, dict[str, str | None]]:
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


def invalid(param: str, message: str, code: str | None = "invalid_value") -> ApiError:
    return ApiError(400, message, param=param, code=code)


def missing(param: str) -> ApiError:
    return invalid(param, f"Missing required parameter: '{param}'.", "missing_required_parameter")


def no_api_key() -> ApiError:
    return ApiError(
        401,
        "You didn't provide an API key. Send it in the Authorization header with Bearer auth "
        "(Authorization: Bearer YOUR_KEY); the studio takes any key that is not empty.",
        code="invalid_api_key",
    )


def model_not_found(model: str) -> ApiError:
    return ApiError(
        404,
        f"The model '{model}' does not exist or you do not have access to it.",
        param="model",
        code="model_not_found",
    )


def moderation_blocked(categories: tuple[str, ...]) -> ApiError:
    """A refused prompt, with the type and code of the images API."""
    return ApiError(
        400,
        f"Your request was rejected by the safety system. safety_violations=[{', '.join(categories)}].",
        type="image_generation_user_error",
        code="moderation_blocked",
    )


def rate_limited(retry_after_seconds: float) -> ApiError:
    return ApiError(
        429,
        f"Rate limit reached for images per minute. Please try again in {retry_after_seconds:g}s.",
        type="requests",
        code="rate_limit_exceeded",
        headers={
            # RFC 9110 10.2.3 allows whole seconds only; OpenAI adds the exact value beside it.
            "retry-after": str(max(1, round(retry_after_seconds))),
            "retry-after-ms": str(round(retry_after_seconds * 1000)),
        },
    )


def server_error() -> ApiError:
    return ApiError(
        500,
        "The server had an error while processing your request. Sorry about that!",
        type="server_error",
        code="server_error",
    )


def gateway_timeout() -> ApiError:
    """What a gateway answers when the server behind it takes too long."""
    return ApiError(504, "The server took too long to answer.", type="server_error", code="gateway_timeout")


def too_large(limit_bytes: int) -> ApiError:
    return ApiError(413, f"The request is larger than {limit_bytes} bytes.", code="request_too_large")
