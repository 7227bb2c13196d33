"""What the bodies of all HTTP services have in common, and the problem, which they share."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

NO_NUL = r"^[^\x00]*$"


class RequestBody(BaseModel):
    """Strict: no field is guessed from another type, none is ignored."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ResponseBody(BaseModel):
    model_config = ConfigDict(extra="forbid")


def example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [value]})


class FieldError(ResponseBody):
    pointer: Annotated[str, Field(description="RFC 6901, into the body; or /query/…, /header/…, /path/….")]
    detail: str
    code: str


class Problem(ResponseBody):
    model_config = example(
        {
            "type": "about:blank",
            "title": "The request is wrong",
            "status": 422,
            "detail": "Some fields are not as the API describes them; `errors` says which.",
            "code": "validation_failed",
            "request_id": "9f86d081884c7d659a2feaa0c55ad015",
            "errors": [{"pointer": "/n", "detail": "This must be at most 4.", "code": "out_of_range"}],
        }
    )

    type: str
    title: str
    status: int
    detail: Annotated[
        str, Field(description="What to do about it, in the language asked for (Accept-Language: ja, en).")
    ]
    code: Annotated[str, Field(description="Stable: programs may depend on it.")]
    request_id: str
    errors: Annotated[list[FieldError] | None, Field(description="With `validation_failed` only.")] = None
    erase_at: Annotated[
        datetime | None, Field(description="With `deletion_pending` only: until then it can be undone.")
    ] = None
