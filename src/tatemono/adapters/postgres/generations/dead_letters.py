"""Dead letters: kept as rows from the moment the mover found them, so that looking at them disturbs no queue."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from tatemono.adapters.postgres.statements import Parameters, Statement
from tatemono.domain.generations.dead_letters import GENERATIONS_QUEUE, REDRIVEN_PER_SECOND, DeadLetter, DeadMessage
from tatemono.domain.generations.generation import State

p = Parameters("queue", "message_id", "body", "receive_count", "sent_at", "first_received_at")
_KEEP = Statement(
    p,
    f"""
insert into dead_letters (queue, message_id, body, receive_count, sent_at, first_received_at)
select {p.queue}, * from unnest({p.message_id}::text[], {p.body}::text[], {p.receive_count}::int[],
    {p.sent_at}::timestamptz[], {p.first_received_at}::timestamptz[])
on conflict (queue, message_id) where redriven_at is null and discarded_at is null do update set
    last_seen_at = now(), times_seen = dead_letters.times_seen + 1, receive_count = excluded.receive_count
""",
)

_UUID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_LIST = f"""
with letters as (
    select *, case when queue = '{GENERATIONS_QUEUE}' and body ~ '{_UUID}' then body::uuid end as generation_id
    from dead_letters
    where ($1::text is null or queue = $1) and ($2::uuid is null or id < $2)
        and ($4 or (redriven_at is null and discarded_at is null))
    order by id desc limit $3
)
select l.id, l.queue, l.message_id, l.body, l.receive_count, l.sent_at, l.first_received_at, l.first_seen_at,
    l.last_seen_at, l.times_seen, l.redriven_at, l.discarded_at, l.generation_id, g.state::text as state,
    (select count(*)::int from attempts a where a.generation_id = l.generation_id) as attempts,
    (select failure from attempts a where a.generation_id = l.generation_id and outcome is not null
        order by fence desc limit 1) as last_failure
from letters l left join generations g on g.id = l.generation_id order by l.id desc
"""

_CHOSEN = """
select id from dead_letters
where queue = $1 and redriven_at is null and discarded_at is null and ($2::uuid[] is null or id = any($2))
order by id limit $3 for update
"""
# A row that is redriven already is not chosen again; the outbox sends each of its rows once.
_REDRIVE = """
with sent as (
    update dead_letters set redriven_at = now() where id = any($1::uuid[]) returning id, queue, body
)
insert into outbox (queue, body, due_at)
select queue, body, now() + (row_number() over (order by id) - 1) / $2::float8 * interval '1 s' from sent
"""
_DISCARD = "update dead_letters set discarded_at = now() where id = any($1::uuid[])"
_COUNT = """
select queue, count(*)::int from dead_letters where redriven_at is null and discarded_at is null group by queue
order by queue
"""


class DeadLetters:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def keep(self, queue: str, messages: Sequence[DeadMessage]) -> None:
        newest = {message.message_id: message for message in messages}.values()
        statement = _KEEP.bind(
            queue=queue,
            message_id=[message.message_id for message in newest],
            body=[message.body for message in newest],
            receive_count=[message.receive_count for message in newest],
            sent_at=[message.sent_at for message in newest],
            first_received_at=[message.first_received_at for message in newest],
        )
        await self._executor.execute(*statement)

    async def page(
        self, queue: str | None, *, before: UUID | None, limit: int, decided: bool = False
    ) -> list[DeadLetter]:
        """The newest first. :param decided: also those that were redriven or discarded"""
        rows = await self._executor.fetch(_LIST, queue, before, limit, decided)
        return [_letter(row) for row in rows]

    async def choose(self, queue: str, ids: Sequence[UUID] | None, *, limit: int) -> list[UUID]:
        return [row[0] for row in await self._executor.fetch(_CHOSEN, queue, ids, limit)]

    async def redrive(self, ids: Sequence[UUID]) -> None:
        await self._executor.execute(_REDRIVE, ids, REDRIVEN_PER_SECOND)

    async def discard(self, ids: Sequence[UUID]) -> None:
        await self._executor.execute(_DISCARD, ids)

    async def counts(self) -> dict[str, int]:
        """How many wait for a decision, by queue."""
        return {row[0]: row[1] for row in await self._executor.fetch(_COUNT)}


def _letter(row: Any) -> DeadLetter:
    facts = dict(row)
    state = facts.pop("state")
    return DeadLetter(generation_state=State(state) if state else None, **facts)
