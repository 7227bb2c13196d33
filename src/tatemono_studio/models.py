"""The models of the studio, and the day each one ends."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from tatemono_studio.errors import model_not_found


@dataclass(frozen=True)
class Model:
    """One entry of `GET /v1/models`.

    `any_size`: takes every `WIDTHxHEIGHT` within the limits of sizes.py rather than the three classic sizes.
    Source of the dates: https://platform.openai.com/docs/deprecations
    """

    id: str
    released: date
    shutdown: date | None = None
    paints: bool = True
    any_size: bool = False

    def as_object(self) -> dict[str, object]:
        created = datetime(self.released.year, self.released.month, self.released.day, tzinfo=UTC)
        return {
            "id": self.id,
            "object": "model",
            "created": int(created.timestamp()),
            "owned_by": "system",
            "shutdown_date": self.shutdown.isoformat() if self.shutdown else None,
        }


MODELS = (
    Model("gpt-image-1", date(2025, 4, 23), shutdown=date(2026, 10, 23)),
    Model("gpt-image-1-mini", date(2025, 10, 6), shutdown=date(2026, 12, 1)),
    Model("gpt-image-1.5", date(2025, 12, 16), shutdown=date(2026, 12, 1)),
    Model("gpt-image-2", date(2026, 4, 21), any_size=True),
    Model("gpt-image-2.6-sunburst", date(2026, 11, 10), any_size=True),
    Model("gpt-image-2.6-flare", date(2026, 11, 10), any_size=True),
    Model("omni-moderation-latest", date(2024, 9, 26), paints=False),
)


def available(today: date) -> list[Model]:
    """The models that still exist; a model is gone from the day it is shut down."""
    return [model for model in MODELS if model.shutdown is None or today < model.shutdown]


def find(model_id: str, today: date) -> Model:
    """:raises ApiError: 404 `model_not_found`, for a model that was shut down as for an unknown one"""
    for model in available(today):
        if model.id == model_id:
            return model
    raise model_not_found(model_id)
