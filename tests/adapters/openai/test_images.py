"""The painter, through the real SDK: against the studio, and against answers that the studio does not give."""

import asyncio
import io
import json
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from PIL import Image

from conftest import free_port
from tatemono.adapters.openai.images import OpenAIPainter
from tatemono.domain.generations.painting import Failure, Painting, PaintingFailed, PaintRequest, PartialPicture

KEY = "sk-of-the-test"

FOX = PaintRequest(
    model="gpt-image-2",
    prompt="a fox under a red moon",
    size="1024x1024",
    quality="low",
    background="opaque",
    output_format="webp",
    n=1,
    partial_images=2,
    safety_identifier="0123abcd",
    client_request_id="019a-1",
)


@pytest.fixture
async def painter(studio: str) -> AsyncIterator[OpenAIPainter]:
    async with OpenAIPainter(api_key=KEY, base_url=f"{studio}/v1", total_seconds=30) as painter:
        yield painter


async def steps_of(painter: OpenAIPainter, request: PaintRequest) -> list[PartialPicture | Painting]:
    return [step async for step in painter.paint(request)]


async def failure_of(painter: OpenAIPainter, request: PaintRequest) -> PaintingFailed:
    with pytest.raises(PaintingFailed) as failed:
        await steps_of(painter, request)
    return failed.value


def prompted(words: str, **others: Any) -> PaintRequest:
    return replace(FOX, prompt=words, **others)


def size_of(picture: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(picture)) as image:
        return image.size


async def call_in_studio(studio: str, client_request_id: str) -> dict[str, Any]:
    async with httpx2.AsyncClient() as client:
        answer = await client.get(f"{studio}/studio/calls", params={"client_request_id": client_request_id})
    (call,) = answer.json()["data"]
    assert isinstance(call, dict)
    return call


class TestPaint:
    async def test_yields_partial_pictures_and_the_painting_last(self, painter: OpenAIPainter) -> None:
        steps = await steps_of(painter, FOX)

        assert [step.index for step in steps[:-1] if isinstance(step, PartialPicture)] == [0, 1]
        painting = steps[-1]
        assert isinstance(painting, Painting)
        assert [size_of(picture) for picture in painting.pictures] == [(1024, 1024)]

    async def test_counts_the_tokens_that_are_charged(self, painter: OpenAIPainter) -> None:
        painting = (await steps_of(painter, FOX))[-1]

        assert isinstance(painting, Painting)
        # The documented price of a low 1024x1024, and 100 for each partial picture.
        assert painting.usage.output_tokens == 272 + 2 * 100
        assert painting.usage.input_text_tokens > 0
        assert painting.usage.input_image_tokens == 0

    async def test_makes_one_call_that_both_logs_name_alike(self, painter: OpenAIPainter, studio: str) -> None:
        request = replace(FOX, client_request_id=str(uuid.uuid4()))

        painting = (await steps_of(painter, request))[-1]

        assert isinstance(painting, Painting)
        call = await call_in_studio(studio, request.client_request_id)
        assert call["request_id"] == painting.provider_request_id

    @pytest.mark.parametrize("n", [1, 2])
    async def test_changes_a_picture_that_came_along(self, painter: OpenAIPainter, studio: str, n: int) -> None:
        written = io.BytesIO()
        Image.new("RGB", (640, 480), "teal").save(written, "JPEG")
        request = replace(FOX, n=n, references=(written.getvalue(),), client_request_id=str(uuid.uuid4()))

        *partials, painting = await steps_of(painter, request)

        assert isinstance(painting, Painting)
        assert len(partials) == (2 if n == 1 else 0)
        assert len(painting.pictures) == n
        assert painting.usage.input_image_tokens > 0
        assert (await call_in_studio(studio, request.client_request_id))["endpoint"] == "edits"

    async def test_sends_fields_that_not_every_painter_knows(self, painter: OpenAIPainter) -> None:
        pictures = [(await steps_of(painter, replace(FOX, extra={"seed": seed})))[-1] for seed in (1, 1, 2)]

        first, again, other = (step.pictures for step in pictures if isinstance(step, Painting))
        assert first == again != other

    async def test_paints_without_partial_pictures(self, painter: OpenAIPainter) -> None:
        steps = await steps_of(painter, replace(FOX, partial_images=0))

        assert [type(step) for step in steps] == [Painting]

    async def test_paints_several_pictures_in_one_call_without_partial_pictures(
        self, painter: OpenAIPainter, studio: str
    ) -> None:
        request = replace(FOX, n=3, client_request_id=str(uuid.uuid4()))

        (painting,) = await steps_of(painter, request)

        assert isinstance(painting, Painting)
        assert len(set(painting.pictures)) == 3
        assert painting.usage.output_tokens == 3 * 272
        call = await call_in_studio(studio, request.client_request_id)
        assert call["request_id"] == painting.provider_request_id
        assert not call["stream"]

    async def test_hangs_up_when_it_is_left_early(self, painter: OpenAIPainter, studio: str) -> None:
        request = prompted("a hare [studio:latency=20s]", client_request_id=str(uuid.uuid4()))
        painting = asyncio.create_task(steps_of(painter, request))
        await asyncio.sleep(0.5)

        painting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await painting

        async with asyncio.timeout(5):
            while (await call_in_studio(studio, request.client_request_id))["outcome"] == "running":  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)


class TestFailures:
    @pytest.mark.parametrize("n", [1, 2])
    @pytest.mark.parametrize(
        ("words", "failure"),
        [
            ("a fox [studio:429,retry_after=3]", Failure.RATE_LIMITED),
            ("a fox [studio:500]", Failure.UNAVAILABLE),
            ("a fox [studio:refuse]", Failure.REFUSED),
            ("a fox [studio:cut]", Failure.CUT_OFF),
            ("a fox [studio:cut,after=0]", Failure.CUT_OFF),
        ],
    )
    async def test_tells_the_painters_misbehaviour_in_our_words(
        self, painter: OpenAIPainter, n: int, words: str, failure: Failure
    ) -> None:
        failed = await failure_of(painter, prompted(words, n=n))

        assert failed.failure is failure
        if failure is not Failure.CUT_OFF or n == 1:
            assert (failed.provider_request_id or "").startswith("req_")

    async def test_says_when_to_come_back(self, painter: OpenAIPainter) -> None:
        failed = await failure_of(painter, prompted("a fox [studio:429,retry_after=2.5]"))

        assert failed.retry_after_seconds == 2.5

    async def test_does_not_try_again_by_itself(self, painter: OpenAIPainter, studio: str) -> None:
        request = prompted("a fox [studio:500]", client_request_id=str(uuid.uuid4()))

        await failure_of(painter, request)

        assert (await call_in_studio(studio, request.client_request_id))["status"] == 500

    async def test_gives_up_a_silent_painter(self, studio: str) -> None:
        async with OpenAIPainter(api_key=KEY, base_url=f"{studio}/v1", silence_seconds=0.3) as painter:
            failed = await failure_of(painter, prompted("a fox [studio:hang]"))

        assert failed.failure is Failure.TIMED_OUT

    @pytest.mark.parametrize("n", [1, 2])
    async def test_gives_up_a_slow_painter(self, studio: str, n: int) -> None:
        async with OpenAIPainter(api_key=KEY, base_url=f"{studio}/v1", total_seconds=0.5) as painter:
            failed = await failure_of(painter, prompted("a fox [studio:latency=20s]", n=n))

        assert failed.failure is Failure.TIMED_OUT

    async def test_knows_that_nothing_was_painted_where_nobody_answers(self) -> None:
        async with OpenAIPainter(api_key=KEY, base_url=f"http://127.0.0.1:{free_port()}/v1") as painter:
            failed = await failure_of(painter, FOX)

        assert failed.failure is Failure.UNAVAILABLE

    @pytest.mark.parametrize("wrong", [{"size": "17x4"}, {"quality": "exquisite"}, {"model": "gpt-image-1"}])
    async def test_takes_the_blame_for_a_request_that_is_not_understood(
        self, painter: OpenAIPainter, wrong: dict[str, Any]
    ) -> None:
        failed = await failure_of(painter, replace(FOX, **wrong))

        assert failed.failure is Failure.BAD_REQUEST
        assert next(iter(wrong)) in failed.detail


class TestSecrecy:
    async def test_keeps_prompt_and_key_out_of_logs_and_errors(
        self, painter: OpenAIPainter, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)

        await steps_of(painter, prompted("my secret garden"))
        failed = await failure_of(painter, prompted("my secret garden [studio:refuse]"))

        assert "secret garden" not in caplog.text + str(failed)
        assert KEY not in caplog.text + str(failed)


Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def painter_that_is_told(answer: bytes) -> AsyncIterator[OpenAIPainter]:
    """A painter whose provider gives exactly these bytes, then closes the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, OpenAIPainter(api_key=KEY, base_url=f"http://127.0.0.1:{port}/v1") as painter:
        yield painter


def http(status: str, body: bytes | str, kind: str = "application/json", headers: str = "") -> bytes:
    content = body.encode() if isinstance(body, str) else body
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nx-request-id: req_1\r\nconnection: close\r\n{headers}"
    return f"{head}content-length: {len(content)}\r\n\r\n".encode() + content


def stream(*events: object) -> bytes:
    return http("200 OK", "".join(f"data: {json.dumps(event)}\n\n" for event in events), "text/event-stream")


def error(status: str, code: str | None = None, kind: str | None = None, headers: str = "") -> bytes:
    body = {"error": {"message": "a fox under a red moon", "type": kind, "param": None, "code": code}}
    return http(status, json.dumps(body), headers=headers)


COMPLETED = {"type": "image_generation.completed", "b64_json": "AAEC", "output_format": "webp"}
USAGE = {"input_tokens": 9, "input_tokens_details": {"text_tokens": 7, "image_tokens": 2}, "output_tokens": 272}


class TestAnswersOfOtherProviders:
    @pytest.mark.parametrize(
        ("answer", "failure"),
        [
            (error("401 Unauthorized", "invalid_api_key"), Failure.UNAVAILABLE),
            (error("403 Forbidden"), Failure.UNAVAILABLE),
            (error("404 Not Found", "model_not_found"), Failure.BAD_REQUEST),
            (error("400 Bad Request", "content_policy_violation"), Failure.REFUSED),
            (error("429 Too Many Requests", "insufficient_quota"), Failure.RATE_LIMITED),
            (error("503 Service Unavailable"), Failure.UNAVAILABLE),
            (error("504 Gateway Timeout"), Failure.TIMED_OUT),
            (error("524 A Timeout Occurred"), Failure.TIMED_OUT),
            (http("502 Bad Gateway", "<html>", "text/html"), Failure.UNAVAILABLE),
            (b"", Failure.CUT_OFF),
            (b"HTTP/1.1 200 OK\r\ncontent-ty", Failure.CUT_OFF),
            (b"no HTTP at all\r\n\r\n", Failure.CUT_OFF),
            (stream(), Failure.CUT_OFF),
            (http("200 OK", 'data: {"type": "image_gen', "text/event-stream"), Failure.CUT_OFF),
            (http("200 OK", 'data: {"type": "image_gen\n\n', "text/event-stream"), Failure.CUT_OFF),
            (http("200 OK", b"data: \xff\xfe\n\n", "text/event-stream"), Failure.CUT_OFF),
            (stream({"type": "error", "error": {"code": "moderation_blocked"}}), Failure.REFUSED),
            (stream({"type": "error", "error": {"code": "rate_limit_exceeded"}}), Failure.RATE_LIMITED),
            (stream({"type": "error", "error": {"type": "server_error"}}), Failure.UNAVAILABLE),
            (stream({"type": "error", "error": {"type": "invalid_request_error"}}), Failure.BAD_REQUEST),
            (stream(COMPLETED | {"b64_json": "no base64!"}), Failure.NO_PICTURE),
            (stream(COMPLETED | {"b64_json": ""}), Failure.NO_PICTURE),
            (stream(COMPLETED | {"b64_json": None}), Failure.NO_PICTURE),
            (stream({"type": "image_generation.completed"}), Failure.NO_PICTURE),
        ],
    )
    async def test_are_told_in_our_words(self, answer: bytes, failure: Failure) -> None:
        async with painter_that_is_told(answer) as painter:
            failed = await failure_of(painter, FOX)

        assert failed.failure is failure
        assert "fox" not in str(failed)

    @pytest.mark.parametrize(
        ("body", "failure"),
        [
            ("{", Failure.CUT_OFF),
            ("{}", Failure.NO_PICTURE),
            ('{"data": []}', Failure.NO_PICTURE),
            ('{"data": [{"b64_json": "AAEC"}]}', Failure.NO_PICTURE),
            ('{"data": [{"b64_json": "AAEC"}, {"url": "https://x"}]}', Failure.NO_PICTURE),
            ("[]", Failure.NO_PICTURE),
            ('"words"', Failure.NO_PICTURE),
        ],
    )
    async def test_are_told_in_our_words_for_several_pictures(self, body: str, failure: Failure) -> None:
        async with painter_that_is_told(http("200 OK", body)) as painter:
            failed = await failure_of(painter, replace(FOX, n=2))

        assert failed.failure is failure

    async def test_may_hold_events_that_are_new_to_us(self) -> None:
        events = ({"type": "keepalive"}, {"type": "image_generation.started"}, COMPLETED | {"usage": USAGE})
        async with painter_that_is_told(stream(*events)) as painter:
            steps = await steps_of(painter, FOX)

        assert [step.pictures for step in steps if isinstance(step, Painting)] == [(b"\x00\x01\x02",)]

    async def test_may_not_say_what_was_used(self, caplog: pytest.LogCaptureFixture) -> None:
        async with painter_that_is_told(stream(COMPLETED)) as painter:
            (painting,) = await steps_of(painter, FOX)

        assert isinstance(painting, Painting)
        assert painting.usage.output_tokens == 0
        assert "req_1" in caplog.text

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ("retry-after: 7\r\n", 7),
            ("retry-after: 7\r\nretry-after-ms: 6500\r\n", 6.5),
            ("date: Sun, 06 Nov 1994 08:49:37 GMT\r\nretry-after: Sun, 06 Nov 1994 08:50:37 GMT\r\n", 60),
            ("date: Sun, 06 Nov 1994 08:49:37 GMT\r\nretry-after: Sun, 06 Nov 1994 08:48:37 GMT\r\n", 0),
            ("retry-after: Sun, 06 Nov 1994 08:50:37 GMT\r\n", None),
            ("retry-after: soon\r\n", None),
            ("retry-after-ms: nan\r\n", None),
            ("", None),
        ],
    )
    async def test_say_when_to_come_back_in_several_ways(self, headers: str, seconds: float | None) -> None:
        async with painter_that_is_told(error("429 Too Many Requests", headers=headers)) as painter:
            failed = await failure_of(painter, FOX)

        assert failed.retry_after_seconds == seconds
