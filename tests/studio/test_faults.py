import json
from base64 import b64decode
from io import BytesIO
from random import Random
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from running_studio import RunningStudio
from tatemono_studio.faults import KINDS, Fault, FaultInjector, FaultSyntaxError, parse_faults, split_prompt
from tatemono_studio.latency import Latency, parse_latency

HEADER = "X-Studio-Fault"


async def paint(studio: RunningStudio, prompt: str = "a hill", fault: str | None = None, **more: Any) -> Any:
    headers = {HEADER: fault} if fault else {}
    return await studio.openai.images.generate(
        model="gpt-image-2", prompt=prompt, quality="low", extra_headers=headers, **more
    )


class TestFaults:
    async def test_answers_429_with_retry_after(self, studio: RunningStudio) -> None:
        with pytest.raises(openai.RateLimitError) as caught:
            await paint(studio, fault="429,retry_after=7")
        assert caught.value.response.headers["retry-after"] == "7"
        assert caught.value.code == "rate_limit_exceeded"

    async def test_answers_500(self, studio: RunningStudio) -> None:
        with pytest.raises(openai.InternalServerError):
            await paint(studio, "[studio:500] a hill")

    async def test_refuses_by_moderation(self, studio: RunningStudio) -> None:
        with pytest.raises(openai.BadRequestError) as caught:
            await paint(studio, "[studio:refuse] a hill")
        assert caught.value.code == "moderation_blocked"

    async def test_hangs_until_the_caller_disconnects(self, studio: RunningStudio) -> None:
        with pytest.raises(openai.APITimeoutError):
            await studio.openai.with_options(timeout=0.4).images.generate(
                model="gpt-image-2", prompt="[studio:hang] x", extra_headers={"X-Client-Request-Id": "hang"}
            )
        call = await studio.last_call("hang")
        assert (call["outcome"], call["fault"]) == ("hung", "hang")

    async def test_answers_504_when_a_short_hang_is_over(self, studio: RunningStudio) -> None:
        with pytest.raises(openai.InternalServerError) as caught:
            await paint(studio, "[studio:hang=100ms] x")
        assert caught.value.status_code == 504

    async def test_cuts_a_body(self, studio: RunningStudio) -> None:
        with pytest.raises(openai.APIConnectionError):
            await paint(studio, fault="cut=0.3")

    async def test_cuts_a_stream_after_some_events(self, studio: RunningStudio) -> None:
        stream = await paint(studio, fault="cut=0.5", stream=True, partial_images=3, extra_body={"seed": 1})
        seen = []
        with pytest.raises(openai.APIConnectionError):  # noqa: PT012 - it breaks off while it is read
            async for event in stream:
                seen.append(event.type)  # noqa: PERF401 - the stream breaks off
        assert seen == ["image_generation.partial_image"] * 2

    async def test_sends_bytes_that_are_no_picture(self, studio: RunningStudio) -> None:
        answer = await paint(studio, fault="garbage")
        with pytest.raises(OSError, match="cannot identify"):
            Image.open(BytesIO(b64decode(answer.data[0].b64_json)))

    async def test_paints_in_a_wrong_size(self, studio: RunningStudio) -> None:
        answer = await paint(studio, "[studio:size=64x48] a hill")
        assert answer.size == "1024x1024"
        assert Image.open(BytesIO(b64decode(answer.data[0].b64_json))).size == (64, 48)

    async def test_logs_the_latency(self, studio: RunningStudio) -> None:
        await studio.openai.images.generate(
            model="gpt-image-2",
            prompt="[studio:latency=120ms] a hill",
            quality="low",
            extra_headers={"X-Client-Request-Id": "slow"},
        )
        call = await studio.last_call("slow")
        assert call["latency_seconds"] == 0.12
        assert call["duration_seconds"] >= 0.12

    async def test_triggers_only_as_often_as_counted(self, studio: RunningStudio) -> None:
        prompt = "[studio:429,count=2] a counted hill"
        for _ in range(2):
            with pytest.raises(openai.RateLimitError):
                await paint(studio, prompt)
        assert (await paint(studio, prompt)).data

    async def test_is_seen_by_the_retries_of_the_sdk(self, studio: RunningStudio) -> None:
        patient = studio.openai.with_options(max_retries=2)
        answer = await patient.images.generate(
            model="gpt-image-2", prompt="[studio:500,count=1] a retried hill", quality="low"
        )
        assert answer.data

    async def test_paints_as_if_the_marker_were_not_there(self, studio: RunningStudio) -> None:
        marked = await paint(studio, "a hill [studio:latency=10ms] by night")
        assert marked.data[0].b64_json == (await paint(studio, "a hill by night")).data[0].b64_json

    @pytest.mark.parametrize(
        ("fault", "field"),
        [
            ("teapot", "fault"),
            ("429,p=2", "p"),
            ("429,p=x", "p"),
            ("429,count=0", "count"),
            ("429,retry_after=soon", "retry_after"),
            ("500,why=1", "why"),
            ("500=3", "500"),
            ("latency", "latency"),
            ("latency=normal(1s,2s)", "latency"),
            ("hang=-1s", "seconds"),
            ("cut=1", "after"),
            ("size=9x9", "size"),
            ("429,on=mars", "on"),
            ('{"fault":', "faults"),
            ("[1]", "fault"),
        ],
    )
    async def test_refuses_a_fault_it_cannot_read_and_names_the_field(
        self, studio: RunningStudio, fault: str, field: str
    ) -> None:
        with pytest.raises(openai.BadRequestError) as caught:
            await paint(studio, fault=fault)
        assert caught.value.param == HEADER
        assert f"Invalid studio fault, {field}:" in caught.value.message
        stored = await studio.http.put("/studio/faults", content=fault)
        assert stored.status_code == 400

    async def test_names_the_prompt_when_its_marker_is_wrong(self, studio: RunningStudio) -> None:
        with pytest.raises(openai.BadRequestError) as caught:
            await paint(studio, "[studio:teapot] x")
        assert caught.value.param == "prompt"


class TestConfiguration:
    async def test_is_stored_shown_spent_and_removed(self, studio: RunningStudio) -> None:
        body = {"faults": [{"fault": "500", "count": 1}, {"fault": "429", "p": 0.0}], "seed": 3}
        stored = (await studio.http.put("/studio/faults", json=body)).json()
        assert stored["seed"] == 3
        assert [fault["fault"] for fault in stored["faults"]] == ["500", "429"]
        with pytest.raises(openai.InternalServerError):
            await paint(studio)
        assert (await paint(studio)).data
        left = (await studio.http.get("/studio/faults")).json()["faults"]
        assert [fault["fault"] for fault in left] == ["429"]
        assert (await studio.http.delete("/studio/faults")).json()["faults"] == []

    async def test_misbehaves_alike_for_the_same_seed(self, studio: RunningStudio) -> None:
        async def outcomes() -> list[bool]:
            await studio.http.put("/studio/faults", json={"faults": "500,p=0.5", "seed": 11})
            results = []
            for _ in range(12):
                try:
                    results.append(bool(await paint(studio)))
                except openai.InternalServerError:
                    results.append(False)
            return results

        first = await outcomes()
        assert first == await outcomes()
        assert {True, False} == set(first)

    async def test_reaches_moderations_only_when_asked(self, studio: RunningStudio) -> None:
        await studio.http.put("/studio/faults", content="500")
        assert (await studio.openai.moderations.create(input="x")).results
        await studio.http.put("/studio/faults", content="500,on=moderations")
        with pytest.raises(openai.InternalServerError):
            await studio.openai.moderations.create(input="x")
        assert (await paint(studio)).data


class TestParseFaults:
    def test_reads_the_compact_form(self) -> None:
        assert parse_faults("429,retry_after=3,p=0.5,count=2; latency=lognormal(p50=2s,p99=8s),on=all") == [
            Fault("429", 3.0, 0.5, 2),
            Fault("latency", Latency("lognormal", 2, 8), on="all"),
        ]

    def test_reads_json_alike(self) -> None:
        text = json.dumps([{"fault": "429", "retry_after": 3, "p": 0.5, "count": 2}, {"fault": "cut", "after": 0.25}])
        assert parse_faults(text) == [Fault("429", 3.0, 0.5, 2), Fault("cut", 0.25)]

    @given(st.text(max_size=60))
    def test_gives_faults_or_a_clear_error_for_any_text(self, text: str) -> None:
        named: list[str] = []
        try:
            assert all(fault.kind in KINDS for fault in parse_faults(text))
        except FaultSyntaxError as error:
            named.append(error.field)
        assert all(named)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(max_size=9),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["fault", "p", "count", "value", "on"]), inner, max_size=4)
            ),
            max_leaves=6,
        )
    )
    def test_gives_faults_or_a_clear_error_for_any_json(self, value: object) -> None:
        named: list[str] = []
        try:
            parse_faults(json.dumps([value]))
        except FaultSyntaxError as error:
            named.append(error.field)
        assert all(named)

    @given(st.text(max_size=80))
    def test_leaves_a_prompt_without_marker_as_it_is(self, prompt: str) -> None:
        if "[studio:" not in prompt.casefold():
            assert split_prompt(prompt) == (prompt, "")


class TestFaultInjector:
    def test_prefers_what_the_request_asks_for(self) -> None:
        injector = FaultInjector(parse_faults("500"), seed=1)
        assert injector.choose("generations", parse_faults("refuse"), "x").fault == Fault("refuse", 0.0)
        assert injector.choose("generations", [], "x").fault == Fault("500", 0.0)

    def test_combines_a_latency_with_another_fault(self) -> None:
        chosen = FaultInjector([], seed=1).choose("edits", parse_faults("latency=1s;500"), "x")
        assert (chosen.latency, chosen.fault) == (Latency("constant", 1, 1), Fault("500", 0.0))


class TestLatency:
    def test_keeps_to_its_percentiles(self) -> None:
        random = Random(5)  # noqa: S311 - repeatable
        drawn = sorted(parse_latency("lognormal(p50=2s,p99=8s)").draw(random) for _ in range(4000))
        assert drawn[2000] == pytest.approx(2, rel=0.1)
        assert drawn[3960] == pytest.approx(8, rel=0.15)

    @given(st.floats(0, 100), st.floats(0, 100), st.randoms())
    def test_stays_within_a_uniform_range(self, one: float, other: float, random: Random) -> None:
        low, high = sorted((one, other))
        assert low <= Latency("uniform", low, high).draw(random) <= high

    @pytest.mark.parametrize("text", ["2s", "uniform(1s,3s)", "lognormal(p50=2s,p99=8s)"])
    def test_is_written_as_it_is_read(self, text: str) -> None:
        assert str(parse_latency(text)) == text
