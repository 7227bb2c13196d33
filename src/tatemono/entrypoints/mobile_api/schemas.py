"""The shapes of bodies, as the OpenAPI document shows them. Requests are validated with these; responses are written
straight from rows (`resources.py`), and tests hold them to these shapes.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tatemono.domain.devices import Platform, UserKind
from tatemono.domain.generations import (
    MAX_PICTURES,
    MAX_PROMPT_CHARACTERS,
    Background,
    OutputFormat,
    PictureRequest,
    Quality,
    Size,
    State,
)

_GENERATION_ID = "019ab3c2-5b1e-7a10-8c55-0d2f6a1b9e01"
_PICTURE_ID = "019ab3c2-9d40-7c3e-a1f4-5e0c7b2d8f02"
_USER_ID = "019ab3c1-02aa-7f00-9b66-3c1d5e7f9a03"
_NO_NUL = r"^[^\x00]*$"


class RequestBody(BaseModel):
    """Strict: no field is guessed from another type, none is ignored."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ResponseBody(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [value]})


class DeviceSignIn(RequestBody):
    model_config = _example({"platform": "ios", "device_identifier": "6F1A2B3C-4D5E-4F60-8A9B-0C1D2E3F4A5B"})

    platform: Platform
    device_identifier: Annotated[
        str,
        StringConstraints(min_length=8, max_length=255, pattern=_NO_NUL),
        Field(
            description="identifierForVendor, Android ID, or a random id in the browser. Only its keyed hash is kept."
        ),
    ]


class SignedInUser(ResponseBody):
    id: UUID
    kind: UserKind
    new: Annotated[bool, Field(description="This sign-in created the user.")]


class DeviceSignedIn(ResponseBody):
    model_config = _example(
        {
            "access_token": "eyJhbGciOiJFUzI1NiIsImtpZCI6IjEiLCJ0eXAiOiJhdCtqd3QifQ.eyJzdWIiOiI…",
            "token_type": "Bearer",
            "expires_in": 3600,
            "user": {"id": _USER_ID, "kind": "guest", "new": True},
        }
    )

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Field(description="Seconds.")]
    user: SignedInUser


class GenerationRequest(RequestBody):
    model_config = _example(
        {
            "prompt": "A lighthouse at dawn, seen from the sea",
            "style": "ukiyo-e",
            "size": "1024x1536",
            "quality": "medium",
        }
    )

    prompt: Annotated[str, StringConstraints(min_length=1, max_length=MAX_PROMPT_CHARACTERS, pattern=_NO_NUL)]
    style: Annotated[
        str | None,
        StringConstraints(max_length=40, pattern=r"^[a-z][a-z0-9-]*$"),
        Field(description="The id of a style preset; `GET /v1/api/styles` lists them."),
    ] = None
    size: Size = Size.SQUARE
    quality: Quality = Quality.MEDIUM
    output_format: OutputFormat = OutputFormat.PNG
    background: Background = Background.AUTO
    n: Annotated[int, Field(ge=1, le=MAX_PICTURES, description="How many pictures.")] = 1

    def asked(self) -> PictureRequest:
        return PictureRequest(
            self.prompt, self.style, self.size, self.quality, self.output_format, self.background, self.n
        )


class FailureReason(ResponseBody):
    code: Annotated[str, Field(description="Stable: programs may depend on it.")]
    text: Annotated[str, Field(description="For people, in the language asked for.")]


_PICTURE = {
    "id": _PICTURE_ID,
    "generation_id": _GENERATION_ID,
    "prompt": "A lighthouse at dawn, seen from the sea",
    "url": "https://example.jp/pictures/u/g/1-0.png?Expires=1795470000&Signature=MEQCI…&Key-Pair-Id=K2JCJMDEHXQW5F&Hash-Algorithm=SHA256",
    "thumbnail_url": "https://example.jp/pictures/u/g/1-0-thumbnail.webp?Expires=1795470000&Signature=MEUCI…&Key-Pair-Id=K2JCJMDEHXQW5F&Hash-Algorithm=SHA256",
    "urls_expire_at": "2026-11-24T09:00:00Z",
    "width": 1024,
    "height": 1536,
    "size_bytes": 1482036,
    "content_type": "image/png",
    "thumbhash": "1QcSHQRnh493V4dIh4eXh1h4kJUI",
    "created_at": "2026-11-24T08:41:12.031415Z",
}


class Picture(ResponseBody):
    model_config = _example(_PICTURE)

    id: UUID
    generation_id: UUID
    prompt: str
    url: Annotated[str, Field(description="Opens without a token until `urls_expire_at`; stays the same for minutes.")]
    thumbnail_url: Annotated[str, Field(description="WebP, longest side at most 512 pixels.")]
    urls_expire_at: datetime
    width: int
    height: int
    size_bytes: int
    content_type: Literal["image/png", "image/jpeg", "image/webp"]
    thumbhash: Annotated[str, Field(description="Base64 of a ThumbHash: a placeholder until the picture is there.")]
    created_at: datetime


_GENERATION = {
    "id": _GENERATION_ID,
    "state": "queued",
    "prompt": "A lighthouse at dawn, seen from the sea",
    "style": "ukiyo-e",
    "size": "1024x1536",
    "quality": "medium",
    "output_format": "png",
    "background": "auto",
    "n": 1,
    "price_credits": 12,
    "failure": None,
    "position": 3,
    "pictures": [],
    "created_at": "2026-11-24T08:40:58.271828Z",
    "started_at": None,
    "finished_at": None,
}


class Generation(ResponseBody):
    model_config = _example(_GENERATION)

    id: UUID
    state: State
    prompt: str
    style: str | None
    size: Size
    quality: Quality
    output_format: OutputFormat
    background: Background
    n: int
    price_credits: Annotated[
        int, Field(description="Held while it runs, spent when it succeeds, given back otherwise.")
    ]
    failure: FailureReason | None
    position: Annotated[int | None, Field(description="While queued: how many turns from now; 1 is next.")]
    pictures: Annotated[list[Picture], Field(description="When it succeeded, without those that were deleted since.")]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class GenerationPage(ResponseBody):
    model_config = _example({"items": [_GENERATION], "next_cursor": _GENERATION_ID})

    items: list[Generation]
    next_cursor: Annotated[UUID | None, Field(description="Give it as `cursor` for what is older; null at the end.")]


class PicturePage(ResponseBody):
    model_config = _example({"items": [_PICTURE], "next_cursor": None})

    items: list[Picture]
    next_cursor: Annotated[UUID | None, Field(description="Give it as `cursor` for what is older; null at the end.")]


class Credits(ResponseBody):
    available: int
    held: Annotated[int, Field(description="For generations that are not finished.")]


class Me(ResponseBody):
    model_config = _example(
        {
            "id": _USER_ID,
            "kind": "guest",
            "created_at": "2026-11-24T08:40:57.141592Z",
            "credits": {"available": 488, "held": 12},
            "generations_queued": 1,
            "generations_running": 0,
        }
    )

    id: UUID
    kind: UserKind
    created_at: datetime
    credits: Credits
    generations_queued: int
    generations_running: int


class Style(ResponseBody):
    id: str
    name: Annotated[str, Field(description="In the language asked for.")]
    name_en: str
    name_ja: str


class StyleList(ResponseBody):
    model_config = _example({"items": [{"id": "ukiyo-e", "name": "浮世絵", "name_en": "Ukiyo-e", "name_ja": "浮世絵"}]})

    items: list[Style]


class Health(ResponseBody):
    model_config = _example({"status": "ok", "parts": {"database": "ok", "image-worker": "ok", "outbox-relay": "ok"}})

    status: Literal["ok", "degraded"]
    parts: dict[str, Literal["ok", "away"]]


class FieldError(ResponseBody):
    pointer: Annotated[str, Field(description="RFC 6901, into the body; or /query/…, /header/…, /path/….")]
    detail: str
    code: str


class Problem(ResponseBody):
    model_config = _example(
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
