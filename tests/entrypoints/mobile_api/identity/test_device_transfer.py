"""Changing phones and merging accounts, over HTTP."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import httpx2
import pytest

from phone import Clock, Phone
from tatemono.entrypoints.mobile_api.identity.device_transfer_schemas import UndoableMergePage

pytest_plugins = ["mobile_api"]


async def code_of(phone: Phone, **body: Any) -> dict[str, Any]:
    response = await phone.client.post("/v1/api/transfer-codes", json=body)
    assert response.status_code == 201, response.text
    issued: dict[str, Any] = response.json()
    return issued


async def redeem(phone: Phone, code: str) -> httpx2.Response:
    body = {"code": code, "platform": "ios", "device_identifier": phone.identifier}
    headers = {"dpop": phone.proof("transfer-codes/redeem")}
    return await phone.client.post("/v1/api/transfer-codes/redeem", json=body, headers=headers)


async def confirm(phone: Phone, token: str) -> httpx2.Response:
    headers = {"merge-token": token, "dpop": phone.proof("merge")}
    return await phone.client.post("/v1/api/merge", headers=headers)


class TestTransferCodes:
    async def test_open_the_account_to_a_phone_that_never_signed_in(
        self, phone: Phone, new_phone: Callable[[], Phone]
    ) -> None:
        issued = await code_of(phone)
        assert issued["qr_svg"].startswith("<svg ")
        other = new_phone()
        assert other.keep(await redeem(other, issued["code"].lower()))["user"]["id"] == str(phone.user_id)
        assert (await other.client.get("/v1/api/me")).json()["id"] == str(phone.user_id)
        assert (await other.refresh()).status_code == 200

    async def test_that_are_wrong_are_told_from_slips_of_the_finger(self, new_phone: Callable[[], Phone]) -> None:
        other = new_phone()
        for code, status, refusal in (
            ("0000-0000-0000-0000", 404, "transfer_code_rejected"),
            ("0000-0000-0000-0001", 422, "not_a_transfer_code"),
            ("none", 422, "not_a_transfer_code"),
        ):
            response = await redeem(other, code)
            assert (response.status_code, response.json()["code"]) == (status, refusal)

    async def test_need_a_proof_and_a_token_where_they_should(
        self, phone: Phone, new_phone: Callable[[], Phone]
    ) -> None:
        other = new_phone()
        assert (await other.client.post("/v1/api/transfer-codes", json={})).status_code == 401
        body = {"code": "x", "platform": "ios", "device_identifier": "12345678"}
        assert (await other.client.post("/v1/api/transfer-codes/redeem", json=body)).status_code == 422


class TestMerge:
    @pytest.fixture
    async def token(self, phone: Phone, new_phone: Callable[[], Phone]) -> tuple[Phone, str]:
        """A second phone that has asked for a picture, and its leave to merge."""
        other = new_phone()
        await other.sign_in()
        await other.ask()
        response = await redeem(other, (await code_of(phone))["code"])
        assert response.status_code == 202, response.text
        return other, response.json()["merge_token"]

    async def test_is_previewed_confirmed_and_undone(self, phone: Phone, token: tuple[Phone, str]) -> None:
        other, merge_token = token
        guest = str(other.user_id)
        preview = (await other.client.get("/v1/api/merge", headers={"merge-token": merge_token})).json()
        assert preview["leaving"]["user_id"] == guest
        assert preview["staying"]["user_id"] == str(phone.user_id)
        assert preview["outcome"]["credits_available"] == 992
        response = await confirm(other, merge_token)
        assert response.status_code == 200, response.text
        merged = response.json()
        assert merged["generations"] == 1
        assert merged["credentials"]["user"]["id"] == str(phone.user_id)
        response = await phone.client.post(f"/v1/api/merges/{merged['id']}/undo")
        assert response.status_code == 200, response.text
        assert (response.json()["user_id"], response.json()["credits_short"]) == (guest, 0)
        await other.sign_in()
        assert str(other.user_id) == guest

    async def test_takes_only_its_own_token_in_time(
        self, phone: Phone, token: tuple[Phone, str], clock: Clock, new_phone: Callable[[], Phone]
    ) -> None:
        other, merge_token = token
        for caller, given in (
            (phone, merge_token),
            (other, merge_token[:-2]),
            (other, other.client.headers["authorization"].removeprefix("Bearer ")),
        ):
            response = await caller.client.get("/v1/api/merge", headers={"merge-token": given})
            assert (response.status_code, response.json()["code"]) == (422, "merge_token_rejected")
        clock.now += 900
        response = await confirm(other, merge_token)
        assert (response.status_code, response.json()["code"]) == (422, "merge_token_rejected")

    async def test_needs_the_key_of_the_device(self, token: tuple[Phone, str], new_phone: Callable[[], Phone]) -> None:
        other, merge_token = token
        thief = replace(other, key=new_phone().key)
        response = await confirm(thief, merge_token)
        assert (response.status_code, response.json()["code"]) == (422, "merge_token_rejected")


class TestListMerges:
    """What can be undone is seen by the account gone into, and undoing then does what was shown."""

    @pytest.fixture
    async def merged(self, phone: Phone, new_phone: Callable[[], Phone]) -> tuple[Phone, str]:
        """A phone whose guest, which had asked for a picture, was merged into that of `phone`."""
        other = new_phone()
        await other.sign_in()
        await other.ask()
        guest = str(other.user_id)
        offer = (await redeem(other, (await code_of(phone))["code"])).json()
        other.keep_tokens((await confirm(other, offer["merge_token"])).json()["credentials"])
        return other, guest

    async def listed(self, phone: Phone, **query: Any) -> dict[str, Any]:
        response = await phone.client.get("/v1/api/merges", params=query)
        assert response.status_code == 200, response.text
        page: dict[str, Any] = response.json()
        return UndoableMergePage.model_validate(page).model_dump(mode="json")

    async def test_shows_what_undoing_then_does(self, phone: Phone, merged: tuple[Phone, str]) -> None:
        (shown,) = (await self.listed(phone))["items"]
        assert (shown["user_id"], shown["generations_in_flight"], shown["obstacle"]) == (merged[1], 1, None)
        undone = (await phone.client.post(f"/v1/api/merges/{shown['id']}/undo")).json()
        same = ("user_id", "generations", "pictures", "devices", "credits_returned", "credits_short")
        assert {name: shown[name] for name in same} == {name: undone[name] for name in same}
        assert (await self.listed(phone))["items"] == []

    async def test_says_for_how_long(self, phone: Phone, merged: tuple[Phone, str], database_url: str) -> None:
        (shown,) = (await self.listed(phone))["items"]
        until, since = (datetime.fromisoformat(shown[name]) for name in ("undo_until", "merged_at"))
        assert until - since == timedelta(days=7)
        owner = await asyncpg.connect(database_url)
        await owner.execute("update account_merges set created_at = now() - interval '7 days'")
        await owner.close()
        assert (await self.listed(phone))["items"] == []

    async def test_names_what_stands_in_the_way(self, phone: Phone, merged: tuple[Phone, str]) -> None:
        other, _ = merged
        # The old phone leaves: a guest's account would have no device then.
        devices = (await other.client.get("/v1/api/devices")).json()["items"]
        (old,) = (device["id"] for device in devices if not device["current"])
        assert (await other.client.delete(f"/v1/api/devices/{old}")).status_code == 204
        (shown,) = (await self.listed(other))["items"]
        refused = await other.client.post(f"/v1/api/merges/{shown['id']}/undo")
        assert (shown["obstacle"], refused.status_code) == (refused.json()["code"], 409)

    async def test_is_for_the_account_gone_into_only(
        self, phone: Phone, merged: tuple[Phone, str], new_phone: Callable[[], Phone]
    ) -> None:
        stranger = new_phone()
        refused = await stranger.client.get("/v1/api/merges")
        assert (refused.status_code, refused.json()["code"]) == (401, "token_rejected")
        await stranger.sign_in()
        assert (await self.listed(stranger))["items"] == []

    async def test_comes_in_pages(
        self, phone: Phone, merged: tuple[Phone, str], new_phone: Callable[[], Phone]
    ) -> None:
        second = new_phone()
        await second.sign_in()
        await second.ask()
        offer = (await redeem(second, (await code_of(phone))["code"])).json()
        await confirm(second, offer["merge_token"])
        first = await self.listed(phone, limit=1)
        rest = await self.listed(phone, limit=1, cursor=first["next_cursor"])
        assert [page["items"][0]["user_id"] for page in (first, rest)] == [str(second.user_id), merged[1]]
        assert rest["next_cursor"] is None
