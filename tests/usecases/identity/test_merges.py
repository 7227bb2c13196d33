"""Two accounts become one, and two again; as the role that does it in production."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from factories import USAGE, kept, submitted
from merging import Handset, account_of, assert_nothing_is_wrong, claim_next
from moderated import ACT
from tatemono.adapters.postgres.database import Database
from tatemono.domain.generations.attempts import CANCELLED, Outcome
from tatemono.domain.generations.generation import AlreadyFinished, NoSuchGeneration, OutOfCredits, PictureRequest
from tatemono.domain.identity.devices import UserKind
from tatemono.domain.identity.merges import (
    MergeGrant,
    MergeTokenRejected,
    NoDeviceToReturn,
    NoSuchMerge,
    NotMergeable,
    TooLateToUndo,
)
from tatemono.domain.identity.sessions import AccountSuspended, OnlyWayIn
from tatemono.domain.safety.reports import Decision, ReportReason
from tatemono.usecases.generations.cancel_generation import cancel_generation
from tatemono.usecases.identity.preview_merge import preview_merge
from tatemono.usecases.identity.revoke_device import revoke_device
from tatemono.usecases.identity.undo_merge import undo_merge
from tatemono.usecases.safety.take_down_picture import take_down_picture


@pytest.fixture
async def api(service_database_url: Callable[[str], str]) -> AsyncIterator[Database]:
    async with await Database.connect(service_database_url("mobile-api"), service="mobile-api") as db:
        yield db


@pytest.fixture
async def worker(service_database_url: Callable[[str], str]) -> AsyncIterator[Database]:
    async with await Database.connect(service_database_url("image-worker"), service="image-worker") as db:
        yield db


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await assert_nothing_is_wrong(connection)
    await connection.close()


@pytest.fixture
async def phone(api: Database) -> Handset:
    return await Handset().sign_in(api)


@pytest.fixture
async def other(api: Database, owner: Any) -> Handset:
    """A member's phone."""
    phone = await Handset().sign_in(api)
    await owner.execute("update users set kind = 'member', email = 'a@example.jp' where id = $1", phone.user_id)
    return phone


@pytest.fixture
async def admin(service_database_url: Callable[[str], str]) -> AsyncIterator[Database]:
    async with await Database.connect(service_database_url("admin-api"), service="admin-api") as db:
        yield db


async def painted(api: Database, worker: Database, user_id: UUID) -> UUID:
    """:returns: the picture"""
    await submitted(api, user_id)
    claim = await claim_next(worker)
    assert claim is not None
    assert await worker.generations.succeed(claim, [kept(claim)], USAGE, None)
    return (await api.queries.pictures_of([claim.generation.id]))[0].id


async def strike(admin: Database, picture_id: UUID) -> None:
    """An operator takes the picture down, and it counts against its user."""
    await take_down_picture(
        admin,
        ACT,
        picture_id=picture_id,
        reason=ReportReason.HATE,
        decision=Decision.STRIKE,
        now=datetime.now(UTC),
    )


async def struck(db: Database, *user_ids: UUID) -> list[int]:
    return [len(await db.strikes.of(user_id)) for user_id in user_ids]


class TestStrikes:
    async def test_go_over_and_count_together(
        self, api: Database, worker: Database, admin: Database, phone: Handset, other: Handset
    ) -> None:
        guest = phone.user_id
        for user_id in (guest, guest, other.user_id):
            await strike(admin, await painted(api, worker, user_id))
        # One that counts no more.
        await admin.strikes.add(guest, "hate", None, counts_for=timedelta(seconds=-1))
        last = await painted(api, worker, guest)
        grant = MergeGrant(guest, other.user_id, phone.principal.device_id)
        preview = await preview_merge(api.merges, grant=grant)
        assert (preview.leaving.strikes, preview.staying.strikes) == (2, 1)
        await phone.confirm(api, grant)
        assert await struck(admin, guest, other.user_id) == [0, 3]
        assert {each.user_id for each in await admin.takedowns.all(before=None, limit=10)} == {other.user_id}
        # Nobody is suspended for having become one; the next one counts all of them.
        await preview_merge(
            api.merges, grant=MergeGrant((await Handset().sign_in(api)).user_id, other.user_id, uuid4())
        )
        await strike(admin, last)
        with pytest.raises(AccountSuspended):
            await preview_merge(
                api.merges, grant=MergeGrant((await Handset().sign_in(api)).user_id, other.user_id, uuid4())
            )

    async def test_go_back_as_they_came(
        self, api: Database, worker: Database, admin: Database, phone: Handset, other: Handset
    ) -> None:
        guest = phone.user_id
        await strike(admin, await painted(api, worker, guest))
        merged = await phone.merge_into(api, other.user_id)
        await strike(admin, await painted(api, worker, other.user_id))
        await undo_merge(api, user_id=other.user_id, merge_id=merged.id)
        assert await struck(admin, guest, other.user_id) == [1, 1]

    async def test_given_since_go_back_with_what_they_are_for(
        self, api: Database, worker: Database, admin: Database, phone: Handset, other: Handset
    ) -> None:
        guest = phone.user_id
        picture = await painted(api, worker, guest)
        merged = await phone.merge_into(api, other.user_id)
        await strike(admin, picture)
        await undo_merge(api, user_id=other.user_id, merge_id=merged.id)
        assert await struck(admin, guest, other.user_id) == [1, 0]

    async def test_given_while_accounts_merge_stay_with_the_picture(
        self, api: Database, worker: Database, admin: Database, phone: Handset, other: Handset
    ) -> None:
        guest = phone.user_id
        pictures = [await painted(api, worker, guest) for _ in range(2)]
        await asyncio.gather(phone.merge_into(api, other.user_id), *(strike(admin, picture) for picture in pictures))
        assert await struck(admin, guest, other.user_id) == [0, 2]


class TestPreviewMerge:
    async def test_counts_both_and_changes_nothing(
        self, api: Database, worker: Database, owner: Any, phone: Handset, other: Handset
    ) -> None:
        await painted(api, worker, phone.user_id)
        await submitted(api, phone.user_id)
        grant = MergeGrant(phone.user_id, other.user_id, phone.principal.device_id)
        preview = await preview_merge(api.merges, grant=grant)
        assert await preview_merge(api.merges, grant=grant) == preview
        assert (preview.leaving.pictures, preview.leaving.generations, preview.leaving.in_flight) == (1, 2, 1)
        assert (preview.leaving.credits_available, preview.leaving.credits_held) == (484, 8)
        assert (preview.staying.email, preview.credits_after) == ("a@example.jp", 984)

    async def test_refuses_to_merge_a_member_away(self, api: Database, phone: Handset, other: Handset) -> None:
        with pytest.raises(NotMergeable):
            await preview_merge(api.merges, grant=MergeGrant(other.user_id, phone.user_id, other.principal.device_id))


class TestConfirmMerge:
    async def test_moves_all_and_adds_the_credits_up(
        self, api: Database, worker: Database, owner: Any, phone: Handset, other: Handset
    ) -> None:
        guest = phone.user_id
        await painted(api, worker, guest)
        await submitted(api, guest)
        merged = await phone.merge_into(api, other.user_id)
        assert (merged.generations, merged.pictures, merged.devices, merged.credits_moved) == (2, 1, 1, 484)
        assert phone.user_id == other.user_id
        assert await account_of(owner, other.user_id) == {
            "available": 984, "held": 8, "spent": 0, "queued": 1, "running": 0
        }  # fmt: skip
        assert len(await api.queries.pictures(other.user_id, before=None, limit=10)) == 1
        assert (await phone.sign_in(api)).user_id == other.user_id

    async def test_lets_a_generation_that_is_painted_end_for_its_new_user(
        self, api: Database, worker: Database, owner: Any, phone: Handset, other: Handset
    ) -> None:
        await submitted(api, phone.user_id)
        claim = await claim_next(worker)
        assert claim is not None
        await phone.merge_into(api, other.user_id)
        assert await worker.generations.extend_leases([claim], lease=timedelta(minutes=1))
        assert await worker.generations.succeed(claim, [kept(claim)], USAGE, None)
        (picture,) = await api.queries.pictures(other.user_id, before=None, limit=10)
        # The object stays where it was put.
        assert str(claim.generation.user_id) in picture.object_key
        assert (await account_of(owner, other.user_id))["spent"] == 8

    async def test_keeps_the_idempotency_keys_of_both_apart(
        self, api: Database, owner: Any, phone: Handset, other: Handset
    ) -> None:
        first = await submitted(api, phone.user_id, key="only mine")
        await submitted(api, phone.user_id, key="both")
        theirs = await submitted(api, other.user_id, key="both")
        await phone.merge_into(api, other.user_id)
        assert (await submitted(api, other.user_id, key="only mine")).id == first.id
        assert (await submitted(api, other.user_id, key="both")).id == theirs.id

    async def test_leaves_nothing_that_an_old_access_token_could_spend(
        self, api: Database, owner: Any, phone: Handset, other: Handset
    ) -> None:
        guest = phone.user_id
        generation = await submitted(api, guest)
        await phone.merge_into(api, other.user_id)
        with pytest.raises(OutOfCredits):
            await submitted(api, guest)
        with pytest.raises(NoSuchGeneration):
            await cancel_generation(api, user_id=guest, generation_id=generation.id)

    async def test_happens_once_when_two_confirm_at_once(
        self, api: Database, owner: Any, phone: Handset, other: Handset
    ) -> None:
        await submitted(api, phone.user_id)
        third = await Handset().sign_in(api)
        twins = [Handset(phone.identifier, phone.thumbprint, phone.device) for _ in range(6)]
        outcomes = await asyncio.gather(
            *(twin.merge_into(api, (other if number % 2 else third).user_id) for number, twin in enumerate(twins)),
            return_exceptions=True,
        )
        assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
        assert {type(outcome) for outcome in outcomes if isinstance(outcome, BaseException)} == {NotMergeable}

    async def test_refuses_another_key_and_a_suspended_account(
        self, api: Database, owner: Any, phone: Handset, other: Handset
    ) -> None:
        thief = Handset(phone.identifier, secrets.token_urlsafe(32), phone.device)
        with pytest.raises(MergeTokenRejected):
            await thief.merge_into(api, other.user_id)
        await owner.execute("update users set suspended_at = now() where id = $1", phone.user_id)
        with pytest.raises(AccountSuspended):
            await phone.merge_into(api, other.user_id)

    async def test_lets_no_cycle_come_to_be(self, api: Database, owner: Any, phone: Handset) -> None:
        second = await Handset().sign_in(api)
        first_user, second_user = phone.user_id, second.user_id
        outcomes = await asyncio.gather(
            phone.merge_into(api, second_user), second.merge_into(api, first_user), return_exceptions=True
        )
        assert sorted(isinstance(outcome, NotMergeable) for outcome in outcomes) == [False, True]

    async def test_ends_well_among_generations_that_begin_and_end(
        self, api: Database, worker: Database, owner: Any, phone: Handset, other: Handset
    ) -> None:
        guest = phone.user_id

        async def ask(user_id: UUID) -> None:
            for _ in range(10):
                with suppress(OutOfCredits, AlreadyFinished, NoSuchGeneration):
                    await submitted(api, user_id)
                    generation = await submitted(api, user_id)
                    await cancel_generation(api, user_id=user_id, generation_id=generation.id)

        async def paint() -> None:
            for number in range(25):
                claim = await claim_next(worker)
                if claim is None:
                    await asyncio.sleep(0.005)
                elif number % 3 == 0:
                    await worker.generations.give_up(claim, Outcome.FAILED, None, CANCELLED, None)
                else:
                    await worker.generations.succeed(claim, [kept(claim)], USAGE, None)

        async def merge() -> None:
            await asyncio.sleep(0.05)
            merged = await phone.merge_into(api, other.user_id)
            await asyncio.sleep(0.05)
            await undo_merge(api, user_id=other.user_id, merge_id=merged.id)

        await asyncio.gather(ask(guest), ask(other.user_id), paint(), paint(), merge())


class TestSpendingOfTheDay:
    """What both spent today counts for whoever has both, so that nobody gets around a budget by merging."""

    async def test_goes_over_with_the_generations_and_comes_back(
        self, api: Database, worker: Database, owner: Any, phone: Handset, other: Handset
    ) -> None:
        guest = phone.user_id
        await painted(api, worker, guest)
        await submitted(api, guest)
        await submitted(api, other.user_id)
        before = await spending(owner)
        assert all(before[user] > 0 for user in (guest, other.user_id))
        merged = await phone.merge_into(api, other.user_id)
        assert await spending(owner) == {guest: 0, other.user_id: sum(before.values())}
        await undo_merge(api, user_id=other.user_id, merge_id=merged.id)
        assert await spending(owner) == before

    async def test_reaches_an_account_that_asked_for_nothing_today(
        self, api: Database, worker: Database, owner: Any, phone: Handset, other: Handset
    ) -> None:
        guest = phone.user_id
        await submitted(api, other.user_id)
        await owner.execute("update accounts set day = day - 1 where user_id = $1", other.user_id)
        await owner.execute("update generations set budget_day = budget_day - 1 where user_id = $1", other.user_id)
        await submitted(api, guest)
        spent_today = (await spending(owner))[guest]
        await phone.merge_into(api, other.user_id)
        assert await spending(owner) == {guest: 0, other.user_id: spent_today}
        days = await owner.fetch("select distinct day from accounts")
        assert len(days) == 1

    async def test_of_yesterday_stays_there(self, api: Database, owner: Any, phone: Handset, other: Handset) -> None:
        guest = phone.user_id
        await submitted(api, guest)
        await owner.execute("update accounts set day = day - 1 where user_id = $1", guest)
        await owner.execute("update generations set budget_day = budget_day - 1 where user_id = $1", guest)
        await submitted(api, other.user_id)
        before = (await spending(owner))[other.user_id]
        await phone.merge_into(api, other.user_id)
        assert (await spending(owner))[other.user_id] == before
        await owner.execute("update accounts set day_micros = 0 where user_id = $1", guest)


async def spending(owner: Any) -> dict[UUID, int]:
    return dict(await owner.fetch("select user_id, day_micros from accounts"))


class TestUndoMerge:
    async def test_gives_back_exactly_what_came(
        self, api: Database, worker: Database, owner: Any, phone: Handset, other: Handset
    ) -> None:
        guest = phone.user_id
        await painted(api, worker, guest)
        await painted(api, worker, other.user_id)
        before = [await account_of(owner, user_id) for user_id in (guest, other.user_id)]
        merged = await phone.merge_into(api, other.user_id)
        undone = await undo_merge(api, user_id=other.user_id, merge_id=merged.id)
        assert (undone.user_id, undone.generations, undone.pictures, undone.devices) == (guest, 1, 1, 1)
        assert (undone.credits_returned, undone.credits_short) == (492, 0)
        assert [await account_of(owner, user_id) for user_id in (guest, other.user_id)] == before
        assert (await phone.sign_in(api)).user_id == guest
        with pytest.raises(TooLateToUndo):
            await undo_merge(api, user_id=other.user_id, merge_id=merged.id)
        await phone.merge_into(api, other.user_id)

    async def test_never_overdraws_and_says_what_is_missing(
        self, api: Database, worker: Database, owner: Any, phone: Handset, other: Handset
    ) -> None:
        await submitted(api, phone.user_id)
        merged = await phone.merge_into(api, other.user_id)
        for _ in range(77):
            await submitted(api, other.user_id, PictureRequest(prompt="x", n=1))
        assert (await account_of(owner, other.user_id))["available"] == 376
        undone = await undo_merge(api, user_id=other.user_id, merge_id=merged.id)
        assert (undone.credits_returned, undone.credits_short) == (376, 116)
        assert (await account_of(owner, other.user_id))["available"] == 0
        assert await account_of(owner, undone.user_id) == {
            "available": 376, "held": 8, "spent": 0, "queued": 1, "running": 0
        }  # fmt: skip

    @pytest.mark.parametrize("succeeds", [True, False])
    async def test_settles_with_what_became_of_generations_in_flight(
        self, *, api: Database, worker: Database, owner: Any, phone: Handset, other: Handset, succeeds: bool
    ) -> None:
        await submitted(api, phone.user_id)
        claim = await claim_next(worker)
        assert claim is not None
        merged = await phone.merge_into(api, other.user_id)
        if succeeds:
            await worker.generations.succeed(claim, [kept(claim)], USAGE, None)
        else:
            await worker.generations.give_up(claim, Outcome.FAILED, None, CANCELLED, None)
        undone = await undo_merge(api, user_id=other.user_id, merge_id=merged.id)
        assert (undone.credits_returned, undone.pictures) == ((492, 1) if succeeds else (500, 0))
        assert (await account_of(owner, other.user_id))["available"] == 500

    async def test_is_the_others_alone_and_within_seven_days(
        self, api: Database, owner: Any, phone: Handset, other: Handset
    ) -> None:
        guest = phone.user_id
        merged = await phone.merge_into(api, other.user_id)
        for user_id, merge_id in ((guest, merged.id), (other.user_id, uuid4())):
            with pytest.raises(NoSuchMerge):
                await undo_merge(api, user_id=user_id, merge_id=merge_id)
        await owner.execute("update account_merges set created_at = now() - interval '7 days'")
        with pytest.raises(TooLateToUndo):
            await undo_merge(api, user_id=other.user_id, merge_id=merged.id)

    async def test_refuses_what_would_leave_somebody_without_a_way_in(
        self, api: Database, owner: Any, phone: Handset, other: Handset
    ) -> None:
        second = await Handset().sign_in(api)
        merged = await phone.merge_into(api, second.user_id)
        await revoke_device(api, user_id=second.user_id, user_kind=UserKind.GUEST, device_id=second.principal.device_id)
        with pytest.raises(OnlyWayIn):
            await undo_merge(api, user_id=second.user_id, merge_id=merged.id)
        third = await Handset().sign_in(api)
        merged = await third.merge_into(api, other.user_id)
        await revoke_device(api, user_id=other.user_id, user_kind=UserKind.MEMBER, device_id=third.principal.device_id)
        with pytest.raises(NoDeviceToReturn):
            await undo_merge(api, user_id=other.user_id, merge_id=merged.id)

    async def test_undoes_the_last_of_a_chain_first(
        self, api: Database, owner: Any, phone: Handset, other: Handset
    ) -> None:
        second = await Handset().sign_in(api)
        middle = second.user_id
        first_merge = await phone.merge_into(api, middle)
        second_merge = await second.merge_into(api, other.user_id)
        with pytest.raises(NotMergeable):
            await undo_merge(api, user_id=middle, merge_id=first_merge.id)
        await undo_merge(api, user_id=other.user_id, merge_id=second_merge.id)
        await undo_merge(api, user_id=middle, merge_id=first_merge.id)
        assert (await phone.sign_in(api)).user_id != (await second.sign_in(api)).user_id

    async def test_happens_once_when_five_ask_at_once(
        self, api: Database, owner: Any, phone: Handset, other: Handset
    ) -> None:
        merged = await phone.merge_into(api, other.user_id)
        outcomes = await asyncio.gather(
            *(undo_merge(api, user_id=other.user_id, merge_id=merged.id) for _ in range(5)), return_exceptions=True
        )
        assert sum(isinstance(outcome, TooLateToUndo) for outcome in outcomes) == 4
