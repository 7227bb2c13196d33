"""A person asks for pictures."""

from uuid import UUID

from tatemono.domain.generations import MAX_WAITING, Generation, PictureRequest, judge_submission
from tatemono.usecases.ports import OUTBOX_CHANNEL, Database


async def submit_generation(
    db: Database, *, user_id: UUID, request: PictureRequest, idempotency_key: str
) -> Generation:
    """Hold the credits and put the pictures in the queue; the same key and request again give the same generation.

    :raises OutOfCredits: the account cannot pay for it
    :raises TooManyWaiting: others of the user must finish first
    :raises KeyUsedForAnother: the key belongs to a request that was different
    :raises NoSuchStyle: there is no such preset
    """
    submitted = await db.generations.submit(user_id, request, idempotency_key=idempotency_key, max_waiting=MAX_WAITING)
    generation = judge_submission(submitted, request)
    db.notifier.notify(OUTBOX_CHANNEL)
    return generation
