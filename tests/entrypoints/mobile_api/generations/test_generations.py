"""Submitting, reading and cancelling generations, from outside."""

from typing import Any
from uuid import UUID

import pytest

from phone import Phone
from tatemono.bootstrap.mobile_api import MobileApiBackend
from tatemono.entrypoints.http.bodies import Problem
from tatemono.entrypoints.mobile_api.generations.generation_schemas import Generation, GenerationPage
from worker_steps import paint

pytest_plugins = ["mobile_api"]

API = "/v1/api"
UNKNOWN_ID = UUID(int=5)


class TestSubmitGeneration:
    async def test_answers_with_the_generation_and_where_it_is(self, phone: Phone) -> None:
        response = await phone.client.post(
            f"{API}/generations",
            json={"prompt": "a lighthouse", "style": "ink", "size": "1024x1536", "n": 2},
            headers={"idempotency-key": "k"},
        )
        assert response.status_code == 201
        generation = Generation.model_validate_json(response.content)
        assert response.headers["location"] == f"{API}/generations/{generation.id}"
        assert (generation.state, generation.price_credits, generation.n) == ("queued", 24, 2)
        me = (await phone.client.get(f"{API}/me")).json()
        assert me["credits"] == {"available": 476, "held": 24}

    async def test_answers_the_same_to_the_same_again(self, phone: Phone) -> None:
        answers = [
            await phone.client.post(
                f"{API}/generations", json={"prompt": "a lighthouse"}, headers={"idempotency-key": "again"}
            )
            for _ in range(3)
        ]
        assert len({answer.content for answer in answers}) == 1
        assert {answer.status_code for answer in answers} == {201}

    async def test_refuses_a_key_that_belongs_to_another_request(self, phone: Phone) -> None:
        for prompt, status in (("one", 201), ("another", 422)):
            response = await phone.client.post(
                f"{API}/generations", json={"prompt": prompt}, headers={"idempotency-key": "k"}
            )
            assert response.status_code == status
        assert response.json()["code"] == "idempotency_key_reused"

    @pytest.mark.parametrize(
        ("body", "pointer", "code"),
        [
            ({"prompt": ""}, "/prompt", "too_short"),
            ({"prompt": "x" * 4001}, "/prompt", "too_long"),
            ({"prompt": "a\0b"}, "/prompt", "not_allowed_characters"),
            ({"prompt": 5}, "/prompt", "not_a_string"),
            ({}, "/prompt", "missing"),
            ({"prompt": "x", "n": 5}, "/n", "out_of_range"),
            ({"prompt": "x", "n": "2"}, "/n", "not_an_integer"),
            ({"prompt": "x", "n": 10**40}, "/n", "out_of_range"),
            ({"prompt": "x", "n": True}, "/n", "not_an_integer"),
            ({"prompt": "x", "size": "1x1"}, "/size", "not_allowed_characters"),
            ({"prompt": "x", "style": "A b"}, "/style", "not_allowed_characters"),
            ({"prompt": "x", "a/b~c": 1}, "/a~1b~0c", "unknown"),
            ([], "", "not_an_object"),
        ],
        ids=lambda value: str(value)[:40],
    )
    async def test_says_which_field_is_wrong(self, phone: Phone, body: Any, pointer: str, code: str) -> None:
        response = await phone.client.post(f"{API}/generations", json=body, headers={"idempotency-key": "k"})
        assert response.status_code == 422
        problem = Problem.model_validate_json(response.content)
        assert problem.code == "validation_failed"
        assert [(error.pointer, error.code) for error in problem.errors or ()] == [(pointer, code)]

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"prompt": "   "}, "prompt_is_empty"),
            ({"prompt": "x", "style": "none-such"}, "no_such_style"),
            ({"prompt": "x", "size": "1024x1040"}, "size_not_taken"),
            ({"prompt": "x", "seed": 7}, "seed_not_taken"),
            ({"prompt": "x", "background": "transparent", "output_format": "jpeg"}, "transparent_needs_alpha"),
        ],
    )
    async def test_refuses_what_the_rules_refuse(self, phone: Phone, body: dict[str, Any], code: str) -> None:
        response = await phone.client.post(f"{API}/generations", json=body, headers={"idempotency-key": "k"})
        assert (response.status_code, response.json()["code"]) == (422, code)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[" * 30_000,
            b'{"prompt": "\\ud800"}',
            b'{"prompt": "\xff"}',
            b"\0",
            b"{} {}",
        ],
        ids=repr,
    )
    async def test_refuses_what_is_no_json(self, phone: Phone, body: bytes) -> None:
        headers = {"idempotency-key": "k", "content-type": "application/json"}
        response = await phone.client.post(f"{API}/generations", content=body, headers=headers)
        assert (response.status_code, response.json()["code"]) == (400, "malformed_json")

    @pytest.mark.parametrize(
        "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx"]
    )
    async def test_refuses_another_content_type(self, phone: Phone, content_type: str | None) -> None:
        headers = {"idempotency-key": "k"} | ({"content-type": content_type} if content_type else {})
        response = await phone.client.post(f"{API}/generations", content=b'{"prompt":"x"}', headers=headers)
        assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")

    @pytest.mark.parametrize("key", [None, b"", b"k" * 256, b"with space", "キー".encode(), b"\x7f"])
    async def test_needs_an_idempotency_key(self, phone: Phone, key: bytes | None) -> None:
        headers = {} if key is None else {b"idempotency-key": key}
        response = await phone.client.post(f"{API}/generations", json={"prompt": "x"}, headers=headers)
        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == "/header/idempotency-key"

    async def test_refuses_when_out_of_credits(self, phone: Phone) -> None:
        for _ in range(3):
            await phone.ask(quality="high", n=4)
        response = await phone.client.post(
            f"{API}/generations",
            json={"prompt": "x", "quality": "high", "n": 4},
            headers={"idempotency-key": "k", "accept-language": "ja"},
        )
        assert (response.status_code, response.json()["code"]) == (429, "out_of_credits")
        assert response.json()["detail"] == "128 クレジット必要ですが、残りは 116 です。"
        assert int(response.headers["retry-after"]) > 0

    async def test_refuses_when_too_many_wait(self, phone: Phone) -> None:
        for _ in range(100):
            await phone.ask(quality="low")
        response = await phone.client.post(
            f"{API}/generations", json={"prompt": "x", "quality": "low"}, headers={"idempotency-key": "k"}
        )
        assert (response.status_code, response.json()["code"]) == (429, "too_many_waiting")


class TestReadGenerations:
    async def test_shows_pictures_when_it_succeeded(self, phone: Phone, backend: MobileApiBackend) -> None:
        asked = await phone.ask(n=2)
        before = Generation.model_validate_json((await phone.client.get(f"{API}/generations/{asked['id']}")).content)
        assert (before.state, before.position, before.pictures) == ("queued", 1, [])
        pictures = await paint(backend.settings, asked["id"])
        after = Generation.model_validate_json((await phone.client.get(f"{API}/generations/{asked['id']}")).content)
        assert (after.state, after.position, after.failure) == ("succeeded", None, None)
        assert [picture.id for picture in after.pictures] == pictures
        assert after.started_at is not None
        assert after.finished_at is not None

    async def test_goes_through_pages_without_loss(self, phone: Phone) -> None:
        asked = [(await phone.ask(quality="low"))["id"] for _ in range(5)]
        seen: list[str] = []
        cursor: dict[str, str] = {}
        for expected in (2, 2, 1):
            response = await phone.client.get(f"{API}/generations", params={"limit": 2, **cursor})
            GenerationPage.model_validate_json(response.content)
            page = response.json()
            assert len(page["items"]) == expected
            seen += [item["id"] for item in page["items"]]
            cursor = {"cursor": page["next_cursor"]}
        assert cursor == {"cursor": None}
        assert seen == asked[::-1]

    @pytest.mark.parametrize(
        ("query", "pointer", "code"),
        [
            ("limit=0", "/query/limit", "out_of_range"),
            ("limit=101", "/query/limit", "out_of_range"),
            ("limit=x", "/query/limit", "not_an_integer"),
            (f"limit={'9' * 5000}", "/query/limit", "out_of_range"),
            ("limit=1&limit=2", "/query/limit", "repeated"),
            ("cursor=x", "/query/cursor", "not_a_uuid"),
            ("cursor=%00", "/query/cursor", "not_a_uuid"),
            ("offset=5", "/query/offset", "unknown"),
            ("&".join(f"a{n}=1" for n in range(50)), "/query", "invalid"),
        ],
        ids=lambda value: value[:30],
    )
    async def test_refuses_a_query_it_does_not_know(self, phone: Phone, query: str, pointer: str, code: str) -> None:
        for path in ("/generations", "/pictures"):
            response = await phone.client.get(f"{API}{path}?{query}")
            assert response.status_code == 422
            assert [(e["pointer"], e["code"]) for e in response.json()["errors"]] == [(pointer, code)]

    async def test_refuses_an_id_that_is_none(self, phone: Phone) -> None:
        for path in ("/generations/1", "/generations/%00", "/generations/x/events"):
            response = await phone.client.get(API + path)
            assert response.status_code == 422
            assert response.json()["errors"][0]["code"] == "not_a_uuid"


class TestCancelGeneration:
    async def test_gives_the_credits_back(self, phone: Phone) -> None:
        asked = await phone.ask()
        response = await phone.client.post(f"{API}/generations/{asked['id']}/cancel", headers={"accept-language": "ja"})
        assert response.status_code == 202
        cancelled = Generation.model_validate_json(response.content)
        assert cancelled.state == "cancelled"
        assert cancelled.failure is not None
        assert cancelled.failure.code == "cancelled"
        assert "キャンセル" in cancelled.failure.text
        assert (await phone.client.get(f"{API}/me")).json()["credits"] == {"available": 500, "held": 0}

    async def test_may_be_repeated(self, phone: Phone) -> None:
        asked = await phone.ask()
        for _ in range(2):
            assert (await phone.client.post(f"{API}/generations/{asked['id']}/cancel")).status_code == 202

    async def test_is_too_late_for_what_is_finished(self, phone: Phone, backend: MobileApiBackend) -> None:
        asked = await phone.ask()
        await paint(backend.settings, asked["id"])
        response = await phone.client.post(f"{API}/generations/{asked['id']}/cancel")
        assert (response.status_code, response.json()["code"]) == (409, "already_finished")
