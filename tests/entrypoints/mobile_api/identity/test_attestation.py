"""Who may sign in where devices have to be attested. Apple and Google are played by a verifier of our own."""

from dataclasses import replace

import httpx2
import pytest

from phone import ORIGIN, PUBLIC_URL, Clock, Phone
from tatemono.bootstrap.mobile_api import MobileApiBackend
from tatemono.domain.identity.attestation import AttestationFault, AttestationPolicy, DeviceNotAttested
from tatemono.domain.identity.devices import Platform
from tatemono.entrypoints.mobile_api.app import create_app

pytest_plugins = ["mobile_api"]


class Maker:
    """Vouches for `good`, if it is made for the proof that comes along."""

    def verify(self, platform: Platform, attestation: str, *, client_data: bytes, now: float) -> None:
        if attestation != f"good for {client_data.decode()}":
            raise DeviceNotAttested(AttestationFault.NOT_FROM_MAKER)


def api(backend: MobileApiBackend, policy: AttestationPolicy) -> httpx2.AsyncClient:
    settings = backend.settings.model_copy(update={"device_attestation": policy})
    edge = create_app(replace(backend, settings=settings, attestations=Maker()))
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(edge), base_url=PUBLIC_URL, headers=ORIGIN)


async def sign_in(phone: Phone, attestation: str | None = None) -> httpx2.Response:
    proof = phone.proof()
    body = {"platform": "ios", "device_identifier": phone.identifier}
    if attestation is not None:
        body["attestation"] = attestation.replace("{proof}", proof)
    return await phone.client.post("/v1/api/auth/device", json=body, headers={"dpop": proof})


async def attested(backend: MobileApiBackend) -> int:
    count: int = await backend.db._pool.fetchval("select count(*) from devices where attested_at is not null")
    return count


class TestDeviceAttestation:
    async def test_is_asked_once_of_a_device_where_it_is_required(
        self, backend: MobileApiBackend, clock: Clock
    ) -> None:
        async with api(backend, AttestationPolicy.REQUIRED) as client:
            phone = Phone(client, clock)
            for nothing_good in (None, "bad", "good for another proof"):
                response = await sign_in(phone, nothing_good)
                assert (response.status_code, response.json()["code"]) == (403, "device_not_attested")
            assert await backend.db._pool.fetchval("select count(*) from users") == 0
            first = await sign_in(phone, "good for {proof}")
            assert first.status_code == 200
            again = await sign_in(phone)
            assert again.json()["user"] == first.json()["user"] | {"new": False}

    async def test_of_one_device_opens_no_other(self, backend: MobileApiBackend, clock: Clock) -> None:
        async with api(backend, AttestationPolicy.REQUIRED) as client:
            phone = Phone(client, clock)
            assert (await sign_in(phone, "good for {proof}")).status_code == 200
            phone.identifier = "another identifier"
            assert (await sign_in(phone)).status_code == 403

    async def test_that_came_with_another_sign_in_is_refused(self, backend: MobileApiBackend, clock: Clock) -> None:
        async with api(backend, AttestationPolicy.REQUIRED) as client:
            phone = Phone(client, clock)
            proof = phone.proof()
            body = {"platform": "ios", "device_identifier": phone.identifier, "attestation": f"good for {proof}"}
            statuses = [
                (await client.post("/v1/api/auth/device", json=body, headers={"dpop": proof})).status_code
                for _ in range(2)
            ]
        assert statuses == [200, 401]

    @pytest.mark.parametrize(("attestation", "count"), [("good for {proof}", 1), ("bad", 0), (None, 0)])
    async def test_is_only_written_down_where_it_is_recorded(
        self, backend: MobileApiBackend, clock: Clock, attestation: str | None, count: int
    ) -> None:
        async with api(backend, AttestationPolicy.RECORDED) as client:
            assert (await sign_in(Phone(client, clock), attestation)).status_code == 200
        assert await attested(backend) == count

    async def test_is_not_looked_at_where_it_is_off(self, backend: MobileApiBackend, clock: Clock) -> None:
        async with api(backend, AttestationPolicy.OFF) as client:
            assert (await sign_in(Phone(client, clock), "bad")).status_code == 200
        assert await attested(backend) == 0
