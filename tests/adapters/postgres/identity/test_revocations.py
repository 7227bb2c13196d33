"""What every process knows of suspensions and ended sessions, without asking for each request."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tatemono.adapters.postgres.database import Database
from tatemono.adapters.postgres.identity.revocations import Revocations
from tatemono.domain.identity.devices import Platform, Principal, SignedInDevice, TokenRejected, UserKind
from tatemono.domain.identity.sessions import AccountSuspended
from tatemono.usecases.identity.sign_out import sign_out, sign_out_everywhere
from tatemono.usecases.ports import REVOCATIONS_CHANNEL


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with await Database.connect(database_url, service="a-service") as database:
        yield database


@pytest.fixture
async def revocations(db: Database) -> AsyncIterator[Revocations]:
    """It does not look by itself within the time of a test."""
    async with Revocations(db, lifetime_seconds=3600, reload_seconds=3600) as opened:
        yield opened


async def signed_in(db: Database) -> SignedInDevice:
    device = await db.devices.create_guest(
        Platform.IOS,
        (secrets.token_bytes(32),),
        secrets.token_hex(8),
        refresh_hash=secrets.token_bytes(32),
        welcome_credits=0,
    )
    assert device is not None
    return device


def principal(device: SignedInDevice) -> Principal:
    return Principal(device.user_id, UserKind.GUEST, device.device_id, device.session_id)


def refused(revocations: Revocations, device: SignedInDevice) -> type[Exception] | None:
    try:
        revocations.check(principal(device), now=1_000_000.0)
    except (AccountSuspended, TokenRejected) as error:
        return type(error)
    return None


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not within 10 seconds")


async def suspend(db: Database, user_id: UUID) -> None:
    await db._pool.execute("update users set suspended_at = now() where id = $1", user_id)
    db.notifier.notify(REVOCATIONS_CHANNEL, str(user_id))


class TestRevocations:
    async def test_know_at_once_what_is_revoked(self, db: Database, revocations: Revocations) -> None:
        device, other = await signed_in(db), await signed_in(db)
        assert refused(revocations, device) is None
        await sign_out(db, user_id=device.user_id, session_id=device.session_id)
        await until(lambda: refused(revocations, device) is TokenRejected)
        await suspend(db, other.user_id)
        await until(lambda: refused(revocations, other) is AccountSuspended)
        await db._pool.execute("update users set suspended_at = null")
        db.notifier.notify(REVOCATIONS_CHANNEL, str(other.user_id))
        await until(lambda: refused(revocations, other) is None)
        assert refused(revocations, device) is TokenRejected

    async def test_know_from_the_start_what_was_revoked_before(self, db: Database) -> None:
        suspended, out, innocent = [await signed_in(db) for _ in range(3)]
        await suspend(db, suspended.user_id)
        await sign_out_everywhere(db, user_id=out.user_id)
        async with Revocations(db, lifetime_seconds=3600) as revocations:
            assert refused(revocations, suspended) is AccountSuspended
            assert refused(revocations, out) is TokenRejected
            assert refused(revocations, innocent) is None

    async def test_find_by_themselves_what_nobody_told_them(self, db: Database) -> None:
        device = await signed_in(db)
        async with Revocations(db, lifetime_seconds=3600, reload_seconds=0.05) as revocations:
            await db.sessions.revoke(device.session_id, "unheard")
            await until(lambda: refused(revocations, device) is TokenRejected)
            await db._pool.execute("update users set suspended_at = now()")
            await until(lambda: refused(revocations, device) is AccountSuspended)
            await db._pool.execute("update users set suspended_at = null")
            await until(lambda: refused(revocations, device) is TokenRejected)

    async def test_forget_sessions_whose_last_token_has_expired(self, db: Database) -> None:
        device = await signed_in(db)
        await db.sessions.revoke(device.session_id, "long ago")
        await db._pool.execute("update sessions set revoked_at = now() - interval '59 minutes 59.8 seconds'")
        async with Revocations(db, lifetime_seconds=3600, reload_seconds=0.05) as revocations:
            await until(lambda: not revocations._ended)

    async def test_let_a_suspension_end_by_itself(self, db: Database) -> None:
        device = await signed_in(db)
        statement = "update users set suspended_at = now(), suspended_until = now() + interval '1 hour'"
        await db._pool.execute(statement)
        now = await db._pool.fetchval("select extract(epoch from now())::float8")
        async with Revocations(db, lifetime_seconds=3600) as revocations:
            with pytest.raises(AccountSuspended):
                revocations.check(principal(device), now=now + 3590)
            revocations.check(principal(device), now=now + 3610)

    async def test_learn_what_happened_while_they_were_deaf(self, db: Database, revocations: Revocations) -> None:
        device = await signed_in(db)
        cut = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'a-service listener'"
        # It may not have connected yet; that it looks when it does would be no proof.
        for _ in range(1000):
            if await db._pool.fetch(cut + " and datname = current_database()"):
                break
            await asyncio.sleep(0.01)
        else:
            raise AssertionError("nobody listens within 10 seconds")
        await db.sessions.revoke(device.session_id, "while deaf")
        await until(lambda: refused(revocations, device) is TokenRejected)

    async def test_listen_again_whatever_cut_them_off(self, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        """At one moment of connecting asyncpg raises what it calls an internal error."""
        connect, failures = asyncpg.connect, [asyncpg.InternalClientError("cannot switch to state 11")]

        async def cut_off_once(*where: Any, **how: Any) -> Any:
            if failures:
                raise failures.pop()
            return await connect(*where, **how)

        monkeypatch.setattr(asyncpg, "connect", cut_off_once)
        async with Revocations(db, lifetime_seconds=3600, reload_seconds=3600) as revocations:
            device = await signed_in(db)
            await until(lambda: not failures)
            await db.sessions.revoke(device.session_id, "while deaf")
            await until(lambda: refused(revocations, device) is TokenRejected)
