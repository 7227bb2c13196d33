"""Deleting an account and exporting it, from outside."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from mailbox_of import PASSWORD, Mailbox
from phone import Phone
from tatemono.adapters.postgres.database import Database
from tatemono.bootstrap.mobile_api import MobileApiBackend
from tatemono.domain.privacy.account_deletion import Receipt
from tatemono.entrypoints.http.bodies import Problem
from tatemono.entrypoints.mobile_api.privacy import account_deletion_schemas as schemas
from tatemono.entrypoints.mobile_api.privacy.export_schemas import Export
from tatemono.settings import MobileApiSettings

pytest_plugins = ["mobile_api", "members"]

API = "/v1/api"


@pytest.fixture
def settings(settings: MobileApiSettings, with_members: Callable[..., MobileApiSettings]) -> MobileApiSettings:
    return with_members(settings, even_seconds=0.0)


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Database]:
    async with await Database.connect(database_url, service="owner") as opened:
        yield opened


async def post(phone: Phone, path: str, **body: Any) -> httpx2.Response:
    return await phone.client.post(f"{API}/{path}", json=body, headers={"dpop": phone.proof(path)})


async def leave(phone: Phone, **more: Any) -> httpx2.Response:
    return await post(phone, "me/deletion", confirm=True, **more)


async def undo(phone: Phone, **more: Any) -> httpx2.Response:
    return await post(phone, "auth/undo-deletion", platform="ios", device_identifier=phone.identifier, **more)


async def sign_in(phone: Phone) -> httpx2.Response:
    return await post(phone, "auth/device", platform="ios", device_identifier=phone.identifier)


async def register(phone: Phone, mailbox: Mailbox) -> None:
    await post(phone, "auth/register", email=mailbox.address, password=PASSWORD)
    phone.keep(await post(phone, "auth/register/confirm", email=mailbox.address, code=mailbox.codes()[-1]))


def code_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, Problem.model_validate_json(answer.content).code


class TestRequestDeletion:
    async def test_tells_a_guest_when_and_that_it_is_pending(self, phone: Phone, clock: Callable[[], float]) -> None:
        answer = await leave(phone)
        assert answer.status_code == 202
        requested = schemas.RequestedDeletion.model_validate_json(answer.content)
        assert timedelta(days=13) < requested.erase_at - datetime.now(UTC) < timedelta(days=15)
        refused = await sign_in(phone)
        assert code_of(refused) == (403, "deletion_pending")
        assert Problem.model_validate_json(refused.content).erase_at == requested.erase_at
        assert f"{requested.erase_at:%Y-%m-%d}" in refused.json()["detail"]

    @pytest.mark.parametrize("language", ["ja", "en"])
    async def test_says_so_in_the_language_asked_for(self, phone: Phone, language: str) -> None:
        await leave(phone)
        phone.client.headers["accept-language"] = language
        detail = (await sign_in(phone)).json()["detail"]
        assert ("削除手続き中" in detail) == (language == "ja")

    async def test_wants_a_yes_a_proof_and_nothing_else(self, phone: Phone) -> None:
        assert code_of(await post(phone, "me/deletion", confirm=False)) == (422, "validation_failed")
        assert code_of(await post(phone, "me/deletion")) == (422, "validation_failed")
        assert code_of(await leave(phone, reason="x")) == (422, "validation_failed")
        bare = await phone.client.post(f"{API}/me/deletion", json={"confirm": True})
        assert code_of(bare) == (422, "validation_failed")
        other = {"dpop": phone.proof("auth/device")}
        wrong = await phone.client.post(f"{API}/me/deletion", json={"confirm": True}, headers=other)
        assert code_of(wrong) == (401, "proof_rejected")
        assert (await phone.client.get(f"{API}/me")).status_code == 200

    async def test_wants_the_key_of_this_device(self, phone: Phone, new_phone: Callable[[], Phone]) -> None:
        thief = new_phone()
        headers = {"dpop": thief.proof("me/deletion"), "authorization": phone.client.headers["authorization"]}
        answer = await thief.client.post(f"{API}/me/deletion", json={"confirm": True}, headers=headers)
        assert code_of(answer) == (401, "token_rejected")

    async def test_wants_a_members_password(self, phone: Phone, mailbox: Mailbox) -> None:
        await register(phone, mailbox)
        assert code_of(await leave(phone)) == (422, "password_needed")
        assert code_of(await leave(phone, password="not the password")) == (403, "sign_in_refused")
        assert (await leave(phone, password=PASSWORD)).status_code == 202


class TestUndoDeletion:
    async def test_brings_a_guest_back_in_one_call(self, phone: Phone) -> None:
        before = phone.user_id
        await leave(phone)
        assert (await undo(phone)).status_code == 204
        phone.keep(await sign_in(phone))
        assert phone.user_id == before
        async with asyncio.timeout(5):
            while (await phone.client.get(f"{API}/me")).status_code != 200:  # noqa: ASYNC110 - as a phone would
                await asyncio.sleep(0.01)
        events = (await phone.client.get(f"{API}/security-events")).json()["items"]
        assert [event["kind"] for event in events] == ["deletion_undone", "deletion_requested"]

    async def test_brings_a_member_back_on_a_new_phone(
        self, phone: Phone, new_phone: Callable[[], Phone], mailbox: Mailbox
    ) -> None:
        await register(phone, mailbox)
        await leave(phone, password=PASSWORD)
        assert code_of(await undo(phone)) == (422, "password_needed")
        second = new_phone()
        await second.sign_in()
        words = {"email": mailbox.address, "password": PASSWORD}
        assert code_of(await post(second, "auth/member", **words)) == (403, "deletion_pending")
        wrong = await undo(second, email=mailbox.address, password="not the password")
        assert code_of(wrong) == (403, "sign_in_refused")
        assert (await undo(second, **words)).status_code == 204
        second.keep(await post(second, "auth/member", **words))
        assert second.user_id == phone.user_id

    async def test_refuses_where_there_is_nothing_to_undo(self, phone: Phone, new_phone: Callable[[], Phone]) -> None:
        assert code_of(await undo(phone)) == (409, "no_deletion_pending")
        assert code_of(await undo(new_phone())) == (409, "no_deletion_pending")
        assert code_of(await undo(phone, email="aki@example.com")) == (422, "validation_failed")

    async def test_refuses_when_the_erasure_has_begun(self, phone: Phone, owner: Database) -> None:
        await leave(phone)
        await owner._pool.execute("update deletions set begun_at = now()")
        assert code_of(await undo(phone)) == (409, "deletion_begun")


class TestReceipt:
    async def test_is_for_whoever_has_its_id_and_says_nothing_about_whose(
        self, phone: Phone, owner: Database, backend: MobileApiBackend, new_phone: Callable[[], Phone]
    ) -> None:
        receipt_id = (await leave(phone)).json()["receipt_id"]
        outsider = new_phone().client
        pending = await outsider.get(f"{API}/deletion-receipts/{receipt_id}")
        assert schemas.DeletionReceipt.model_validate_json(pending.content).state == "pending"
        assert str(phone.user_id) not in pending.text
        row = await owner.deletions.receipt(UUID(receipt_id))
        assert row is not None
        receipt = Receipt(row.id, row.erase_at, datetime.now(UTC), {"pictures": 3, "users": 1})
        mac = receipt.signed(backend.settings.receipt_key.get_secret_value().encode())
        await owner.deletions.finish(receipt, mac)
        erased = await outsider.get(f"{API}/deletion-receipts/{receipt_id}")
        shown = schemas.DeletionReceipt.model_validate_json(erased.content)
        assert shown.erased is not None
        assert (shown.state, shown.erased.pictures, shown.hmac_sha256) == ("erased", 3, mac.hex())
        await owner._pool.execute("""update deletions set counts = '{"pictures": 4}'""")
        assert code_of(await outsider.get(f"{API}/deletion-receipts/{receipt_id}")) == (404, "no_such_receipt")
        assert code_of(await outsider.get(f"{API}/deletion-receipts/{uuid4()}")) == (404, "no_such_receipt")

    async def test_is_gone_when_the_deletion_was_undone(self, phone: Phone) -> None:
        receipt_id = (await leave(phone)).json()["receipt_id"]
        await undo(phone)
        answer = await phone.client.get(f"{API}/deletion-receipts/{receipt_id}")
        assert code_of(answer) == (404, "no_such_receipt")


class TestExport:
    async def test_is_asked_for_and_followed(self, phone: Phone, owner: Database) -> None:
        assert code_of(await phone.client.get(f"{API}/me/export")) == (404, "no_such_export")
        answer = await phone.client.post(f"{API}/me/export")
        assert answer.status_code == 202
        asked = Export.model_validate_json(answer.content)
        again = await phone.client.post(f"{API}/me/export")
        assert (asked.state, asked.url, again.json()["id"]) == ("queued", None, str(asked.id))
        claim = await owner.exports.claim(asked.id, lease=timedelta(minutes=1))
        assert claim is not None
        assert (await phone.client.get(f"{API}/me/export")).json()["state"] == "building"
        await owner.exports.finish(claim, size_bytes=5, pictures=2, keep=timedelta(days=7))
        ready = Export.model_validate_json((await phone.client.get(f"{API}/me/export")).content)
        assert ready.url is not None
        assert ready.url.startswith(f"https://pictures.example.jp/exports/{phone.user_id}/")
        assert (ready.state, ready.pictures, ready.size_bytes) == ("ready", 2, 5)

    async def test_is_nobody_elses(self, phone: Phone, new_phone: Callable[[], Phone]) -> None:
        await phone.client.post(f"{API}/me/export")
        other = new_phone()
        await other.sign_in()
        assert code_of(await other.client.get(f"{API}/me/export")) == (404, "no_such_export")
        assert (await new_phone().client.post(f"{API}/me/export")).status_code == 401
