"""What a transaction wrote into the outbox goes to SQS."""

import asyncio
from collections.abc import Mapping, Sequence

from tatemono.usecases.generations.ports import GenerationsDatabase, OutboxRow, TicketQueue

#: SQS takes at most 10 messages in one call.
_IN_ONE_CALL = 10
#: So many calls are under way at a time.
_CALLS = 10
BATCH = _IN_ONE_CALL * _CALLS


async def relay_outbox(db: GenerationsDatabase, queues: Mapping[str, TicketQueue]) -> int:
    """Send the oldest rows that are due, and remove those that SQS took.

    The rows are locked meanwhile, so two relays never send the same one; a crash between SQS's answer and the commit
    sends it twice, which the worker does not mind. What one call fails to send waits for the next time, and does not
    keep back what the others sent.

    :returns: how many were sent, `BATCH` at most
    :raises Exception: what the first call that failed said, after the rows of the others were removed
    """
    async with db.transaction() as tx:
        rows = await tx.outbox.lock_due(BATCH)
        results = await asyncio.gather(
            *(_send(queues[name], batch) for name, batch in _batches(rows)), return_exceptions=True
        )
        taken = [row_id for result in results if isinstance(result, list) for row_id in result]
        if taken:
            await tx.outbox.delete(taken)
    if failed := [result for result in results if isinstance(result, BaseException)]:
        raise failed[0]
    return len(taken)


def _batches(rows: Sequence[OutboxRow]) -> list[tuple[str, list[OutboxRow]]]:
    batches = []
    for name in sorted({row.queue for row in rows}):
        of_queue = [row for row in rows if row.queue == name]
        batches += [(name, of_queue[start : start + _IN_ONE_CALL]) for start in range(0, len(of_queue), _IN_ONE_CALL)]
    return batches


async def _send(queue: TicketQueue, batch: Sequence[OutboxRow]) -> list[int]:
    """:returns: the rows that the queue took"""
    refused = set(await queue.send([row.body for row in batch]))
    return [row.id for index, row in enumerate(batch) if index not in refused]
