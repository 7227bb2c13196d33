from base64 import b64decode
from collections.abc import Callable
from io import BytesIO
from typing import Any

import openai
import pytest
from PIL import Image, ImageStat

from running_studio import RunningStudio

MODEL: dict[str, Any] = {"model": "gpt-image-2", "quality": "low"}


def decoded(answer: Any) -> Image.Image:
    return Image.open(BytesIO(b64decode(answer.data[0].b64_json))).convert("RGBA")


def mean(picture: Image.Image, box: tuple[int, int, int, int]) -> list[float]:
    return ImageStat.Stat(picture.convert("RGB").crop(box)).mean


def mask(width: int, height: int) -> bytes:
    """Opaque on the left (keep), transparent on the right (paint)."""
    picture = Image.new("RGBA", (width, height), (0, 0, 0, 255))
    picture.paste((0, 0, 0, 0), (width // 2, 0, width, height))
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


class TestEdits:
    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
    async def test_derives_from_the_picture_it_is_given(
        self, studio: RunningStudio, photo: Callable[..., bytes], kind: str
    ) -> None:
        answer = await studio.openai.images.edit(image=("a", photo(kind=kind)), prompt="at dusk", **MODEL)
        picture = decoded(answer)
        left, right = mean(picture, (100, 300, 400, 600)), mean(picture, (1100, 300, 1400, 600))
        assert answer.size == "1536x1024"
        assert left[0] > left[2]
        assert right[2] > right[0]

    async def test_changes_the_picture(self, studio: RunningStudio, photo: Callable[..., bytes]) -> None:
        results = {
            (await studio.openai.images.edit(image=photo(), prompt=prompt, **MODEL)).data[0].b64_json
            for prompt in ("at night", "make it green", "pixel art", "snow", "zzz")
        }
        assert len(results) == 5

    async def test_counts_the_input_pictures(self, studio: RunningStudio, photo: Callable[..., bytes]) -> None:
        one = await studio.openai.images.edit(image=photo(), prompt="snow", **MODEL)
        two = await studio.openai.images.edit(image=[photo(), photo(left="#20a050")], prompt="snow", **MODEL)
        assert 0 < one.usage.input_tokens_details.image_tokens < two.usage.input_tokens_details.image_tokens

    async def test_shows_every_picture_it_is_given(self, studio: RunningStudio, photo: Callable[..., bytes]) -> None:
        green, white = photo(left="#109030", right="#109030"), photo(left="#ffffff", right="#ffffff")
        answer = await studio.openai.images.edit(image=[green, white], prompt="rainy", size="1536x1024", **MODEL)
        left, right = mean(decoded(answer), (50, 300, 300, 600)), mean(decoded(answer), (1200, 300, 1480, 600))
        assert left[1] > left[0] + 40
        assert abs(right[1] - right[0]) < 25

    async def test_keeps_what_the_mask_covers(self, studio: RunningStudio, photo: Callable[..., bytes]) -> None:
        answer = await studio.openai.images.edit(
            image=photo(300, 300), mask=("m.png", mask(300, 300)), prompt="a forest", size="1024x1024", **MODEL
        )
        kept, painted = mean(decoded(answer), (50, 50, 450, 900)), mean(decoded(answer), (600, 50, 1000, 900))
        assert kept == pytest.approx((0xC0, 0x30, 0x30), abs=3)
        assert abs(painted[0] - 0x30) + abs(painted[1] - 0x50) + abs(painted[2] - 0xC0) > 60

    @pytest.mark.parametrize("partials", [0, 2])
    async def test_streams_with_the_names_of_edits(
        self, studio: RunningStudio, photo: Callable[..., bytes], partials: int
    ) -> None:
        stream = await studio.openai.images.edit(
            image=photo(), prompt="snow", stream=True, partial_images=partials, **MODEL
        )
        assert [event.type async for event in stream] == [
            *["image_edit.partial_image"] * partials,
            "image_edit.completed",
        ]

    async def test_reads_numbers_and_extra_fields_from_a_form(
        self, studio: RunningStudio, photo: Callable[..., bytes]
    ) -> None:
        body = {"image": photo(), "prompt": "zzz", "n": 2, **MODEL}
        first = await studio.openai.images.edit(**body, extra_body={"seed": 4})
        again = await studio.openai.images.edit(**body, extra_body={"seed": 4})
        other = await studio.openai.images.edit(**body, extra_body={"seed": 5})
        assert len(first.data) == 2
        assert first.data == again.data != other.data


class TestRefusals:
    async def test_needs_a_picture(self, studio: RunningStudio) -> None:
        answer = await studio.http.post(
            "/v1/images/edits", files={"prompt": (None, "x"), "model": (None, "gpt-image-2")}
        )
        assert answer.json()["error"]["param"] == "image"

    async def test_needs_a_form(self, studio: RunningStudio) -> None:
        answer = await studio.http.post("/v1/images/edits", json={"prompt": "x"})
        assert answer.status_code == 400
        assert "multipart" in answer.json()["error"]["message"]

    async def test_judges_files_by_their_content(self, studio: RunningStudio, photo: Callable[..., bytes]) -> None:
        gif = photo(kind="GIF")
        cut = photo()[:200]
        for bad in (b"no picture", gif, cut):
            with pytest.raises(openai.BadRequestError) as caught:
                await studio.openai.images.edit(image=("a.png", bad, "image/png"), prompt="x", **MODEL)
            assert (caught.value.param, caught.value.code) == ("image", "invalid_image_file")

    async def test_takes_at_most_sixteen_pictures(self, studio: RunningStudio, photo: Callable[..., bytes]) -> None:
        with pytest.raises(openai.BadRequestError, match="at most 16"):
            await studio.openai.images.edit(image=[photo(8, 8)] * 17, prompt="x", **MODEL)

    async def test_takes_no_file_above_fifty_megabytes(
        self, studio: RunningStudio, photo: Callable[..., bytes]
    ) -> None:
        heavy = photo() + bytes(50 * 1024 * 1024)
        with pytest.raises(openai.BadRequestError) as caught:
            await studio.openai.images.edit(image=heavy, prompt="x", **MODEL)
        assert caught.value.code == "file_too_large"

    async def test_wants_a_mask_of_the_same_size_with_alpha(
        self, studio: RunningStudio, photo: Callable[..., bytes]
    ) -> None:
        for bad, word in ((photo(300, 300), "alpha"), (mask(10, 10), "pixels")):
            with pytest.raises(openai.BadRequestError, match=word) as caught:
                await studio.openai.images.edit(image=photo(300, 300), mask=("m.png", bad), prompt="x", **MODEL)
            assert caught.value.param == "mask"
