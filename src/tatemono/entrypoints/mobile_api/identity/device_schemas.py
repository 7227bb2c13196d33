"""Bodies about devices, their sessions and what happened to them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from tatemono.domain.identity.devices import Platform, UserKind
from tatemono.entrypoints.http.bodies import NO_NUL, RequestBody, ResponseBody, example
from tatemono.entrypoints.mobile_api.identity.me_schemas import USER_ID

#: The example of what a sign-in answers.
CREDENTIALS = {
    "access_token": "eyJhbGciOiJFUzI1NiIsImtpZCI6IjEiLCJ0eXAiOiJhdCtqd3QifQ.eyJzdWIiOiI…",
    "token_type": "Bearer",
    "expires_in": 3600,
    "refresh_token": "AZqzwgKqfwCbZjwdXn-aAy0hY…",
    "refresh_expires_in": 2592000,
    "id_token": "eyJhbGciOiJFUzI1NiIsImtpZCI6IjEiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiI…",
    "user": {"id": USER_ID, "kind": "guest", "new": True},
}


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
    model_config = example(CREDENTIALS)

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
