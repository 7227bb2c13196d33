"""Errors as they were seen, or as the API's own documents have them, each with its source; and what each means here.

SDK: the types of openai-python 3.54.0. Guide, Help: OpenAI's. `owner/repo#1`: an issue or pull request there.
"""

from typing import Any

import pytest

from tatemono.adapters.openai.error_answers import ErrorAnswer
from tatemono.domain.generations.painting import Failure

PERSON, CONTENT, RATE, AWAY = Failure.ACCOUNT_REFUSED, Failure.REFUSED, Failure.RATE_LIMITED, Failure.UNAVAILABLE
OURS, REFERENCE, USER = Failure.BAD_REQUEST, Failure.REFERENCE_REJECTED, Failure.USER_REFUSED
CUT, SLOW = Failure.CUT_OFF, Failure.TIMED_OUT
INVALID, IMAGE_USER = "invalid_request_error", "image_generation_user_error"
REJECTED = "Your request was rejected by the safety system. safety_violations=[sexual]. Request ID: req_1"


def told(kind: str | None = None, code: Any = None, message: str = "", **more: Any) -> dict[str, Any]:
    return {"error": {"type": kind, "code": code, "param": None, "message": message, **more}}


#: Status, body, what it means, whether the same comes within a stream, source.
OPENAI = [
    (429, told("insufficient_quota", "insufficient_quota", "You exceeded your current quota"), PERSON, "Dev Proxy"),
    (429, told("insufficient_quota", "credit_balance_exhausted"), PERSON, "Help 6614457"),
    (429, told("insufficient_quota", "project_spend_limit_exceeded"), PERSON, "Help 6614457, 5955604"),
    (429, told("insufficient_quota", "organization_spend_limit_exceeded"), PERSON, "Help 6614457"),
    (429, told("insufficient_quota", "organization_usage_limit_exceeded"), PERSON, "Help 6614457"),
    (429, told("insufficient_quota", None), PERSON, "inferred: the type alone"),
    (429, told("billing_not_active", "billing_not_active"), PERSON, "inferred"),
    (400, told(INVALID, "billing_hard_limit_reached"), PERSON, "dfinke/PowerShellAI#127"),
    (400, told("billing_limit_user_error", "billing_hard_limit_reached"), PERSON, "inferred"),
    (401, told(INVALID, "invalid_api_key", "Incorrect API key provided: sk-ab**cd"), PERSON, "Guide: Error codes"),
    (401, told(None, None, "You must be a member of an organization to use the API"), PERSON, "Guide: Error codes"),
    (401, told(None, None, "IP not authorized"), PERSON, "Guide: Error codes"),
    (401, told(INVALID, "account_deactivated"), PERSON, "inferred"),
    (403, told("request_forbidden", "unsupported_country_region_territory"), PERSON, "Guide: Error codes"),
    (
        403,
        told(INVALID, None, "Your organization must be verified to use the model `gpt-image-2`."),
        PERSON,
        "openai-php/client#565",
    ),
    (400, told(INVALID, None, "Your organization must be verified to stream"), PERSON, "continuedev/continue#8209"),
    (403, told(INVALID, "model_not_found"), PERSON, "softmarshmallow/stage-gen#10"),
    (404, told(INVALID, "model_not_found", param="model"), PERSON, "DALL·E's shutdown"),
    (400, told(INVALID, None, "service_tier is not allowed", param="service_tier"), PERSON, "Guide: Error codes"),
    (403, told(INVALID, None, "You have insufficient permissions for this operation"), PERSON, "inferred"),
    (403, told(None, None, "This safety identifier has been blocked"), USER, "Guide: Safety checks"),
    (400, told(INVALID, None, "blocked", param="safety_identifier"), USER, "Guide: Safety checks"),
    (429, told("requests", "rate_limit_exceeded", "Rate limit reached"), RATE, "Guide: Rate limits"),
    (429, told("images", "rate_limit_exceeded"), RATE, "Guide: Rate limits"),
    (429, told("input-images", "rate_limit_exceeded"), RATE, "Guide: Rate limits"),
    (429, told("rate_limit_error", "slow_down"), RATE, "Guide: Error codes"),
    (503, told("service_unavailable_error", "server_is_overloaded"), AWAY, "Guide: Error codes"),
    (400, told(IMAGE_USER, "moderation_blocked", REJECTED), CONTENT, "jeffstric/ZJT#480"),
    (
        400,
        told(IMAGE_USER, "moderation_blocked", REJECTED, moderation_stage="output", categories=["violence"]),
        CONTENT,
        "openai/codex#46737",
    ),
    (400, told(IMAGE_USER, None, REJECTED), CONTENT, "inferred: without a code"),
    (400, told(INVALID, "content_policy_violation"), CONTENT, "ogx-ai/ogx#3549"),
    (500, told("shell_api_error", None, REJECTED), CONTENT, "APIYI, 2026-05-13: through a relay"),
    (400, told(IMAGE_USER, "invalid_value", "divisible by 16", param="size"), OURS, "jezweb/claude-skills#91"),
    (400, told(IMAGE_USER, "invalid_value", "longest edge", param="size"), OURS, "young-bo-i/CanvasMind"),
    (400, told(IMAGE_USER, "invalid_value", param="background"), OURS, "gaoren002/GPT2Image-Pro#2"),
    (400, told(IMAGE_USER, "invalid_input_fidelity_model"), OURS, "pydantic/pydantic-ai#5413"),
    (400, told(IMAGE_USER, None, "partial images are needed", param="tools"), OURS, "QuantumNous/new-api#1234"),
    (400, told(INVALID, "unknown_parameter", param="response_format"), OURS, "lobehub/lobehub#9920"),
    (400, told(INVALID, None, "Streaming is only supported with n=1"), OURS, "theopenco/llmgateway#3963"),
    (400, told(INVALID, "string_above_max_length", param="prompt"), OURS, "inferred"),
    (400, told(IMAGE_USER, "invalid_image_file"), REFERENCE, "lofcz/LLMTornado#105"),
    (400, told(INVALID, "image_too_large"), REFERENCE, "SDK: ResponseError"),
    (400, told(INVALID, "unsupported_image_media_type"), REFERENCE, "SDK: ResponseError"),
    (400, told(INVALID, "invalid_value", "Failed to download the image: 404"), OURS, "gaoren002/GPT2Image-Pro#34"),
    (500, told("server_error", "server_error"), AWAY, "Soju06/codex-lb#583"),
    (500, told("image_generation_server_error", "image_generation_failed"), AWAY, "sdcb/chats"),
]
OTHERS = [
    (404, told(None, "DeploymentNotFound"), PERSON, "Azure: openclaw/openclaw#71705"),
    (404, told(None, "404", "Resource not found"), PERSON, "Azure: BerriAI/litellm#11660"),
    (400, told(None, "contentFilter", "filtered"), CONTENT, "Azure: Microsoft Learn"),
    (400, told(None, "content_filter"), CONTENT, "Azure: developersdigest.tech"),
    (
        400,
        told(None, "BadRequest", "filtered", innererror={"code": "ResponsibleAIPolicyViolation"}),
        CONTENT,
        "Azure: inferred",
    ),
    (403, told(None, "Forbidden", "Resource is blocked"), PERSON, "Azure: pollinations/pollinations#8837"),
    (429, told(None, "429", "Try again in 7 seconds"), RATE, "Azure: theopenco/llmgateway#2102"),
    (429, told(None, "EngineOverloaded"), AWAY, "Azure: theopenco/llmgateway#2122"),
    (
        400,
        told(INVALID, "unknown_parameter", "Unknown parameter: 'safety_identifier'", param="safety_identifier"),
        OURS,
        "Azure: openai/openai-guardrails-python#37",
    ),
    (402, told(None, 402, "Insufficient credits"), PERSON, "OpenRouter: its documents"),
    (
        403,
        told(None, 403, "Forbidden", metadata={"reasons": ["content policy"]}),
        CONTENT,
        "OpenRouter: its documents",
    ),
    (408, told(None, 408), SLOW, "OpenRouter: inferred"),
    (503, told(None, 503, "No provider"), AWAY, "OpenRouter: its documents"),
    (500, {"error": {"code": 500, "message": "broken", "type": ""}}, AWAY, "LocalAI: mudler/LocalAI#2299"),
    (503, told("", "model_loading"), RATE, "LocalAI: core/http/app.go"),
    (400, {"error": "prompt required"}, OURS, "stable-diffusion.cpp: routes_openai.cpp"),
    (500, {"error": "generation failed"}, AWAY, "stable-diffusion.cpp: routes_openai.cpp"),
    (500, {"error": "server_error", "message": "broken"}, AWAY, "stable-diffusion.cpp: routes_openai.cpp"),
    (
        400,
        told(None, "400", "litellm.ContentPolicyViolationError: rejected"),
        CONTENT,
        "LiteLLM: BerriAI/litellm#18118",
    ),
    (451, told("bad_response_status_code", None, REJECTED), CONTENT, "relays: APIYI FAQ"),
    (500, told("shell_api_error", "convert_request_failed"), OURS, "relays: Laisky/one-api#401"),
    (422, {"detail": [{"loc": ["body", "n"], "msg": "too large"}]}, OURS, "FastAPI: inferred"),
    (400, {"detail": "stream is not supported"}, OURS, "gateways: langwatch/langwatch#7769"),
]
#: Status of an answer without JSON, seconds that it took, what it means.
PAGES = [
    (302, 1, PERSON),
    (401, 1, PERSON),
    (403, 1, PERSON),
    (404, 1, PERSON),
    (407, 1, PERSON),
    (413, 1, OURS),
    (429, 1, RATE),
    (451, 1, PERSON),
    (500, 1, CUT),
    (502, 1, CUT),
    (503, 1, AWAY),
    (503, 60, CUT),
    (504, 60, SLOW),
    (520, 1, CUT),
    (521, 1, AWAY),
    (522, 20, AWAY),
    (523, 1, AWAY),
    (524, 120, SLOW),
    (525, 1, AWAY),
    (526, 1, AWAY),
]


def named(rows: list[Any]) -> list[Any]:
    return [pytest.param(*row, id=f"{row[0]}, {row[3]}") for row in rows]


class TestErrorAnswer:
    @pytest.mark.parametrize(("status", "body", "failure", "source"), named(OPENAI + OTHERS))
    def test_means_what_it_says_best(self, status: int, body: Any, failure: Failure, source: str) -> None:
        assert ErrorAnswer.read(body, status=status).failure is failure, source

    @pytest.mark.parametrize(
        ("status", "body", "failure", "source"),
        # Told by the status alone; or, in the middle of painting, possibly on the bill.
        named([row for row in OPENAI if row[0] not in (401, 403) and row[1]["error"]["type"] != "server_error"]),
    )
    def test_means_the_same_within_a_stream(self, status: int, body: Any, failure: Failure, source: str) -> None:
        del status
        assert ErrorAnswer.read(body["error"], status=None).failure is failure, source

    def test_is_ambiguous_when_the_painter_breaks_in_the_middle(self) -> None:
        assert ErrorAnswer.read(told("server_error", "server_error"), status=None).failure is CUT

    @pytest.mark.parametrize(("code", "failure"), [(429, RATE), ("403", PERSON), (502, CUT), (503, AWAY)])
    def test_has_its_status_in_the_code_where_the_answer_began_well(self, code: Any, failure: Failure) -> None:
        assert ErrorAnswer.read(told(None, code), status=None).failure is failure

    @pytest.mark.parametrize(("status", "seconds", "failure"), PAGES)
    def test_is_read_by_status_and_time_where_something_on_the_way_answers(
        self, status: int, seconds: float, failure: Failure
    ) -> None:
        page = "<html><body>the gateway says no</body></html>"
        answer = ErrorAnswer.read(None, status=status, text=page, after_seconds=seconds)
        assert answer.failure is failure

    def test_is_a_wait_if_a_bill_in_flight_says_when_to_come_back(self) -> None:
        assert ErrorAnswer.read(told(None, 402), status=402, waits=True).failure is RATE

    @pytest.mark.parametrize("body", [None, [], 7, "text", {}, {"error": None}, {"error": []}, {"error": {"code": []}}])
    @pytest.mark.parametrize("status", [None, 400, 418, 500, 599])
    def test_is_read_in_any_form(self, status: int | None, body: Any) -> None:
        assert ErrorAnswer.read(body, status=status).failure in (OURS, AWAY, CUT)
