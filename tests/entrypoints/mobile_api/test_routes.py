"""The mobile API from outside: status, shape and authority of each route, on a real database."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pydantic
import pytest

from phone import PUBLIC_URL, Clock, Phone
from tatemono.adapters.postgres.database import Database
from tatemono.bootstrap.mobile_api import MobileApiBackend, mobile_api
from tatemono.entrypoints.http.bodies import Problem
from tatemono.entrypoints.http.serving import HttpEdge
from tatemono.entrypoints.mobile_api import schemas
from tatemono.entrypoints.mobile_api.openapi import openapi
from tatemono.settings import MobileApiSettings
from worker_steps import paint

pytest_plugins = ["mobile_api"]

API = "/v1/api"
NOBODYS = UUID(int=5)
#: Every route that needs a token.
GUARDED = [
    ("POST", f"/pictures/{NOBODYS}/report"),
    ("GET", "/me"),
    ("GET", "/styles"),
    ("GET", "/devices"),
    ("DELETE", f"/devices/{NOBODYS}"),
    ("GET", "/security-events"),
    ("POST", "/auth/sign-out"),
    ("POST", "/auth/sign-out-everywhere"),
    ("GET", "/pictures"),
    ("DELETE", f"/pictures/{NOBODYS}"),
    ("GET", "/generations"),
    ("POST", "/generations/quote"),
    ("POST", "/references"),
    ("POST", f"/references/{NOBODYS}/complete"),
    ("POST", "/generations"),
    ("GET", f"/generations/{NOBODYS}"),
    ("POST", f"/generations/{NOBODYS}/cancel"),
    ("GET", f"/generations/{NOBODYS}/events"),
    ("POST", "/transfer-codes"),
    ("GET", "/merge"),
    ("POST", "/merge"),
    ("GET", "/merges"),
    ("POST", f"/merges/{NOBODYS}/undo"),
    ("POST", "/auth/register"),
    ("POST", "/auth/register/resend"),
    ("POST", "/auth/register/confirm"),
    ("POST", "/auth/member"),
    ("POST", "/auth/forgot-password"),
    ("POST", "/auth/reset-password"),
    ("POST", "/me/password"),
    ("POST", "/me/email"),
    ("POST", "/me/email/confirm"),
    ("POST", "/me/totp"),
    ("POST", "/me/totp/confirm"),
    ("POST", "/me/totp/remove"),
    ("POST", "/me/deletion"),
    ("POST", "/me/export"),
    ("GET", "/me/export"),
]


def shaped(model: type[pydantic.BaseModel], body: bytes) -> Any:
    """Hold a body to the shape that the OpenAPI document promises."""
    return model.model_validate_json(body)


class TestSignInDevice:
    async def test_makes_a_guest_with_welcome_credits_and_finds_it_again(self, new_phone: Callable[[], Phone]) -> None:
        phone = new_phone()
        first, again = await phone.sign_in(), await phone.sign_in()
        assert first["user"] == {"id": str(phone.user_id), "kind": "guest", "new": True}
        assert again["user"] == first["user"] | {"new": False}
        assert (first["token_type"], first["expires_in"]) == ("Bearer", 3600)
        me = shaped(schemas.Me, (await phone.client.get(f"{API}/me")).content)
        assert (me.id, me.credits.available) == (phone.user_id, 500)

    async def test_gives_a_copied_identifier_another_user_and_tells_the_owner(
        self, new_phone: Callable[[], Phone]
    ) -> None:
        owner, thief = new_phone(), new_phone()
        thief.identifier = owner.identifier
        await owner.sign_in()
        await thief.sign_in()
        assert owner.user_id != thief.user_id
        told = [(await phone.client.get(f"{API}/security-events")).json()["items"] for phone in (owner, thief)]
        assert [event["kind"] for event in told[0]] == ["copied_identifier"]
        assert told[1] == []

    async def test_gives_tokens_for_as_long_as_it_is_told(
        self, edge: HttpEdge, new_phone: Callable[[], Phone], clock: Clock, settings: MobileApiSettings
    ) -> None:
        short = settings.model_copy(update={"access_token_seconds": 120})
        async with mobile_api(short) as opened:
            backend = replace(opened, now=clock)
            edge.owner.state.backend = backend
            phone = new_phone()
            assert (await phone.sign_in())["expires_in"] == 120
            answers = []
            for _ in range(2):
                answers.append((await phone.client.get(f"{API}/me")).status_code)
                clock.now += 120
        assert answers == [200, 401]

    @pytest.mark.parametrize("changes", [{"htm": "GET"}, {"htu": "https://elsewhere.example/"}, {"jti": "x"}])
    async def test_refuses_a_proof_that_is_not_for_this_call(
        self, new_phone: Callable[[], Phone], changes: dict[str, Any]
    ) -> None:
        phone = new_phone()
        response = await phone.client.post(
            f"{API}/auth/device",
            json={"platform": "ios", "device_identifier": "x" * 8},
            headers={"dpop": phone.proof(**changes)},
        )
        assert (response.status_code, response.json()["code"]) == (401, "proof_rejected")
        assert response.headers["www-authenticate"].startswith("DPoP")

    async def test_names_a_proof_that_is_missing(self, new_phone: Callable[[], Phone]) -> None:
        body = {"platform": "ios", "device_identifier": "x" * 8}
        response = await new_phone().client.post(f"{API}/auth/device", json=body)
        assert response.status_code == 422
        assert response.json()["errors"] == [
            {"pointer": "/header/DPoP", "detail": "This is required.", "code": "missing"}
        ]


class TestAuthority:
    @pytest.mark.parametrize("authorization", [None, "Bearer ", "Bearer nonsense", "Basic dTpw", "Bearer a.b.c"])
    async def test_is_nobodys_without_a_good_token(
        self, new_phone: Callable[[], Phone], authorization: str | None
    ) -> None:
        headers = {} if authorization is None else {"authorization": authorization}
        client = new_phone().client
        for method, path in GUARDED:
            response = await client.request(method, API + path, headers=headers)
            assert (path, response.status_code, response.json()["code"]) == (path, 401, "token_rejected")
            assert response.headers["www-authenticate"].startswith("Bearer")

    async def test_ends_with_the_token(self, phone: Phone) -> None:
        assert (await phone.client.get(f"{API}/me")).status_code == 200
        phone.clock.now += 3600
        assert (await phone.client.get(f"{API}/me")).status_code == 401

    async def test_does_not_reach_into_what_is_anothers(
        self, phone: Phone, new_phone: Callable[[], Phone], backend: MobileApiBackend
    ) -> None:
        other = new_phone()
        await other.sign_in()
        generation = await phone.ask()
        picture = (await paint(backend.settings, generation["id"]))[0]
        for method, path, code in [
            ("GET", f"/generations/{generation['id']}", "no_such_generation"),
            ("POST", f"/generations/{generation['id']}/cancel", "no_such_generation"),
            ("GET", f"/generations/{generation['id']}/events", "no_such_generation"),
            ("DELETE", f"/pictures/{picture}", "no_such_picture"),
        ]:
            response = await other.client.request(method, API + path)
            assert (response.status_code, response.json()["code"]) == (404, code)
        for path in ("/generations", "/pictures"):
            assert (await other.client.get(API + path)).json() == {"items": [], "next_cursor": None}
        assert len((await phone.client.get(f"{API}/pictures")).json()["items"]) == 1

    def test_is_declared_for_every_operation(self, edge: HttpEdge) -> None:
        document = openapi(edge.owner)
        declared = {
            (method.upper(), path): operation["security"]
            for path, item in document["paths"].items()
            for method, operation in item.items()
        }
        open_to_all = {operation for operation, security in declared.items() if not security}
        with_proof = ("auth/device", "auth/refresh", "auth/undo-deletion", "transfer-codes/redeem")
        signing_in = {("POST", f"{API}/{path}") for path in with_proof}
        unsubscribing = {(method, f"{API}/mail/unsubscribe") for method in ("GET", "POST")}
        readable = {("GET", f"{API}/{path}") for path in ("deletion-receipts/{receipt_id}", "health")}
        reporting = {("POST", f"{API}/reports"), ("GET", f"{API}/report-reasons")}
        assert open_to_all == signing_in | unsubscribing | readable | reporting
        assert len(declared) == len(GUARDED) + len(open_to_all)


class TestSubmitGeneration:
    async def test_answers_with_the_generation_and_where_it_is(self, phone: Phone) -> None:
        response = await phone.client.post(
            f"{API}/generations",
            json={"prompt": "a lighthouse", "style": "ink", "size": "1024x1536", "n": 2},
            headers={"idempotency-key": "k"},
        )
        assert response.status_code == 201
        generation = shaped(schemas.Generation, response.content)
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
        problem = shaped(Problem, response.content)
        assert problem.code == "validation_failed"
        assert [(error.pointer, error.code) for error in problem.errors] == [(pointer, code)]

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
        before = shaped(schemas.Generation, (await phone.client.get(f"{API}/generations/{asked['id']}")).content)
        assert (before.state, before.position, before.pictures) == ("queued", 1, [])
        pictures = await paint(backend.settings, asked["id"])
        after = shaped(schemas.Generation, (await phone.client.get(f"{API}/generations/{asked['id']}")).content)
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
            shaped(schemas.GenerationPage, response.content)
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
        cancelled = shaped(schemas.Generation, response.content)
        assert cancelled.state == "cancelled"
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


class TestPictures:
    async def test_have_urls_that_expire(self, phone: Phone, backend: MobileApiBackend) -> None:
        await paint(backend.settings, (await phone.ask())["id"])
        response = await phone.client.get(f"{API}/pictures")
        picture = shaped(schemas.PicturePage, response.content).items[0]
        expires = picture.urls_expire_at.timestamp()
        assert 900 <= expires - phone.clock() <= 1200
        for url, ending in ((picture.url, ".png"), (picture.thumbnail_url, "-thumbnail.webp")):
            parts = urlsplit(url)
            assert f"{parts.scheme}://{parts.netloc}" == PUBLIC_URL
            assert parts.path.startswith(f"/pictures/{phone.user_id}/")
            assert parts.path.endswith(ending)
            assert parse_qs(parts.query)["Expires"] == [str(int(expires))]

    async def test_keep_their_urls_for_minutes(self, phone: Phone, backend: MobileApiBackend) -> None:
        await paint(backend.settings, (await phone.ask())["id"])
        phone.clock.now -= phone.clock.now % 300 - 1
        first = (await phone.client.get(f"{API}/pictures")).json()
        phone.clock.now += 298
        assert (await phone.client.get(f"{API}/pictures")).json() == first
        phone.clock.now += 2
        assert (await phone.client.get(f"{API}/pictures")).json()["items"][0]["url"] != first["items"][0]["url"]

    async def test_are_gone_when_deleted(self, phone: Phone, backend: MobileApiBackend) -> None:
        asked = await phone.ask(n=2)
        first, second = await paint(backend.settings, asked["id"])
        for _ in range(2):
            response = await phone.client.delete(f"{API}/pictures/{first}")
            assert (response.status_code, response.content) == (204, b"")
        left = (await phone.client.get(f"{API}/pictures")).json()["items"]
        assert [UUID(item["id"]) for item in left] == [second]
        generation = (await phone.client.get(f"{API}/generations/{asked['id']}")).json()
        assert [UUID(item["id"]) for item in generation["pictures"]] == [second]

    async def test_come_in_pages(self, phone: Phone, backend: MobileApiBackend) -> None:
        pictures = await paint(backend.settings, (await phone.ask(n=3))["id"])
        page = (await phone.client.get(f"{API}/pictures", params={"limit": 2})).json()
        rest = (await phone.client.get(f"{API}/pictures", params={"cursor": page["next_cursor"]})).json()
        assert [UUID(item["id"]) for item in page["items"] + rest["items"]] == pictures[::-1]
        assert rest["next_cursor"] is None


class TestListStyles:
    async def test_names_them_in_the_language_asked_for(self, phone: Phone) -> None:
        for language, name in (
            ("ja,en;q=0.8", "浮世絵"),
            ("fr, en;q=0.5", "Ukiyo-e"),
            ("en;q=0.1, ja;q=0.2", "浮世絵"),
        ):
            response = await phone.client.get(f"{API}/styles", headers={"accept-language": language})
            styles = shaped(schemas.StyleList, response.content)
            assert name in [style.name for style in styles.items]
        assert all(style.name_ja and style.name_en for style in styles.items)


class TestCheckHealth:
    async def test_names_what_is_away(self, new_phone: Callable[[], Phone]) -> None:
        response = await new_phone().client.get(f"{API}/health")
        assert response.status_code == 503
        assert shaped(schemas.Health, response.content) == schemas.Health(
            status="degraded", parts={"database": "ok", "image-worker": "away", "outbox-relay": "away"}
        )

    async def test_is_well_when_all_are_there(
        self, new_phone: Callable[[], Phone], service_database_url: Callable[[str], str]
    ) -> None:
        async with (
            await Database.connect(service_database_url("image-worker"), service="image-worker"),
            await Database.connect(service_database_url("outbox-relay"), service="outbox-relay"),
        ):
            response = await new_phone().client.get(f"{API}/health")
        assert response.status_code == 200
        assert shaped(schemas.Health, response.content).status == "ok"

    async def test_does_not_ask_the_database_for_everyone_who_asks(
        self, new_phone: Callable[[], Phone], edge: HttpEdge
    ) -> None:
        client = new_phone().client
        first = await client.get(f"{API}/health")
        # What is remembered is answered even when the database could not be asked. Closing it may take a while.
        await edge.owner.state.backend.db.close()
        edge.owner.state.health._known_at = asyncio.get_running_loop().time()
        assert (await client.get(f"{API}/health")).json() == first.json()

    async def test_says_that_the_database_is_away(self, new_phone: Callable[[], Phone], edge: HttpEdge) -> None:
        await edge.owner.state.backend.db.close()
        response = await new_phone().client.get(f"{API}/health")
        assert response.status_code == 503
        assert set(response.json()["parts"].values()) == {"away"}


class TestSettings:
    def test_never_show_a_secret(self, settings: MobileApiSettings) -> None:
        for secret in (
            "token_signing_keys",
            "picture_url_key",
            "origin_verify",
            "database_url",
            "device_identifier_key",
        ):
            assert getattr(settings, secret).get_secret_value() not in repr(settings)
