"""Leftovers of each kind are planted, found, told and removed; and nothing that is under way is ever touched."""

import secrets
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from factories import kept, submitted
from house import House
from merging import claim_next
from tatemono.domain.privacy.residual_data import Findings, Kind
from tatemono.usecases.privacy.reconcile import UNATTENDED, reconcile_all, reconcile_due

pytest_plugins = ["members", "leaving"]

NOTHING: frozenset[Kind] = frozenset()
MARGIN = timedelta(hours=48)


async def look(house: House, repair: frozenset[Kind] = NOTHING) -> dict[Kind, Findings]:
    found = await reconcile_all(house.relay, house.reconciler(), repair=repair)
    return {findings.kind: findings for findings in found}


async def members_of(house: House) -> set[UUID]:
    """Whom the user pool knows, of those that a test has made."""
    seen, after = await house.directory.listed(None)
    while after:
        page, after = await house.directory.listed(after)
        seen += page
    return {each.sub for each in seen}


class TestReconcile:
    async def test_finds_nothing_where_nothing_is_left_over(self, house: House) -> None:
        phone, member = await house.phone(), await house.member()
        await house.painted(phone.user_id)
        await house.painted(member.user_id)
        export = await house.api.exports.request(phone.user_id, language="en")
        await house.put(export.object_key)
        await house.pool_member(f"{secrets.token_hex(6)}@example.com", phone.user_id, confirmed=False)
        before = await house.objects(), await members_of(house)
        found = await look(house, frozenset(Kind))
        strangers = found.pop(Kind.POOL_MEMBERS)
        assert {kind: findings.found for kind, findings in found.items()} == dict.fromkeys(found, 0)
        assert str(member.user_id) not in strangers.names
        assert (found[Kind.OBJECTS].looked_at, found[Kind.MEMBERS].looked_at) == (5, 1)
        assert await house.objects() == before[0]

    async def test_removes_objects_without_a_row(self, house: House) -> None:
        phone = await house.phone()
        keys = await house.painted(phone.user_id)
        gone = f"pictures/{uuid4()}/{uuid4()}/1-0.png"
        lost = keys[0].replace("/1-0.", "/1-3.")
        late = f"exports/{uuid4()}/x.zip"
        for key in (gone, lost, late, "somebody/elses.txt"):
            await house.put(key)
        found = (await look(house))[Kind.OBJECTS]
        assert set(found.names) == {gone, lost, late}
        assert await house.objects() == {*keys, gone, lost, late, "somebody/elses.txt"}
        assert (await look(house, frozenset({Kind.OBJECTS})))[Kind.OBJECTS].repaired == 3
        assert await house.objects() == {*keys, "somebody/elses.txt"}

    async def test_keeps_pictures_that_lie_in_the_folder_of_somebody_who_is_gone(self, house: House) -> None:
        phone, other = await house.phone(), await house.phone()
        keys = await house.painted(phone.user_id)
        await house.owner.execute("update pictures set user_id = $1", other.user_id)
        await house.owner.execute("update generations set user_id = $1", other.user_id)
        await look(house, UNATTENDED)
        assert await house.objects() == set(keys)

    async def test_removes_members_and_identities_whose_user_is_gone(self, house: House) -> None:
        stays, goes = await house.member(), await house.member()
        registering = await house.phone()
        waiting = await house.pool_member(f"{secrets.token_hex(6)}@example.com", registering.user_id, confirmed=False)
        never = await house.pool_member(f"{secrets.token_hex(6)}@example.com", uuid4(), confirmed=False)
        subs = dict(await house.owner.fetch("select id, cognito_sub from users where cognito_sub is not null"))
        identity = await house.owner.fetchval("select cognito_identity_id from users where id = $1", goes.user_id)
        await house.owner.execute("delete from users where id = $1", goes.user_id)
        found = await look(house, UNATTENDED)
        left = await members_of(house)
        assert {subs[stays.user_id], waiting.sub} <= left
        assert not {subs[goes.user_id], never.sub} & left
        assert found[Kind.IDENTITIES].names == [identity]
        identities, _ = await house.identities.listed(None)
        assert len(identities) == 2

    async def test_tells_of_members_that_cognito_has_lost_and_makes_guests_of_them_when_asked(
        self, house: House
    ) -> None:
        phone, without_device = await house.member(), await house.member()
        for one in (phone, without_device):
            await house.cloud.cognito_idp.admin_delete_user(
                UserPoolId=house.pool_id, Username=house.addresses[one.user_id]
            )
        await house.owner.execute("update devices set revoked_at = now() where user_id = $1", without_device.user_id)
        await house.owner.execute("update sessions set revoked_at = now() where user_id = $1", without_device.user_id)
        told = (await look(house, UNATTENDED))[Kind.MEMBERS]
        assert (told.found, told.repaired) == (2, 0)
        mended = (await look(house, frozenset(Kind)))[Kind.MEMBERS]
        assert (mended.found, mended.repaired) == (2, 1)
        kinds = dict(await house.owner.fetch("select id, kind::text from users"))
        assert (kinds[phone.user_id], kinds[without_device.user_id]) == ("guest", "member")
        assert (await phone.sign_in(house.api)).device is not None

    async def test_touches_nothing_that_is_younger_than_the_margin(self, house: House) -> None:
        phone = await house.phone()
        await submitted(house.api, phone.user_id)
        claim = await claim_next(house.worker)
        assert claim is not None
        # A worker has stored its picture and not written it down yet.
        await house.put(kept(claim).object_key)
        await house.put(f"pictures/{uuid4()}/{uuid4()}/1-0.png")
        await house.pool_member(f"{secrets.token_hex(6)}@example.com", uuid4())
        await house.identities.create()
        before = await house.objects(), await members_of(house), await house.identities.listed(None)
        found = await reconcile_all(house.relay, house.reconciler(MARGIN), repair=frozenset(Kind))
        assert [findings.found for findings in found] == [0, 0, 0, 0]
        assert (await house.objects(), await members_of(house), await house.identities.listed(None)) == before

    async def test_repairs_nothing_when_nearly_everything_looks_left_over(self, house: House) -> None:
        phone = await house.phone()
        kept_keys = await house.painted(phone.user_id)
        for number in range(25):
            await house.put(f"pictures/{uuid4()}/{uuid4()}/1-{number}.png")
        found = (await look(house, UNATTENDED))[Kind.OBJECTS]
        assert (found.suspicious, found.found, found.repaired) == (True, 25, 0)
        assert len(await house.objects()) == 25 + len(kept_keys)

    async def test_looks_through_more_than_one_page(self, house: House) -> None:
        ids = [await house.identities.create() for _ in range(130)]
        phone = await house.phone()
        found = (await look(house))[Kind.IDENTITIES]
        assert (found.looked_at, found.found) == (131, 130)
        await house.identities.delete_identities(ids[:65])
        assert (await look(house))[Kind.IDENTITIES].found == 65
        assert phone.device is not None


class TestReconcileDue:
    async def test_runs_once_a_day_and_by_one_relay(self, house: House) -> None:
        await house.put(f"pictures/{uuid4()}/{uuid4()}/1-0.png")
        first = await reconcile_due(house.relay, house.reconciler())
        assert {findings.kind for findings in first} == set(Kind)
        assert await reconcile_due(house.relay, house.reconciler()) == []
        assert await house.objects() == set()
        told = await house.owner.fetchrow("select found, repaired, after from reconciliations where kind = 'objects'")
        assert tuple(told) == (1, 1, None)
        await house.owner.execute("update reconciliations set started_at = started_at - interval '25 hours'")
        assert len(await reconcile_due(house.relay, house.reconciler())) == 4

    async def test_goes_on_where_it_ended_within_the_day(self, house: House) -> None:
        await reconcile_due(house.relay, house.reconciler())
        await house.owner.execute(
            "update reconciliations set after = 'pictures/x', started_at = now() - interval '2 hours'"
            " where kind = 'objects'"
        )
        (again,) = await reconcile_due(house.relay, house.reconciler())
        assert (again.kind, again.after) == (Kind.OBJECTS, None)

    @pytest.mark.parametrize("kind", [Kind.POOL_MEMBERS, Kind.IDENTITIES])
    async def test_begins_anew_when_cognito_has_forgotten_the_page(self, house: House, kind: Kind) -> None:
        await house.owner.execute("update reconciliations set after = $1 where kind = $2", "no token", kind)
        found = {findings.kind: findings for findings in await reconcile_due(house.relay, house.reconciler())}
        assert found[kind].after is None
