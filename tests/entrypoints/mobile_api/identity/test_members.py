"""Members from outside: registering, signing in, passwords, addresses."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import asyncpg
import httpx2
import pytest

from mailbox_of import PASSWORD, Mailbox
from phone import Phone
from tatemono.domain.identity.rate_limits import Limit
from tatemono.entrypoints.http.rate_limits import Limits
from tatemono.entrypoints.http.serving import HttpEdge
from tatemono.entrypoints.mobile_api.identity import device_schemas
from tatemono.entrypoints.mobile_api.identity.device_transfer_schemas import MergeOffer
from tatemono.settings import MobileApiSettings
from tatemono_tools.laptop.provision.cloud_resources import Cloud
from tatemono_tools.laptop.provision.identity_resources import Pools
from tatemono_tools.plan.building import Plan

pytest_plugins = ["mobile_api", "members"]

API = "/v1/api"


@pytest.fixture
def settings(settings: MobileApiSettings, with_members: Callable[..., MobileApiSettings]) -> MobileApiSettings:
    return with_members(settings, even_seconds=0.0)


async def post(phone: Phone, path: str, **body: Any) -> httpx2.Response:
    headers = {"dpop": phone.proof(path)}
    return await phone.client.post(f"{API}/{path}", json=body, headers=headers)


async def register(phone: Phone, mailbox: Mailbox) -> httpx2.Response:
    """:returns: the answer to the code"""
    answer = await post(phone, "auth/register", email=mailbox.address, password=PASSWORD)
    assert answer.status_code == 202, answer.text
    return await post(phone, "auth/register/confirm", email=mailbox.address, code=mailbox.codes()[-1])


async def sign_in(phone: Phone, mailbox: Mailbox, password: str = PASSWORD, **more: str) -> httpx2.Response:
    return await post(phone, "auth/member", email=mailbox.address, password=password, **more)


class TestRegister:
    async def test_makes_a_member_with_the_same_id(self, phone: Phone, mailbox: Mailbox) -> None:
        generation = await phone.ask()
        before = phone.user_id
        signed_in = phone.keep(await register(phone, mailbox))
        device_schemas.DeviceSignedIn.model_validate(signed_in)
        assert (phone.user_id, signed_in["user"]["kind"]) == (before, "member")
        assert (await phone.client.get(f"{API}/generations/{generation['id']}")).status_code == 200
        assert (await phone.sign_in())["user"]["kind"] == "member"
        again = await post(phone, "auth/register", email="other@example.com", password=PASSWORD)
        assert (again.status_code, again.json()["code"]) == (409, "already_member")

    async def test_tells_nobody_that_an_address_is_taken(
        self, phone: Phone, new_phone: Callable[[], Phone], mailbox: Mailbox
    ) -> None:
        await register(phone, mailbox)
        other = new_phone()
        await other.sign_in()
        answers = [
            await post(other, "auth/register", email=address, password=PASSWORD)
            for address in (mailbox.address, f"new-{mailbox.address}")
        ]
        assert [(answer.status_code, answer.content) for answer in answers] == [(202, b"")] * 2

    @pytest.mark.parametrize("email", ["aki", "aki@example", "a b@example.com", "aki@-example.com", "a@b@example.com"])
    async def test_refuses_what_is_no_address(self, phone: Phone, email: str) -> None:
        answer = await post(phone, "auth/register", email=email, password=PASSWORD)
        assert (answer.status_code, answer.json()["code"]) == (422, "wrong_email")

    @pytest.mark.parametrize("password", ["short", " leading space", "x" * 257, "sunshine2026"])
    async def test_refuses_a_password_and_does_not_repeat_it(self, phone: Phone, password: str) -> None:
        answer = await post(phone, "auth/register", email="aki@example.com", password=password)
        assert answer.status_code == 422
        assert password not in answer.text

    async def test_sends_no_more_mail_than_the_plan_says(
        self, phone: Phone, edge: HttpEdge, plan: Plan, mailbox: Mailbox
    ) -> None:
        rules = [Limit("send-mail", rule.by, rule.requests, rule.window_seconds) for rule in plan.limits["send-mail"]]
        backend = edge.owner.state.backend
        edge.owner.state.limits = Limits({"send-mail": rules}, backend.db.limits)
        answers = [await post(phone, "auth/forgot-password", email=mailbox.address) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
        assert "retry-after" in answers[-1].headers


class TestSignIn:
    async def test_gives_a_second_phone_the_member(
        self, phone: Phone, new_phone: Callable[[], Phone], mailbox: Mailbox
    ) -> None:
        phone.keep(await register(phone, mailbox))
        second = new_phone()
        await second.sign_in()
        second.keep(await sign_in(second, mailbox))
        assert second.user_id == phone.user_id
        assert (await second.sign_in())["user"]["id"] == str(phone.user_id)

    async def test_asks_first_when_the_guest_has_something(
        self, phone: Phone, new_phone: Callable[[], Phone], mailbox: Mailbox
    ) -> None:
        phone.keep(await register(phone, mailbox))
        second = new_phone()
        await second.sign_in()
        await second.ask()
        answer = await sign_in(second, mailbox)
        assert answer.status_code == 202
        MergeOffer.model_validate(answer.json())
        assert (await second.client.get(f"{API}/me")).json()["kind"] == "guest"

    async def test_refuses_all_others_alike(
        self, phone: Phone, new_phone: Callable[[], Phone], mailbox: Mailbox, opened_cloud: Cloud, user_pools: Pools
    ) -> None:
        phone.keep(await register(phone, mailbox))
        unconfirmed = Mailbox(mailbox.cloud, f"unconfirmed-{mailbox.address}")
        second = new_phone()
        await second.sign_in()
        await post(second, "auth/register", email=unconfirmed.address, password=PASSWORD)
        nobody = Mailbox(mailbox.cloud, "nobody@example.com")
        answers = [
            await sign_in(second, mailbox, "horse in the cellar"),
            await sign_in(second, nobody),
            await sign_in(second, unconfirmed),
        ]
        place = {"UserPoolId": user_pools.ids["members"], "Username": mailbox.address}
        await opened_cloud.cognito_idp.admin_disable_user(**place)
        answers.append(await sign_in(second, mailbox))
        assert {answer.status_code for answer in answers} == {403}
        bodies = [{**answer.json(), "request_id": ""} for answer in answers]
        assert bodies == [bodies[0]] * 4
        assert bodies[0]["code"] == "sign_in_refused"

    @pytest.mark.slow
    async def test_takes_as_long_for_an_unknown_address_as_for_a_wrong_password(
        self, phone: Phone, new_phone: Callable[[], Phone], edge: HttpEdge, mailbox: Mailbox
    ) -> None:
        backend = edge.owner.state.backend
        object.__setattr__(backend, "settings", backend.settings.model_copy(update={"even_seconds": 0.3}))
        phone.keep(await register(phone, mailbox))
        second = new_phone()
        await second.sign_in()
        people = (mailbox, Mailbox(mailbox.cloud, "nobody@example.com"))
        seconds: list[list[float]] = [[], []]
        for _ in range(15):
            for person, took in zip(people, seconds, strict=True):
                began = time.perf_counter()
                await sign_in(second, person, "horse in the cellar")
                took.append(time.perf_counter() - began)
        wrong, unknown = map(statistics.median, seconds)
        assert abs(wrong - unknown) < 0.1 * min(wrong, unknown)

    async def test_needs_a_proof_of_the_devices_own_key(
        self, phone: Phone, new_phone: Callable[[], Phone], mailbox: Mailbox
    ) -> None:
        phone.keep(await register(phone, mailbox))
        second, thief = new_phone(), new_phone()
        await second.sign_in()
        body = {"email": mailbox.address, "password": PASSWORD}
        headers = {"dpop": thief.proof("auth/member")}
        answer = await second.client.post(f"{API}/auth/member", json=body, headers=headers)
        assert answer.status_code == 401


class TestPassword:
    async def test_is_set_anew_with_a_code_and_ends_all_sessions(
        self, phone: Phone, new_phone: Callable[[], Phone], mailbox: Mailbox
    ) -> None:
        phone.keep(await register(phone, mailbox))
        second = new_phone()
        await second.sign_in()
        assert (await post(second, "auth/forgot-password", email=mailbox.address)).status_code == 202
        body = {"email": mailbox.address, "code": mailbox.codes()[-1], "password": "cat under the moon"}
        assert (await post(second, "auth/reset-password", **body)).status_code == 204
        assert (await phone.refresh()).status_code == 401
        assert (await sign_in(second, mailbox)).json()["code"] == "sign_in_refused"
        second.keep(await sign_in(second, mailbox, "cat under the moon"))

    async def test_of_an_address_that_was_never_confirmed_is_set_by_registering_again(
        self, phone: Phone, mailbox: Mailbox
    ) -> None:
        await post(phone, "auth/register", email=mailbox.address, password="a typing mistake of mine")
        (first,) = mailbox.codes()
        answer = await post(phone, "auth/forgot-password", email=mailbox.address)
        assert (answer.status_code, mailbox.codes()) == (202, [first])
        phone.keep(await register(phone, mailbox))
        assert (await sign_in(phone, mailbox)).status_code == 200

    async def test_is_changed_by_whoever_knows_the_old_one(self, phone: Phone, mailbox: Mailbox) -> None:
        refused = await post(phone, "me/password", password=PASSWORD, new_password="cat under the moon")
        assert refused.json()["code"] == "not_a_member"
        phone.keep(await register(phone, mailbox))
        wrong = await post(phone, "me/password", password="a wrong one", new_password="cat under the moon")
        assert wrong.json()["code"] == "sign_in_refused"
        changed = await post(phone, "me/password", password=PASSWORD, new_password="cat under the moon")
        assert changed.status_code == 204
        phone.keep(await sign_in(phone, mailbox, "cat under the moon"))

    async def test_does_not_reach_the_database(self, phone: Phone, mailbox: Mailbox, database_url: str) -> None:
        phone.keep(await register(phone, mailbox))
        await sign_in(phone, mailbox, f"{PASSWORD} no")
        await sign_in(phone, mailbox)
        owner = await asyncpg.connect(database_url)
        tables = await owner.fetch("select tablename from pg_tables where schemaname = 'public'")
        rows = [
            str(row[0]) for (table,) in tables for row in await owner.fetch(f"select to_jsonb(t)::text from {table} t")
        ]
        await owner.close()
        assert any(mailbox.address in row for row in rows)
        assert not any(PASSWORD in row for row in rows)


class TestAddress:
    async def test_counts_when_its_mail_was_read(self, phone: Phone, mailbox: Mailbox) -> None:
        phone.keep(await register(phone, mailbox))
        new = Mailbox(mailbox.cloud, f"new-{mailbox.address}")
        assert (await post(phone, "me/email", password=PASSWORD, email=new.address)).status_code == 202
        wrong = await post(phone, "me/email/confirm", password=PASSWORD, code="000000")
        assert wrong.json()["code"] == "code_refused"
        confirmed = await post(phone, "me/email/confirm", password=PASSWORD, code=new.codes()[-1])
        assert confirmed.json() == {"email": new.address}
        assert (await sign_in(phone, mailbox)).status_code == 403
        phone.keep(await sign_in(phone, new))


class TestTotp:
    async def test_is_described_for_an_app(self, phone: Phone, mailbox: Mailbox) -> None:
        phone.keep(await register(phone, mailbox))
        answer = (await post(phone, "me/totp", password=PASSWORD)).json()
        assert f"secret={answer['secret']}" in answer["uri"]
        assert (await sign_in(phone, mailbox)).status_code == 200


class TestRoutes:
    @pytest.mark.parametrize(
        "path",
        [
            *("auth/register", "auth/register/resend", "auth/register/confirm", "auth/member"),
            *("auth/forgot-password", "auth/reset-password", "me/password", "me/email", "me/email/confirm"),
            *("me/totp", "me/totp/confirm", "me/totp/remove"),
        ],
    )
    async def test_are_for_signed_in_devices_only(self, new_phone: Callable[[], Phone], path: str) -> None:
        stranger = new_phone()
        answer = await post(stranger, path)
        assert (answer.status_code, answer.json()["code"]) == (401, "token_rejected")
