"""What only grows is removed when it was kept for long enough, and nothing else is; as the role of the relay."""

import secrets
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from factories import submitted
from merging import Handset, assert_nothing_is_wrong
from tatemono.adapters.postgres.database import Database
from tatemono.domain.privacy.retention import BATCH, Retained
from tatemono.usecases.identity.remove_unused_guests import remove_erased_guests, remove_unused_guests
from tatemono.usecases.identity.undo_merge import undo_merge
from tatemono.usecases.privacy.prune_identity import prune_identity

MINUTE = timedelta(minutes=1)
#: Makes a row of each kind that is `$1` old, belongs to the user `$2`, and has the device `$3`.
ROWS = {
    Retained.ENDED_SESSIONS: "insert into sessions (user_id, device_id, expires_at, refresh_hash, revoked_at)"
    " values ($2, $3, now(), '', now() - $1::interval)",
    Retained.REVOKED_DEVICES: "insert into devices (user_id, platform, identifier_hash, key_thumbprint, revoked_at)"
    " select $2, platform, 'x', 'x', now() - $1::interval from devices where id = $3",
    Retained.SECURITY_EVENTS: "insert into security_events (id, user_id, device_id, kind)"
    " values (uuidv7(-$1::interval), $2, $3, 'suspended')",
    Retained.TRANSFER_CODES: "insert into transfer_codes (id, user_id, device_id, locator, code_hash,"
    " sign_out_old_device, expires_at, attempts_left) values"
    " (uuidv7(-$1::interval), $2, $3, 'x', 'x', false, now(), 0)",
    Retained.MERGES: "insert into account_merges (id, from_user_id, into_user_id, moved) select"
    " uuidv7(-$1::interval), $2, users.id, '{}' from users where users.id <> $2 and $3::uuid is not null limit 1",
    Retained.AUDIT_RECORDS: "insert into audit_records (id, operator_id, operator_email, action, user_id, request_id,"
    " address) select uuidv7(-$1::interval), 'o', 'o@example.jp', 'suspend', $2, $3::uuid::text, '192.0.2.1'",
    Retained.LIMIT_COUNTERS: "insert into limit_counters (digest, ends_at, count)"
    " select sha256($2::uuid::text::bytea || $3::uuid::text::bytea), now() - $1::interval, 1",
    Retained.USED_PROOFS: "insert into dpop_proofs (digest, expires_at)"
    " select sha256($2::uuid::text::bytea || $3::uuid::text::bytea), now() - $1::interval",
}
TABLES = {
    Retained.ENDED_SESSIONS: "sessions where revoked_at is not null",
    Retained.REVOKED_DEVICES: "devices where revoked_at is not null",
    Retained.SECURITY_EVENTS: "security_events",
    Retained.TRANSFER_CODES: "transfer_codes",
    Retained.MERGES: "account_merges",
    Retained.AUDIT_RECORDS: "audit_records",
    Retained.LIMIT_COUNTERS: "limit_counters",
    Retained.USED_PROOFS: "dpop_proofs where expires_at < now()",
}


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def relay(service_database_url: Callable[[str], str]) -> AsyncIterator[Database]:
    async with await Database.connect(service_database_url("outbox-relay"), service="relay") as opened:
        yield opened


async def two_phones(db: Database) -> tuple[Handset, Handset]:
    return await Handset().sign_in(db), await Handset().sign_in(db)


class TestPruneIdentity:
    @pytest.mark.parametrize("what", list(Retained), ids=lambda what: what.name.lower())
    async def test_removes_what_is_older_than_its_kind_is_kept_and_nothing_younger(
        self, db: Database, relay: Database, owner: Any, what: Retained
    ) -> None:
        phone, _ = await two_phones(db)
        ids = (phone.user_id, phone.principal.device_id)
        await owner.execute(ROWS[what], what.value - MINUTE, *ids)
        assert sum((await prune_identity(relay)).values()) == 0
        await owner.execute(f"delete from {TABLES[what]}")
        await owner.execute(ROWS[what], what.value + MINUTE, *ids)
        assert await prune_identity(relay) == {each: int(each is what) for each in Retained}
        assert await owner.fetchval(f"select count(*) from {TABLES[what]}") == 0

    async def test_takes_a_bounded_number_at_a_time(self, db: Database, relay: Database, owner: Any) -> None:
        phone, _ = await two_phones(db)
        await owner.execute(
            "insert into security_events (id, user_id, kind)"
            " select uuidv7(interval '-2 years'), $1, 'suspended' from generate_series(1, $2)",
            phone.user_id,
            BATCH + 5,
        )
        assert [(await prune_identity(relay))[Retained.SECURITY_EVENTS] for _ in range(3)] == [BATCH, 5, 0]

    async def test_leaves_everybody_signed_in_whom_it_does_not_concern(
        self, db: Database, relay: Database, owner: Any
    ) -> None:
        phone, other = await two_phones(db)
        before = phone.principal
        await submitted(db, other.user_id)
        await other.merge_into(db, phone.user_id)
        await prune_identity(relay)
        assert (await phone.sign_in(db)).principal == before
        await assert_nothing_is_wrong(owner)

    async def test_keeps_the_ledger_of_a_merge_balanced_when_its_record_is_gone(
        self, db: Database, relay: Database, owner: Any
    ) -> None:
        phone, other = await two_phones(db)
        await submitted(db, other.user_id)
        await other.merge_into(db, phone.user_id)
        await owner.execute("update account_merges set id = uuidv7(interval '-29 days')")
        await owner.execute("update generations set state = 'cancelled', finished_at = now()")
        await owner.execute("update accounts set queued = 0, held = 0")
        await owner.execute("delete from credit_transfers where 'held' in (out_of, into_pot)")
        assert (await prune_identity(relay))[Retained.MERGES] == 1
        # Nobody uses the guest that another was merged into; both stay, as the credits went from one to the other.
        await owner.execute("update users set last_used_at = now() - interval '500 days'")
        assert await remove_unused_guests(relay, unused_for=timedelta(days=400)) == 0
        assert await remove_erased_guests(relay) == 0
        moved = "select sum(case into_pot when 'moved' then credits else -credits end) from credit_transfers"
        assert await owner.fetchval(f"{moved} where 'moved' in (out_of, into_pot)") == 0

    async def test_touches_no_merge_that_can_still_be_undone(self, db: Database, relay: Database, owner: Any) -> None:
        phone, other = await two_phones(db)
        await owner.execute("update users set kind = 'member' where id = $1", phone.user_id)
        await submitted(db, other.user_id)
        merged = await other.merge_into(db, phone.user_id)
        await owner.execute("update account_merges set created_at = now() - interval '6 days 23 hours'")
        await prune_identity(relay)
        undone = await undo_merge(db, user_id=phone.user_id, merge_id=merged.id)
        assert isinstance(undone.user_id, UUID)

    async def test_is_the_only_way_to_an_audit_record_and_takes_no_young_one(self, relay: Database, owner: Any) -> None:
        await owner.execute(ROWS[Retained.AUDIT_RECORDS], MINUTE, UUID(int=1), UUID(int=2))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await relay._pool.execute("delete from audit_records")
        assert (
            await relay.retention.prune(Retained.AUDIT_RECORDS, age=timedelta(0), limit=secrets.randbelow(100) + 1) == 0
        )
