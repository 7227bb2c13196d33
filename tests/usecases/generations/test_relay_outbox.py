from collections.abc import Sequence

import pytest

from factories import guest, submitted
from tatemono.adapters.postgres.database import Database
from tatemono.usecases.generations.ports import Ticket
from tatemono.usecases.generations.relay_outbox import relay_outbox


class FailingQueue:
    """A queue that refuses some, or breaks."""

    def __init__(self, *, refused: Sequence[int] = (), broken: bool = False, broken_at: str = "") -> None:
        self.sent: list[str] = []
        self.refused = list(refused)
        self.broken = broken
        self.broken_at = broken_at

    async def send(self, bodies: Sequence[str], *, delay_seconds: int = 0) -> list[int]:
        if self.broken or self.broken_at in bodies:
            raise ConnectionError
        self.sent += [body for index, body in enumerate(bodies) if index not in self.refused]
        return self.refused

    async def receive(self, limit: int) -> list[Ticket]:
        return [Ticket(body, body, 1) for body in self.sent[:limit]]

    async def delete(self, tickets: Sequence[Ticket]) -> None:
        self.sent = [body for body in self.sent if body not in {ticket.body for ticket in tickets}]

    async def extend(self, tickets: Sequence[Ticket], visibility_seconds: int) -> None:
        """It never hides what it hands out."""


class TestRelayOutbox:
    async def test_sends_in_order_and_keeps_what_was_refused(self, db: Database) -> None:
        user_id = await guest(db)
        generations = [await submitted(db, user_id) for _ in range(12)]
        queue = FailingQueue(refused=[3])
        # SQS takes ten in one call: the fourth of the first call is refused, the second call has but two.
        assert await relay_outbox(db, {"image-jobs": queue}) == 11
        assert queue.sent[0] == str(generations[0].id)
        second = FailingQueue()
        assert await relay_outbox(db, {"image-jobs": second}) == 1
        assert second.sent[0] == str(generations[3].id)
        assert await relay_outbox(db, {"image-jobs": second}) == 0

    async def test_sends_what_it_can_when_one_call_of_several_fails(self, db: Database) -> None:
        user_id = await guest(db)
        generations = [str((await submitted(db, user_id)).id) for _ in range(25)]
        queue = FailingQueue(broken_at=generations[10])
        with pytest.raises(ConnectionError):
            await relay_outbox(db, {"image-jobs": queue})
        assert sorted(queue.sent) == sorted(generations[:10] + generations[20:])
        queue = FailingQueue()
        assert await relay_outbox(db, {"image-jobs": queue}) == 10
        assert queue.sent == generations[10:20]

    async def test_loses_nothing_when_the_queue_breaks(self, db: Database) -> None:
        await submitted(db, await guest(db))
        with pytest.raises(ConnectionError):
            await relay_outbox(db, {"image-jobs": FailingQueue(broken=True)})
        assert await relay_outbox(db, {"image-jobs": FailingQueue()}) == 1
