"""Bodies about people."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from tatemono.domain.identity.devices import Platform, UserKind
from tatemono.entrypoints.admin_api.schemas import NextCursor
from tatemono.entrypoints.http.bodies import NO_NUL, RequestBody, ResponseBody, example

PERSON_ID = "019ab3c1-02aa-7f00-9b66-3c1d5e7f9a03"
_DEVICE_ID = "019ab3c1-02ab-7b11-8a70-1f2e3d4c5b06"


class SuspensionRequest(RequestBody):
    model_config = example({"reason": "Resells pictures of others", "until": "2026-12-24T09:00:00Z"})

    reason: Annotated[
        str,
        StringConstraints(min_length=1, max_length=500, pattern=NO_NUL, strip_whitespace=True),
        Field(description="The person is told it. Kept in the audit record."),
    ]
    until: Annotated[AwareDatetime | None, Field(description="RFC 3339, in the future; null: until restored.")] = None


_PERSON: dict[str, Any] = {
    "id": PERSON_ID,
    "kind": "member",
    "email": "taro@example.jp",
    "created_at": "2026-11-24T08:40:57.141592Z",
    "last_used_at": "2026-11-24T09:12:03.271828Z",
    "suspended": True,
    "suspended_at": "2026-11-24T10:00:00.000000Z",
    "suspended_until": None,
    "suspension_reason": "Resells pictures of others",
    "merged_into": None,
    "erase_at": None,
}


class Person(ResponseBody):
    model_config = example(_PERSON)

    id: UUID
    kind: UserKind
    email: str | None
    created_at: datetime
    last_used_at: datetime
    suspended: Annotated[bool, Field(description="A suspension holds now.")]
    suspended_at: datetime | None
    suspended_until: Annotated[datetime | None, Field(description="Null: until an operator restores the person.")]
    suspension_reason: str | None
    merged_into: Annotated[UUID | None, Field(description="The account that this one became part of.")]
    erase_at: Annotated[
        datetime | None, Field(description="The person has asked to delete the account: it is erased then.")
    ]


class PersonPage(ResponseBody):
    model_config = example({"items": [_PERSON], "next_cursor": None})

    items: list[Person]
    next_cursor: NextCursor


class PersonsDevice(ResponseBody):
    id: UUID
    platform: Platform
    key_thumbprint: Annotated[str, Field(description="RFC 7638, of the device's key.")]
    created_at: datetime
    last_seen_at: datetime
    revoked_at: datetime | None


class PersonsSession(ResponseBody):
    id: UUID
    device_id: UUID
    created_at: datetime
    expires_at: datetime
    rotated_at: Annotated[datetime, Field(description="When its refresh token was last renewed.")]
    revoked_at: datetime | None
    revocation: Annotated[str | None, Field(description="Why it was ended.")]


class PersonInFull(ResponseBody):
    model_config = example(
        {
            "person": _PERSON,
            "credits_available": 488,
            "credits_held": 12,
            "pictures": 3,
            "generations": 5,
            "devices": [
                {
                    "id": _DEVICE_ID,
                    "platform": "ios",
                    "key_thumbprint": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
                    "created_at": "2026-11-24T08:40:57.141592Z",
                    "last_seen_at": "2026-11-24T09:12:03.271828Z",
                    "revoked_at": None,
                }
            ],
            "sessions": [
                {
                    "id": "019ab3c1-02ac-7c22-9b81-2a3b4c5d6e07",
                    "device_id": _DEVICE_ID,
                    "created_at": "2026-11-24T08:40:57.141592Z",
                    "expires_at": "2026-12-24T09:12:03.271828Z",
                    "rotated_at": "2026-11-24T09:12:03.271828Z",
                    "revoked_at": None,
                    "revocation": None,
                }
            ],
        }
    )

    person: Person
    credits_available: int
    credits_held: Annotated[int, Field(description="For generations that are not finished.")]
    pictures: Annotated[int, Field(description="Without those that were deleted.")]
    generations: int
    devices: Annotated[list[PersonsDevice], Field(description="The last seen first, at most 100.")]
    sessions: Annotated[list[PersonsSession], Field(description="Newest first, at most 100; ended ones too.")]
