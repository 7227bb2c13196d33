"""Changing phones and merging accounts, over HTTP."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from phone import Clock, Phone

pytest_plugins = ["mobile_api"]


async def code_of(phone: Phone, **body: Any) -> dict[str, Any]:
    response = await phone.client.post("/v1/api/transfer-codes", json=body)
    assert response.status_code == 201, response.text
    issued: dict[str, Any] = response.json()
    return issued


async def redeem(phone: Phone, code: str) -> httpx.Response:
    body = {"code": code, "platform": "ios", "device_identifier": phone.identifier}
    headers = {"dpop": phone.proof("transfer-codes/redeem")}
    return await phone.client.post("/v1/api/transfer-codes/redeem", json=body, headers=headers)


async def confirm(phone: Phone, token: str) -> httpx.Response:
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
