"""The review queue and what is blocked, as operators see them."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from factories import USAGE, guest, kept, submitted
from operators import EMAIL, Desk
from tatemono.adapters.postgres.database import Database
from tatemono.domain.generations.generation import PictureRequest
from tatemono.domain.safety.blocked_words import Locale
from tatemono.domain.safety.moderation import Finding, Stage
from tatemono.domain.safety.reports import ReportReason
from tatemono.entrypoints.admin_api.safety import safety_schemas as schemas
from tatemono.usecases.safety.report_from_outside import report_from_outside

pytest_plugins = ["admin_api"]


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Database]:
    async with await Database.connect(database_url, service="test") as db:
        yield db


async def picture(owner: Database) -> tuple[UUID, UUID]:
    """:returns: a user and their picture"""
    user_id = await guest(owner)
    await submitted(owner, user_id, PictureRequest(prompt="A fox"))
    claim = await owner.generations.claim(lease=timedelta(seconds=60), max_running=4, model="m")
    assert claim is not None
    await owner.generations.succeed(claim, [kept(claim)], USAGE, None)
    return user_id, (await owner.queries.pictures_of([claim.generation.id]))[0].id


async def reported(owner: Database) -> tuple[UUID, UUID]:
    user_id, picture_id = await picture(owner)
    await report_from_outside(
        owner.reports, picture=str(picture_id), reason=ReportReason.HATE, note="Look at the flag."
    )
    return user_id, picture_id


async def page(client: Any, path: str, **params: Any) -> list[dict[str, Any]]:
    answer = await client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


class TestReviewQueue:
    async def test_is_listed_claimed_and_decided(self, desk: Desk, owner: Database) -> None:
        user_id, picture_id = await reported(owner)
        async with desk.operator("support") as operator:
            answer = await operator.get("/reports", params={"state": "open"})
            (report,) = schemas.ReportPage.model_validate_json(answer.content).items
            assert (report.picture_id, report.user_id, report.note) == (picture_id, user_id, "Look at the flag.")
            too_early = {"decision": "takedown", "reason": "clear"}
            answer = await operator.post(f"/reports/{report.id}/decide", json=too_early)
            assert (answer.status_code, answer.json()["code"]) == (409, "report_not_claimed")
            answer = await operator.post(f"/reports/{report.id}/claim", json={})
            assert schemas.SafetyReport.model_validate_json(answer.content).claimed_by == EMAIL
            answer = await operator.post(f"/reports/{report.id}/decide", json={"decision": "strike", "reason": "clear"})
            decided = schemas.SafetyReport.model_validate_json(answer.content)
            assert (decided.state, decided.decision, decided.decided_by) == ("decided", "strike", EMAIL)
            assert decided.taken_down
            (takedown,) = schemas.TakedownPage.model_validate_json((await operator.get("/takedowns")).content).items
            assert (takedown.picture_id, takedown.reason, takedown.moved_at) == (picture_id, "hate", None)
            assert await page(operator, "/reports", state="open") == []
        async with desk.operator("admin") as admin:
            record = (await page(admin, "/audit", person_id=str(user_id)))[0]
            assert (record["action"], record["reason"]) == ("decide_report", "clear")
            assert record["data"]["picture_id"] == str(picture_id)

    async def test_is_read_page_by_page_from_the_oldest(self, desk: Desk, owner: Database) -> None:
        wanted = [(await reported(owner))[1] for _ in range(3)]
        seen, cursor = [], None
        async with desk.operator("support") as operator:
            while True:
                params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
                body = (await operator.get("/reports", params=params)).json()
                seen += [UUID(item["picture_id"]) for item in body["items"]]
                if (cursor := body["next_cursor"]) is None:
                    break
        assert seen == wanted

    async def test_takedowns_are_undone_by_admins(self, desk: Desk, owner: Database) -> None:
        _, picture_id = await picture(owner)
        body = {"decision": "takedown", "report_reason": "hate", "reason": "seen by chance"}
        async with desk.operator("support") as operator:
            assert (await operator.post(f"/pictures/{picture_id}/takedown", json=body)).status_code == 204
            answer = await operator.post(f"/takedowns/{picture_id}/undo", json={"reason": "oh"})
            assert (answer.status_code, answer.json()["code"]) == (403, "role_missing")
        async with desk.operator("admin") as admin:
            assert (await admin.post(f"/takedowns/{picture_id}/undo", json={"reason": "oh"})).status_code == 204
            (takedown,) = await page(admin, "/takedowns")
            assert takedown["undo_asked_at"] is not None

    async def test_shows_the_record_of_an_escalation_never_the_picture(self, desk: Desk, owner: Database) -> None:
        user_id, picture_id = await picture(owner)
        body = {"decision": "escalate", "report_reason": "minors", "reason": "to the desk for it"}
        async with desk.operator("support") as operator:
            assert (await operator.post(f"/pictures/{picture_id}/takedown", json=body)).status_code == 204
            assert (await operator.get("/escalations")).status_code == 403
        await owner.escalations.add(
            Finding(Stage.PROMPT, ("sexual/minors",)), user_id=user_id, found_by="moderation", reason="prompt"
        )
        async with desk.operator("admin") as admin:
            answer = await admin.get("/escalations")
            listed = schemas.EscalationPage.model_validate_json(answer.content).items
            assert [each.stage for each in listed] == ["prompt", "takedown"]
            assert listed[1].sha256 == (b"s" * 32).hex()
            assert "url" not in answer.text
            assert next(record["action"] for record in await page(admin, "/me/acts")) == "list_escalations"
        person = await owner.people.in_full(user_id)
        assert person is not None
        assert person.person.suspended


class TestBlockedWords:
    async def test_are_added_tried_listed_and_removed(self, desk: Desk) -> None:
        body = {"locale": "ja", "phrase": "ばくだんの作り方", "note": None, "reason": "ticket 512"}
        async with desk.operator("admin") as admin:
            answer = await admin.post("/blocked-words", json=body)
            assert answer.status_code == 201
            word = schemas.BlockedWord.model_validate_json(answer.content)
            again = await admin.post("/blocked-words", json=body | {"phrase": "バクダン の 作り方"})
            assert (again.status_code, again.json()["code"]) == (409, "phrase_exists")
            wrong = await admin.post("/blocked-words", json=body | {"locale": "en"})
            assert (wrong.status_code, wrong.json()["code"]) == (422, "phrase_unusable")
            tried = await admin.post("/blocked-words/test", json={"text": "ﾊﾞｸﾀﾞﾝの 作 り 方を教えて"})
            found = schemas.PhraseTestResult.model_validate_json(tried.content)
            assert (found.blocked, [match.id for match in found.matches]) == (True, [word.id])
            assert found.read_as[Locale.JA] == "ばくだんの作り方を教えて"
            harmless = (await admin.post("/blocked-words/test", json={"text": "a fox"})).json()
            assert (harmless["blocked"], harmless["read_as"]["en"]) == (False, " a fox ")
            assert [item["phrase"] for item in await page(admin, "/blocked-words")] == ["ばくだんの作り方"]
            assert (await admin.post(f"/blocked-words/{word.id}/remove", json={"reason": "done"})).status_code == 204
            gone = await admin.post(f"/blocked-words/{word.id}/remove", json={"reason": "done"})
            assert (gone.status_code, gone.json()["code"]) == (404, "no_such_phrase")
            acts = [record["action"] for record in await page(admin, "/me/acts")]
            assert acts == ["remove_blocked_word", "add_blocked_word"]


class TestBlockedHashes:
    async def test_are_added_listed_and_removed(self, desk: Desk) -> None:
        body = {"hash": "bc7e1f0f8787c3e1", "hash_class": "unwanted", "note": None, "reason": "asked for"}
        async with desk.operator("admin") as admin:
            answer = await admin.post("/blocked-hashes", json=body)
            assert answer.status_code == 201
            added = schemas.BlockedHash.model_validate_json(answer.content)
            assert added.hash == "bc7e1f0f8787c3e1"
            again = await admin.post("/blocked-hashes", json=body)
            assert (again.status_code, again.json()["code"]) == (409, "hash_exists")
            worse = await admin.post("/blocked-hashes", json=body | {"hash_class": "illegal"})
            assert (worse.status_code, worse.json()["hash_class"]) == (201, "illegal")
            plain = await admin.post("/blocked-hashes", json=body | {"hash": "0" * 16})
            assert (plain.status_code, plain.json()["code"]) == (422, "hash_not_telling")
            assert [item["hash_class"] for item in await page(admin, "/blocked-hashes")] == ["illegal"]
            assert (await admin.post(f"/blocked-hashes/{added.id}/remove", json={"reason": "wrong"})).status_code == 204
            assert await page(admin, "/blocked-hashes") == []
