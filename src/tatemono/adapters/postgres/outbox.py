"""Rows that become SQS messages."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tatemono.usecases.generations.ports import OutboxRow

#: The queue of the plan that image jobs go through.
IMAGE_JOBS = "image-jobs"
#: The queue of the plan that mail goes through.
MAIL = "mail"
#: The queue of the plan that SES's events come through.
MAIL_EVENTS = "mail-events"


class Outbox:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def lock_due(self, limit: int) -> list[OutboxRow]:
        rows = await self._executor.fetch(
            "select id, queue, body from outbox where due_at <= now() order by id limit $1 for update skip locked",
            limit,
        )
        return [OutboxRow(*row) for row in rows]

    async def delete(self, ids: Sequence[int]) -> None:
        await self._executor.execute("delete from outbox where id = any($1::bigint[])", ids)

    async def seconds_until_due(self) -> float | None:
        """How long until the next row is due (0 or less: now); none if the outbox is empty."""
        seconds: float | None = await self._executor.fetchval(
            "select extract(epoch from min(due_at) - now())::float8 from outbox"
        )
        return seconds

    async def reissue_lost_tickets(self, *, older_than: timedelta, limit: int) -> int:
        """Write a new ticket for each job whose worker vanished, or which has waited so long that its own may be lost.

        None while the queue is paused: no worker would use them.

        :returns: how many
        """
        count: int = await self._executor.fetchval(_REISSUE, older_than, limit, IMAGE_JOBS)
        return count

    async def forget_old_keys(self, *, older_than: timedelta, limit: int) -> int:
        """Forget Idempotency-Keys of that age.

        :returns: how many
        """
        status: str = await self._executor.execute(_FORGET_KEYS, older_than, limit)
        return int(status.rsplit(maxsplit=1)[-1])


_REISSUE = """
with lost as (
    select id from generations
    where exists (select from queue_controls where paused_at is null) and (
          (state = 'queued' and greatest(ticketed_at, not_before) < now() - $1::interval)
       or (state = 'running' and lease_expires_at < now()
           and (ticketed_at < lease_expires_at or ticketed_at < now() - $1::interval)))
    order by ticketed_at limit $2 for update skip locked
), marked as (
    update generations set ticketed_at = now() from lost where generations.id = lost.id
), tickets as (
    insert into outbox (queue, body) select $3, id::text from lost returning id
)
select count(*) from tickets
"""

_FORGET_KEYS = """
update generations set idempotency_key = null
where id in (
    select id from generations where idempotency_key is not null and created_at < now() - $1::interval limit $2)
"""
