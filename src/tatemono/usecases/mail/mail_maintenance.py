"""What has to be done about mail now and then, whether any is sent or not."""

from dataclasses import dataclass
from datetime import timedelta

from tatemono.domain.mail.sending import MAX_ATTEMPTS, SENT_AGAIN_AFTER_SILENCE, SILENCE
from tatemono.usecases.mail.ports import MailDatabase, MailSender
from tatemono.usecases.ports import OUTBOX_CHANNEL

#: So many mails are erased in one statement.
BATCH = 500
_ASK_QUOTA_EVERY = timedelta(seconds=60)
_PAUSE_WHILE_FORBIDDEN = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class SettledMail:
    """:ivar lost: mails whose worker vanished
    :ivar again: mails that are sent once more, since SES said nothing of the call
    :ivar failed: mails that are not, for the same reason
    """

    lost: int
    again: int
    failed: int


async def settle_unknown_mail(db: MailDatabase) -> SettledMail:
    """Find mails whose worker vanished, and decide about those of which SES said nothing for long enough."""
    lost = await db.mails.lose_leases(silence=SILENCE)
    again, failed = await db.mails.end_silence(again=SENT_AGAIN_AFTER_SILENCE, max_attempts=MAX_ATTEMPTS)
    if again:
        db.notifier.notify(OUTBOX_CHANNEL)
    return SettledMail(lost, again, failed)


async def erase_old_mail(db: MailDatabase, *, kept_for: timedelta) -> int:
    """Take the address and what was told from mails that ended so long ago; that there was one remains.

    :returns: how many, `BATCH` at most
    """
    return await db.mails.erase(older_than=kept_for, limit=BATCH)


async def refresh_quota(db: MailDatabase, sender: MailSender) -> bool:
    """Ask SES what the account may send, if no worker did so within a minute.

    :returns: whether SES lets the account send at all
    :raises SendingFailed: SES does not say; the old numbers count on
    """
    if not await db.mails.may_ask_quota(every=_ASK_QUOTA_EVERY):
        return True
    quota = await sender.quota()
    await db.mails.take_quota(quota)
    if not quota.may_send:
        await db.mails.pause(_PAUSE_WHILE_FORBIDDEN)
    return quota.may_send
