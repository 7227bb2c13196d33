"""What a transaction wrote into the outbox goes to SQS."""

from collections.abc import Mapping

from tatemono.usecases.ports import Database, TicketQueue

#: SQS takes at most 10 messages in one call.
BATCH = 10


async def relay_outbox(db: Database, queues: Mapping[str, TicketQueue]) -> int:
    """Send the oldest rows that are due, and remove those that SQS took.

    The rows are locked meanwhile, so two relays never send the same one; a crash between SQS's answer and the commit
    sends it twice, which the worker does not mind.

    :returns: how many were sent, `BATCH` at most
    """
    sent = 0
    async with db.transaction() as tx:
        rows = await tx.outbox.lock_due(BATCH)
        for name in {row.queue for row in rows}:
            batch = [row for row in rows if row.queue == name]
            refused = set(await queues[name].send([row.body for row in batch]))
            taken = [row.id for index, row in enumerate(batch) if index not in refused]
            await tx.outbox.delete(taken)
            sent += len(taken)
    return sent
