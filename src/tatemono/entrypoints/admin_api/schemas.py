"""The shapes of bodies, as the OpenAPI document shows them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from tatemono.domain.identity.devices import Platform, UserKind
from tatemono.domain.operators.roles import Operation, Role
from tatemono.entrypoints.http.bodies import NO_NUL, RequestBody, ResponseBody, example

_PERSON_ID = "019ab3c1-02aa-7f00-9b66-3c1d5e7f9a03"
_DEVICE_ID = "019ab3c1-02ab-7b11-8a70-1f2e3d4c5b06"

Reason = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500, pattern=NO_NUL, strip_whitespace=True),
    Field(description="Kept in the audit record."),
]
NextCursor = Annotated[UUID | None, Field(description="Give it as `cursor` for what is older; null at the end.")]


class SuspensionRequest(RequestBody):
    model_config = example({"reason": "Resells pictures of others", "until": "2026-12-24T09:00:00Z"})

    reason: Annotated[
        str,
        StringConstraints(min_length=1, max_length=500, pattern=NO_NUL, strip_whitespace=True),
        Field(description="The person is told it. Kept in the audit record."),
    ]
    until: Annotated[AwareDatetime | None, Field(description="RFC 3339, in the future; null: until restored.")] = None


class ActRequest(RequestBody):
    model_config = example({"reason": "Asked for it by mail, ticket 4711"})

    reason: Reason


class OperatorSelf(ResponseBody):
    model_config = example(
        {
            "id": "b7a4da48-5011-70c9-6bd8-2d5a3a9e7a1f",
            "email": "hanako@example.jp",
            "roles": ["support"],
            "operations": ["find_people", "get_operator", "get_person"],
        }
    )

    id: str
    email: str
    roles: list[Role]
    operations: Annotated[list[Operation], Field(description="What these roles may do.")]


_PERSON: dict[str, Any] = {
    "id": _PERSON_ID,
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
    suspended_until: Annotated[datetime | None, Field(description="Null: until somebody restores.")]
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


class AuditRecord(ResponseBody):
    id: UUID
    operator_id: str
    operator_email: str
    action: Operation
    user_id: UUID | None
    reason: str | None
    data: dict[str, Any]
    request_id: Annotated[str, Field(description="Finds the request in the logs.")]
    address: Annotated[str, Field(description="The operator's.")]
    created_at: datetime


class AuditPage(ResponseBody):
    model_config = example(
        {
            "items": [
                {
                    "id": "019ab3d2-7e10-7a31-8f20-5d4c3b2a1908",
                    "operator_id": "b7a4da48-5011-70c9-6bd8-2d5a3a9e7a1f",
                    "operator_email": "hanako@example.jp",
                    "action": "suspend_person",
                    "user_id": _PERSON_ID,
                    "reason": "Resells pictures of others",
                    "data": {"until": None},
                    "request_id": "9f86d081884c7d659a2feaa0c55ad015",
                    "address": "203.0.113.7",
                    "created_at": "2026-11-24T10:00:00.000000Z",
                }
            ],
            "next_cursor": None,
        }
    )

    items: list[AuditRecord]
    next_cursor: NextCursor
