"""Signing in, staying in, signing out, on a real database."""

import asyncio
import hashlib
import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from factories import NO_ATTESTATION
from tatemono.adapters.identifier_keys import IdentifierKeys
from tatemono.adapters.postgres.database import Database
from tatemono.domain.identity.attestation import AttestationPolicy, DeviceNotAttested
from tatemono.domain.identity.devices import Platform, Proof, ProofRejected, SignedInDevice, UserKind
from tatemono.domain.identity.sessions import AccountSuspended, NoSuchDevice, OnlyWayIn, RefreshRejected, RefreshToken
from tatemono.usecases.identity.refresh_session import refresh_session
from tatemono.usecases.identity.revoke_device import revoke_device
from tatemono.usecases.identity.sign_in_device import AttestationTerms, sign_in_device
from tatemono.usecases.identity.sign_out import sign_out, sign_out_everywhere
from tatemono_tools.laptop.operate.keys import USED_AFTER_SECONDS, rotate_identifier_keys

KEY = b"keys the tokens"
IDENTIFIERS = IdentifierKeys("keys the identifiers")


def proof(key: str = "thumbprint-1", text: str = "") -> Proof:
    return Proof(key, hashlib.sha256((text or secrets.token_hex(8)).encode()).digest())


async def sign_in(
    db: Database,
    *,
    identifier: str = "IDFV-1",
    key: str = "thumbprint-1",
    used: Proof | None = None,
    hashes: tuple[bytes, ...] = (),
    terms: AttestationTerms = NO_ATTESTATION,
) -> tuple[SignedInDevice, RefreshToken]:
    return await sign_in_device(
        db,
        platform=Platform.IOS,
        identifier_hashes=hashes or IDENTIFIERS.hashes(identifier, now=0),
        proof=used or proof(key),
        terms=terms,
        welcome_credits=500,
        random_bits=secrets.token_bytes(32),
    )


async def refresh(db: Database, token: RefreshToken, used: Proof | None = None) -> tuple[SignedInDevice, RefreshToken]:
    return await refresh_session(db, token=token.sealed(KEY), proof=used or proof(), key=KEY)


async def events(db: Database, user_id: UUID) -> list[str]:
    return [event.kind for event in await db.sessions.events(user_id, before=None, limit=100)]


async def suspend(db: Database, user_id: UUID) -> None:
    await db._pool.execute(
        "update users set suspended_at = now(), suspended_until = now() + interval '1 minute',"
        " suspension_reason = 'spam' where id = $1",
        user_id,
    )


async def active_sessions(db: Database) -> int:
    count: int = await db._pool.fetchval("select count(*) from sessions where revoked_at is null")
    return count


class AcceptsAll:
    """A maker of phones that attests everything."""

    def verify(self, platform: Platform, attestation: str, *, client_data: bytes, now: float) -> None:
        pass


ATTESTED = replace(NO_ATTESTATION, policy=AttestationPolicy.REQUIRED, verifier=AcceptsAll(), attestation="good")
WITHOUT = replace(ATTESTED, attestation=None)


class TestSignInDevice:
    async def test_remembers_an_attestation_with_the_sign_in_that_it_came_with(self, db: Database) -> None:
        first, _ = await sign_in(db, terms=ATTESTED)
        again, _ = await sign_in(db, terms=WITHOUT)
        assert again.user_id == first.user_id
        with pytest.raises(DeviceNotAttested):
            await sign_in(db, identifier="another", key="another", terms=WITHOUT)

    async def test_opens_nothing_when_the_attestation_cannot_be_recorded(self, db: Database) -> None:
        await db._pool.execute("alter table devices add constraint unrecorded check (attested_at is null)")
        with pytest.raises(asyncpg.CheckViolationError):
            await sign_in(db, terms=ATTESTED)
        assert await db._pool.fetchval("select count(*) from users") == 0
        assert await active_sessions(db) == 0

    async def test_makes_a_guest_the_first_time_and_finds_it_again(self, db: Database) -> None:
        first, _ = await sign_in(db)
        again, _ = await sign_in(db)
        assert (first.new, again.new) == (True, False)
        assert (first.user_id, first.device_id, first.session_id) == (again.user_id, again.device_id, again.session_id)

    async def test_gives_a_copied_identifier_nothing_and_tells_the_owner(self, db: Database) -> None:
        owner, _ = await sign_in(db)
        thieves = [(await sign_in(db, key=f"thief-{n}"))[0] for n in range(3)]
        assert len({owner.user_id, *(thief.user_id for thief in thieves)}) == 4
        # Once an hour at most, whatever the thief does.
        (event,) = await db.sessions.events(owner.user_id, before=None, limit=10)
        assert (event.kind, event.device_id) == ("copied_identifier", owner.device_id)
        assert await events(db, thieves[0].user_id) == []
        await db._pool.execute("update security_events set created_at = now() - interval '61 minutes'")
        await sign_in(db, key="thief-3")
        assert await events(db, owner.user_id) == ["copied_identifier"] * 2

    async def test_does_not_take_the_same_identifier_of_another_platform_for_a_copy(self, db: Database) -> None:
        owner, _ = await sign_in(db)
        same = IDENTIFIERS.hashes("IDFV-1", now=0)
        await db.devices.create_guest(Platform.ANDROID, same, "k", refresh_hash=b"r", welcome_credits=0)
        assert await events(db, owner.user_id) == []

    async def test_finds_a_device_by_an_older_key_and_writes_it_down_with_the_newest(self, db: Database) -> None:
        owner, _ = await sign_in(db)
        (old,) = IDENTIFIERS.hashes("IDFV-1", now=0)
        rotated = IdentifierKeys(rotate_identifier_keys("keys the identifiers", kept_days=400, now=0).value)
        now = USED_AFTER_SECONDS
        # Before the new key is in use nothing changes; then the device has the newest hash, and the old key may go.
        for at, stored in ((now - 1, old), (now, rotated.hashes("IDFV-1", now=now)[0])):
            again, _ = await sign_in(db, hashes=rotated.hashes("IDFV-1", now=at))
            assert (again.user_id, again.device_id) == (owner.user_id, owner.device_id)
            assert await db._pool.fetchval("select identifier_hash from devices") == stored
        last, _ = await sign_in(db, hashes=rotated.hashes("IDFV-1", now=now)[:1])
        assert last.user_id == owner.user_id

    async def test_tells_the_owner_of_a_copy_also_while_keys_change(self, db: Database) -> None:
        owner, _ = await sign_in(db)
        rotated = IdentifierKeys(rotate_identifier_keys("keys the identifiers", kept_days=400, now=0).value)
        thief, _ = await sign_in(db, key="thief", hashes=rotated.hashes("IDFV-1", now=USED_AFTER_SECONDS))
        assert thief.user_id != owner.user_id
        assert await events(db, owner.user_id) == ["copied_identifier"]

    async def test_makes_no_second_user_of_a_device_that_two_hashes_stand_for(self, db: Database) -> None:
        # Two processes whose clocks differ may each write down a first launch, with another key.
        one, _ = await sign_in(db, hashes=(b"new",))
        await sign_in(db, hashes=(b"old",))
        for _ in range(2):
            assert (await sign_in(db, hashes=(b"new", b"old")))[0].user_id == one.user_id

    async def test_makes_one_guest_and_one_session_when_ten_first_launches_race(self, db: Database) -> None:
        answers = await asyncio.gather(*(sign_in(db) for _ in range(10)))
        assert len({device.user_id for device, _ in answers}) == 1
        assert sum(device.new for device, _ in answers) == 1
        assert await db._pool.fetchval("select count(*) from users") == 1
        assert await active_sessions(db) == 1
        good = [token for _, token in answers if await self._is_newest(db, token)]
        assert len(good) == 1

    async def _is_newest(self, db: Database, token: RefreshToken) -> bool:
        kept = await db._pool.fetchval("select refresh_hash from sessions where id = $1", token.session_id)
        return bool(kept == token.digest)

    async def test_never_keeps_the_identifier_nor_the_token(self, db: Database) -> None:
        _, token = await sign_in(db, identifier="IDFV-very-secret")
        rows = await db._pool.fetch("select devices::text, sessions::text from devices, sessions")
        assert "very-secret" not in str(rows)
        assert token.bits.hex() not in str(rows)
        assert token.digest.hex() in str(rows)

    async def test_takes_a_proof_once(self, db: Database) -> None:
        used = proof()
        await sign_in(db, used=used)
        with pytest.raises(ProofRejected):
            await sign_in(db, used=used)
        answers: list[Any] = await asyncio.gather(
            *(sign_in(db, used=proof(text="same")) for _ in range(10)), return_exceptions=True
        )
        assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
        assert {type(answer) for answer in answers} == {tuple, ProofRejected}

    async def test_forgets_proofs_that_are_out_of_date(self, db: Database) -> None:
        for _ in range(6):
            await sign_in(db)
        await db._pool.execute("update dpop_proofs set expires_at = now() - interval '1 second'")
        for _ in range(3):
            await sign_in(db)
        assert await db._pool.fetchval("select count(*) from dpop_proofs") == 3

    async def test_voids_the_tokens_of_before_without_an_alarm(self, db: Database) -> None:
        device, old = await sign_in(db)
        _, new = await sign_in(db)
        with pytest.raises(RefreshRejected):
            await refresh(db, old)
        assert await events(db, device.user_id) == []
        await refresh(db, new)

    async def test_refuses_a_suspended_user_and_opens_nothing(self, db: Database) -> None:
        device, token = await sign_in(db)
        await suspend(db, device.user_id)
        with pytest.raises(AccountSuspended, match="spam"):
            await sign_in(db)
        with pytest.raises(AccountSuspended, match="spam"):
            await refresh(db, token)
        await db._pool.execute("update users set suspended_until = now()")
        await refresh(db, token)

    async def test_notes_the_use_of_an_account_once_a_day(self, db: Database) -> None:
        _, token = await sign_in(db)
        for hours, noted in ((23, False), (25, True)):
            for signs_in in (False, True):
                await db._pool.execute("update users set last_used_at = now() - make_interval(hours => $1)", hours)
                _, token = await (sign_in(db) if signs_in else refresh(db, token))
                ago = await db._pool.fetchval("select now() - last_used_at from users")
                assert (ago < timedelta(hours=1)) is noted


class TestRefreshSession:
    async def test_gives_the_next_token_and_voids_the_one_before(self, db: Database) -> None:
        device, first = await sign_in(db)
        again, second = await refresh(db, first)
        _, third = await refresh(db, second)
        assert (again.user_id, again.session_id, again.new) == (device.user_id, device.session_id, False)
        assert len({first.bits, second.bits, third.bits}) == 3

    async def test_gives_the_same_again_when_the_answer_was_lost(self, db: Database) -> None:
        _, first = await sign_in(db)
        used = proof()
        answers = [await refresh(db, first, used) for _ in range(3)]
        assert len({token.bits for _, token in answers}) == 1
        await refresh(db, answers[0][1])

    async def test_is_not_that_patient_for_long(self, db: Database) -> None:
        device, first = await sign_in(db)
        used = proof()
        await refresh(db, first, used)
        await db._pool.execute("update sessions set rotated_at = now() - interval '31 seconds'")
        with pytest.raises(RefreshRejected):
            await refresh(db, first, used)
        assert await events(db, device.user_id) == ["refresh_reused"]

    @pytest.mark.parametrize("steps", [1, 2, 5])
    async def test_ends_the_session_when_an_old_token_is_used(self, db: Database, steps: int) -> None:
        device, first = await sign_in(db)
        newest = first
        for _ in range(steps):
            _, newest = await refresh(db, newest)
        with pytest.raises(RefreshRejected):
            await refresh(db, first)
        with pytest.raises(RefreshRejected):
            await refresh(db, newest)
        assert await events(db, device.user_id) == ["refresh_reused"]
        again, _ = await sign_in(db)
        assert again.user_id == device.user_id
        assert again.session_id != device.session_id

    async def test_leaves_one_family_or_none_when_a_hundred_race_with_one_token(self, db: Database) -> None:
        device, first = await sign_in(db)
        answers: list[Any] = await asyncio.gather(*(refresh(db, first) for _ in range(100)), return_exceptions=True)
        assert all(isinstance(answer, tuple | RefreshRejected) for answer in answers)
        assert sum(isinstance(answer, tuple) for answer in answers) == 1
        assert await active_sessions(db) == 0
        assert await events(db, device.user_id) == ["refresh_reused"]

    async def test_gives_all_the_same_when_one_request_comes_a_hundred_times_at_once(self, db: Database) -> None:
        _, first = await sign_in(db)
        used = proof()
        answers = await asyncio.gather(*(refresh(db, first, used) for _ in range(100)))
        assert len({token.bits for _, token in answers}) == 1
        assert await active_sessions(db) == 1

    async def test_refuses_another_key_and_keeps_the_session(self, db: Database) -> None:
        device, first = await sign_in(db)
        with pytest.raises(RefreshRejected):
            await refresh(db, first, proof("thief"))
        await refresh(db, first)
        assert await events(db, device.user_id) == []

    async def test_refuses_a_proof_that_was_used_for_something_else(self, db: Database) -> None:
        used = proof()
        _, first = await sign_in(db, used=used)
        with pytest.raises(ProofRejected):
            await refresh(db, first, used)
        await refresh(db, first)

    async def test_refuses_what_we_never_gave_out(self, db: Database) -> None:
        _, token = await sign_in(db)
        for text in ("", "x", "A" * 86, token.sealed(b"another key"), token.sealed(KEY) + "=", token.sealed(KEY)[:-1]):
            with pytest.raises(RefreshRejected):
                await refresh_session(db, token=text, proof=proof(), key=KEY)
        with pytest.raises(RefreshRejected):
            await refresh(db, RefreshToken(UUID(int=9), token.bits))
        await refresh(db, token)

    async def test_refuses_a_session_that_ran_out(self, db: Database) -> None:
        _, token = await sign_in(db)
        await db._pool.execute("update sessions set expires_at = now()")
        with pytest.raises(RefreshRejected):
            await refresh(db, token)


class TestDevices:
    async def test_say_whether_their_session_is_good(self, db: Database) -> None:
        device, _ = await sign_in(db)
        (own,) = await db.sessions.devices(device.user_id)
        assert (own.id, own.signed_in) == (device.device_id, True)
        await db._pool.execute("update sessions set expires_at = now()")
        (own,) = await db.sessions.devices(device.user_id)
        assert not own.signed_in
        await sign_out(db, user_id=device.user_id, session_id=device.session_id)
        (own,) = await db.sessions.devices(device.user_id)
        assert not own.signed_in


class TestSignOut:
    async def test_ends_this_session_only(self, db: Database) -> None:
        device, token = await sign_in(db)
        _, others = await sign_in(db, identifier="another", key="another")
        for _ in range(2):
            await sign_out(db, user_id=device.user_id, session_id=device.session_id)
        with pytest.raises(RefreshRejected):
            await refresh(db, token)
        await refresh(db, others, proof("another"))
        assert (await sign_in(db))[0].user_id == device.user_id

    async def test_everywhere_ends_all_of_the_user_and_nobody_elses(self, db: Database) -> None:
        one, _ = await sign_in(db)
        two, _ = await sign_in(db, identifier="2", key="2")
        _, others = await sign_in(db, identifier="3", key="3")
        for table in ("devices", "sessions"):
            await db._pool.execute(f"update {table} set user_id = $1 where user_id = $2", one.user_id, two.user_id)
        await sign_out_everywhere(db, user_id=one.user_id)
        assert await active_sessions(db) == 1
        await refresh(db, others, proof("3"))
        assert await events(db, one.user_id) == ["signed_out_everywhere"]


class TestRevokeDevice:
    async def test_takes_it_away_for_good(self, db: Database) -> None:
        one, token = await sign_in(db)
        two, _ = await sign_in(db, identifier="2", key="2")
        for table in ("devices", "sessions"):
            await db._pool.execute(f"update {table} set user_id = $1 where user_id = $2", two.user_id, one.user_id)
        await revoke_device(db, user_id=two.user_id, user_kind=UserKind.GUEST, device_id=one.device_id)
        with pytest.raises(RefreshRejected):
            await refresh(db, token)
        again, _ = await sign_in(db)
        assert again.new
        assert again.user_id not in (one.user_id, two.user_id)
        assert [device.id for device in await db.sessions.devices(two.user_id)] == [two.device_id]
        assert await events(db, two.user_id) == ["device_revoked"]

    async def test_refuses_anothers(self, db: Database) -> None:
        one, _ = await sign_in(db)
        two, _ = await sign_in(db, identifier="2", key="2")
        with pytest.raises(NoSuchDevice):
            await revoke_device(db, user_id=one.user_id, user_kind=UserKind.GUEST, device_id=two.device_id)

    async def test_leaves_a_guest_one_way_in_also_when_two_devices_revoke_each_other(self, db: Database) -> None:
        one, _ = await sign_in(db)
        two, _ = await sign_in(db, identifier="2", key="2")
        await db._pool.execute("update devices set user_id = $1", one.user_id)
        answers = await asyncio.gather(
            *(
                revoke_device(db, user_id=one.user_id, user_kind=UserKind.GUEST, device_id=device.device_id)
                for device in (one, two)
            ),
            return_exceptions=True,
        )
        assert sorted(type(answer).__name__ for answer in answers) == ["NoneType", "OnlyWayIn"]
        assert len(await db.sessions.devices(one.user_id)) == 1

    async def test_lets_a_member_part_with_the_last_one(self, db: Database) -> None:
        one, _ = await sign_in(db)
        with pytest.raises(OnlyWayIn):
            await revoke_device(db, user_id=one.user_id, user_kind=UserKind.GUEST, device_id=one.device_id)
        await revoke_device(db, user_id=one.user_id, user_kind=UserKind.MEMBER, device_id=one.device_id)
        assert await db.sessions.devices(one.user_id) == []
