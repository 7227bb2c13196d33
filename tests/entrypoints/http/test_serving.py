"""The edge that all HTTP services share, as a client sees it."""

import json
from collections.abc import AsyncIterator, Callable

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from phone import PUBLIC_URL, Phone
from tatemono.entrypoints.http.languages import preferred_language
from tatemono.entrypoints.http.serving import MAX_BODY_BYTES, HttpEdge
from tatemono.entrypoints.mobile_api.app import create_app

pytest_plugins = ["mobile_api"]

API = "/v1/api"


def client_of(app: HttpEdge, **headers: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=PUBLIC_URL, headers=headers)


class TestOriginVerify:
    @pytest.mark.parametrize("value", [None, "", "third", "first,second", "first, second", "firs", "firstt", "é"])
    async def test_keeps_out_who_went_around_the_gate(self, edge: HttpEdge, value: str | None) -> None:
        headers = {} if value is None else {b"x-origin-verify": value.encode()}
        async with client_of(edge) as client:
            for path in ("/me", "/health", "/docs", "/openapi.json", "/nowhere"):
                response = await client.get(API + path, headers=headers)
                assert (response.status_code, response.json()["code"]) == (403, "origin_not_verified")

    async def test_takes_both_values_while_it_is_rotated(self, edge: HttpEdge) -> None:
        for value in ("first", "second"):
            async with client_of(edge, **{"x-origin-verify": value}) as client:
                assert (await client.get(f"{API}/me")).status_code == 401

    async def test_leaves_the_load_balancer_alone(self, edge: HttpEdge) -> None:
        async with client_of(edge) as client:
            assert (await client.get("/healthz")).status_code == 200
            assert (await client.get("/healthz/")).status_code == 403


class TestRequestId:
    async def test_is_the_one_that_came_if_it_is_sane(self, edge: HttpEdge) -> None:
        async with client_of(edge) as client:
            response = await client.get(API, headers={"x-request-id": "from-the-gate.1"})
        assert response.headers["x-request-id"] == response.json()["request_id"] == "from-the-gate.1"

    @pytest.mark.parametrize("given", ["short", "x" * 65, "with space in it", "new\tline-xx", '"quoted-id"'])
    async def test_is_made_anew_otherwise(self, edge: HttpEdge, given: str) -> None:
        async with client_of(edge) as client:
            made = (await client.get("/healthz", headers={"x-request-id": given})).headers["x-request-id"]
        assert made != given
        assert len(made) == 32


class TestBodyLimit:
    async def test_refuses_a_declared_length_before_it_reads(self, edge: HttpEdge) -> None:
        async def never() -> AsyncIterator[bytes]:
            raise AssertionError("the body was read")
            yield b""

        for length in (str(MAX_BODY_BYTES + 1), "9" * 30, "-1", "x"):
            async with client_of(edge, **{"x-origin-verify": "first", "content-length": length}) as client:
                response = await client.post(f"{API}/auth/device", content=never())
            assert (response.status_code, response.json()["code"]) == (413, "body_too_large")

    async def test_refuses_a_body_without_length_as_soon_as_it_is_too_large(self, phone: Phone) -> None:
        sent = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            while True:
                sent += 1
                yield b" " * 16_384

        response = await phone.client.post(
            f"{API}/generations",
            content=endless(),
            headers={"content-type": "application/json", "idempotency-key": "k"},
        )
        assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
        assert sent <= MAX_BODY_BYTES // 16_384 + 1

    async def test_takes_a_body_up_to_the_limit(self, phone: Phone) -> None:
        body = json.dumps({"prompt": "x"}).ljust(MAX_BODY_BYTES)
        headers = {"content-type": "application/json", "idempotency-key": "k"}
        assert (await phone.client.post(f"{API}/generations", content=body, headers=headers)).status_code == 201


class TestProblems:
    async def test_speak_the_callers_language(self, new_phone: Callable[[], Phone]) -> None:
        for language, title in (("ja", "見つかりません"), ("en", "Not found"), ("ja;q=0, en", "Not found")):
            response = await new_phone().client.get(f"{API}/nowhere", headers={"accept-language": language})
            assert response.headers["content-type"] == "application/problem+json"
            assert response.headers["content-language"] == language[:2] if "," not in language else "en"
            assert response.json()["title"] == title

    async def test_come_from_the_router_too(self, new_phone: Callable[[], Phone]) -> None:
        client = new_phone().client
        for method, path, status, code in [
            ("GET", "/", 404, "not_found"),
            ("GET", f"{API}/me/", 404, "not_found"),
            ("GET", f"{API}//me", 404, "not_found"),
            ("GET", "/v1/apix/me", 404, "not_found"),
            ("GET", f"{API}/docs/../app.py", 404, "not_found"),
            ("GET", f"{API}/docs/manifest.json", 404, "not_found"),
            ("PATCH", f"{API}/me", 405, "method_not_allowed"),
            ("DELETE", f"{API}/generations", 405, "method_not_allowed"),
            ("QUERY", f"{API}/pictures", 405, "method_not_allowed"),
        ]:
            response = await client.request(method, path)
            assert (path, response.status_code, response.json()["code"]) == (path, status, code)
            assert ("allow" in response.headers) == (status == 405)

    async def test_say_that_the_database_is_away(self, phone: Phone, edge: HttpEdge) -> None:
        await edge.owner.state.backend.db.close()
        response = await phone.client.get(f"{API}/me")
        assert (response.status_code, response.json()["code"]) == (503, "database_away")
        assert response.headers["retry-after"]

    async def test_tell_nothing_of_what_went_wrong_within(self, capfd: pytest.CaptureFixture[str]) -> None:
        async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
            raise RuntimeError("a secret of the house")

        async with client_of(HttpEdge(broken, origin_verify="first"), **{"x-origin-verify": "first"}) as client:
            response = await client.get("/", headers={"x-request-id": "the-broken-one"})
        assert (response.status_code, response.json()["code"]) == (500, "internal_error")
        assert "secret" not in response.text
        logged = capfd.readouterr().out
        assert "a secret of the house" in logged
        assert "the-broken-one" in logged


class TestAccessLog:
    async def test_names_the_request_without_its_secrets(
        self, phone: Phone, edge: HttpEdge, capfd: pytest.CaptureFixture[str]
    ) -> None:
        capfd.readouterr()
        await phone.client.get(f"{API}/pictures?cursor=topsecret")
        logged = capfd.readouterr().out
        assert f"{API}/pictures" in logged
        assert "topsecret" not in logged
        assert phone.client.headers["authorization"].removeprefix("Bearer ") not in logged


class TestPreferredLanguage:
    @pytest.mark.parametrize(
        ("header", "language"),
        [
            ("", "en"),
            ("ja", "ja"),
            ("ja-JP", "ja"),
            ("JA-jp", "ja"),
            ("fr", "en"),
            ("*", "en"),
            ("ja, *", "ja"),
            ("en;q=0.8, ja;q=0.9", "ja"),
            ("ja;q=0.8, en;q=0.9", "en"),
            ("ja;q=0, en;q=0", "en"),
            ("ja;q=nan, en;q=0.1", "en"),
            ("ja;q=2", "en"),
            ("ja ; q=1.0", "ja"),
            ("jazz", "en"),
            (",,;;q=,", "en"),
        ],
    )
    def test_weighs_what_is_asked_for(self, header: str, language: str) -> None:
        assert preferred_language(header) == language


class TestCreateApp:
    def test_makes_independent_applications(self, edge: HttpEdge) -> None:
        other = create_app(edge.owner.state.backend)
        assert other.owner.state.streams is not edge.owner.state.streams
