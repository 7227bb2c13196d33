"""The shapes of bodies, as the OpenAPI document shows them. Requests are validated with these; responses are written
straight from rows (`resources.py`), and tests hold them to these shapes.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from tatemono.domain.devices import Platform, UserKind
from tatemono.domain.generations import (
    MAX_NEGATIVE_CHARACTERS,
    MAX_PICTURES,
    MAX_PROMPT_CHARACTERS,
    MAX_SEED,
    SQUARE,
    Background,
    OutputFormat,
    PictureRequest,
    Quality,
    Size,
    State,
)
from tatemono.domain.reports import ReportReason
from tatemono.entrypoints.bodies import NO_NUL, RequestBody, ResponseBody, example

#: A strict body takes text for an id all the same: JSON has no other way to write one.
LaxUuid = Annotated[UUID, Field(strict=False)]

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
    size: Annotated[
        str,
        StringConstraints(pattern=r"^[1-9][0-9]{2,3}x[1-9][0-9]{2,3}$"),
        Field(description="`WIDTHxHEIGHT`. A size that cannot be had now is refused, with those that can."),
    ] = str(SQUARE)
    quality: Quality = Quality.MEDIUM
    output_format: OutputFormat = OutputFormat.PNG
    background: Background = Background.AUTO
    n: Annotated[int, Field(ge=1, le=MAX_PICTURES, description="How many pictures.")] = 1
    seed: Annotated[
        Annotated[int, Field(ge=0, le=MAX_SEED)] | None,
        Field(description="The same seed gives the same pictures, where the painter takes one; refused where not."),
    ] = None
    negative_prompt: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=MAX_NEGATIVE_CHARACTERS, pattern=NO_NUL)] | None,
        Field(description="What the pictures should not show."),
    ] = None
    reference_id: Annotated[
        LaxUuid | None, Field(description="A completed reference picture (`prepare_reference`) that is to be changed.")
    ] = None

    def asked(self) -> PictureRequest:
        return PictureRequest(
            self.prompt,
            self.style,
            Size(self.size),
            self.quality,
            self.output_format,
            self.background,
            self.n,
            self.seed,
            self.negative_prompt,
            self.reference_id,
        )


class GenerationQuote(ResponseBody):
    model_config = example(
        {
            "price_credits": 12,
            "credits": {"available": 4, "free_today": 36},
            "acceptable": True,
            "obstacle": None,
        }
    )

    price_credits: int
    credits: "QuotedCredits"
    acceptable: Annotated[bool, Field(description="It would be accepted now. Nothing is held for it.")]
    obstacle: Annotated[
        str | None,
        Field(
            description="What stands in the way: `out_of_credits`, `daily_budget_reached` (this user's), "
            "`service_budget_reached` (everybody's) or `too_many_waiting`."
        ),
    ]


class QuotedCredits(ResponseBody):
    available: int
    free_today: Annotated[int, Field(description="What today's allowance adds with the first request of the day.")]


class ReferenceRequest(RequestBody):
    model_config = example({"content_type": "image/jpeg"})

    content_type: Literal["image/png", "image/jpeg", "image/webp"]


class PresignedForm(ResponseBody):
    url: Annotated[str, Field(description="POST the form here, as multipart/form-data.")]
    fields: Annotated[dict[str, str], Field(description="All of them, in this order; the file in `file`, last.")]
    max_bytes: Annotated[int, Field(description="Of the file.")]
    expires_at: datetime


_REFERENCE = {
    "id": "019ab3c3-7a10-7d21-9c44-2b1a0f9e8d05",
    "state": "ready",
    "width": 1536,
    "height": 2048,
    "expires_at": "2026-11-25T08:40:57.141592Z",
}


class ReferencePicture(ResponseBody):
    model_config = example(_REFERENCE)

    id: UUID
    state: Annotated[Literal["waiting", "ready"], Field(description="`ready` once it is completed.")]
    width: Annotated[int | None, Field(description="Of the copy that is used: at most 2048 pixels a side.")]
    height: int | None
    expires_at: Annotated[datetime, Field(description="When it is erased.")]


class PreparedReference(ResponseBody):
    model_config = example(
        {
            "reference": _REFERENCE | {"state": "waiting", "width": None, "height": None},
            "form": {
                "url": "https://uploads.example.s3.ap-northeast-1.amazonaws.com/",
                "fields": {
                    "Content-Type": "image/jpeg",
                    "key": "incoming/019ab3c1-02aa-7f00-9b66-3c1d5e7f9a03/019ab3c3-7a10-7d21-9c44-2b1a0f9e8d05",
                    "x-amz-algorithm": "AWS4-HMAC-SHA256",
                    "x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20261124/ap-northeast-1/s3/aws4_request",
                    "x-amz-date": "20261124T084057Z",
                    "policy": "eyJleHBpcmF0aW9uIjogIjIwMjYtMTEtMjRUMDg6NTA6NTdaIiwg…",
                    "x-amz-signature": "3a0c7b5f…",
                },
                "max_bytes": 15728640,
                "expires_at": "2026-11-24T08:50:57Z",
            },
        }
    )

    reference: ReferencePicture
    form: PresignedForm


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
    "seed": None,
    "negative_prompt": None,
    "reference_id": None,
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
    size: str
    quality: Quality
    output_format: OutputFormat
    background: Background
    n: int
    seed: int | None
    negative_prompt: str | None
    reference_id: Annotated[UUID | None, Field(description="Null again when the reference picture is erased.")]
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


class StrikeOfMine(ResponseBody):
    reason: ReportReason
    text: Annotated[str, Field(description="In the language asked for.")]
    created_at: datetime
    expires_at: Annotated[datetime, Field(description="From then on it counts no more.")]


class Me(ResponseBody):
    model_config = example(
        {
            "id": _USER_ID,
            "kind": "guest",
            "created_at": "2026-11-24T08:40:57.141592Z",
            "credits": {"available": 488, "held": 12},
            "generations_queued": 1,
            "generations_running": 0,
            "strikes": [],
        }
    )

    id: UUID
    kind: UserKind
    created_at: datetime
    credits: Credits
    generations_queued: int
    generations_running: int
    strikes: Annotated[
        list[StrikeOfMine],
        Field(description="Pictures of mine that broke the rules. Three that count suspend the account for 14 days."),
    ]


class Style(ResponseBody):
    id: str
    name: Annotated[str, Field(description="In the language asked for.")]
    name_en: str
    name_ja: str
    sample_url: Annotated[str | None, Field(description="A picture in this style; opens as a picture's `url` does.")]


class StyleList(ResponseBody):
    model_config = example(
        {
            "items": [
                {
                    "id": "ukiyo-e",
                    "name": "浮世絵",
                    "name_en": "Ukiyo-e",
                    "name_ja": "浮世絵",
                    "sample_url": "https://example.jp/pictures/styles/ukiyo-e/8a1f0c52.jpeg?Expires=1795470000&Signature=MEQCI…&Key-Pair-Id=K2JCJMDEHXQW5F&Hash-Algorithm=SHA256",
                }
            ]
        }
    )

    items: list[Style]


class Health(ResponseBody):
    model_config = example({"status": "ok", "parts": {"database": "ok", "image-worker": "ok", "outbox-relay": "ok"}})

    status: Literal["ok", "degraded"]
    parts: dict[str, Literal["ok", "away"]]
