"""Leaving: signed out at once, back within the grace, erased without a trace afterwards."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from factories import USAGE, kept, submitted
from merging import Handset, assert_nothing_is_wrong, claim_next
from privacy_services import GRACE, LEDGER, RECEIPT_KEY, PrivacyServices
from tatemono.adapters.postgres.identity.revocations import Revocations
from tatemono.domain.generations.generation import State
from tatemono.domain.identity.members import AccountErased, MembersUnavailable, Password, PoolMember, SignInRefused
from tatemono.domain.identity.transfers import TransferCodeRejected
from tatemono.domain.privacy.account_deletion import (
    DeletionBegun,
    DeletionPending,
    NoDeletionPending,
    NoSuchReceipt,
    PasswordNeeded,
)
from tatemono.usecases.identity.remove_unused_guests import remove_unused_guests
from tatemono.usecases.identity.undo_merge import undo_merge
from tatemono.usecases.privacy.erase_accounts import erase_accounts
from tatemono.usecases.privacy.request_deletion import request_deletion

pytest_plugins = ["members", "privacy_fixture"]


class TestRequestDeletion:
    async def test_signs_out_at_once_and_refuses_live_tokens(self, privacy: PrivacyServices) -> None:
        phone = await privacy.phone()
        async with Revocations(privacy.api, lifetime_seconds=3600) as revocations:
            deletion = await privacy.leave(phone)
            async with asyncio.timeout(5):
                while revocations.refuses(phone.user_id, 0) is None:  # noqa: ASYNC110 - nothing to wait for but this
                    await asyncio.sleep(0.01)
            with pytest.raises(DeletionPending) as pending:
                revocations.check(phone.principal, 0)
        assert pending.value.erase_at == deletion.erase_at
        with pytest.raises(DeletionPending):
            await phone.sign_in(privacy.api)
        open_sessions = "select count(*) from sessions where user_id = $1 and revoked_at is null"
        assert await privacy.owner.fetchval(open_sessions, phone.user_id) == 0

    async def test_wants_a_members_password(self, privacy: PrivacyServices) -> None:
        phone = await privacy.member()
        for password, refusal in ((None, PasswordNeeded), (Password("not the password"), SignInRefused)):
            with pytest.raises(refusal):
                await request_deletion(
                    privacy.api,
                    privacy.pool,
                    caller=phone.principal,
                    proof=phone.proof(),
                    password=password,
                    totp_code=None,
                    grace=GRACE,
                    language="en",
                    even_seconds=0,
                )
        await phone.sign_in(privacy.api)
        await privacy.leave(phone)
        address = privacy.addresses[phone.user_id]
        assert await privacy.mails() == [("account_deletion_scheduled", address, "ja")]

    async def test_cancels_what_waits_and_lets_go_what_runs(self, privacy: PrivacyServices) -> None:
        phone = await privacy.phone()
        running = await submitted(privacy.api, phone.user_id)
        claim = await claim_next(privacy.worker)
        assert claim is not None
        waiting = [await submitted(privacy.api, phone.user_id) for _ in range(3)]
        await privacy.leave(phone)
        states = {row["id"]: row["state"] for row in await privacy.owner.fetch("select id, state from generations")}
        assert {states[each.id] for each in waiting} == {State.CANCELLED}
        assert states[running.id] == State.RUNNING
        assert await privacy.worker.generations.extend_leases([claim], lease=timedelta(minutes=1)) == {running.id: True}
        account = await privacy.owner.fetchrow("select available, held, queued, running from accounts")
        assert tuple(account) == (492, 8, 0, 1)
        await assert_nothing_is_wrong(privacy.owner)

    async def test_voids_transfer_codes(self, privacy: PrivacyServices) -> None:
        phone, new = await privacy.phone(), Handset()
        issued = await phone.issue(privacy.api)
        await privacy.leave(phone)
        with pytest.raises(TransferCodeRejected):
            await new.redeem(privacy.api, issued.code.text)

    async def test_is_one_deletion_when_it_is_asked_twice_at_once(self, privacy: PrivacyServices) -> None:
        phone = await privacy.phone()
        outcomes = await asyncio.gather(privacy.leave(phone), privacy.leave(phone), return_exceptions=True)
        assert sum(isinstance(outcome, DeletionPending) for outcome in outcomes) == 1
        assert await privacy.owner.fetchval("select count(*) from deletions") == 1

    async def test_lets_nothing_be_merged_in_or_away(self, privacy: PrivacyServices) -> None:
        leaving, other = await privacy.phone(), await privacy.phone()
        await privacy.painted(leaving.user_id)
        await privacy.painted(other.user_id)
        await privacy.leave(leaving)
        with pytest.raises(DeletionPending):
            await other.merge_into(privacy.api, leaving.user_id)

    async def test_keeps_the_deletion_of_a_guest_that_nobody_uses(self, privacy: PrivacyServices) -> None:
        phone = await privacy.phone()
        await privacy.leave(phone)
        await privacy.owner.execute("update users set last_used_at = now() - interval '900 days'")
        assert await remove_unused_guests(privacy.relay, unused_for=timedelta(days=400)) == 0


class TestUndoDeletion:
    async def test_gives_a_guest_everything_back_on_the_same_key(self, privacy: PrivacyServices) -> None:
        phone = await privacy.phone()
        user_id, keys = phone.user_id, await privacy.painted(phone.user_id)
        await privacy.leave(phone)
        await privacy.come_back(phone)
        await privacy.time_is_up()
        assert await erase_accounts(privacy.relay, privacy.eraser) == (0, 0)
        assert (await phone.sign_in(privacy.api)).user_id == user_id
        assert await privacy.objects() == set(keys)
        await privacy.leave(phone)

    async def test_needs_a_device_of_the_account(self, privacy: PrivacyServices) -> None:
        phone, stranger = await privacy.phone(), await privacy.phone()
        await privacy.leave(phone)
        with pytest.raises(NoDeletionPending):
            await privacy.come_back(stranger)
        copied = Handset(identifier=phone.identifier)
        with pytest.raises(NoDeletionPending):
            await privacy.come_back(copied)

    async def test_takes_a_members_password_on_any_phone(self, privacy: PrivacyServices) -> None:
        phone = await privacy.member()
        address, user_id = privacy.addresses[phone.user_id], phone.user_id
        await privacy.leave(phone)
        with pytest.raises(PasswordNeeded):
            await privacy.come_back(phone)
        await privacy.come_back(await privacy.phone(), address)
        assert (await phone.sign_in(privacy.api)).user_id == user_id
        with pytest.raises(NoDeletionPending):
            await privacy.come_back(phone, address)

    async def test_or_the_erasure_wins_and_never_both(self, privacy: PrivacyServices) -> None:
        for _ in range(12):
            phone = await privacy.phone()
            await privacy.leave(phone)
            await privacy.time_is_up()
            undone, begun = await asyncio.gather(
                privacy.come_back(phone), privacy.relay.deletions.begin_due(10), return_exceptions=True
            )
            assert (undone is None) == (begun == 0)
            assert undone is None or isinstance(undone, (DeletionBegun, NoDeletionPending))
            await privacy.erase()
            alive = await privacy.owner.fetchval("select count(*) from users where id = $1", phone.user_id)
            assert alive == (undone is None)

    async def test_lets_a_merge_be_undone_afterwards(self, privacy: PrivacyServices) -> None:
        member, guest = await privacy.member(), await privacy.phone()
        guest_id = guest.user_id
        await privacy.painted(guest_id)
        merged = await guest.merge_into(privacy.api, member.user_id)
        await privacy.leave(member)
        with pytest.raises(DeletionPending):
            await undo_merge(privacy.api, user_id=member.user_id, merge_id=merged.id)
        await privacy.come_back(member, privacy.addresses[member.user_id])
        undone = await undo_merge(privacy.api, user_id=member.user_id, merge_id=merged.id)
        assert (undone.user_id, undone.pictures) == (guest_id, 1)


class TestEraseAccounts:
    async def test_leaves_everything_alone_until_the_grace_is_over(self, privacy: PrivacyServices) -> None:
        phone = await privacy.phone()
        user_id, keys = phone.user_id, await privacy.painted(phone.user_id)
        deletion = await privacy.leave(phone)
        now = await privacy.owner.fetchval("select now()")
        assert GRACE - timedelta(minutes=1) < deletion.erase_at - now <= GRACE
        assert await erase_accounts(privacy.relay, privacy.eraser) == (0, 0)
        await privacy.owner.execute("update deletions set erase_at = now() + interval '1 minute'")
        assert await erase_accounts(privacy.relay, privacy.eraser) == (0, 0)
        assert await privacy.objects() == set(keys)
        await privacy.come_back(phone)
        assert (await phone.sign_in(privacy.api)).user_id == user_id

    async def test_begins_with_those_whose_time_is_up_and_not_with_others(self, privacy: PrivacyServices) -> None:
        due, early = await privacy.phone(), await privacy.phone()
        await privacy.leave(due)
        await privacy.time_is_up()
        await privacy.leave(early)
        assert await privacy.erase() == 1
        left = await privacy.owner.fetch("select user_id, begun_at from deletions where erased_at is null")
        assert [tuple(row) for row in left] == [(early.user_id, None)]
        await privacy.come_back(early)

    async def test_leaves_no_row_no_object_and_nobody_in_cognito(self, privacy: PrivacyServices) -> None:
        phone, stays = await privacy.member(), await privacy.member()
        user_id, address = phone.user_id, privacy.addresses[phone.user_id]
        for _ in range(2):
            await privacy.painted(user_id)
        untouched = await privacy.painted(stays.user_id)
        identity = await privacy.owner.fetchval("select cognito_identity_id from users where id = $1", user_id)
        await privacy.api.exports.request(user_id, language="ja")
        await privacy.put(f"exports/{user_id}/x.zip")
        ledger = await privacy.owner.fetch(LEDGER)
        deletion = await privacy.leave(phone)
        await privacy.time_is_up()
        assert await privacy.erase() == 1
        assert await privacy.mentions(user_id) == {}
        assert await privacy.objects() == set(untouched)
        members, _ = await privacy.directory.listed(None)
        assert user_id not in {each.user_id for each in members}
        assert identity not in {each.id for each in (await privacy.identities.listed(None))[0]}
        assert await privacy.owner.fetch(LEDGER) == ledger
        await assert_nothing_is_wrong(privacy.owner)
        assert [mail[:2] for mail in await privacy.mails()] == [("account_deleted", address)]
        receipt = await privacy.api.deletions.receipt(deletion.id)
        assert receipt is not None
        receipt.check(RECEIPT_KEY)
        counted = {"objects": 5, "pictures": 2, "generations": 2, "devices": 1, "members": 1, "identities": 1}
        assert counted.items() <= dict(receipt.counts).items()
        assert address not in str(receipt)
        with pytest.raises(NoSuchReceipt):
            replace(receipt, counts={**receipt.counts, "pictures": 3}).check(RECEIPT_KEY)

    async def test_goes_on_after_a_crash_at_any_step(self, privacy: PrivacyServices) -> None:
        phone = await privacy.member()
        user_id = phone.user_id
        await privacy.painted(user_id)
        deletion = await privacy.leave(phone)
        await privacy.time_is_up()
        whole = privacy.eraser
        dying: list[dict[str, Any]] = [
            {"store": Dying(whole.store, "delete")},
            {"members": Dying(whole.members, "delete")},
            {"identities": Dying(whole.identities, "delete_identities")},
            # In the last transaction, when all rows are gone.
            {"receipt_key": None},
        ]
        for change in dying:
            with suppress(Crash, TypeError):
                for _ in range(3):
                    await erase_accounts(privacy.relay, replace(whole, **change))
                pytest.fail("it did not crash")
            assert await privacy.owner.fetchval("select count(*) from users where id = $1", user_id) == 1
        assert await privacy.erase() == 1
        assert await privacy.mentions(user_id) == {}
        receipt = await privacy.api.deletions.receipt(deletion.id)
        assert receipt is not None
        assert (receipt.counts["objects"], receipt.counts["members"]) == (2, 1)

    async def test_takes_along_who_was_merged_and_leaves_who_was_merged_no_more(self, privacy: PrivacyServices) -> None:
        member, merged, back = await privacy.member(), await privacy.phone(), await privacy.phone()
        merged_id, back_id = merged.user_id, back.user_id
        await privacy.painted(merged_id)
        await merged.merge_into(privacy.api, member.user_id)
        merge = await back.merge_into(privacy.api, member.user_id)
        # What was painted while it was the member lies in the member's folder.
        await undo_merge(privacy.api, user_id=member.user_id, merge_id=merge.id)
        await back.sign_in(privacy.api)
        strayed = await privacy.painted(back_id)
        stray = [key.replace(str(back_id), str(member.user_id)) for key in strayed]
        for key in stray:
            await privacy.put(key)
        await privacy.owner.execute(
            "update pictures set object_key = $1, thumbnail_key = $2 where user_id = $3", *stray, back_id
        )
        member_id = member.user_id
        await privacy.leave(await _signed_in(privacy, member))
        await privacy.time_is_up()
        assert await privacy.erase() == 1
        assert await privacy.mentions(member_id, merged_id) == {"pictures.object_key": 1, "pictures.thumbnail_key": 1}
        assert set(stray) <= await privacy.objects()
        assert not [key for key in await privacy.objects() if str(merged_id) in key]
        assert (await back.sign_in(privacy.api)).user_id == back_id
        await privacy.leave(back)
        await privacy.time_is_up()
        assert await privacy.erase() == 1
        assert await privacy.objects() == set()

    async def test_waits_for_what_is_painted(self, privacy: PrivacyServices) -> None:
        phone = await privacy.phone()
        await submitted(privacy.api, phone.user_id)
        claim = await claim_next(privacy.worker)
        assert claim is not None
        await privacy.leave(phone, grace=timedelta(0))
        for _ in range(3):
            assert (await erase_accounts(privacy.relay, privacy.eraser))[1] == 0
        await privacy.put(kept(claim).object_key)
        assert await privacy.worker.generations.succeed(claim, [kept(claim)], USAGE, None)
        assert await privacy.erase() == 1
        assert await privacy.objects() == set()

    async def test_does_not_mind_that_cognito_has_forgotten_the_member(self, privacy: PrivacyServices) -> None:
        phone = await privacy.member()
        await privacy.leave(phone)
        await privacy.cloud.cognito_idp.admin_delete_user(
            UserPoolId=privacy.pool_id, Username=privacy.addresses[phone.user_id]
        )
        await privacy.time_is_up()
        assert await privacy.erase() == 1

    async def test_lets_no_late_confirmation_bring_anybody_back(self, privacy: PrivacyServices) -> None:
        phone = await privacy.member()
        row = await privacy.owner.fetchrow("select cognito_sub, email from users where id = $1", phone.user_id)
        late = PoolMember(row["cognito_sub"], row["email"], phone.user_id)
        await privacy.leave(phone)
        await privacy.api.members.confirm(late)
        await privacy.time_is_up()
        await privacy.relay.deletions.begin_due(10)
        gone = asyncio.create_task(privacy.erase())
        while not gone.done():
            with suppress(AccountErased):
                await privacy.api.members.confirm(late)
        with pytest.raises(AccountErased):
            await privacy.api.members.confirm(late)
        assert await privacy.mentions(phone.user_id) == {}
        assert await privacy.owner.fetchval("select count(*) from users where email = $1", late.email) == 0

    async def test_remembers_for_a_week_whose_confirmation_may_still_come(self, privacy: PrivacyServices) -> None:
        phone = await privacy.member()
        await privacy.leave(phone)
        await privacy.time_is_up()
        assert await privacy.erase() == 1
        noted = "select count(*) from erased_users where user_id = $1"
        for days, stands in ((0, 1), (6, 1), (8, 0)):
            await privacy.owner.execute("update erased_users set erased_at = now() - make_interval(days => $1)", days)
            await erase_accounts(privacy.relay, privacy.eraser)
            assert await privacy.owner.fetchval(noted, phone.user_id) == stands

    async def test_lets_somebody_new_register_whose_guest_is_gone(self, privacy: PrivacyServices) -> None:
        phone = await privacy.phone()
        address = f"new-{uuid4().hex[:8]}@example.com"
        began = await privacy.pool_member(address, phone.user_id)
        await privacy.leave(phone)
        await privacy.time_is_up()
        await privacy.erase()
        user_id = await privacy.api.members.confirm(began)
        assert user_id != phone.user_id
        assert await privacy.api.members.email_of(user_id) == address

    async def test_gives_the_device_a_new_guest_afterwards(self, privacy: PrivacyServices) -> None:
        phone = await privacy.phone()
        before = phone.user_id
        await privacy.leave(phone)
        await privacy.time_is_up()
        await privacy.erase()
        assert (await phone.sign_in(privacy.api)).user_id != before

    async def test_keeps_the_operators_act_and_not_whom_it_concerned(self, privacy: PrivacyServices) -> None:
        phone = await privacy.phone()
        await privacy.owner.execute(
            "insert into audit_records"
            " (operator_id, operator_email, action, user_id, reason, data, request_id, address)"
            " values ('o', 'hanako@example.jp', 'suspend_person', $1, 'Aki wrote to us', '{}', 'r', '127.0.0.1')",
            phone.user_id,
        )
        deletion = await privacy.leave(phone)
        await privacy.time_is_up()
        await privacy.erase()
        record = await privacy.owner.fetchrow("select action, user_id, reason, data from audit_records")
        assert tuple(record)[:3] == ("suspend_person", None, None)
        assert str(deletion.id) in record["data"]

    async def test_goes_on_with_others_when_one_cannot(self, privacy: PrivacyServices) -> None:
        phones = [await privacy.member(), *[await privacy.phone() for _ in range(3)]]
        for phone in phones:
            await privacy.leave(phone)
        await privacy.time_is_up()
        lame = replace(privacy.eraser, members=Away())  # type: ignore[arg-type]
        for _ in range(2):
            with suppress(MembersUnavailable):
                await erase_accounts(privacy.relay, lame)
        left = await privacy.owner.fetch("select user_id from deletions where erased_at is null")
        assert [row["user_id"] for row in left] == [phones[0].user_id]
        assert await privacy.erase() == 1

    async def test_is_done_by_one_of_two_relays(self, privacy: PrivacyServices) -> None:
        phones = [await privacy.phone() for _ in range(4)]
        for phone in phones:
            await privacy.painted(phone.user_id)
            await privacy.leave(phone)
        await privacy.time_is_up()
        rounds = [erase_accounts(privacy.relay, privacy.eraser) for _ in range(8)]
        outcomes = [await asyncio.gather(*rounds[at : at + 2]) for at in range(0, 8, 2)]
        done = sum(done for pair in outcomes for _, done in pair)
        assert done + await privacy.erase() == 4
        assert await privacy.owner.fetchval("select count(*) from deletions where mac is not null") == 4


async def _signed_in(privacy: PrivacyServices, phone: Handset) -> Handset:
    return await phone.sign_in(privacy.api)


class Away:
    """A user pool that does not answer."""

    async def delete(self, _sub: UUID) -> None:
        raise MembersUnavailable


class Crash(Exception):
    """The process ends here."""


class Dying:
    """The real thing; but when it has done one thing, the process dies before anybody knows."""

    def __init__(self, real: Any, last_act: str) -> None:
        self._real = real
        self._last_act = last_act

    def __getattr__(self, name: str) -> Any:
        act = getattr(self._real, name)
        if name != self._last_act:
            return act

        async def die(*arguments: Any) -> None:
            await act(*arguments)
            raise Crash

        return die
