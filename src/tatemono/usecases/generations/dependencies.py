"""What a worker paints with."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from tatemono.domain.generations.attempts import UnknownPolicy
from tatemono.domain.generations.image_models import PaintingUnavailable, Registry
from tatemono.domain.generations.painting import PaintingFailed
from tatemono.usecases.pictures.ports import Painter, PictureInspector, PictureStore, ReferenceCopies
from tatemono.usecases.ports import Database
from tatemono.usecases.safety.moderate_generation import GenerationModeration


async def _tell_nobody(_failed: PaintingFailed | None) -> None:
    pass


@dataclass(frozen=True, slots=True)
class GenerationDependencies:
    """What a worker paints with.

    :ivar model_id: the configured model
    :ivar safety_identifier_key: keys the hash that tells the painter one user from another
    :ivar jitter: a random number from 0 to 1 at each call
    :ivar references: where clean copies of reference pictures are
    :ivar today: the day in UTC
    :ivar unknown_policy: what to do after an attempt whose end nobody knows
    :ivar moderation: what looks at prompts and pictures, and signs these; none: nothing does
    :ivar told: is given how each call of the painter ended, if it ended by itself; none: in a picture
    :ivar names: what this painter calls models, where it does not call them as the registry does
    """

    db: Database
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
    moderation: GenerationModeration | None = None
    told: Callable[[PaintingFailed | None], Awaitable[None]] = _tell_nobody
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """The model that paints today, as this painter calls it: the configured one or what follows it.

        What cannot paint fails later.
        """
        try:
            model = self.registry.at(self.model_id, self.today()).id
        except PaintingUnavailable:
            model = self.model_id
        return self.names.get(model, model)
