"""The adapters at a server that was written from OpenAI's published reference, and not from the studio."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from images_api import ImagesApi, served
from tatemono.adapters.openai.images import OpenAIPainter
from tatemono.adapters.openai.models import announced_models
from tatemono.adapters.openai.moderation import OpenAIModeration
from tatemono.domain.generations.painting import Failure, Painting, PaintingFailed, PaintRequest, PartialPicture

KEY = "sk-proj-right"
REQUEST = PaintRequest(
    model="gpt-image-2",
    prompt="A fox",
    size="1024x1024",
    quality="low",
    background="auto",
    output_format="webp",
    n=1,
    partial_images=2,
    safety_identifier="a-user",
    client_request_id="0123456789",
    extra={},
    references=(),
)


@pytest.fixture
def api() -> ImagesApi:
    return ImagesApi(key=KEY)


@pytest.fixture
def url(api: ImagesApi) -> Iterator[str]:
    with served(api) as url:
        yield url


async def paint(url: str, request: PaintRequest, key: str = KEY) -> list[PartialPicture | Painting]:
    async with OpenAIPainter(api_key=key, base_url=url) as painter:
        return [step async for step in painter.paint(request)]


class TestOpenAIPainter:
    async def test_takes_the_stream_of_one_picture(self, api: ImagesApi, url: str) -> None:
        *partials, painting = await paint(url, REQUEST)
        assert [type(partial) for partial in partials] == [PartialPicture] * 2
        assert isinstance(painting, Painting)
        assert painting.pictures[0][8:12] == b"WEBP"
        assert (painting.usage.output_tokens, painting.provider_request_id) == (196, "req_0123456789abcdef")
        ((_, asked),) = api.asked
        assert (asked["stream"], asked["partial_images"], asked["safety_identifier"]) == (True, 2, "a-user")

    async def test_takes_several_pictures_at_once(self, url: str) -> None:
        (painting,) = await paint(url, replace(REQUEST, n=3, partial_images=0))
        assert isinstance(painting, Painting)
        assert len(painting.pictures) == 3

    @pytest.mark.parametrize(
        ("change", "key", "failure"),
        [
            ({}, "sk-proj-wrong", Failure.ACCOUNT_REFUSED),
            ({"model": "gpt-image-7"}, KEY, Failure.ACCOUNT_REFUSED),
            ({"size": "1000x1000"}, KEY, Failure.BAD_REQUEST),
        ],
    )
    async def test_reads_its_refusals(self, url: str, change: dict[str, Any], key: str, failure: Failure) -> None:
        with pytest.raises(PaintingFailed) as failed:
            await paint(url, replace(REQUEST, **change), key)
        assert failed.value.failure is failure
        assert key not in str(failed.value)


class TestOpenAIModeration:
    @pytest.mark.parametrize(("text", "categories"), [("a fox", ()), ("a gory fox", ("violence/graphic",))])
    async def test_judges(self, url: str, text: str, categories: tuple[str, ...]) -> None:
        async with OpenAIModeration(api_key=KEY, base_url=url, model="omni-moderation-latest") as moderation:
            judgement = await moderation.judge(text=text, client_request_id="1")
        assert (judgement.categories, judgement.request_id) == (categories, "modr-1")


class TestAnnouncedModels:
    async def test_are_told(self, url: str) -> None:
        assert await announced_models(url, KEY) == {"gpt-image-2": None, "gpt-5": None}

    async def test_are_told_under_our_names_as_well(self, api: ImagesApi, url: str) -> None:
        api.models = {"stablediffusion": "2027-03-01"}
        names = {"gpt-image-2": "stablediffusion", "gpt-image-2.6-flare": "flux"}
        ends = date(2027, 3, 1)
        assert await announced_models(url, KEY, names) == {"stablediffusion": ends, "gpt-image-2": ends}
