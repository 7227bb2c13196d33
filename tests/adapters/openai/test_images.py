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
from tatemono.adapters.openai.answers import MOST_PICTURE_CHARACTERS
from tatemono.adapters.openai.images import OpenAIPainter
from tatemono.domain.generations.painting import (
    AMBIGUOUS,
    Failure,
    Painting,
    PaintingFailed,
    PaintRequest,
    PartialPicture,
)
from tatemono_studio.odd_answers import ODDITIES

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

    @pytest.mark.parametrize(
        ("name", "failure"),
        [
            ("quota", Failure.ACCOUNT_REFUSED),
            ("credit", Failure.ACCOUNT_REFUSED),
            ("spend-limit", Failure.ACCOUNT_REFUSED),
            ("billing", Failure.ACCOUNT_REFUSED),
            ("key", Failure.ACCOUNT_REFUSED),
            ("unverified", Failure.ACCOUNT_REFUSED),
            ("model", Failure.ACCOUNT_REFUSED),
            ("user", Failure.USER_REFUSED),
            ("overloaded", Failure.UNAVAILABLE),
            ("refusal-without-code", Failure.REFUSED),
            ("content-filter", Failure.REFUSED),
            ("reference", Failure.REFERENCE_REJECTED),
        ],
    )
    @pytest.mark.parametrize("kind", ["error", "late-error"])
    async def test_reads_errors_alike_in_both_ways_of_answering(
        self, painter: OpenAIPainter, kind: str, name: str, failure: Failure
    ) -> None:
        failed = await failure_of(painter, prompted(f"a fox [studio:{kind}={name}]"))

        # Within a stream there is no status, which is all that tells of these two.
        if kind == "late-error" and name in ("unverified", "user"):
            assert failed.failure in (failure, Failure.ACCOUNT_REFUSED)
        else:
            assert failed.failure is failure

    @pytest.mark.parametrize("status", [502, 520, 524])
    async def test_may_owe_for_what_a_gateway_lost(self, painter: OpenAIPainter, status: int) -> None:
        failed = await failure_of(painter, prompted(f"a fox [studio:error={status}]"))

        assert failed.failure in AMBIGUOUS
        assert str(status) in failed.detail

    @pytest.mark.parametrize("n", [1, 3])
    @pytest.mark.parametrize("name", sorted(ODDITIES))
    async def test_keeps_what_was_painted_however_it_comes(self, painter: OpenAIPainter, n: int, name: str) -> None:
        request = prompted(f"an odd fox [studio:odd={name}]", n=n)
        if (name, n) == ("fewer", 1):
            # There is no last event, but there is the last unfinished picture.
            request = replace(request, partial_images=0)
            assert (await failure_of(painter, request)).failure is Failure.CUT_OFF
            return

        painting = (await steps_of(painter, request))[-1]

        assert isinstance(painting, Painting)
        assert [size_of(picture) for picture in painting.pictures] == [(1024, 1024)] * (n - (name == "fewer"))
        assert (painting.usage.output_tokens > 0) == (
            not name.startswith("usage-") and (name, n) != ("unfinished", 1)
        ) or (name == "usage-null")

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

    @pytest.mark.parametrize("wrong", [{"size": "17x4"}, {"quality": "exquisite"}])
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


PICTURE = b"\x00\x01\x02"


@asynccontextmanager
async def painter_that_gives_addresses() -> AsyncIterator[tuple[str, list[str]]]:
    """It gives its picture's address, and the picture when it is asked for it the third time.

    :returns: its URL, and the heads of the requests
    """
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked.append(head)
        if head.startswith("POST"):
            writer.write(http("200 OK", json.dumps({"data": [{"url": f"http://127.0.0.1:{port}/picture"}]})))
        elif sum(each.startswith("GET") for each in asked) < 3:
            writer.write(http("503 Service Unavailable", "", "text/plain"))
        else:
            writer.write(http("200 OK", PICTURE, "image/png"))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield f"http://127.0.0.1:{port}", asked


def stream(*events: object) -> bytes:
    return http("200 OK", "".join(f"data: {json.dumps(event)}\n\n" for event in events), "text/event-stream")


def error(status: str, code: str | None = None, kind: str | None = None, headers: str = "") -> bytes:
    body = {"error": {"message": "a fox under a red moon", "type": kind, "param": None, "code": code}}
    return http(status, json.dumps(body), headers=headers)


PARTIAL = {"type": "image_generation.partial_image", "b64_json": "AAEC", "partial_image_index": 0}
COMPLETED = {"type": "image_generation.completed", "b64_json": "AAEC", "output_format": "webp"}
USAGE = {"input_tokens": 9, "input_tokens_details": {"text_tokens": 7, "image_tokens": 2}, "output_tokens": 272}


class TestAnswersOfOtherProviders:
    @pytest.mark.parametrize(
        ("answer", "failure"),
        [
            (error("401 Unauthorized", "invalid_api_key"), Failure.ACCOUNT_REFUSED),
            (error("403 Forbidden"), Failure.ACCOUNT_REFUSED),
            (error("404 Not Found", "model_not_found"), Failure.ACCOUNT_REFUSED),
            (http("302 Found", "<html>", "text/html", "location: /sign-in\r\n"), Failure.ACCOUNT_REFUSED),
            (error("400 Bad Request", "content_policy_violation"), Failure.REFUSED),
            (error("429 Too Many Requests", "insufficient_quota"), Failure.ACCOUNT_REFUSED),
            (error("503 Service Unavailable"), Failure.UNAVAILABLE),
            (error("504 Gateway Timeout"), Failure.TIMED_OUT),
            (error("524 A Timeout Occurred"), Failure.TIMED_OUT),
            (http("502 Bad Gateway", "<html>", "text/html"), Failure.CUT_OFF),
            (b"", Failure.CUT_OFF),
            (b"HTTP/1.1 200 OK\r\ncontent-ty", Failure.CUT_OFF),
            (b"no HTTP at all\r\n\r\n", Failure.CUT_OFF),
            (stream(), Failure.CUT_OFF),
            (http("200 OK", 'data: {"type": "image_gen', "text/event-stream"), Failure.CUT_OFF),
            (http("200 OK", 'data: {"type": "image_gen\n\n', "text/event-stream"), Failure.CUT_OFF),
            (http("200 OK", b"data: \xff\xfe\n\n", "text/event-stream"), Failure.CUT_OFF),
            (stream({"type": "error", "error": {"code": "moderation_blocked"}}), Failure.REFUSED),
            (stream({"type": "error", "error": {"code": "rate_limit_exceeded"}}), Failure.RATE_LIMITED),
            (stream({"type": "error", "error": {"type": "server_error"}}), Failure.CUT_OFF),
            (stream({"type": "error", "error": {"code": "image_generation_failed"}}), Failure.UNAVAILABLE),
            (stream({"type": "error", "code": "billing_hard_limit_reached"}), Failure.ACCOUNT_REFUSED),
            (http("200 OK", '{"error": {"code": 403}}'), Failure.ACCOUNT_REFUSED),
            (http("200 OK", "<html>sign in</html>", "text/html"), Failure.CUT_OFF),
            (http("200 OK", '{"data": [{"text": "I will paint it later"}]}'), Failure.NO_PICTURE),
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
            ('{"data": [null, {"url": "ftp://x"}]}', Failure.NO_PICTURE),
            ('{"data": [{"url": "http://127.0.0.1:1/never-asked-for"}]}', Failure.NO_PICTURE),
            ("[]", Failure.NO_PICTURE),
            ('"words"', Failure.NO_PICTURE),
        ],
    )
    async def test_are_told_in_our_words_for_several_pictures(self, body: str, failure: Failure) -> None:
        async with painter_that_is_told(http("200 OK", body)) as painter:
            failed = await failure_of(painter, replace(FOX, n=2))

        assert failed.failure is failure

    @pytest.mark.parametrize(
        "answer",
        [
            http("200 OK", json.dumps({"data": [{"b64_json": "AAEC"}]})),
            http("200 OK", "   \n  " + json.dumps({"data": [{"b64_json": "AAEC"}], "usage": None})),
            http("200 OK", json.dumps({"data": [{"url": "data:image/png;base64,AAEC"}]})),
            http("200 OK", json.dumps({"data": [{"b64_json": "AAEC"}] * 4})),
            stream(COMPLETED | {"b64_json": "AA\nE C\r\n"}),
            stream(COMPLETED | {"b64_json": "data:image/png;base64,AAEC"}),
            stream(COMPLETED | {"b64_json": "", "url": "data:image/png;base64,AAEC"}),
            stream({"type": "image_generation.completed", "data": [{"b64_json": "AAEC"}]}),
            stream({"type": "image_generation.partial_image"}, COMPLETED),
            stream({"type": "image_generation.partial_image", "b64_json": None}, COMPLETED),
            stream({"type": "image_generation.partial_image", "partial_image_index": "x"}, COMPLETED),
            stream(COMPLETED, {"type": "error", "error": {"code": "server_error"}}),
            stream(*[PARTIAL] * 2),
            http("200 OK", f": hi\r\n\r\ndata:{json.dumps(COMPLETED)}\r\n", "text/event-stream"),
            http("200 OK", f"data: {json.dumps(COMPLETED)}\n\ndata: [DONE]\n\n", "text/event-stream"),
            # It is cut off behind its last event.
            stream(COMPLETED).replace(b"content-length: ", b"content-length: 9"),
        ],
    )
    async def test_are_kept_if_they_hold_a_picture(self, answer: bytes) -> None:
        async with painter_that_is_told(answer) as painter:
            painting = (await steps_of(painter, FOX))[-1]

        assert isinstance(painting, Painting)
        assert painting.pictures == (PICTURE,)

    @pytest.mark.parametrize(("came", "kept"), [(1, 1), (2, 2), (3, 3), (4, 3)])
    async def test_may_hold_another_number_of_pictures(self, came: int, kept: int) -> None:
        body = json.dumps({"data": [None, *[{"b64_json": "AAEC"}] * came, {"b64_json": "no base64!"}]})
        async with painter_that_is_told(http("200 OK", body)) as painter:
            (painting,) = await steps_of(painter, replace(FOX, n=3))

        assert isinstance(painting, Painting)
        assert len(painting.pictures) == kept

    async def test_may_give_the_pictures_address(self) -> None:
        async with (
            painter_that_gives_addresses() as (url, asked),
            OpenAIPainter(api_key=KEY, base_url=f"{url}/v1") as painter,
        ):
            (painting,) = await steps_of(painter, FOX)

        assert isinstance(painting, Painting)
        assert painting.pictures == (PICTURE,)
        fetches = [head for head in asked if head.startswith("GET /picture ")]
        assert len(fetches) == 3
        assert KEY not in "".join(fetches)

    @pytest.mark.parametrize(
        ("usage", "tokens"),
        [
            (USAGE, (7, 2, 272)),
            ({"input_tokens": 9, "output_tokens": 272}, (9, 0, 272)),
            ({"prompt_tokens": 9, "completion_tokens": 272}, (9, 0, 272)),
            (USAGE | {"input_tokens_details": {"text_tokens": 7, "image_tokens": None}}, (7, 2, 272)),
            (USAGE | {"input_tokens_details": {"text_tokens": 7}}, (7, 2, 272)),
            (USAGE | {"input_tokens_details": {"text_tokens": "7", "image_tokens": 2}}, (0, 0, 0)),
            (USAGE | {"output_tokens": "272"}, (0, 0, 0)),
            (USAGE | {"output_tokens": -272}, (0, 0, 0)),
            (USAGE | {"output_tokens": 2**31}, (0, 0, 0)),
            (USAGE | {"output_tokens": 272.5}, (0, 0, 0)),
            (USAGE | {"output_tokens": True}, (0, 0, 0)),
            (USAGE | {"input_tokens_details": {"text_tokens": -7, "image_tokens": 2}}, (0, 0, 0)),
            ({"input_tokens": 0, "output_tokens": 0}, (0, 0, 0)),
            ({"total_tokens": 281}, (0, 0, 0)),
            ({}, (0, 0, 0)),
            ([], (0, 0, 0)),
            (None, (0, 0, 0)),
            ("much", (0, 0, 0)),
        ],
    )
    async def test_are_kept_with_any_usage(self, usage: object, tokens: tuple[int, int, int]) -> None:
        async with painter_that_is_told(stream(COMPLETED | {"usage": usage})) as painter:
            (painting,) = await steps_of(painter, FOX)

        assert isinstance(painting, Painting)
        told = painting.usage
        assert (told.input_text_tokens, told.input_image_tokens, told.output_tokens) == tokens
        assert painting.pictures == (PICTURE,)

    async def test_are_not_read_without_end(self) -> None:
        endless = stream(COMPLETED | {"b64_json": "A" * (4 * MOST_PICTURE_CHARACTERS + 1)})
        async with painter_that_is_told(endless) as painter:
            failed = await failure_of(painter, FOX)

        assert failed.failure is Failure.CUT_OFF

    async def test_are_told_to_operators_without_prompt_or_key(self) -> None:
        message = f"<b>Incorrect API key</b> provided: {KEY}. See  the page\n about keys, or ask me@example.com"
        body = {"error": {"message": message, "type": "invalid_request_error", "code": "invalid_api_key"}}
        async with painter_that_is_told(http("401 Unauthorized", json.dumps(body))) as painter:
            failed = await failure_of(painter, FOX)

        assert failed.cause == "invalid_api_key"
        assert failed.detail == (
            "status 401, invalid_request_error, invalid_api_key: Incorrect API key provided: … See the page about "
            "keys, or ask …"
        )

    @pytest.mark.parametrize("quoted", [FOX.prompt, FOX.prompt.upper(), FOX.prompt[3:19], "a fox  under a\nred moon"])
    async def test_are_told_without_any_part_of_the_prompt(self, quoted: str) -> None:
        body = {"error": {"message": f"We refuse '{quoted}' here.", "code": "moderation_blocked"}}
        async with painter_that_is_told(http("400 Bad Request", json.dumps(body))) as painter:
            failed = await failure_of(painter, FOX)

        assert failed.detail == "status 400, moderation_blocked: (it quotes the prompt)"

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
