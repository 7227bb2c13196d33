"""Calls to an emulator that are made again."""

import asyncio
import io
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from tatemono_tools.terraform.rehearsal.idempotency import IdempotentAsgi, IdempotentWsgi


class Emulator:
    """Makes a thing at each call."""

    def __init__(self) -> None:
        self.made = 0
        self.status = "200 OK"
        self.may_answer = Event()
        self.may_answer.set()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        self.made += 1
        number = self.made
        self.may_answer.wait(10)
        if self.status == "":
            raise RuntimeError("dictionary changed size during iteration")
        start_response(self.status, [("Content-Type", "text/plain")])
        return [b"made ", str(number).encode()]


def call(application: IdempotentWsgi, number: str | None, method: str = "POST") -> tuple[str, bytes, int]:
    """:returns: status, body, and how much of the request was not read"""
    statuses: list[str] = []
    body = io.BytesIO(b"Action=CreateSecurityGroup")
    environ = {"REQUEST_METHOD": method, "CONTENT_LENGTH": "26", "wsgi.input": body}
    if number is not None:
        environ["HTTP_AMZ_SDK_INVOCATION_ID"] = number
    answer = b"".join(application(environ, lambda status, _headers: statuses.append(status)))
    return statuses[0], answer, len(body.read())


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


class TestIdempotentWsgi:
    def test_makes_one_thing_of_a_call_that_is_made_again(self, emulator: Emulator) -> None:
        application = IdempotentWsgi(emulator)
        first = call(application, "a")
        assert first == ("200 OK", b"made 1", 0)
        assert [call(application, "a"), call(application, "b")[1]] == [first, b"made 2"]
        assert (emulator.made, application.repeated) == (2, 1)

    def test_lets_a_repetition_wait_for_the_first(self, emulator: Emulator) -> None:
        application = IdempotentWsgi(emulator)
        emulator.may_answer.clear()
        with ThreadPoolExecutor(2) as threads:
            calls = [threads.submit(call, application, "a") for _ in range(2)]
            while not application.repeated:
                pass
            emulator.may_answer.set()
        assert [each.result()[1] for each in calls] == [b"made 1", b"made 1"]

    @pytest.mark.parametrize(("number", "method"), [(None, "POST"), ("a", "GET")])
    def test_leaves_alone_what_has_no_number_or_makes_nothing(
        self, emulator: Emulator, number: str | None, method: str
    ) -> None:
        application = IdempotentWsgi(emulator)
        assert [call(application, number, method)[1] for _ in range(2)] == [b"made 1", b"made 2"]

    def test_asks_again_after_a_failure(self, emulator: Emulator) -> None:
        application = IdempotentWsgi(emulator)
        emulator.status = "500 Internal Server Error"
        assert call(application, "a")[0].startswith("500")
        emulator.status = "200 OK"
        assert call(application, "a")[1] == b"made 2"

    def test_asks_again_after_an_exception(self, emulator: Emulator) -> None:
        application = IdempotentWsgi(emulator)
        emulator.status = ""
        with pytest.raises(RuntimeError):
            call(application, "a")
        emulator.status = "200 OK"
        assert call(application, "a")[1] == b"made 2"


class AsyncEmulator:
    """As above."""

    def __init__(self) -> None:
        self.made = 0
        self.status = 200

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        self.made += 1
        number = self.made
        await asyncio.sleep(0.01)
        if self.status == 0:
            raise RuntimeError("dictionary changed size during iteration")
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b"made %d" % number})


async def ask(application: IdempotentAsgi, number: bytes | None, method: str = "POST") -> tuple[int, bytes, int]:
    """:returns: status, body, and how much of the request was not read"""
    body = [{"type": "http.request", "body": b"a", "more_body": more} for more in (True, False)]
    messages: list[Any] = []

    async def receive() -> Any:
        return body.pop(0)

    async def send(message: Any) -> None:
        messages.append(message)

    headers = [(b"amz-sdk-invocation-id", number)] if number else []
    await application({"type": "http", "method": method, "headers": headers}, receive, send)
    return messages[0]["status"], messages[1]["body"], len(body)


class TestIdempotentAsgi:
    async def test_makes_one_thing_of_a_call_that_is_made_again(self) -> None:
        application = IdempotentAsgi(emulator := AsyncEmulator())
        answers = await asyncio.gather(ask(application, b"a"), ask(application, b"a"), ask(application, b"b"))
        assert list(answers) == [(200, b"made 1", 0), (200, b"made 1", 0), (200, b"made 2", 0)]
        assert (emulator.made, application.repeated) == (2, 1)

    async def test_goes_on_when_the_caller_is_gone(self) -> None:
        application = IdempotentAsgi(emulator := AsyncEmulator())
        gone = asyncio.create_task(ask(application, b"a"))
        await asyncio.sleep(0)
        gone.cancel()
        assert await ask(application, b"a") == (200, b"made 1", 0)
        assert emulator.made == 1

    @pytest.mark.parametrize(("number", "method"), [(None, "POST"), (b"a", "GET")])
    async def test_leaves_alone_what_has_no_number_or_makes_nothing(self, number: bytes | None, method: str) -> None:
        application = IdempotentAsgi(AsyncEmulator())
        assert [(await ask(application, number, method))[1] for _ in range(2)] == [b"made 1", b"made 2"]

    async def test_asks_again_after_a_failure(self) -> None:
        application = IdempotentAsgi(emulator := AsyncEmulator())
        emulator.status = 503
        assert (await ask(application, b"a"))[0] == 503
        emulator.status = 200
        assert await ask(application, b"a") == (200, b"made 2", 0)

    async def test_asks_again_after_an_exception(self) -> None:
        application = IdempotentAsgi(emulator := AsyncEmulator())
        emulator.status = 0
        with pytest.raises(RuntimeError):
            await ask(application, b"a")
        emulator.status = 200
        assert await ask(application, b"a") == (200, b"made 2", 0)
