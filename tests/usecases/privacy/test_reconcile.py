"""Leftovers of each kind are planted, found, told and removed; and nothing that is under way is ever touched."""

import secrets
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from factories import kept, submitted
from merging import claim_next
from privacy_services import PrivacyServices
from tatemono.domain.privacy.residual_data import Findings, Kind
from tatemono.usecases.privacy.reconcile import UNATTENDED, reconcile_all, reconcile_due

pytest_plugins = ["members", "privacy_fixture"]

NOTHING: frozenset[Kind] = frozenset()
MARGIN = timedelta(hours=48)


async def look(privacy: PrivacyServices, repair: frozenset[Kind] = NOTHING) -> dict[Kind, Findings]:
    found = await reconcile_all(privacy.relay, privacy.reconciler(), repair=repair)
    return {findings.kind: findings for findings in found}


async def members_of(privacy: PrivacyServices) -> set[UUID]:
    """Whom the user pool knows, of those that a test has made."""
    seen, after = await privacy.directory.listed(None)
    while after:
        page, after = await privacy.directory.listed(after)
        seen += page
    return {each.sub for each in seen}


class TestReconcile:
    async def test_finds_nothing_where_nothing_is_left_over(self, privacy: PrivacyServices) -> None:
        phone, member = await privacy.phone(), await privacy.member()
        await privacy.painted(phone.user_id)
        await privacy.painted(member.user_id)
        export = await privacy.api.exports.request(phone.user_id, language="en")
        await privacy.put(export.object_key)
        await privacy.pool_member(f"{secrets.token_hex(6)}@example.com", phone.user_id, confirmed=False)
        before = await privacy.objects(), await members_of(privacy)
        found = await look(privacy, frozenset(Kind))
        strangers = found.pop(Kind.POOL_MEMBERS)
        assert {kind: findings.found for kind, findings in found.items()} == dict.fromkeys(found, 0)
        assert str(member.user_id) not in strangers.names
        assert (found[Kind.OBJECTS].looked_at, found[Kind.MEMBERS].looked_at) == (5, 1)
        assert await privacy.objects() == before[0]

    async def test_removes_objects_without_a_row(self, privacy: PrivacyServices) -> None:
        phone = await privacy.phone()
        keys = await privacy.painted(phone.user_id)
        gone = f"pictures/{uuid4()}/{uuid4()}/1-0.png"
        lost = keys[0].replace("/1-0.", "/1-3.")
        late = f"exports/{uuid4()}/x.zip"
        for key in (gone, lost, late, "somebody/elses.txt"):
            await privacy.put(key)
        found = (await look(privacy))[Kind.OBJECTS]
        assert set(found.names) == {gone, lost, late}
        assert await privacy.objects() == {*keys, gone, lost, late, "somebody/elses.txt"}
        assert (await look(privacy, frozenset({Kind.OBJECTS})))[Kind.OBJECTS].repaired == 3
        assert await privacy.objects() == {*keys, "somebody/elses.txt"}

    async def test_keeps_pictures_that_lie_in_the_folder_of_a_user_who_is_gone(self, privacy: PrivacyServices) -> None:
        phone, other = await privacy.phone(), await privacy.phone()
        keys = await privacy.painted(phone.user_id)
        await privacy.owner.execute("update pictures set user_id = $1", other.user_id)
        await privacy.owner.execute("update generations set user_id = $1", other.user_id)
        await look(privacy, UNATTENDED)
        assert await privacy.objects() == set(keys)

    async def test_removes_members_and_identities_whose_user_is_gone(self, privacy: PrivacyServices) -> None:
        stays, goes = await privacy.member(), await privacy.member()
        registering = await privacy.phone()
        waiting = await privacy.pool_member(f"{secrets.token_hex(6)}@example.com", registering.user_id, confirmed=False)
        never = await privacy.pool_member(f"{secrets.token_hex(6)}@example.com", uuid4(), confirmed=False)
        subs = dict(await privacy.owner.fetch("select id, cognito_sub from users where cognito_sub is not null"))
        identity = await privacy.owner.fetchval("select cognito_identity_id from users where id = $1", goes.user_id)
        await privacy.owner.execute("delete from users where id = $1", goes.user_id)
        found = await look(privacy, UNATTENDED)
        left = await members_of(privacy)
        assert {subs[stays.user_id], waiting.sub} <= left
        assert not {subs[goes.user_id], never.sub} & left
        assert found[Kind.IDENTITIES].names == [identity]
        identities, _ = await privacy.identities.listed(None)
        assert len(identities) == 2

    async def test_tells_of_members_that_cognito_has_lost_and_makes_guests_of_them_when_asked(
        self, privacy: PrivacyServices
    ) -> None:
        phone, without_device = await privacy.member(), await privacy.member()
        for one in (phone, without_device):
            await privacy.cloud.cognito_idp.admin_delete_user(
                UserPoolId=privacy.pool_id, Username=privacy.addresses[one.user_id]
            )
        await privacy.owner.execute("update devices set revoked_at = now() where user_id = $1", without_device.user_id)
        await privacy.owner.execute("update sessions set revoked_at = now() where user_id = $1", without_device.user_id)
        told = (await look(privacy, UNATTENDED))[Kind.MEMBERS]
        assert (told.found, told.repaired) == (2, 0)
        mended = (await look(privacy, frozenset(Kind)))[Kind.MEMBERS]
        assert (mended.found, mended.repaired) == (2, 1)
        kinds = dict(await privacy.owner.fetch("select id, kind::text from users"))
        assert (kinds[phone.user_id], kinds[without_device.user_id]) == ("guest", "member")
        assert (await phone.sign_in(privacy.api)).device is not None

    async def test_touches_nothing_that_is_younger_than_the_margin(self, privacy: PrivacyServices) -> None:
        phone = await privacy.phone()
        await submitted(privacy.api, phone.user_id)
        claim = await claim_next(privacy.worker)
        assert claim is not None
        # A worker has stored its picture and not written it down yet.
        await privacy.put(kept(claim).object_key)
        await privacy.put(f"pictures/{uuid4()}/{uuid4()}/1-0.png")
        await privacy.pool_member(f"{secrets.token_hex(6)}@example.com", uuid4())
        await privacy.identities.create()
        before = await privacy.objects(), await members_of(privacy), await privacy.identities.listed(None)
        found = await reconcile_all(privacy.relay, privacy.reconciler(MARGIN), repair=frozenset(Kind))
        assert [findings.found for findings in found] == [0, 0, 0, 0]
        assert (await privacy.objects(), await members_of(privacy), await privacy.identities.listed(None)) == before

    async def test_repairs_nothing_when_nearly_everything_looks_left_over(self, privacy: PrivacyServices) -> None:
        phone = await privacy.phone()
        kept_keys = await privacy.painted(phone.user_id)
        for number in range(25):
            await privacy.put(f"pictures/{uuid4()}/{uuid4()}/1-{number}.png")
        found = (await look(privacy, UNATTENDED))[Kind.OBJECTS]
        assert (found.suspicious, found.found, found.repaired) == (True, 25, 0)
        assert len(await privacy.objects()) == 25 + len(kept_keys)

    async def test_looks_through_more_than_one_page(self, privacy: PrivacyServices) -> None:
        ids = [await privacy.identities.create() for _ in range(130)]
        phone = await privacy.phone()
        found = (await look(privacy))[Kind.IDENTITIES]
        assert (found.looked_at, found.found) == (131, 130)
        await privacy.identities.delete_identities(ids[:65])
        assert (await look(privacy))[Kind.IDENTITIES].found == 65
        assert phone.device is not None


class TestReconcileDue:
    async def test_runs_once_a_day_and_by_one_relay(self, privacy: PrivacyServices) -> None:
        await privacy.put(f"pictures/{uuid4()}/{uuid4()}/1-0.png")
        first = await reconcile_due(privacy.relay, privacy.reconciler())
        assert {findings.kind for findings in first} == set(Kind)
        assert await reconcile_due(privacy.relay, privacy.reconciler()) == []
        assert await privacy.objects() == set()
        told = await privacy.owner.fetchrow("select found, repaired, after from reconciliations where kind = 'objects'")
        assert tuple(told) == (1, 1, None)
        await privacy.owner.execute("update reconciliations set started_at = started_at - interval '25 hours'")
        assert len(await reconcile_due(privacy.relay, privacy.reconciler())) == 4

    async def test_goes_on_where_it_ended_within_the_day(self, privacy: PrivacyServices) -> None:
        await reconcile_due(privacy.relay, privacy.reconciler())
        await privacy.owner.execute(
            "update reconciliations set after = 'pictures/x', started_at = now() - interval '2 hours'"
            " where kind = 'objects'"
        )
        (again,) = await reconcile_due(privacy.relay, privacy.reconciler())
        assert (again.kind, again.after) == (Kind.OBJECTS, None)

    @pytest.mark.parametrize("kind", [Kind.POOL_MEMBERS, Kind.IDENTITIES])
    async def test_begins_anew_when_cognito_has_forgotten_the_page(self, privacy: PrivacyServices, kind: Kind) -> None:
        await privacy.owner.execute("update reconciliations set after = $1 where kind = $2", "no token", kind)
        found = {findings.kind: findings for findings in await reconcile_due(privacy.relay, privacy.reconciler())}
        assert found[kind].after is None
