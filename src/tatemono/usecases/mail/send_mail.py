"""One mail goes out: written, given to SES, recorded."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from tatemono.domain.mail.sending import (
    SILENCE,
    MailClaim,
    MailState,
    SendAgain,
    SendFailure,
    SendingFailed,
    WaitForWord,
    plan_sending,
    shared_pause,
)
from tatemono.usecases.mail.ports import EmailRenderer, MailDatabase, MailSender
from tatemono.usecases.ports import OUTBOX_CHANNEL


@dataclass(frozen=True, slots=True)
class MailDelivery:
    """What a worker sends mail with.

    :ivar jitter: a random number from 0 to 1 at each call
    :ivar clock: seconds, of a clock that is never set back and goes on while the process is stopped
    """

    db: MailDatabase
    writer: EmailRenderer
    sender: MailSender
    jitter: Callable[[], float]
    clock: Callable[[], float]


async def send_mail(delivery: MailDelivery, claim: MailClaim, *, good_until: float) -> MailState | None:
    """Send the mail of a claim, once.

    The attempt is on record before SES is called, and no transaction is open meanwhile. A call whose answer is lost is
    never simply made again: what SES tells of the mail decides, or its silence.

    :param good_until: by the delivery's clock, when the claim ends: SES is not called so late that it could
    :returns: what became of the mail; none if the claim was lost by then
    """
    mails = delivery.db.mails
    if claim.withheld:
        return await _failed(delivery, claim, SendingFailed(claim.withheld))
    try:
        message_id = await _call(delivery, claim, good_until)
    except SendingFailed as failed:
        return await _failed(delivery, claim, failed)
    return MailState.SENT if await mails.sent(claim, message_id) else None


async def _call(delivery: MailDelivery, claim: MailClaim, good_until: float) -> str:
    mail = claim.mail
    email = delivery.writer.write(mail)
    left = good_until - delivery.clock()
    if left <= 0:
        # This process stood still for longer than its lease; another may be sending the mail by now.
        raise SendingFailed(SendFailure.UNKNOWN, "the lease was over before the call")
    try:
        async with asyncio.timeout(left):
            return await delivery.sender.send(email, to=claim.to, tags={"mail": str(claim.id), "kind": mail.kind.value})
    except TimeoutError:
        raise SendingFailed(SendFailure.UNKNOWN, "the lease ended during the call") from None


async def _failed(delivery: MailDelivery, claim: MailClaim, failed: SendingFailed) -> MailState | None:
    mails = delivery.db.mails
    detail = failed.detail.replace(claim.to, "<recipient>")
    if pause := shared_pause(failed.failure):
        await mails.pause(pause)
    plan = plan_sending(failed.failure, claim.attempt, jitter=delivery.jitter())
    if isinstance(plan, SendAgain):
        held = await mails.send_again(claim, failed.failure, detail, timedelta(seconds=plan.after_seconds))
        delivery.db.notifier.notify(OUTBOX_CHANNEL)
        return MailState.WAITING if held else None
    if isinstance(plan, WaitForWord):
        return MailState.UNKNOWN if await mails.wait_for_word(claim, detail, SILENCE) else None
    return plan.state if await mails.end(claim, failed.failure, detail, plan.state) else None
