"""The shapes of bodies, as the OpenAPI document shows them. Requests are validated with these; responses are written
straight from rows (`resources.py`), and tests hold them to these shapes.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

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
from tatemono.entrypoints.bodies import NO_NUL, RequestBody, ResponseBody, example

_GENERATION_ID = "019ab3c2-5b1e-7a10-8c55-0d2f6a1b9e01"
_PICTURE_ID = "019ab3c2-9d40-7c3e-a1f4-5e0c7b2d8f02"
_USER_ID = "019ab3c1-02aa-7f00-9b66-3c1d5e7f9a03"


class DeviceSignIn(RequestBody):
    model_config = example({"platform": "ios", "device_identifier": "6F1A2B3C-4D5E-4F60-8A9B-0C1D2E3F4A5B"})

    platform: Platform
    device_identifier: Annotated[
        str,
        StringConstraints(min_length=8, max_length=255, pattern=NO_NUL),
        Field(
            description="identifierForVendor, Android ID, or a random id in the browser. Only its keyed hash is kept."
        ),
    ]
    attestation: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=30_000, pattern=NO_NUL)] | None,
        Field(
            description="Where devices have to be attested, at the first sign-in of a device. iOS: the attestation "
            "object of App Attest in base64, with the SHA-256 of the `DPoP` header's value as `clientDataHash`. "
            "Android: the token of a classic request to Play Integrity, with that SHA-256 in base64url as `nonce`."
        ),
    ] = None


class SignedInUser(ResponseBody):
    id: UUID
    kind: UserKind
    new: Annotated[bool, Field(description="This sign-in created the user.")]


class DeviceSignedIn(ResponseBody):
    model_config = example(
        {
            "access_token": "eyJhbGciOiJFUzI1NiIsImtpZCI6IjEiLCJ0eXAiOiJhdCtqd3QifQ.eyJzdWIiOiI…",
            "token_type": "Bearer",
            "expires_in": 3600,
            "refresh_token": "AZqzwgKqfwCbZjwdXn-aAy0hY…",
            "refresh_expires_in": 2592000,
            "id_token": "eyJhbGciOiJFUzI1NiIsImtpZCI6IjEiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiI…",
            "user": {"id": _USER_ID, "kind": "guest", "new": True},
        }
    )

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Field(description="Seconds.")]
    refresh_token: Annotated[
        str,
        Field(description="For `refresh_session`, with a proof of the same key; good once. Keep it in the keychain."),
    ]
    refresh_expires_in: Annotated[int, Field(description="Seconds.")]
    id_token: Annotated[str, Field(description="A JWT about the user, for the app to read. It opens nothing.")]
    user: SignedInUser


class SessionRefresh(RequestBody):
    model_config = example({"refresh_token": "AZqzwgKqfwCbZjwdXn-aAy0hY…"})

    refresh_token: Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=NO_NUL)]


class Device(ResponseBody):
    id: UUID
    platform: Platform
    created_at: datetime
    last_seen_at: datetime
    signed_in: Annotated[bool, Field(description="It has a session that is not over.")]
    current: Annotated[bool, Field(description="It is the one that asks.")]


class DeviceList(ResponseBody):
    model_config = example(
        {
            "items": [
                {
                    "id": "019ab3c1-02ab-7b11-8a70-1f2e3d4c5b06",
                    "platform": "ios",
                    "created_at": "2026-11-24T08:40:57.141592Z",
                    "last_seen_at": "2026-11-24T09:12:03.271828Z",
                    "signed_in": True,
                    "current": True,
                }
            ]
        }
    )

    items: list[Device]


class SecurityEvent(ResponseBody):
    id: UUID
    kind: Annotated[str, Field(description="Stable: programs may depend on it.")]
    text: Annotated[str, Field(description="For people, in the language asked for.")]
    device_id: UUID | None
    created_at: datetime


class SecurityEventPage(ResponseBody):
    model_config = example(
        {
            "items": [
                {
                    "id": "019ab3c4-17c0-7d52-b1a9-6e5d4c3b2a07",
                    "kind": "refresh_reused",
                    "text": "Somebody used an old sign-in of one of your devices. The device was signed out.",
                    "device_id": "019ab3c1-02ab-7b11-8a70-1f2e3d4c5b06",
                    "created_at": "2026-11-24T09:15:44.577215Z",
                }
            ],
            "next_cursor": None,
        }
    )

    items: list[SecurityEvent]
    next_cursor: Annotated[UUID | None, Field(description="Give it as `cursor` for what is older; null at the end.")]


class GenerationRequest(RequestBody):
    model_config = example(
        {
            "prompt": "A lighthouse at dawn, seen from the sea",
            "style": "ukiyo-e",
            "size": "1024x1536",
            "quality": "medium",
        }
    )

    prompt: Annotated[str, StringConstraints(min_length=1, max_length=MAX_PROMPT_CHARACTERS, pattern=NO_NUL)]
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
    model_config = example(_PICTURE)

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
    "waiting": {"seconds": 41, "least_seconds": 22, "most_seconds": 61},
    "pictures": [],
    "created_at": "2026-11-24T08:40:58.271828Z",
    "started_at": None,
    "finished_at": None,
}


class WaitingTime(ResponseBody):
    seconds: int
    least_seconds: Annotated[int, Field(description="In 9 cases of 10 it is not less, and not more than most.")]
    most_seconds: int


class Generation(ResponseBody):
    model_config = example(_GENERATION)

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
    waiting: Annotated[
        WaitingTime | None,
        Field(description="While queued: how long that takes, by what the queue did lately; null: nobody can say."),
    ]
    pictures: Annotated[list[Picture], Field(description="When it succeeded, without those that were deleted since.")]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class GenerationPage(ResponseBody):
    model_config = example({"items": [_GENERATION], "next_cursor": _GENERATION_ID})

    items: list[Generation]
    next_cursor: Annotated[UUID | None, Field(description="Give it as `cursor` for what is older; null at the end.")]


class PicturePage(ResponseBody):
    model_config = example({"items": [_PICTURE], "next_cursor": None})

    items: list[Picture]
    next_cursor: Annotated[UUID | None, Field(description="Give it as `cursor` for what is older; null at the end.")]


class Credits(ResponseBody):
    available: int
    held: Annotated[int, Field(description="For generations that are not finished.")]


class Me(ResponseBody):
    model_config = example(
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
    model_config = example({"items": [{"id": "ukiyo-e", "name": "浮世絵", "name_en": "Ukiyo-e", "name_ja": "浮世絵"}]})

    items: list[Style]


class Health(ResponseBody):
    model_config = example({"status": "ok", "parts": {"database": "ok", "image-worker": "ok", "outbox-relay": "ok"}})

    status: Literal["ok", "degraded"]
    parts: dict[str, Literal["ok", "away"]]
