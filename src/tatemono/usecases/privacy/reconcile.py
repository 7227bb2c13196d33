"""Residual data in store, Cognito and database is found; and removed, where that is safe."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tatemono.domain.identity.members import MembersUnavailable
from tatemono.domain.pictures import picture
from tatemono.domain.privacy import exports
from tatemono.domain.privacy.residual_data import Findings, Kind
from tatemono.usecases.identity.ports import GuestIdentitiesUnavailable
from tatemono.usecases.privacy.ports import IdentityDirectory, MemberDirectory, ObjectFolders, PrivacyDatabase

#: Members that lost their Cognito user are for a person to look at: to make guests of them cannot be taken back.
UNATTENDED = frozenset({Kind.OBJECTS, Kind.POOL_MEMBERS, Kind.IDENTITIES})
DAILY = timedelta(days=1)
#: So many pages of one kind are looked through in a run: 200,000 objects, 12,000 people. The next run goes on there.
_PAGES = 200
_MEMBERS_A_PAGE = 60
_NAMES = 20


@dataclass(frozen=True, slots=True)
class Reconciler:
    """:ivar margin: what is younger may belong to something that is under way, and is left alone"""

    store: ObjectFolders
    members: MemberDirectory
    identities: IdentityDirectory | None
    margin: timedelta


@dataclass(slots=True)
class _Page:
    """:ivar mend: by the name of each finding what mends it; it answers whether it did"""

    looked_at: int
    mend: dict[str, Callable[[], Awaitable[bool]]]
    after: str | None


async def reconcile_due(
    db: PrivacyDatabase, parts: Reconciler, *, repair: Collection[Kind] = UNATTENDED
) -> list[Findings]:
    """The daily run, of those kinds whose turn it is: a bounded piece, which goes on where the one before it ended."""
    found = []
    for kind in Kind:
        due, after = await db.residual_data.begin(kind, every=DAILY)
        if due:
            findings = await _run(db, parts, kind, after=after, repair=kind in repair)
            found.append(findings)
            await db.residual_data.finish(
                kind,
                after=findings.after,
                looked_at=findings.looked_at,
                found=findings.found,
                repaired=findings.repaired,
            )
    return found


async def reconcile_all(db: PrivacyDatabase, parts: Reconciler, *, repair: Collection[Kind]) -> list[Findings]:
    """Everything from beginning to end, without regard to the daily run."""
    found = []
    for kind in Kind:
        total = Findings(kind)
        while True:
            piece = await _run(db, parts, kind, after=total.after, repair=kind in repair)
            total.looked_at += piece.looked_at
            total.found += piece.found
            total.repaired += piece.repaired
            total.names = [*total.names, *piece.names][:_NAMES]
            total.after = piece.after
            if piece.after is None:
                break
        found.append(total)
    return found


async def _run(db: PrivacyDatabase, parts: Reconciler, kind: Kind, *, after: str | None, repair: bool) -> Findings:
    findings = Findings(kind, after=after)
    mend: dict[str, Callable[[], Awaitable[bool]]] = {}
    before = await db.deletions.now() - parts.margin
    for _ in range(_PAGES):
        try:
            page = await _LOOKS[kind](db, parts, findings.after, before)
        except (MembersUnavailable, GuestIdentitiesUnavailable):
            # Cognito forgets where a page begins after an hour; without that there is nothing to begin anew.
            if findings.after is None:
                raise
            findings.after = None
            break
        findings.looked_at += page.looked_at
        mend |= page.mend
        findings.after = page.after
        if page.after is None:
            break
    findings.found, findings.names = len(mend), list(mend)[:_NAMES]
    # What is removed would move the pages that are still to come, so the mending is last.
    if repair and not findings.suspicious:
        findings.repaired = sum([await act() for act in mend.values()])
    return findings


async def _objects(db: PrivacyDatabase, parts: Reconciler, after: str | None, before: datetime) -> _Page:
    listed = await parts.store.listed("", after=after or "")
    ours = [each for each in listed if each.key.partition("/")[0] in {picture.FOLDER, exports.FOLDER}]
    old = [each.key for each in ours if each.modified_at < before]
    known = await db.residual_data.objects_known(old)
    left = [key for key in old if key not in known]
    return _Page(len(ours), {key: _act(parts.store.delete, [key]) for key in left}, listed[-1].key if listed else None)


async def _pool_members(db: PrivacyDatabase, parts: Reconciler, after: str | None, before: datetime) -> _Page:
    """Whose user is gone. A guest that has registered and not shown the code yet is there, and so is its sign-up."""
    seen, following = await parts.members.listed(after)
    old = [each for each in seen if each.changed_at < before]
    subs = await db.residual_data.subs_known([each.sub for each in old])
    users = await db.residual_data.users_known({each.user_id for each in old if each.user_id})
    left = [each.sub for each in old if each.sub not in subs and each.user_id not in users]
    return _Page(len(seen), {str(sub): _act(parts.members.delete, sub) for sub in left}, following)


async def _identities(db: PrivacyDatabase, parts: Reconciler, after: str | None, before: datetime) -> _Page:
    if parts.identities is None:
        return _Page(0, {}, None)
    seen, following = await parts.identities.listed(after)
    old = [each.id for each in seen if each.created_at < before]
    known = await db.residual_data.identities_known(old)
    left = [each for each in old if each not in known]
    delete = parts.identities.delete_identities
    return _Page(len(seen), {each: _act(delete, [each]) for each in left}, following)


async def _members(db: PrivacyDatabase, parts: Reconciler, after: str | None, before: datetime) -> _Page:
    rows = await db.residual_data.members(after=UUID(after) if after else None, limit=_MEMBERS_A_PAGE)
    left = [(user_id, sub) for user_id, sub, since in rows if since < before and not await parts.members.exists(sub)]

    def guest_again(user_id: UUID, sub: UUID) -> Callable[[], Awaitable[bool]]:
        return lambda: db.residual_data.make_guest(user_id, sub)

    mend = {str(user_id): guest_again(user_id, sub) for user_id, sub in left}
    return _Page(len(rows), mend, str(rows[-1][0]) if len(rows) == _MEMBERS_A_PAGE else None)


def _act(delete: Callable[..., Awaitable[None]], what: object) -> Callable[[], Awaitable[bool]]:
    async def act() -> bool:
        await delete(what)
        return True

    return act


_LOOKS: dict[Kind, Callable[[PrivacyDatabase, Reconciler, str | None, datetime], Awaitable[_Page]]] = {
    Kind.OBJECTS: _objects,
    Kind.POOL_MEMBERS: _pool_members,
    Kind.IDENTITIES: _identities,
    Kind.MEMBERS: _members,
}
