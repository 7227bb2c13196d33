"""A person asks for pictures."""

import logging
from uuid import UUID

from tatemono.domain.errors import Refusal
from tatemono.domain.generations.budgets import Cost
from tatemono.domain.generations.generation import Accepted, PictureRequest, accept_submission
from tatemono.domain.generations.image_models import PaintingUnavailable
from tatemono.domain.generations.queue import QueueControls
from tatemono.domain.safety.blocked_words import BlockedWords
from tatemono.usecases.generations.ports import GenerationsDatabase
from tatemono.usecases.generations.price_list import PriceList
from tatemono.usecases.ports import OUTBOX_CHANNEL

_log = logging.getLogger(__name__)


async def submit_generation(
    db: GenerationsDatabase,
    prices: PriceList,
    *,
    controls: QueueControls,
    words: BlockedWords,
    user_id: UUID,
    request: PictureRequest,
    idempotency_key: str,
) -> Accepted:
    """Hold the credits, set the money aside and put the pictures in the queue.

    The same key and request again give the same generation as it was then; what was refused is judged anew.

    :param controls: what operators told the queue
    :param words: what no prompt may hold
    :raises QueueDraining: nothing is taken on
    :raises PromptBlocked: it holds such a word
    :raises Invalid: the model that paints now does not take it
    :raises PaintingUnavailable: there is no such model, or a price of it is unknown
    :raises OutOfCredits: the account cannot pay for it
    :raises UserBudgetReached: so much is spent for the user today
    :raises ServiceBudgetReached: so much is spent for all users today
    :raises TooManyWaiting: others of the user must finish first
    :raises KeyUsedForAnother: the key belongs to a request that was different
    :raises KeyInFlight: the first request with the key is not answered yet
    :raises NoSuchStyle: there is no such preset
    :raises NoSuchReference: there is no such reference picture of the user
    """
    controls.check_open()
    try:
        words.check(request.prompt, request.negative_prompt)
        cost = priced(prices, request)
    except Refusal:
        # What was accepted yesterday is answered as yesterday, whichever model paints today.
        earlier = await db.generations.find_accepted(user_id, idempotency_key)
        if earlier is None:
            raise
        return accept_submission(earlier, request, 0, prices.terms)
    submitted = await db.generations.submit(
        user_id, request, idempotency_key=idempotency_key, cost=cost, terms=prices.terms
    )
    accepted = accept_submission(submitted, request, cost.reserved, prices.terms)
    if not accepted.repeated:
        db.notifier.notify(OUTBOX_CHANNEL)
    return accepted


def priced(prices: PriceList, request: PictureRequest) -> Cost:
    """What is to be set aside for a request that the model takes.

    :raises Invalid: the model that paints now does not take it
    :raises PaintingUnavailable: there is no such model, or a price of it is unknown
    """
    try:
        model = prices.model
        model.check(request)
        return model.cost(request, prices.today())
    except PaintingUnavailable as error:
        _log.error("nothing can be painted: %s", error.reason)
        raise
