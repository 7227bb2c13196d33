"""Reporting pictures from outside; and that what was taken down is in no answer of any route."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest

from moderated import ACT
from phone import Phone, open_stream
from tatemono.adapters.postgres.database import Database
from tatemono.bootstrap.mobile_api import MobileApiBackend
from tatemono.domain.safety.blocked_words import Locale
from tatemono.domain.safety.moderation import STRIKE_COUNTS_FOR
from tatemono.domain.safety.reports import REASONS, Decision, ReportReason
from tatemono.entrypoints.http.serving import HttpEdge
from tatemono.entrypoints.mobile_api.safety import safety_schemas
from tatemono.usecases.safety.take_down_picture import take_down_picture
from worker_steps import paint

pytest_plugins = ["mobile_api"]

API = "/v1/api"


@pytest.fixture
async def admin(service_database_url: Callable[[str], str]) -> AsyncIterator[Database]:
    async with await Database.connect(service_database_url("admin-api"), service="admin-api") as db:
        yield db


class TestReporting:
    async def test_takes_a_report_of_ones_own_picture(
        self, phone: Phone, backend: MobileApiBackend, admin: Database
    ) -> None:
        picture_id = (await paint(backend.settings, (await phone.ask())["id"]))[0]
        body = {"reason": "real_person", "note": "a neighbour"}
        answer = await phone.client.post(f"{API}/pictures/{picture_id}/report", json=body)
        assert (answer.status_code, answer.content) == (202, b"")
        (report,) = await admin.reports.all(None, after=None, limit=10)
        assert (report.picture_id, report.user_id, report.origin) == (picture_id, phone.user_id, "owner")
        assert (report.reason, report.note, report.state) == ("real_person", "a neighbour", "open")

    async def test_knows_no_picture_of_others(
        self, phone: Phone, new_phone: Callable[[], Phone], backend: MobileApiBackend
    ) -> None:
        picture_id = (await paint(backend.settings, (await phone.ask())["id"]))[0]
        stranger = new_phone()
        await stranger.sign_in()
        answer = await stranger.client.post(f"{API}/pictures/{picture_id}/report", json={"reason": "hate"})
        assert (answer.status_code, answer.json()["code"]) == (404, "no_such_picture")

    @pytest.mark.parametrize(
        "body", [{}, {"reason": "boring"}, {"reason": "hate", "note": ""}, {"reason": "hate", "x": 1}]
    )
    async def test_refuses_what_is_no_report(self, phone: Phone, body: dict[str, object]) -> None:
        answer = await phone.client.post(f"{API}/pictures/{UUID(int=1)}/report", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")

    async def test_answers_anybody_alike_whether_there_is_such_a_picture(
        self, phone: Phone, new_phone: Callable[[], Phone], backend: MobileApiBackend, admin: Database
    ) -> None:
        await paint(backend.settings, (await phone.ask())["id"])
        url = (await phone.client.get(f"{API}/pictures")).json()["items"][0]["url"]
        outsider = new_phone()
        for picture in (url, url.partition("?")[0], str(UUID(int=1)), "nonsense"):
            answer = await outsider.client.post(f"{API}/reports", json={"picture": picture, "reason": "privacy"})
            assert (answer.status_code, answer.content) == (202, b"")
        (report,) = await admin.reports.all(None, after=None, limit=10)
        assert (report.user_id, report.origin, report.reason) == (phone.user_id, "public", "privacy")
        assert len((await phone.client.get(f"{API}/pictures")).json()["items"]) == 1

    @pytest.mark.parametrize(("language", "at"), [("en", 0), ("ja", 1)])
    async def test_tells_the_reasons_in_both_languages(self, phone: Phone, language: str, at: int) -> None:
        answer = await phone.client.get(f"{API}/report-reasons", headers={"accept-language": language})
        listed = safety_schemas.ReportReasonList.model_validate_json(answer.content)
        assert {each.reason: each.text for each in listed.items} == {r: texts[at] for r, texts in REASONS.items()}


class TestTakenDown:
    async def test_is_in_no_answer_of_any_route(
        self, phone: Phone, edge: HttpEdge, backend: MobileApiBackend, admin: Database
    ) -> None:
        generation = await phone.ask(n=2)
        gone, stays = await paint(backend.settings, generation["id"])
        await take_down_picture(
            admin,
            ACT,
            picture_id=gone,
            reason=ReportReason.HATE,
            decision=Decision.TAKEDOWN,
            now=datetime.now(UTC),
        )
        answers = [
            (await phone.client.get(f"{API}/{path}")).text
            for path in ("pictures", "generations", f"generations/{generation['id']}", "me")
        ]
        async with open_stream(edge, phone, f"{API}/generations/{generation['id']}/events") as stream:
            event = await stream.until("done")
        answers.append(json.dumps(event.data, default=str))
        assert sum(str(stays) in answer for answer in answers) == 4
        assert not any(str(gone) in answer for answer in answers)
        assert not any("/1-0." in answer for answer in answers)
        for method, path in (("DELETE", f"pictures/{gone}"), ("POST", f"pictures/{gone}/report")):
            answer = await phone.client.request(method, f"{API}/{path}", json={"reason": "hate"})
            assert answer.status_code == 404


class TestStrikes:
    @pytest.mark.parametrize(("language", "text"), [("en", "Hate or harassment"), ("ja", "差別や嫌がらせ")])
    async def test_are_shown_to_their_user_with_the_reason(
        self, phone: Phone, admin: Database, language: str, text: str
    ) -> None:
        assert phone.user_id is not None
        await admin.strikes.add(phone.user_id, "hate", None, counts_for=STRIKE_COUNTS_FOR)
        me = (await phone.client.get(f"{API}/me", headers={"accept-language": language})).json()
        (strike,) = me["strikes"]
        assert (strike["reason"], strike["text"]) == ("hate", text)
        assert strike["expires_at"] > strike["created_at"]


class TestBlockedWords:
    async def test_refuse_a_prompt_before_anything_is_held(
        self, phone: Phone, backend: MobileApiBackend, admin: Database
    ) -> None:
        key = {"idempotency-key": "before-the-word-was-blocked"}
        body = {"prompt": "a room with a 爆弾"}
        first = await phone.client.post(f"{API}/generations", json=body, headers=key)
        await admin.blocked_words.add(Locale.JA, "ばくだん", None, by="a test")
        await admin.blocked_words.add(Locale.JA, "爆弾", None, by="a test")
        await backend.blocked_words.read()
        before = (await phone.client.get(f"{API}/me")).json()["credits"]
        for request in (
            {"prompt": "爆 弾"},
            {"prompt": "バクダン in a room"},
            {"prompt": "a fox", "negative_prompt": "爆弾"},
        ):
            answer = await phone.client.post(f"{API}/generations", json=request, headers={"idempotency-key": "k"})
            assert (answer.status_code, answer.json()["code"]) == (422, "prompt_blocked")
        assert (await phone.client.get(f"{API}/me")).json()["credits"] == before
        # What was accepted before is answered as before.
        again = await phone.client.post(f"{API}/generations", json=body, headers=key)
        assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])

    async def test_are_known_to_every_process_soon(
        self, phone: Phone, backend: MobileApiBackend, admin: Database
    ) -> None:
        await admin.blocked_words.add(Locale.EN, "pipe bomb", None, by="a test")
        admin.notifier.notify("blocked_words")
        # They may be read once more as they were: that reading had begun before the word was there.
        async with asyncio.timeout(30):
            while not (words := backend.blocked_words).value.found_in("p1pe b0mb"):
                await words.changed.wait()
