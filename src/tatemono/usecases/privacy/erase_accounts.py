"""Accounts whose deletion is due are erased; `domain.privacy.account_deletion` says in which order, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from tatemono.domain.mail.message import Mail, MailKind
from tatemono.domain.pictures import picture
from tatemono.domain.privacy import exports
from tatemono.domain.privacy.account_deletion import Receipt
from tatemono.usecases.ports import OUTBOX_CHANNEL
from tatemono.usecases.privacy.ports import (
    Erasing,
    IdentityDirectory,
    MemberDirectory,
    ObjectFolders,
    PrivacyDatabase,
    PrivacyRows,
)

BATCH = 10
#: Objects of one account that go in one round: two calls of the store.
_OBJECTS_A_ROUND = 2000
#: How long it is remembered that a user was erased. Cognito calls our function for a minute at most.
_NOTE_STANDS = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Eraser:
    """:ivar receipt_key: shows that a receipt is ours"""

    store: ObjectFolders
    members: MemberDirectory
    identities: IdentityDirectory | None
    receipt_key: bytes


async def erase_accounts(db: PrivacyDatabase, eraser: Eraser) -> tuple[int, int]:
    """Begin what is due, and take each erasure that is under way one round further, up to `BATCH` of both.

    Every step may be done twice, so a crash anywhere only repeats one.

    :returns: how many were begun, how many are done with
    :raises MembersUnavailable: Cognito does not answer; what is begun goes on later
    :raises GuestIdentitiesUnavailable: as above
    """
    begun = await db.deletions.begin_due(BATCH)
    await db.deletions.forget_erased(older_than=_NOTE_STANDS, limit=BATCH)
    done, failures = 0, []
    for deletion_id in await db.deletions.begun(BATCH):
        try:
            done += await _go_on(db, eraser, deletion_id)
        except Exception as failure:  # noqa: BLE001 - one that cannot go on keeps no other from being erased
            failures.append(failure)
    if done:
        db.notifier.notify(OUTBOX_CHANNEL)
    if failures:
        raise failures[0]
    return begun, done


async def _go_on(db: PrivacyDatabase, eraser: Eraser, deletion_id: UUID) -> bool:
    """:returns: whether nothing is left of the account"""
    async with db.transaction() as rows:
        erasing = await rows.deletions.lock_begun(deletion_id)
        # What waits or runs is let go by itself; then no picture can come any more.
        return erasing is not None and not erasing.busy and await _one_round(rows, eraser, erasing)


async def _one_round(rows: PrivacyRows, eraser: Eraser, erasing: Erasing) -> bool:
    """:returns: whether nothing is left of the account"""
    if "objects" not in erasing.counts:
        # Counted before the first goes, since the count of what is gone may get lost with a crash.
        await rows.deletions.note(erasing.deletion.id, {"objects": await _count_objects(rows, eraser, erasing)})
        return False
    if not await _erase_objects(rows, eraser, erasing):
        return False
    for sub in erasing.members:
        await eraser.members.delete(sub)
    if eraser.identities is not None:
        await eraser.identities.delete_identities(erasing.identities)
    counts = {**erasing.counts, "members": len(erasing.members), "identities": len(erasing.identities)}
    counts |= await rows.deletions.erase_rows(erasing)
    deletion = erasing.deletion
    erased_at = await rows.deletions.now()
    receipt = Receipt(deletion.id, deletion.erase_at, erased_at, counts)
    mac = receipt.signed(eraser.receipt_key)
    await rows.deletions.finish(receipt, mac)
    for email in erasing.emails:
        # From here on the address is in this mail only, until it was sent.
        facts = {
            "deleted_at": erased_at.isoformat(),
            "pictures": counts["pictures"],
            "receipt": f"{receipt.id} HMAC-SHA-256 {mac.hex()}",
        }
        cause = f"account-deleted:{receipt.id}"
        await rows.mails.put(Mail(cause, MailKind.ACCOUNT_DELETED, email, deletion.language, facts))
    return True


def _folders(family: Sequence[UUID]) -> list[str]:
    return [f"{folder}/{user_id}/" for user_id in family for folder in (picture.FOLDER, exports.FOLDER)]


async def _count_objects(rows: PrivacyRows, eraser: Eraser, erasing: Erasing) -> int:
    found = len(await rows.deletions.strays(erasing.family))
    for folder in _folders(erasing.family):
        after = ""
        while page := await eraser.store.listed(folder, after=after):
            keys = [each.key for each in page]
            found += len(keys) - len(set(keys) & await rows.deletions.protected(keys, erasing.family))
            after = keys[-1]
    return found


async def _erase_objects(rows: PrivacyRows, eraser: Eraser, erasing: Erasing) -> bool:
    """Erase some. :returns: whether none is left"""
    await eraser.store.delete(await rows.deletions.strays(erasing.family))
    erased = 0
    for folder in _folders(erasing.family):
        await eraser.store.abort_uploads(folder)
        after = ""
        while page := await eraser.store.listed(folder, after=after):
            keys = [each.key for each in page]
            protected = await rows.deletions.protected(keys, erasing.family)
            await eraser.store.delete([key for key in keys if key not in protected])
            erased += len(keys) - len(protected & set(keys))
            after = keys[-1]
            if erased >= _OBJECTS_A_ROUND:
                return False
    return True
