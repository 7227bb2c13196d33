"""Callers that try addresses out, flood a mailbox, or come too often: against the real routes, with real mail."""

import asyncio
import secrets
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest

from mailbox_of import PASSWORD, Mailbox
from phone import Phone
from tatemono.domain.identity.rate_limits import Limit
from tatemono.entrypoints.http.rate_limits import Limits, limits_of
from tatemono.entrypoints.http.serving import HttpEdge
from tatemono.settings import MobileApiSettings
from tatemono_tools.laptop.operate.inbox import read_inbox
from tatemono_tools.plan.building import Plan

pytest_plugins = ["mobile_api", "members"]

API = "/v1/api"
#: As in production (settings.py): what Cognito takes is less.
EVEN_SECONDS = 0.6
ROUNDS = 7


@pytest.fixture
def settings(settings: MobileApiSettings, with_members: Callable[..., MobileApiSettings]) -> MobileApiSettings:
    return with_members(settings, even_seconds=EVEN_SECONDS)


async def post(phone: Phone, path: str, body: dict[str, Any], **headers: str) -> httpx2.Response:
    return await phone.client.post(f"{API}/{path}", json=body, headers={"dpop": phone.proof(path), **headers})


async def member(phone: Phone, mailbox: Mailbox) -> Phone:
    """The phone's guest becomes a member."""
    answer = await post(phone, "auth/register", {"email": mailbox.address, "password": PASSWORD})
    assert answer.status_code == 202, answer.text
    code = {"email": mailbox.address, "code": mailbox.codes()[-1]}
    phone.keep(await post(phone, "auth/register/confirm", code))
    return phone


async def timed(request: Awaitable[httpx2.Response]) -> tuple[float, httpx2.Response]:
    began = time.perf_counter()
    answer = await request
    return time.perf_counter() - began, answer


class TestAddresses:
    """Neither the answer nor its time shows which addresses are members'."""

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("auth/register", {"password": PASSWORD}),
            ("auth/register/resend", {}),
            ("auth/member", {"password": "horse in the cellar"}),
            ("auth/forgot-password", {}),
            ("me/email", {"password": PASSWORD}),
        ],
        ids=lambda value: value.replace("/", " ") if isinstance(value, str) else "",
    )
    async def test_are_answered_alike_and_in_the_same_time_whether_known_or_not(
        self, phone: Phone, new_phone: Callable[[], Phone], mailbox: Mailbox, path: str, body: dict[str, Any]
    ) -> None:
        await member(phone, mailbox)
        asking = new_phone()
        await asking.sign_in()
        if path == "me/email":
            await member(asking, Mailbox(mailbox.cloud, f"asking-{mailbox.address}"))

        def ask(address: str) -> Awaitable[tuple[float, httpx2.Response]]:
            return timed(post(asking, path, {"email": address, **body}))

        seconds: dict[bool, list[float]] = {True: [], False: []}
        answers: set[tuple[int, str]] = set()
        for turn in range(ROUNDS):
            # Both at once, so that what slows the machine down slows both; each is first in turn.
            order = [True, False] if turn % 2 else [False, True]
            asked = [mailbox.address if known else f"{secrets.token_hex(6)}@example.com" for known in order]
            for known, (took, answer) in zip(order, await asyncio.gather(*map(ask, asked)), strict=True):
                seconds[known].append(took)
                shown = {**answer.json(), "request_id": ""} if answer.content else {}
                answers.add((answer.status_code, str(shown)))
        assert len(answers) == 1
        members, nobodys = (statistics.median(seconds[which]) for which in (True, False))
        assert abs(members - nobodys) < 0.1 * min(members, nobodys)


class TestMailbox:
    async def test_gets_no_more_mail_than_the_plan_says_whoever_asks_from_wherever(
        self, phone: Phone, new_phone: Callable[[], Phone], edge: HttpEdge, plan: Plan, mailbox: Mailbox
    ) -> None:
        await member(phone, mailbox)
        before = len(self._mails(mailbox))
        self._hold_to_the_plan(edge, plan)
        flood = [new_phone() for _ in range(12)]
        for each in flood:
            await each.sign_in()
        writings = (mailbox.address, mailbox.address.upper(), f" {mailbox.address} ")
        attempts = [
            (each, path, {"email": writings[n % 3], **more})
            for n, each in enumerate(flood)
            for path, more in (
                ("auth/forgot-password", {}),
                ("auth/register/resend", {}),
                ("auth/register", {"password": PASSWORD}),
            )
        ]
        answers = await asyncio.gather(
            *(
                post(each, path, body, **{"x-forwarded-for": f"198.51.100.{n}"})
                for n, (each, path, body) in enumerate(attempts)
            )
        )
        most = min(rule.requests for rule in plan.limits["send-mail"] if rule.by == "address")
        assert sorted({answer.status_code for answer in answers} - {422}) == [202, 429]
        assert sum(answer.status_code == 202 for answer in answers) == most
        assert len(self._mails(mailbox)) - before <= most

    async def test_gets_no_more_mail_when_a_stranger_signs_up_with_it_again_and_again(
        self, new_phone: Callable[[], Phone], edge: HttpEdge, plan: Plan, mailbox: Mailbox
    ) -> None:
        rules = [Limit("send-mail", rule.by, rule.requests, rule.window_seconds) for rule in plan.limits["send-mail"]]
        edge.owner.state.limits = Limits(
            {**{name: [] for name in plan.limits}, "send-mail": rules}, edge.owner.state.backend.db.limits
        )
        for n in range(8):
            stranger = new_phone()
            await stranger.sign_in()
            await post(
                stranger,
                "auth/register",
                {"email": mailbox.address, "password": PASSWORD},
                **{"x-forwarded-for": f"198.51.100.{n}"},
            )
        most = min(rule.requests for rule in rules if rule.by == "address")
        assert 1 <= len(self._mails(mailbox)) <= most

    async def test_of_a_whole_school_behind_one_address_all_get_theirs(
        self, new_phone: Callable[[], Phone], edge: HttpEdge, plan: Plan, mailbox: Mailbox
    ) -> None:
        self._hold_to_the_plan(edge, plan)
        pupils = [(new_phone(), Mailbox(mailbox.cloud, f"{n}-{mailbox.address}")) for n in range(40)]
        await asyncio.gather(*(pupil.sign_in() for pupil, _ in pupils))
        await asyncio.gather(*(member(pupil, theirs) for pupil, theirs in pupils))
        kinds = [(await pupil.client.get(f"{API}/me")).json()["kind"] for pupil, _ in pupils]
        assert kinds == ["member"] * len(pupils)

    async def test_is_not_written_to_many_by_one_guest(
        self, new_phone: Callable[[], Phone], edge: HttpEdge, plan: Plan, mailbox: Mailbox
    ) -> None:
        self._hold_to_the_plan(edge, plan)
        most = min(rule.requests for rule in plan.limits["send-mail"] if rule.by == "account")
        stranger = new_phone()
        await stranger.sign_in()
        answers = [
            await post(
                stranger,
                "auth/register",
                {"email": f"{n}-{mailbox.address}", "password": PASSWORD},
                **{"x-forwarded-for": f"198.51.100.{n}"},
            )
            for n in range(most + 1)
        ]
        assert [answer.status_code for answer in answers] == [202] * most + [429]

    @staticmethod
    def _hold_to_the_plan(edge: HttpEdge, plan: Plan) -> None:
        rules = {
            name: [Limit(name, rule.by, rule.requests, rule.window_seconds) for rule in of_name]
            for name, of_name in plan.limits.items()
        }
        edge.owner.state.limits = Limits(rules, edge.owner.state.backend.db.limits)

    @staticmethod
    def _mails(mailbox: Mailbox) -> list[Any]:
        return read_inbox(mailbox.cloud.endpoint_url, mailbox.cloud.secret_access_key, mailbox.address)


class TestTooManyRequests:
    async def test_are_told_when_to_come_back_on_every_limited_route(
        self, new_phone: Callable[[], Phone], edge: HttpEdge, plan: Plan
    ) -> None:
        rules = {name: [Limit(name, "ip", 1, 60)] for name in plan.limits}
        limited = [
            (method, route.path, limits_of(route)[0])
            for route in edge.owner.routes
            if limits_of(route)
            for method in route.methods
        ]
        assert len(limited) > 15
        stranger = new_phone()
        for method, path, name in limited:
            edge.owner.state.limits = Limits(rules, edge.owner.state.backend.db.limits)
            url = path.replace("{merge_id}", "019ab3c5-2d10-7e91-9c33-1a2b3c4d5e09")
            first, second = [await stranger.client.request(method, url, json={}) for _ in range(2)]
            assert first.status_code != 429, path
            assert (second.status_code, second.json()["code"]) == (429, "too_many_requests"), path
            assert 1 <= int(second.headers["retry-after"]) <= 60
            assert second.headers["ratelimit-policy"] == f'"{name}-ip";q=1;w=60'
            assert second.headers["ratelimit"] == f'"{name}-ip";r=0;t={second.headers["retry-after"]}'

    @pytest.mark.parametrize("by", ["device", "account", "address"])
    async def test_are_told_when_to_come_back_whatever_is_counted(
        self, phone: Phone, edge: HttpEdge, plan: Plan, by: str
    ) -> None:
        edge.owner.state.limits = Limits(
            {name: [Limit(name, by, 1, 60)] for name in plan.limits}, edge.owner.state.backend.db.limits
        )
        path, body = {
            "device": ("auth/device", {"platform": "ios", "device_identifier": phone.identifier}),
            "account": ("transfer-codes", {}),
            "address": ("auth/forgot-password", {"email": "nobody@example.com"}),
        }[by]
        answers = [await post(phone, path, body) for _ in range(2)]
        assert [answer.status_code // 100 for answer in answers] == [2, 4]
        assert answers[1].status_code == 429
        assert answers[1].headers["ratelimit-policy"].split(";")[0].endswith(f'-{by}"')
        assert 1 <= int(answers[1].headers["retry-after"]) <= 60


class TestGuessing:
    async def test_a_transfer_code_ends_it_after_five_attempts_from_anywhere(
        self, phone: Phone, new_phone: Callable[[], Phone]
    ) -> None:
        code: str = (await post(phone, "transfer-codes", {})).json()["code"]
        typed = code.replace("-", "")
        tried = 0
        for last in "0123456789ABCDEFGHJKMNPQRSTVWXYZ" * 32:
            # The same five characters in front, which say which code is meant; the check character has to fit.
            guess = typed[:5] + secrets.token_hex(5).upper() + last
            answer = await self._redeem(new_phone(), guess, n=tried)
            assert answer.status_code in (404, 422)
            tried += answer.status_code == 404
            if tried == 5:
                break
        right = await self._redeem(new_phone(), code, n=99)
        assert (right.status_code, right.json()["code"]) == (404, "transfer_code_rejected")

    @staticmethod
    async def _redeem(phone: Phone, code: str, *, n: int) -> httpx2.Response:
        body = {"code": code, "platform": "ios", "device_identifier": phone.identifier}
        return await post(phone, "transfer-codes/redeem", body, **{"x-forwarded-for": f"198.51.100.{n}"})


class TestBombs:
    @pytest.mark.parametrize(
        "body",
        [
            b"[" * 60_000,
            b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
            b'{"platform":"ios","device_identifier":"' + b"\\u0000" * 9_000 + b'"}',
            b'{"platform":"ios","device_identifier":' + b"9" * 60_000 + b"}",
            b'{"platform":"ios",' + b",".join(b'"k%d":1' % n for n in range(5_000)) + b"}",
            b'{"platform":"ios","platform":"ios","device_identifier":"12345678"}' + b" " * 60_000,
            b'"' + b"a" * 60_000 + b'"',
        ],
        ids=["arrays", "objects", "escapes", "digits", "fields", "spaces", "text"],
    )
    @pytest.mark.parametrize("path", ["auth/device", "auth/refresh", "transfer-codes/redeem"])
    async def test_of_json_are_refused_and_nothing_breaks(
        self, new_phone: Callable[[], Phone], path: str, body: bytes
    ) -> None:
        phone = new_phone()
        headers = {"dpop": phone.proof(path), "content-type": "application/json"}
        answer = await phone.client.post(f"{API}/{path}", content=body, headers=headers)
        # A name that is there twice is read as the last of the two: no field of these bodies guards another.
        assert answer.status_code in (400, 422) or (path, answer.status_code) == ("auth/device", 200)
        assert len(answer.content) < len(body) + 10_000
        await phone.sign_in()

    @pytest.mark.parametrize("scheme", ["Bearer ", ""])
    async def test_of_headers_are_refused(self, phone: Phone, scheme: str) -> None:
        token = phone.client.headers["authorization"].removeprefix("Bearer ")
        for text in ("a" * 60_000, f"{token}{'a' * 60_000}", ".".join(["a" * 20_000] * 3), "." * 10_000):
            answer = await phone.client.get(f"{API}/me", headers={"authorization": f"{scheme}{text}"})
            assert (answer.status_code, answer.json()["code"]) == (401, "token_rejected")
        assert (await phone.client.get(f"{API}/me")).status_code == 200
