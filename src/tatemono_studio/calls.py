"""The studio's own log of calls: for tests, and for people who compare it with the caller's log."""

from collections import deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime


@dataclass
class Call:
    """One call of the images or moderations API. `outcome` is `running` until it is known.

    Outcomes: succeeded, refused, rejected (4xx), failed (5xx), hung, cut, cancelled (the caller left).
    """

    request_id: str
    at: datetime
    endpoint: str
    model: str | None = None
    prompt_sha256: str | None = None
    client_request_id: str | None = None
    outcome: str = "running"
    status: int | None = None
    fault: str | None = None
    latency_seconds: float | None = None
    duration_seconds: float | None = None
    pictures: int = 0
    stream: bool = False
    cached: bool = False
    input_tokens: int = 0
    output_tokens: int = 0

    def as_object(self) -> dict[str, object]:
        return {**asdict(self), "at": self.at.astimezone(UTC).isoformat()}


class CallLog:
    def __init__(self, kept: int) -> None:
        self._calls: deque[Call] = deque(maxlen=kept)
        self.total = 0

    def open(self, call: Call) -> Call:
        self.total += 1
        self._calls.append(call)
        return call

    def newest(self, limit: int, client_request_id: str | None = None) -> list[Call]:
        chosen = (
            call
            for call in reversed(self._calls)
            if client_request_id is None or call.client_request_id == client_request_id
        )
        return [call for _, call in zip(range(limit), chosen, strict=False)]
