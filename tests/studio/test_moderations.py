import base64
from io import BytesIO
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.moderation import Categories
from PIL import Image

from running_studio import RunningStudio
from tatemono_studio.category_patch import add_category_patch, read_category_patch
from tatemono_studio.painter import PictureSpec, paint
from tatemono_studio.word_filter import CATEGORIES, PICTURE_CATEGORIES, classify


def data_url(kind: str, prompt: str) -> str:
    painted = paint(PictureSpec(prompt, 64, 64, quality="low", output_format=kind)).final
    return f"data:image/{kind};base64,{base64.b64encode(painted).decode()}"


class TestModerations:
    async def test_answers_every_category_the_sdk_knows(self, studio: RunningStudio) -> None:
        result = (await studio.openai.moderations.create(input="a quiet lake")).results[0]
        aliases = {field.alias or name for name, field in Categories.model_fields.items()}
        assert aliases == set(CATEGORIES)
        assert not result.flagged
        assert result.categories.violence_graphic is False
        assert 0 <= result.category_scores.sexual_minors < 0.1

    async def test_judges_each_text_of_an_array(self, studio: RunningStudio) -> None:
        answer = await studio.openai.moderations.create(input=["hills", "a massacre", "静かな湖", "自殺したい"])
        assert [result.flagged for result in answer.results] == [False, True, False, True]
        assert answer.results[1].categories.violence
        assert answer.results[3].categories.self_harm

    @pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
    async def test_judges_a_picture_of_the_studio_by_its_prompt(self, studio: RunningStudio, kind: str) -> None:
        parts = [
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": data_url(kind, "血まみれの山")}},
        ]
        (result,) = (await studio.openai.moderations.create(input=parts)).results
        assert result.flagged
        assert result.category_applied_input_types.violence_graphic == ["text", "image"]
        assert result.category_applied_input_types.hate == ["text"]

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"input": 3},
            {"input": [{"type": "sound"}]},
            {"input": "x", "model": 3},
            {"input": "x", "model": "gpt-image-2"},
        ],
    )
    async def test_names_what_is_wrong(self, studio: RunningStudio, body: Any) -> None:
        answer = await studio.http.post("/v1/moderations", json=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] in ("input", "model")

    async def test_knows_no_other_model(self, studio: RunningStudio) -> None:
        with pytest.raises(openai.NotFoundError):
            await studio.openai.moderations.create(input="x", model="text-moderation-latest")


class TestClassify:
    @pytest.mark.parametrize(
        "prompt",
        [
            "a killer whale in the sea",
            "blood orange cake",
            "ピエロと気球",
            "黄色いイエローカー",
            "skyscrapers of Gorenja",
            "a child in a garden",
        ],
    )
    def test_lets_ordinary_prompts_pass(self, prompt: str) -> None:
        assert not classify(prompt).flagged

    def test_implies_the_wider_category(self) -> None:
        assert classify("nude child").categories == ("sexual", "sexual/minors")

    @given(st.text(max_size=40))
    def test_finds_a_listed_word_inside_any_text(self, around: str) -> None:
        assert classify(f"{around} gore {around}").flagged


class TestCategoryPatch:
    @pytest.mark.parametrize("category", sorted(PICTURE_CATEGORIES))
    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
    def test_are_seen_after_a_picture_was_made_small(self, category: str, kind: str) -> None:
        image = Image.effect_noise((1024, 768), 80).convert("RGB")
        add_category_patch(image, category)
        image.thumbnail((320, 320))
        buffer = BytesIO()
        image.save(buffer, kind)
        assert read_category_patch(Image.open(buffer)) == (category,)

    def test_are_seen_in_no_other_picture(self) -> None:
        assert read_category_patch(Image.effect_noise((1024, 768), 80)) == ()
        assert read_category_patch(Image.new("RGB", (512, 512), "teal")) == ()
