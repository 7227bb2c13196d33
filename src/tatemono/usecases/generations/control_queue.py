"""An operator tells the whole queue what to do; every process knows within seconds."""

from collections.abc import Awaitable, Callable

from tatemono.domain.generations.queue import AlreadySo
from tatemono.domain.operators.roles import Act, Operation
from tatemono.usecases.generations.ports import GenerationsDatabase, Queue
from tatemono.usecases.ports import QUEUE_CHANNEL


async def pause_queue(db: GenerationsDatabase, act: Act) -> None:
    """Begin nothing more until it is resumed; what is being painted is finished, and people may still ask.

    :raises AlreadySo: it is paused
    """
    await _give_order(db, act, Operation.PAUSE_QUEUE, lambda queue: queue.pause(act.operator.email, act.reason))


async def resume_queue(db: GenerationsDatabase, act: Act) -> None:
    """Workers that wait go on at once.

    :raises AlreadySo: it is not paused
    """
    await _give_order(db, act, Operation.RESUME_QUEUE, lambda queue: queue.resume())


async def drain_queue(db: GenerationsDatabase, act: Act) -> None:
    """Take on nothing more until it is filled again; what waits is painted.

    :raises AlreadySo: it is draining
    """
    await _give_order(db, act, Operation.DRAIN_QUEUE, lambda queue: queue.drain(act.operator.email, act.reason))


async def fill_queue(db: GenerationsDatabase, act: Act) -> None:
    """Take on requests again.

    :raises AlreadySo: it is not draining
    """
    await _give_order(db, act, Operation.FILL_QUEUE, lambda queue: queue.fill())


async def _give_order(
    db: GenerationsDatabase, act: Act, operation: Operation, change: Callable[[Queue], Awaitable[bool]]
) -> None:
    async with db.transaction() as rows:
        if not await change(rows.queue):
            raise AlreadySo
        await rows.people.record(operation, act, None, {})
    db.notifier.notify(QUEUE_CHANNEL)
