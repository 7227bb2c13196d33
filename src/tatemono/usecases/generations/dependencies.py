"""What a worker needs to run a generation at one image provider."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from tatemono.domain.generations.attempts import UnknownPolicy
from tatemono.domain.generations.image_models import PaintingUnavailable, Registry
from tatemono.usecases.generations.ports import GenerationsDatabase
from tatemono.usecases.pictures.ports import Painter, PictureInspector, PictureStore, ReferenceCopies
from tatemono.usecases.safety.moderate_generation import GenerationModeration, Unmoderated
from tatemono.usecases.safety.ports import ContentCredentials


@dataclass(frozen=True, slots=True)
class GenerationDependencies:
    """
    :ivar model_id: the configured model
    :ivar safety_identifier_key: keys the hash that tells the provider one user from another
    :ivar jitter: a random number from 0 to 1 at each call
    :ivar references: where clean copies of reference pictures are
    :ivar today: the day in UTC
    :ivar unknown_policy: what to do after an attempt whose end is unknown
    :ivar moderation: looks at prompts and pictures before they are paid for, and before they are shown
    :ivar credentials: signs pictures before they are kept
    :ivar names: what this provider calls models, where it does not call them as the registry does
    """

    db: GenerationsDatabase
    painter: Painter
    inspector: PictureInspector
    store: PictureStore
    model_id: str
    safety_identifier_key: bytes
    jitter: Callable[[], float]
    registry: Registry
    references: ReferenceCopies
    today: Callable[[], date]
    unknown_policy: UnknownPolicy
    moderation: GenerationModeration | Unmoderated
    credentials: ContentCredentials
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """The model of today, as this provider calls it: the configured one or its successor.

        A model that cannot paint fails later.
        """
        try:
            model = self.registry.at(self.model_id, self.today()).id
        except PaintingUnavailable:
            model = self.model_id
        return self.names.get(model, model)
