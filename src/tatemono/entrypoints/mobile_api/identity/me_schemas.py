"""The body about the user who asks."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from tatemono.domain.identity.devices import UserKind
from tatemono.domain.safety.reports import ReportReason
from tatemono.entrypoints.http.bodies import ResponseBody, example

USER_ID = "019ab3c1-02aa-7f00-9b66-3c1d5e7f9a03"


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
            "id": USER_ID,
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
