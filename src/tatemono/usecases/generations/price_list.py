"""What requests are held to: the model that paints now, its prices, and the terms of the service."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from tatemono.domain.generations.budgets import Terms
from tatemono.domain.generations.image_models import ImageModel, Registry


@dataclass(frozen=True, slots=True)
class PriceList:
    """:ivar model_id: the configured model
    :ivar today: the day in UTC
    """

    registry: Registry
    model_id: str
    terms: Terms
    today: Callable[[], date]

    @property
    def model(self) -> ImageModel:
        """The configured model, or what follows it.

        :raises PaintingUnavailable: there is none
        """
        return self.registry.at(self.model_id, self.today())
