"""Moderation through the unmodified SDK, by the studio."""

import base64
from collections.abc import AsyncIterator

import pytest

from running_studio import AT_ONCE, RunningStudio, run_studio
from tatemono.adapters.openai.moderation import OpenAIModeration
from tatemono.adapters.pillow.pictures import PillowPictures
from tatemono.usecases.pictures.ports import ExpectedPicture
from tatemono.usecases.safety.ports import ModerationUnavailable


@pytest.fixture
async def studio() -> AsyncIterator[RunningStudio]:
    async with run_studio(AT_ONCE) as running:
        yield running


@pytest.fixture
async def moderation(studio: RunningStudio) -> AsyncIterator[OpenAIModeration]:
    url = f"{studio.url}/v1"
    async with OpenAIModeration(api_key="any", base_url=url, model="omni-moderation-latest", timeout_seconds=1) as own:
        yield own


async def painted(studio: RunningStudio, prompt: str) -> bytes:
    answer = await studio.openai.images.generate(model="gpt-image-2", prompt=prompt, quality="low", size="1024x1024")
    return base64.b64decode(answer.data[0].b64_json)


async def moderation_copy(data: bytes) -> bytes:
    inspector = PillowPictures()
    return (await inspector.shrink(await inspector.verify(data, ExpectedPicture(1024, 1024, "png")))).moderation_copy


class TestOpenAIModeration:
    async def test_lets_harmless_words_pass(self, moderation: OpenAIModeration) -> None:
        judgement = await moderation.judge(text="A fox under the moon", client_request_id="a")
        assert judgement.categories == ()
        assert judgement.request_id

    async def test_names_the_categories(self, moderation: OpenAIModeration) -> None:
        judgement = await moderation.judge(text="child porn", client_request_id="b")
        assert judgement.categories == ("sexual", "sexual/minors")

    @pytest.mark.parametrize("category", ["violence", "sexual", "self-harm"])
    async def test_sees_a_marked_picture_in_its_glance(
        self, moderation: OpenAIModeration, studio: RunningStudio, category: str
    ) -> None:
        data = await painted(studio, f"A fox [studio:flag={category}]")
        judgement = await moderation.judge(picture=await moderation_copy(data), client_request_id="c")
        assert category in judgement.categories

    async def test_sees_nothing_in_an_unmarked_picture(
        self, moderation: OpenAIModeration, studio: RunningStudio
    ) -> None:
        small = await moderation_copy(await painted(studio, "A fox"))
        assert (await moderation.judge(picture=small, client_request_id="d")).categories == ()

    @pytest.mark.parametrize("fault", ["500", "429", "hang"])
    async def test_says_when_there_is_no_answer_and_not_what_was_asked(
        self, moderation: OpenAIModeration, studio: RunningStudio, fault: str
    ) -> None:
        await studio.http.put("/studio/faults", json={"faults": [{"fault": fault, "on": "moderations"}]})
        with pytest.raises(ModerationUnavailable) as raised:
            await moderation.judge(text="a secret wish", client_request_id="e")
        assert "secret" not in str(raised.value)
        assert raised.value.__cause__ is None
