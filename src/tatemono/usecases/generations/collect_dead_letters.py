"""What a queue gave up is kept where operators can look at it."""

from tatemono.domain.generations.dead_letters import DeadMessage
from tatemono.usecases.generations.ports import GenerationsDatabase, TicketQueue

BATCH = 10


async def collect_dead_letters(db: GenerationsDatabase, queue: str, dead: TicketQueue) -> int:
    """Move messages from a dead-letter queue into rows.

    The row is committed before the message is deleted: a crash in between shows the message again, and the same row
    counts it once more.

    :returns: how many, `BATCH` at most
    """
    tickets = await dead.receive(BATCH)
    if tickets:
        messages = [
            DeadMessage(
                # PostgreSQL takes no NUL in a text.
                ticket.message_id,
                ticket.body.replace("\x00", "\N{REPLACEMENT CHARACTER}"),
                ticket.received_count,
                ticket.sent_at,
                ticket.first_received_at,
            )
            for ticket in tickets
        ]
        await db.dead_letters.keep(queue, messages)
        await dead.delete(tickets)
    return len(tickets)
