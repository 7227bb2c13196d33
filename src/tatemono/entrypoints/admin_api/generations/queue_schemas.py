"""Bodies about the queue and its dead letters."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from tatemono.domain.generations.dead_letters import MOST_AT_ONCE
from tatemono.domain.generations.generation import State
from tatemono.entrypoints.admin_api.schemas import NextCursor, Reason
from tatemono.entrypoints.http.bodies import RequestBody, ResponseBody, example

PriorityName = Literal["high", "normal", "low"]
_GENERATION_ID = "019ab3c2-5b1e-7a10-8c55-0d2f6a1b9e01"
_LETTER_ID = "019ab3d2-9f00-7c41-8a11-6b5c4d3e2f09"


class QueueOrder(ResponseBody):
    since: datetime
    by: str
    reason: str


class Painter(ResponseBody):
    provider: str
    model: str
    state: Annotated[
        Literal["closed", "busy", "open", "half-open"],
        Field(description="closed: called; busy: it asked to be left alone (429); open: it failed too often"),
    ]
    failures: Annotated[int, Field(description="In a row.")]
    seconds: Annotated[int, Field(description="Until it is called again.")]
    refused_because: Annotated[
        str | None,
        Field(
            description="Why it refuses our account, in its own word (`insufficient_quota`, `invalid_api_key`, …): an "
            "operator has to act. Null: it takes it."
        ),
    ]


class Queue(ResponseBody):
    model_config = example(
        {
            "paused": {
                "since": "2026-11-24T10:00:00.000000Z",
                "by": "hanako@example.jp",
                "reason": "The painter bills twice, ticket 4711",
            },
            "draining": None,
            "waiting": {"high": 0, "normal": 118, "low": 3},
            "running": 16,
            "people_waiting": 41,
            "seconds_per_attempt": 21.4,
            "painters": [
                {
                    "provider": "first",
                    "model": "a-model",
                    "state": "open",
                    "failures": 1,
                    "seconds": 48,
                    "refused_because": "insufficient_quota",
                }
            ],
            "dead_letters": {"image-jobs": 2},
        }
    )

    paused: Annotated[QueueOrder | None, Field(description="Nothing is begun.")]
    draining: Annotated[QueueOrder | None, Field(description="Nothing is taken on.")]
    waiting: dict[PriorityName, int]
    running: int
    people_waiting: int
    seconds_per_attempt: Annotated[float | None, Field(description="Of the newest that ended; null: too few did.")]
    painters: Annotated[list[Painter], Field(description="Those that ever had trouble.")]
    dead_letters: Annotated[dict[str, int], Field(description="That wait for a decision, by queue.")]


class PriorityRequest(RequestBody):
    model_config = example({"priority": "high", "reason": "Waited through the outage, ticket 4711"})

    priority: PriorityName
    reason: Reason


class Reprioritised(ResponseBody):
    model_config = example({"changed": 7})

    changed: Annotated[int, Field(description="How many that waited have another priority now.")]


_LETTER: dict[str, Any] = {
    "id": _LETTER_ID,
    "queue": "image-jobs",
    "message_id": "8a1d3c52-0d9e-4c5b-9f3e-2b7a6c5d4e3f",
    "body": _GENERATION_ID,
    "receive_count": 6,
    "sent_at": "2026-11-24T08:40:58.000000Z",
    "first_received_at": "2026-11-24T08:40:59.000000Z",
    "first_seen_at": "2026-11-24T08:52:01.000000Z",
    "last_seen_at": "2026-11-24T08:52:01.000000Z",
    "generation_id": _GENERATION_ID,
    "generation_state": "queued",
    "attempts": 1,
    "last_failure": "lease_lost",
    "reason": {
        "code": "workers_died",
        "text": "Workers that held it vanished in mid-job more than once. See the attempts before it is redriven.",
    },
    "redriven_at": None,
    "discarded_at": None,
}


class DeathReason(ResponseBody):
    code: Annotated[str, Field(description="Stable: programs may depend on it.")]
    text: Annotated[str, Field(description="For people, in the language asked for.")]


class DeadLetter(ResponseBody):
    id: UUID
    queue: str
    message_id: str
    body: str
    receive_count: Annotated[int, Field(description="How often it was handed out.")]
    sent_at: datetime | None
    first_received_at: datetime | None
    first_seen_at: Annotated[datetime, Field(description="In the dead-letter queue, by our mover.")]
    last_seen_at: datetime
    generation_id: UUID | None
    generation_state: State | None
    attempts: int
    last_failure: str | None
    reason: Annotated[DeathReason, Field(description="Why it probably died.")]
    redriven_at: datetime | None
    discarded_at: datetime | None


class DeadLetterPage(ResponseBody):
    model_config = example({"items": [_LETTER], "next_cursor": None})

    items: list[DeadLetter]
    next_cursor: NextCursor


class RedriveRequest(RequestBody):
    model_config = example({"queue": "image-jobs", "letters": [_LETTER_ID], "reason": "The database is back"})

    queue: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[a-z0-9-]+$")]
    # Not strict: JSON has no UUIDs.
    letters: Annotated[
        list[Annotated[UUID, Field(strict=False)]] | None,
        Field(min_length=1, max_length=MOST_AT_ONCE, description="Null: all, the oldest 500 at a time."),
    ] = None
    reason: Reason


class DiscardRequest(RequestBody):
    model_config = example({"queue": "image-jobs", "letters": [_LETTER_ID], "reason": "Not ours"})

    queue: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[a-z0-9-]+$")]
    letters: Annotated[list[Annotated[UUID, Field(strict=False)]], Field(min_length=1, max_length=MOST_AT_ONCE)]
    reason: Reason


class Decided(ResponseBody):
    model_config = example({"letters": 2})

    letters: Annotated[int, Field(description="How many; others were decided about before.")]
