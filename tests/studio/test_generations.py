import asyncio
from base64 import b64decode
from io import BytesIO
from typing import Any

import openai
import pytest
from PIL import Image

from running_studio import RunningStudio, StudioWith
from tatemono_studio.latency import Latency
from tatemono_studio.painter import description_of
from tatemono_studio.settings import StudioSettings


def decoded(b64: str | None) -> Image.Image:
    assert b64
    picture = Image.open(BytesIO(b64decode(b64)))
    picture.load()
    return picture


class TestGenerations:
    async def test_answers_what_the_sdk_reads(self, studio: RunningStudio) -> None:
        answer = await studio.openai.images.generate(
            model="gpt-image-2", prompt="a fox in the snow", quality="low", safety_identifier="hashed-user"
        )
        picture = decoded(answer.data[0].b64_json)
        assert picture.size == (1024, 1024)
        assert picture.format == "PNG"
        assert (answer.size, answer.quality, answer.background, answer.output_format) == (
            "1024x1024", "low", "opaque", "png",
        )  # fmt: skip
        assert answer.safety_identifier == "hashed-user"
        assert answer.usage.output_tokens == 272
        assert answer.usage.input_tokens == answer.usage.input_tokens_details.text_tokens > 0
        assert answer.usage.total_tokens == answer.usage.input_tokens + 272

    @pytest.mark.parametrize(("kind", "seen"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
    async def test_encodes_and_labels_every_format(self, studio: RunningStudio, kind: str, seen: str) -> None:
        answer = await studio.openai.images.generate(
            model="gpt-image-2", prompt="海と月", quality="low", output_format=kind
        )
        picture = decoded(answer.data[0].b64_json)
        assert picture.format == seen
        assert description_of(picture) == "海と月"

    @pytest.mark.parametrize("kind", ["jpeg", "webp"])
    async def test_makes_smaller_files_when_compression_is_lower(self, studio: RunningStudio, kind: str) -> None:
        sizes = [
            len(
                (
                    await studio.openai.images.generate(
                        model="gpt-image-2",
                        prompt="a lake",
                        quality="low",
                        output_format=kind,
                        output_compression=share,
                    )
                )
                .data[0]
                .b64_json
            )
            for share in (20, 90)
        ]
        assert sizes[0] < sizes[1]

    async def test_cuts_the_subject_out_on_a_transparent_background(self, studio: RunningStudio) -> None:
        answer = await studio.openai.images.generate(
            model="gpt-image-2", prompt="a cat", quality="low", background="transparent"
        )
        alpha = decoded(answer.data[0].b64_json).getchannel("A")
        assert answer.background == "transparent"
        assert alpha.getpixel((2, 2)) == 0
        assert alpha.getextrema()[1] == 255

    @pytest.mark.parametrize(
        ("size", "quality", "tokens"),
        [("1024x1536", "low", 408), ("1536x1024", "low", 400), ("1024x640", "low", 170)],
    )
    async def test_paints_in_the_size_asked_for_and_counts_its_tokens(
        self, studio: RunningStudio, size: str, quality: str, tokens: int
    ) -> None:
        answer = await studio.openai.images.generate(model="gpt-image-2", prompt="hills", size=size, quality=quality)
        width, height = decoded(answer.data[0].b64_json).size
        assert f"{width}x{height}" == size == answer.size
        assert answer.usage.output_tokens == tokens

    async def test_chooses_a_wide_picture_for_a_panorama(self, studio: RunningStudio) -> None:
        answer = await studio.openai.images.generate(model="gpt-image-2", prompt="panorama of hills", quality="low")
        assert answer.size == "1536x1024"

    async def test_paints_several_different_pictures(self, studio: RunningStudio) -> None:
        answer = await studio.openai.images.generate(model="gpt-image-2.6-flare", prompt="a dog", n=3, quality="low")
        assert len({picture.b64_json for picture in answer.data}) == 3
        assert answer.usage.output_tokens == 3 * 272

    async def test_repeats_itself_for_the_same_seed_only(self, studio: RunningStudio) -> None:
        async def painted(**body: int) -> str:
            answer = await studio.openai.images.generate(
                model="gpt-image-2", prompt="a boat", quality="low", extra_body=body
            )
            return str(answer.data[0].b64_json)

        assert await painted() == await painted()
        assert await painted(seed=1) == await painted(seed=1)
        assert await painted(seed=1) != await painted(seed=2)

    async def test_says_in_its_log_that_a_repeated_picture_was_cached(self, studio: RunningStudio) -> None:
        for name in ("cache-1", "cache-2"):
            await studio.openai.images.generate(
                model="gpt-image-2", prompt="cached hill", quality="low", extra_headers={"X-Client-Request-Id": name}
            )
        assert (await studio.last_call("cache-1"))["cached"] is False
        assert (await studio.last_call("cache-2"))["cached"] is True

    async def test_sends_openais_headers(self, studio: RunningStudio) -> None:
        raw = await studio.openai.images.with_raw_response.generate(model="gpt-image-2", prompt="hills", quality="low")
        assert raw.headers["x-request-id"].startswith("req_")
        assert raw.headers["openai-version"] == "2020-10-01"
        assert int(raw.headers["openai-processing-ms"]) >= 0


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "param", "code"),
        [
            ({"n": 0}, "n", "integer_below_min_value"),
            ({"n": 11}, "n", "integer_above_max_value"),
            ({"size": "1000x1000"}, "size", "invalid_value"),
            ({"size": "4096x1024"}, "size", "invalid_value"),
            ({"size": "256x256"}, "size", "invalid_value"),
            ({"size": "big"}, "size", "invalid_value"),
            ({"model": "gpt-image-1.5", "size": "1536x864"}, "size", "invalid_value"),
            ({"quality": "best"}, "quality", "invalid_value"),
            ({"background": "transparent", "output_format": "jpeg"}, "background", "invalid_value"),
            ({"output_format": "gif"}, "output_format", "invalid_value"),
            ({"output_compression": 50}, "output_compression", "invalid_value"),
            ({"partial_images": 2}, "partial_images", "invalid_value"),
            ({"stream": True, "partial_images": 4}, "partial_images", "integer_above_max_value"),
            ({"response_format": "url"}, "response_format", "unsupported_parameter"),
            ({"prompt": " "}, "prompt", "missing_required_parameter"),
            ({"prompt": "x" * 32_001}, "prompt", "string_above_max_length"),
            ({"extra_body": {"colour": "red"}}, "colour", "unknown_parameter"),
            ({"model": "omni-moderation-latest"}, "model", "invalid_value"),
        ],
    )
    async def test_names_the_parameter_that_is_wrong(
        self, studio: RunningStudio, body: Any, param: str, code: str
    ) -> None:
        with pytest.raises(openai.BadRequestError) as caught:
            await studio.openai.images.generate(**{"model": "gpt-image-2", "prompt": "hills", **body})
        assert (caught.value.param, caught.value.code) == (param, code)
        assert caught.value.type == "invalid_request_error"

    async def test_refuses_a_request_without_key(self, studio: RunningStudio) -> None:
        answer = await studio.http.post("/v1/images/generations", json={}, headers={"Authorization": ""})
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "invalid_api_key"

    @pytest.mark.parametrize("model", ["gpt-image-1", "dall-e-3", "nothing"])
    async def test_does_not_know_models_that_are_gone(self, studio: RunningStudio, model: str) -> None:
        with pytest.raises(openai.NotFoundError) as caught:
            await studio.openai.images.generate(model=model, prompt="hills")
        assert caught.value.code == "model_not_found"

    @pytest.mark.parametrize("prompt", ["a naked person", "全裸の人", "gore and blood", "ｎｕｄｅ"])
    async def test_blocks_prompts_the_word_rule_flags(self, studio: RunningStudio, prompt: str) -> None:
        with pytest.raises(openai.BadRequestError) as caught:
            await studio.openai.images.generate(model="gpt-image-2", prompt=prompt)
        assert caught.value.code == "moderation_blocked"
        assert caught.value.type == "image_generation_user_error"

    @pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
    async def test_says_that_a_body_is_no_json_object(self, studio: RunningStudio, body: Any) -> None:
        answer = await studio.http.post("/v1/images/generations", content=body)
        assert answer.status_code == 400
        assert "JSON" in answer.json()["error"]["message"]

    async def test_answers_unknown_paths_and_methods_in_the_envelope(self, studio: RunningStudio) -> None:
        assert (await studio.http.get("/v1/chat")).json()["error"]["message"] == "Invalid URL (GET /v1/chat)"
        assert (await studio.http.get("/v1/images/generations")).status_code == 405


class TestStreams:
    @pytest.mark.parametrize("partials", [0, 1, 3])
    async def test_tells_partial_pictures_and_then_the_picture(self, studio: RunningStudio, partials: int) -> None:
        stream = await studio.openai.images.generate(
            model="gpt-image-2", prompt="a castle", quality="low", stream=True, partial_images=partials
        )
        events = [event async for event in stream]
        assert [event.type for event in events] == [
            *["image_generation.partial_image"] * partials,
            "image_generation.completed",
        ]
        assert [event.partial_image_index for event in events[:-1]] == list(range(partials))
        final = events[-1]
        assert final.usage.output_tokens == 272 + 100 * partials
        assert (final.size, final.quality, final.background) == ("1024x1024", "low", "opaque")
        assert all(decoded(event.b64_json).size == (1024, 1024) for event in events)

    async def test_gives_partials_that_come_closer_to_the_picture(self, studio: RunningStudio) -> None:
        stream = await studio.openai.images.generate(
            model="gpt-image-2", prompt="a castle", quality="low", stream=True, partial_images=3
        )
        *partials, final = [decoded(event.b64_json).convert("L").resize((256, 256)) async for event in stream]
        distances = [
            sum(abs(a - b) for a, b in zip(partial.tobytes(), final.tobytes(), strict=True)) for partial in partials
        ]
        assert distances == sorted(distances, reverse=True)

    async def test_streams_several_pictures_one_after_the_other(self, studio: RunningStudio) -> None:
        stream = await studio.openai.images.generate(
            model="gpt-image-2", prompt="a cup", quality="low", n=2, stream=True, partial_images=1
        )
        assert [event.type.rpartition(".")[2] async for event in stream] == [
            "partial_image", "completed", "partial_image", "completed",
        ]  # fmt: skip

    async def test_spreads_partials_over_the_latency(self, studio_with: StudioWith) -> None:
        slow = StudioSettings(latency=Latency("constant", 0.9, 0.9))
        async with studio_with(slow) as studio:
            stream = await studio.openai.images.generate(
                model="gpt-image-2", prompt="a cup", quality="low", stream=True, partial_images=2
            )
            order: list[str] = []
            ticking = asyncio.create_task(_tick(order))
            async for event in stream:
                order.append(event.type.rpartition(".")[2])  # noqa: PERF401 - ticks come between
            ticking.cancel()
        # Time passes between the events: they did not come in one piece.
        assert "tick" in order[order.index("partial_image") : order.index("completed")]

    async def test_notes_a_caller_who_left(self, studio_with: StudioWith) -> None:
        async with studio_with(StudioSettings(latency=Latency("constant", 30, 30))) as studio:
            for stream in (True, False):
                name = f"left-{stream}"
                with pytest.raises(openai.APITimeoutError):  # noqa: PT012 - a stream fails while it is read
                    answer = await studio.openai.with_options(timeout=0.6).images.generate(
                        model="gpt-image-2", prompt="x", stream=stream, extra_headers={"X-Client-Request-Id": name}
                    )
                    async for _ in answer:
                        pass
                assert (await studio.last_call(name))["outcome"] == "cancelled"


async def _tick(order: list[str]) -> None:
    while True:
        await asyncio.sleep(0.05)
        order.append("tick")
