"""A person wants to know what a request would cost before asking for it."""

from uuid import UUID

from tatemono.domain.generations.budgets import Quote
from tatemono.domain.generations.generation import PictureRequest, rejection_reason
from tatemono.domain.identity.devices import TokenRejected
from tatemono.usecases.generations.ports import Generations
from tatemono.usecases.generations.price_list import PriceList
from tatemono.usecases.generations.submit_generation import priced


async def quote_generation(
    generations: Generations, prices: PriceList, *, user_id: UUID, request: PictureRequest
) -> Quote:
    """What it would cost, and what would stand in its way. Nothing is held, so it may be different a moment later.

    :raises Invalid: the model that paints now does not take it
    :raises PaintingUnavailable: there is no such model, or a price of it is unknown
    :raises TokenRejected: the user is gone
    """
    cost = priced(prices, request)
    account = await generations.account(user_id, prices.terms)
    if account is None:
        raise TokenRejected
    refusal = rejection_reason(account, request, cost.reserved, prices.terms)
    return Quote(request.price, account.available, account.free_credits, refusal.code if refusal else None)
