"""Changing phones with a code; as the role that does it in production."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from factories import submitted
from merging import Handset, assert_nothing_is_wrong
from tatemono.adapters.postgres.database import Database
from tatemono.adapters.postgres.identity.revocations import Revocations
from tatemono.domain.identity.devices import Principal, ProofRejected, TokenRejected
from tatemono.domain.identity.merges import MergeGrant
from tatemono.domain.identity.sessions import AccountSuspended
from tatemono.domain.identity.transfers import ATTEMPTS, AlreadyHere, TransferCode, TransferCodeRejected
from tatemono.usecases.ports import REVOCATIONS_CHANNEL


@pytest.fixture
async def api(service_database_url: Callable[[str], str]) -> AsyncIterator[Database]:
    async with await Database.connect(service_database_url("mobile-api"), service="mobile-api") as db:
        yield db


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await assert_nothing_is_wrong(connection)
    await connection.close()


@pytest.fixture
async def old(api: Database) -> Handset:
    return await Handset().sign_in(api)


def wrong_guess(code: TransferCode) -> str:
    """A well-formed code with the same beginning."""
    while True:
        other = TransferCode.made_of(secrets.token_bytes(10)).text
        mixed = code.locator + other[len(code.locator) : -1]
        for last in "0123456789ABCDEFGHJKMNPQRSTVWXYZ":
            try:
                found = TransferCode.read(mixed + last)
            except Exception:  # noqa: BLE001, S112 - the wrong last character
                continue
            if found != code:
                return found.text


def is_over(revocations: Revocations, caller: Principal) -> bool:
    """Whether a service refuses the tokens of a session."""
    try:
        revocations.check(caller, 0)
    except TokenRejected:
        return True
    return False


class TestRedeemTransferCode:
    async def test_lets_a_new_phone_in_with_its_own_key(self, api: Database, owner: Any, old: Handset) -> None:
        issued = await old.issue(api)
        new = Handset()
        assert await new.redeem(api, issued.code.grouped) is None
        assert new.user_id == old.user_id
        assert (await new.sign_in(api)).user_id == (await old.sign_in(api)).user_id
        assert new.principal.device_id != old.principal.device_id

    async def test_lets_the_empty_guest_of_the_new_phone_go(self, api: Database, owner: Any, old: Handset) -> None:
        new = await Handset().sign_in(api)
        gone = new.user_id
        assert await new.redeem(api, (await old.issue(api)).code.text) is None
        assert new.user_id == old.user_id
        assert await owner.fetchval("select count(*) from users where id = $1", gone) == 0
        # The welcome is given once.
        assert await owner.fetchval("select available from accounts where user_id = $1", old.user_id) == 500

    async def test_leads_to_a_merge_when_the_new_phone_has_something(
        self, api: Database, owner: Any, old: Handset
    ) -> None:
        new = await Handset().sign_in(api)
        await submitted(api, new.user_id)
        issued = await old.issue(api, sign_out=True)
        grant = await new.redeem(api, issued.code.text)
        assert grant == MergeGrant(
            new.user_id, old.user_id, new.principal.device_id, sign_out_device_id=old.principal.device_id
        )
        assert (await new.sign_in(api)).user_id == grant.from_user_id
        await new.confirm(api, grant)
        assert new.user_id == old.user_id
        assert (await old.sign_in(api)).user_id != new.user_id

    async def test_signs_the_old_phone_out_if_that_was_wanted(self, api: Database, owner: Any, old: Handset) -> None:
        issued = await old.issue(api, sign_out=True)
        user_id, new = old.user_id, Handset()
        await new.redeem(api, issued.code.text)
        assert new.user_id == user_id
        assert (await old.sign_in(api)).user_id != user_id

    async def test_lets_exactly_one_of_many_phones_in(self, api: Database, owner: Any, old: Handset) -> None:
        issued = await old.issue(api)
        phones = [Handset() for _ in range(4)] + [await Handset().sign_in(api) for _ in range(4)]
        outcomes = await asyncio.gather(
            *(phone.redeem(api, issued.code.text) for phone in phones), return_exceptions=True
        )
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType"] + ["TransferCodeRejected"] * 7
        assert await owner.fetchval("select count(*) from devices where user_id = $1", old.user_id) == 2

    async def test_is_void_after_five_wrong_guesses(self, api: Database, owner: Any, old: Handset) -> None:
        issued = await old.issue(api)
        for _ in range(ATTEMPTS):
            with pytest.raises(TransferCodeRejected):
                await Handset().redeem(api, wrong_guess(issued.code))
        with pytest.raises(TransferCodeRejected):
            await Handset().redeem(api, issued.code.text)

    async def test_bears_four_wrong_guesses(self, api: Database, owner: Any, old: Handset) -> None:
        issued = await old.issue(api)
        for _ in range(ATTEMPTS - 1):
            with pytest.raises(TransferCodeRejected):
                await Handset().redeem(api, wrong_guess(issued.code))
        assert await Handset().redeem(api, issued.code.text) is None

    async def test_refuses_what_is_used_too_old_replaced_or_unknown(
        self, api: Database, owner: Any, old: Handset
    ) -> None:
        replaced = await old.issue(api)
        used = await old.issue(api)
        await Handset().redeem(api, used.code.text)
        too_old = await old.issue(api, lifetime=timedelta(seconds=-1))
        for code in (replaced.code, used.code, too_old.code, TransferCode.made_of(secrets.token_bytes(10))):
            with pytest.raises(TransferCodeRejected):
                await Handset().redeem(api, code.text)

    async def test_stays_good_when_it_is_tried_where_the_account_is(
        self, api: Database, owner: Any, old: Handset
    ) -> None:
        issued = await old.issue(api)
        for _ in range(ATTEMPTS + 1):
            with pytest.raises(AlreadyHere):
                await old.redeem(api, issued.code.text)
        assert await Handset().redeem(api, issued.code.text) is None

    async def test_opens_no_suspended_account_and_frees_nobody(self, api: Database, owner: Any, old: Handset) -> None:
        issued = await old.issue(api)
        new = await Handset().sign_in(api)
        for user_id in (new.user_id, old.user_id):
            await owner.execute("update users set suspended_at = now() where id = $1", user_id)
            with pytest.raises(AccountSuspended):
                await new.redeem(api, issued.code.text)
            await owner.execute("update users set suspended_at = null where id = $1", user_id)
        assert await new.redeem(api, issued.code.text) is None

    async def test_takes_each_proof_once(self, api: Database, owner: Any, old: Handset) -> None:
        new = Handset()
        proof = new.proof()
        new.proof = lambda: proof  # type: ignore[method-assign]
        await new.redeem(api, (await old.issue(api)).code.text)
        with pytest.raises(ProofRejected):
            await new.redeem(api, (await old.issue(api)).code.text)

    async def test_ends_the_session_that_the_phone_had_before(self, api: Database, owner: Any, old: Handset) -> None:
        await owner.execute("update users set kind = 'member' where id = $1", old.user_id)
        third = await Handset().sign_in(api)
        session = old.principal.session_id
        await old.redeem(api, (await third.issue(api)).code.text)
        assert await owner.fetchval("select revoked_at is not null from sessions where id = $1", session)

    async def test_tells_every_service_of_the_account_that_the_phone_has_left(
        self, api: Database, owner: Any, old: Handset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await owner.execute("update users set kind = 'member' where id = $1", old.user_id)
        third, left = await Handset().sign_in(api), old.principal
        told: set[str] = set()
        notify = api.notifier.notify

        def listen(channel: str, key: str = "") -> None:
            if channel == REVOCATIONS_CHANNEL:
                told.add(key)
            notify(channel, key)

        monkeypatch.setattr(api.notifier, "notify", listen)
        async with Revocations(api, lifetime_seconds=3600, reload_seconds=3600) as revocations:
            assert not is_over(revocations, left)
            await old.redeem(api, (await third.issue(api)).code.text)
            async with asyncio.timeout(5):
                while not is_over(revocations, left):  # noqa: ASYNC110 - nothing to wait for but this
                    await asyncio.sleep(0.01)
        assert told == {str(left.user_id), str(third.user_id)}


class TestIssueTransferCode:
    async def test_keeps_no_code(self, api: Database, owner: Any, old: Handset) -> None:
        issued = await old.issue(api)
        row = str(await owner.fetchrow("select transfer_codes::text from transfer_codes"))
        assert issued.code.text not in row
        assert issued.code.text[5:] not in row

    async def test_refuses_a_device_that_is_not_the_users_any_more(
        self, api: Database, owner: Any, old: Handset
    ) -> None:
        await submitted(api, old.user_id)
        guest = old.principal
        other = await Handset().sign_in(api)
        stale = Handset(device=old.device)
        await old.merge_into(api, other.user_id)
        assert stale.principal == guest
        with pytest.raises(TokenRejected):
            await stale.issue(api)
