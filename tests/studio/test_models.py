from datetime import UTC, date, datetime

import openai
import pytest

from running_studio import RunningStudio, StudioWith
from tatemono_studio.models import available

LIVE = ["gpt-image-2", "gpt-image-2.6-sunburst", "gpt-image-2.6-flare", "omni-moderation-latest"]


class TestModels:
    async def test_lists_what_still_answers(self, studio: RunningStudio) -> None:
        listed = [model.id async for model in studio.openai.models.list()]
        assert listed == ["gpt-image-1-mini", "gpt-image-1.5", *LIVE]

    async def test_says_when_a_model_ends(self, studio: RunningStudio) -> None:
        assert (await studio.openai.models.retrieve("gpt-image-1.5")).shutdown_date == "2026-12-01"
        assert (await studio.openai.models.retrieve("gpt-image-2")).shutdown_date is None

    async def test_does_not_know_a_model_that_ended(self, studio: RunningStudio) -> None:
        with pytest.raises(openai.NotFoundError):
            await studio.openai.models.retrieve("gpt-image-1")

    async def test_ends_models_on_their_day(self, studio_with: StudioWith) -> None:
        async with studio_with(now=datetime(2026, 12, 1, tzinfo=UTC)) as studio:
            with pytest.raises(openai.NotFoundError):
                await studio.openai.images.generate(model="gpt-image-1.5", prompt="hills")

    def test_keeps_a_model_until_the_day_before(self) -> None:
        assert "gpt-image-1" in [model.id for model in available(date(2026, 10, 22))]
        assert "gpt-image-1" not in [model.id for model in available(date(2026, 10, 23))]
