"""Guests: their identities, however Cognito behaves, and the end of those that nobody uses."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web

from conftest import CloudEndpoint, free_port
from factories import USAGE, guest, kept, submitted
from tatemono.adapters.aws import aws_clients
from tatemono.adapters.cognito.identities import CognitoIdentities
from tatemono.adapters.postgres.database import Database
from tatemono.domain.identity.devices import Platform
from tatemono.usecases.identity.attach_identities import BATCH, attach_identities
from tatemono.usecases.identity.ports import GuestIdentitiesUnavailable
from tatemono.usecases.identity.remove_unused_guests import remove_erased_guests, remove_unused_guests

YEAR = timedelta(days=400)


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Database]:
    async with await Database.connect(database_url, service="owner") as opened:
        yield opened


@pytest.fixture
async def relay(service_database_url: Callable[[str], str]) -> AsyncIterator[Database]:
    """What the relay may do."""
    async with await Database.connect(service_database_url("outbox-relay"), service="relay") as opened:
        yield opened


class Cognito:
    """The embedded cloud behind an address of its own, at which it can throttle and go away."""

    def __init__(self, cloud: CloudEndpoint) -> None:
        self._cloud = cloud
        self.port = free_port()
        self.throttles = False
        self._runner: web.AppRunner | None = None

    async def come(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def go(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.Request) -> web.Response:
        if self.throttles:
            return web.json_response({"__type": "TooManyRequestsException", "message": "Rate exceeded"}, status=400)
        data = await request.read()
        url = self._cloud.endpoint_url + request.path
        async with (
            aiohttp.ClientSession() as session,
            session.request(request.method, url, data=data, headers=request.headers) as answer,
        ):
            return web.Response(body=await answer.read(), status=answer.status)


@pytest.fixture
async def cognito(aws_environment: CloudEndpoint) -> AsyncIterator[Cognito]:
    made = Cognito(aws_environment)
    await made.come()
    yield made
    await made.go()


@asynccontextmanager
async def identities_of(cognito: Cognito, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[CognitoIdentities]:
    async with aws_clients("cognito-identity") as (client,):
        pool = await client.create_identity_pool(
            IdentityPoolName=f"guests {secrets.token_hex(4)}", AllowUnauthenticatedIdentities=True
        )
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{cognito.port}")
    async with aws_clients("cognito-identity") as (client,):
        yield CognitoIdentities(client, pool["IdentityPoolId"])


async def identity_of(owner: Database, user_id: UUID) -> Any:
    return await owner._pool.fetchval("select cognito_identity_id from users where id = $1", user_id)


class TestAttachIdentities:
    async def test_gives_each_guest_one_and_keeps_it(
        self, owner: Database, relay: Database, cognito: Cognito, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        guests = [await guest(owner) for _ in range(7)]
        async with identities_of(cognito, monkeypatch) as identities:
            assert await attach_identities(relay, identities) == 7
            first = [await identity_of(owner, one) for one in guests]
            assert await attach_identities(relay, identities) == 0
        assert len(set(first)) == 7
        assert all(identity.startswith("ap-northeast-1:") for identity in first)

    async def test_catches_up_when_cognito_stops_throttling_and_when_it_is_back(
        self, owner: Database, relay: Database, cognito: Cognito, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = await guest(owner)
        async with identities_of(cognito, monkeypatch) as identities:
            cognito.throttles = True
            with pytest.raises(GuestIdentitiesUnavailable, match="Rate exceeded"):
                await attach_identities(relay, identities)
            cognito.throttles = False
            await cognito.go()
            with pytest.raises(GuestIdentitiesUnavailable):
                await attach_identities(relay, identities)
            second = await guest(owner)
            await cognito.come()
            assert await attach_identities(relay, identities) == 2
        assert await identity_of(owner, first) != await identity_of(owner, second)

    async def test_gives_one_guest_one_identity_when_two_relays_look_at_once(
        self, owner: Database, relay: Database, cognito: Cognito, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one = await guest(owner)
        async with identities_of(cognito, monkeypatch) as identities:
            await asyncio.gather(attach_identities(relay, identities), attach_identities(relay, identities))
        assert await identity_of(owner, one)
        assert not await relay.guests.attach_identity(one, "another")

    async def test_makes_no_sign_in_wait(self, owner: Database, relay: Database) -> None:
        one = await guest(owner)
        async with relay.transaction() as tx:
            assert await tx.guests.without_identity(BATCH) == [one]
            await asyncio.wait_for(owner._pool.execute("update users set last_used_at = now() where id = $1", one), 5)


async def last_used(owner: Database, user_id: UUID, days: int) -> None:
    statement = (
        "update users set last_used_at = now() - $2::interval, created_at = now() - interval '9 years' where id = $1"
    )
    await owner._pool.execute(statement, user_id, timedelta(days=days))


async def exists(owner: Database, user_id: UUID) -> bool:
    found: bool = await owner._pool.fetchval("select exists (select from users where id = $1)", user_id)
    return found


async def painted(owner: Database, user_id: UUID) -> None:
    await submitted(owner, user_id)
    claim = await owner.generations.claim(lease=timedelta(minutes=1), max_running=8, model="m")
    assert claim is not None
    assert await owner.generations.succeed(claim, [kept(claim)], USAGE, None)


async def sign_in(owner: Database, identifier: bytes) -> UUID:
    arguments: Any = (Platform.IOS, (identifier,), "thumbprint")
    random = secrets.token_bytes(32)
    device = await owner.devices.sign_in(*arguments, refresh_hash=random, proof_digest=None)
    device = device or await owner.devices.create_guest(*arguments, refresh_hash=random, welcome_credits=5)
    assert device is not None
    return device.user_id


class TestRemoveUnusedGuests:
    async def test_goes_by_last_use_and_never_by_age(self, owner: Database, relay: Database) -> None:
        old_but_used, unused = await guest(owner), await guest(owner)
        await last_used(owner, old_but_used, 399)
        await last_used(owner, unused, 401)
        assert await remove_unused_guests(relay, unused_for=YEAR) == 1
        assert await remove_erased_guests(relay) == 1
        assert await exists(owner, old_but_used)
        assert not await exists(owner, unused)

    async def test_erases_the_pictures_first(self, owner: Database, relay: Database) -> None:
        one = await guest(owner)
        await painted(owner, one)
        await last_used(owner, one, 500)
        assert await remove_unused_guests(relay, unused_for=YEAR) == 1
        assert await remove_erased_guests(relay) == 0
        (picture,) = await owner.pictures.lock_deleted(10)
        await owner.pictures.erase([picture.id])
        assert await remove_erased_guests(relay) == 1
        assert not await exists(owner, one)

    async def test_leaves_a_ledger_that_sums_up(self, owner: Database, relay: Database) -> None:
        stays, goes = await guest(owner), await guest(owner)
        for one in (stays, goes):
            await painted(owner, one)
        await last_used(owner, goes, 500)
        await remove_unused_guests(relay, unused_for=YEAR)
        await owner.pictures.erase([picture.id for picture in await owner.pictures.lock_deleted(10)])
        await remove_erased_guests(relay)
        rows = await owner._pool.fetch(
            """select a.user_id, a.available, a.held, a.spent,
                sum(case when into_pot = 'available' then credits when out_of = 'available' then -credits else 0 end),
                sum(case when into_pot = 'held' then credits when out_of = 'held' then -credits else 0 end),
                sum(case when into_pot = 'spent' then credits when out_of = 'spent' then -credits else 0 end)
            from accounts a left join credit_transfers t on t.user_id = a.user_id group by a.user_id"""
        )
        assert [row["user_id"] for row in rows] == [stays]
        assert tuple(rows[0][1:4]) == tuple(rows[0][4:7])
        assert await owner._pool.fetchval("select count(*) from credit_transfers where user_id = $1", goes) == 0

    async def test_keeps_whoever_signs_in_meanwhile_and_gives_a_new_guest_afterwards(
        self, owner: Database, relay: Database
    ) -> None:
        identifier = secrets.token_bytes(32)
        one = await sign_in(owner, identifier)
        await last_used(owner, one, 500)
        async with owner.transaction() as tx:
            arguments: Any = (Platform.IOS, (identifier,), "thumbprint")
            await tx.devices.sign_in(*arguments, refresh_hash=b"r" * 32, proof_digest=None)
            assert await remove_unused_guests(relay, unused_for=YEAR) == 0
        assert await remove_unused_guests(relay, unused_for=YEAR) == 0
        assert await sign_in(owner, identifier) == one
        await last_used(owner, one, 500)
        assert await remove_unused_guests(relay, unused_for=YEAR) == 1
        assert await sign_in(owner, identifier) != one

    async def test_keeps_members_and_whoever_waits_for_a_picture(self, owner: Database, relay: Database) -> None:
        member, waiting = await guest(owner), await guest(owner)
        await owner._pool.execute("update users set kind = 'member' where id = $1", member)
        await submitted(owner, waiting)
        for one in (member, waiting):
            await last_used(owner, one, 500)
        assert await remove_unused_guests(relay, unused_for=YEAR) == 0

    async def test_writes_a_use_down_once_a_day(self, owner: Database) -> None:
        identifier = secrets.token_bytes(32)
        one = await sign_in(owner, identifier)
        query = "select last_used_at, now() - last_used_at < interval '1 minute' from users where id = $1"
        for days, written in ((0, False), (2, True)):
            await last_used(owner, one, days)
            before = (await owner._pool.fetchrow(query, one))[0]
            await sign_in(owner, identifier)
            after, recent = await owner._pool.fetchrow(query, one)
            assert (after != before) is written
            assert recent
