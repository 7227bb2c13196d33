"""Sessions from outside: proofs, refreshing, signing out, devices, suspension, keys."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import jwt
import pytest

from phone import Phone, open_stream
from tatemono.adapters.postgres.database import Database
from tatemono.adapters.tokens import APP_AUDIENCE
from tatemono.entrypoints.http.serving import HttpEdge
from tatemono.entrypoints.mobile_api.identity import device_schemas
from tatemono.usecases.ports import REVOCATIONS_CHANNEL

pytest_plugins = ["mobile_api"]

API = "/v1/api"


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Database]:
    """The test's database, for what only operators may do."""
    async with await Database.connect(database_url, service="test") as db:
        yield db


async def suspend(owner: Database, phone: Phone) -> None:
    statement = (
        "update users set suspended_at = now(), suspended_until = '2099-01-02 03:04Z', suspension_reason = 'spam'"
        " where id = $1"
    )
    await owner._pool.execute(statement, phone.user_id)
    owner.notifier.notify(REVOCATIONS_CHANNEL, str(phone.user_id))


async def answered(phone: Phone, status: int, path: str = "/me") -> Any:
    """Wait until the phone is answered so: within seconds, not at once."""
    for _ in range(500):
        response = await phone.client.get(API + path)
        if response.status_code == status:
            return response
        await asyncio.sleep(0.02)
    raise AssertionError(f"{response.status_code} for 10 seconds")


class TestSignInDevice:
    async def test_gives_tokens_that_the_app_can_check(self, new_phone: Callable[[], Phone]) -> None:
        phone = new_phone()
        signed_in = await phone.sign_in()
        device_schemas.DeviceSignedIn.model_validate(signed_in)
        keys = await phone.client.get(f"{API}/.well-known/jwks.json")
        assert keys.headers["cache-control"] == "public, max-age=300"
        assert '"d"' not in keys.text
        key = jwt.PyJWKSet.from_json(keys.text)[jwt.get_unverified_header(signed_in["id_token"])["kid"]]
        options = {"verify_exp": False, "verify_iat": False}
        claims = jwt.decode(signed_in["id_token"], key, ["ES256"], audience=APP_AUDIENCE, options=options)  # type: ignore[arg-type]
        assert (claims["sub"], claims["user_kind"]) == (str(phone.user_id), "guest")
        headers = {"authorization": f"Bearer {signed_in['id_token']}"}
        assert (await phone.client.get(f"{API}/me", headers=headers)).status_code == 401

    async def test_refuses_a_proof_that_was_used(self, new_phone: Callable[[], Phone]) -> None:
        phone = new_phone()
        body = {"platform": "ios", "device_identifier": phone.identifier}
        headers = {"dpop": phone.proof()}
        statuses = [
            (await phone.client.post(f"{API}/auth/device", json=body, headers=headers)).status_code for _ in range(2)
        ]
        assert statuses == [200, 401]

    @pytest.mark.parametrize("hours", [-30, 30])
    async def test_lets_a_phone_in_whose_clock_is_off(self, new_phone: Callable[[], Phone], hours: int) -> None:
        phone = new_phone()
        body = {"platform": "ios", "device_identifier": phone.identifier}
        wrong = int(phone.clock()) + hours * 3600
        refused = await phone.client.post(f"{API}/auth/device", json=body, headers={"dpop": phone.proof(iat=wrong)})
        assert (refused.status_code, refused.json()["code"]) == (401, "use_dpop_nonce")
        assert 'error="use_dpop_nonce"' in refused.headers["www-authenticate"]
        proof = phone.proof(iat=wrong, nonce=refused.headers["dpop-nonce"])
        response = await phone.client.post(f"{API}/auth/device", json=body, headers={"dpop": proof})
        assert response.status_code == 200
        again = await phone.client.post(f"{API}/auth/device", json=body, headers={"dpop": proof})
        assert (again.status_code, again.json()["code"]) == (401, "proof_rejected")

    async def test_refuses_a_proof_larger_than_any(self, new_phone: Callable[[], Phone]) -> None:
        phone = new_phone()
        body = {"platform": "ios", "device_identifier": phone.identifier}
        headers = {"dpop": phone.proof(padding="x" * 5000)}
        response = await phone.client.post(f"{API}/auth/device", json=body, headers=headers)
        assert response.status_code == 422


class TestRefreshSession:
    async def test_keeps_a_phone_in(self, phone: Phone) -> None:
        before = phone.user_id
        for _ in range(3):
            phone.clock.now += 3600
            assert (await phone.client.get(f"{API}/me")).status_code == 401
            phone.keep(await phone.refresh())
            assert (await phone.client.get(f"{API}/me")).status_code == 200
        assert phone.user_id == before

    async def test_ends_everything_when_a_hundred_race_with_one_token(self, phone: Phone) -> None:
        answers = await asyncio.gather(*(phone.refresh() for _ in range(100)))
        good = [answer for answer in answers if answer.status_code == 200]
        assert len(good) == 1
        assert {answer.json()["code"] for answer in answers if answer not in good} == {"refresh_rejected"}
        # The winner's tokens end, too: which of the hundred was the thief is not known.
        phone.keep(good[0])
        assert (await phone.refresh()).status_code == 401
        await answered(phone, 401)
        before = phone.user_id
        await phone.sign_in()
        assert phone.user_id == before
        assert (await phone.client.get(f"{API}/me")).status_code == 200
        response = await phone.client.get(f"{API}/security-events", headers={"accept-language": "ja"})
        page = device_schemas.SecurityEventPage.model_validate_json(response.content)
        assert [event.kind for event in page.items] == ["refresh_reused"]
        assert "サインアウト" in page.items[0].text

    async def test_repeats_itself_when_the_answer_was_lost(self, phone: Phone) -> None:
        token, proof = phone.refresh_token, phone.proof("auth/refresh")
        answers = [await phone.refresh(token, proof) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].json()["refresh_token"] == answers[1].json()["refresh_token"]

    async def test_needs_a_proof_for_this_call(self, phone: Phone, new_phone: Callable[[], Phone]) -> None:
        for proof in (phone.proof("auth/device"), phone.proof("auth/refresh", htm="GET")):
            response = await phone.refresh(proof=proof)
            assert (response.status_code, response.json()["code"]) == (401, "proof_rejected")
        response = await new_phone().refresh(token=phone.refresh_token)
        assert (response.status_code, response.json()["code"]) == (401, "refresh_rejected")
        assert (await phone.refresh()).status_code == 200

    @pytest.mark.parametrize("token", ["x", "A" * 86, "é" * 86, "x" * 255])
    async def test_refuses_nonsense(self, phone: Phone, token: str) -> None:
        response = await phone.refresh(token=token)
        assert (response.status_code, response.json()["code"]) == (401, "refresh_rejected")

    async def test_is_no_use_for_an_access_token_of_its_own(self, phone: Phone) -> None:
        headers = {"authorization": f"Bearer {phone.refresh_token}"}
        assert (await phone.client.get(f"{API}/me", headers=headers)).status_code == 401


class TestSignOut:
    async def test_refuses_the_live_access_token_soon(self, phone: Phone) -> None:
        assert (await phone.client.post(f"{API}/auth/sign-out")).status_code == 204
        await answered(phone, 401)
        assert (await phone.refresh()).status_code == 401
        before = phone.user_id
        await phone.sign_in()
        assert phone.user_id == before

    async def test_everywhere_is_told_to_the_user(self, phone: Phone) -> None:
        assert (await phone.client.post(f"{API}/auth/sign-out-everywhere")).status_code == 204
        await answered(phone, 401)
        await phone.sign_in()
        events = (await phone.client.get(f"{API}/security-events")).json()["items"]
        assert [event["kind"] for event in events] == ["signed_out_everywhere"]


class TestDevices:
    async def test_are_listed_and_revoked(self, phone: Phone, new_phone: Callable[[], Phone], owner: Database) -> None:
        lost = new_phone()
        await lost.sign_in()
        for table in ("devices", "sessions"):
            statement = f"update {table} set user_id = $1 where user_id = $2"
            await owner._pool.execute(statement, phone.user_id, lost.user_id)
        response = await phone.client.get(f"{API}/devices")
        devices = device_schemas.DeviceList.model_validate_json(response.content).items
        assert sorted(device.current for device in devices) == [False, True]
        (other,) = [device for device in devices if not device.current]
        assert (await phone.client.delete(f"{API}/devices/{other.id}")).status_code == 204
        assert (await phone.client.delete(f"{API}/devices/{other.id}")).status_code == 404
        await answered(lost, 401)
        assert (await lost.sign_in())["user"]["new"]
        assert lost.user_id != phone.user_id

    async def test_leave_a_guest_a_way_in(self, phone: Phone) -> None:
        (device,) = (await phone.client.get(f"{API}/devices")).json()["items"]
        response = await phone.client.delete(f"{API}/devices/{device['id']}")
        assert (response.status_code, response.json()["code"]) == (409, "only_way_in")

    async def test_of_others_are_out_of_reach(self, phone: Phone, new_phone: Callable[[], Phone]) -> None:
        other = new_phone()
        await other.sign_in()
        (device,) = (await other.client.get(f"{API}/devices")).json()["items"]
        response = await phone.client.delete(f"{API}/devices/{device['id']}")
        assert (response.status_code, response.json()["code"]) == (404, "no_such_device")


class TestSuspension:
    async def test_refuses_a_live_token_soon_and_says_until_when_and_why(self, phone: Phone, owner: Database) -> None:
        await suspend(owner, phone)
        response = await answered(phone, 403)
        assert response.json()["code"] == "account_suspended"
        assert response.json()["detail"] == "This account is suspended until 2099-01-02 03:04 UTC. Reason: spam"
        for refused in (
            await phone.refresh(),
            await phone.client.post(
                f"{API}/auth/device",
                json={"platform": "ios", "device_identifier": phone.identifier},
                headers={"dpop": phone.proof(), "accept-language": "ja"},
            ),
        ):
            assert (refused.status_code, refused.json()["code"]) == (403, "account_suspended")
        assert "2099年01月02日" in refused.json()["detail"]

    async def test_ends_open_streams(self, phone: Phone, owner: Database, edge: HttpEdge) -> None:
        generation = await phone.ask()
        async with open_stream(edge, phone, f"{API}/generations/{generation['id']}/events") as stream:
            await stream.until("queued")
            await suspend(owner, phone)
            assert await stream.rest() == []

    async def test_asks_the_database_for_no_request(self, phone: Phone, edge: HttpEdge, owner: Database) -> None:
        await suspend(owner, phone)
        await answered(phone, 403)
        await edge.owner.state.backend.db.close()
        assert (await phone.client.get(f"{API}/me")).status_code == 403
