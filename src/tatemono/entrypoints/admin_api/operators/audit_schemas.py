"""Bodies about operators and what they did."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from tatemono.domain.operators.roles import Operation, Role
from tatemono.entrypoints.admin_api.operators.person_schemas import PERSON_ID
from tatemono.entrypoints.admin_api.schemas import NextCursor
from tatemono.entrypoints.http.bodies import ResponseBody, example


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
                    "user_id": PERSON_ID,
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
