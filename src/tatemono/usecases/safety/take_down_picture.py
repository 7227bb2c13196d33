"""An operator takes down a picture, with a report of it or without."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tatemono.domain.mail.message import Mail, MailKind
from tatemono.domain.operators.roles import Act, Operation
from tatemono.domain.pictures.picture import NoSuchPicture
from tatemono.domain.safety.moderation import (
    FREEZE_REASON,
    STRIKE_COUNTS_FOR,
    STRIKE_SUSPENSION_REASON,
    Finding,
    Stage,
    suspended_until,
)
from tatemono.domain.safety.reports import UNDO_FOR, Decision, ReportReason, Takedown, quarantine_key, reason_text
from tatemono.usecases.ports import OUTBOX_CHANNEL, REVOCATIONS_CHANNEL, TAKEDOWNS_CHANNEL
from tatemono.usecases.safety.ports import SafetyDatabase, SafetyRows

#: What an escalation by an operator is called among the categories of moderation.
_BY_OPERATOR = "operator"
#: A user's language is not kept, and no request of theirs is under way: most users read Japanese.
_MAIL_LANGUAGE = "ja"


async def take_down_picture(
    db: SafetyDatabase, act: Act, *, picture_id: UUID, reason: ReportReason, decision: Decision, now: datetime
) -> None:
    """Take a picture down without a report. To do it again, more severely, adds what is new.

    :raises NoSuchPicture: there is none, and none was taken down
    """
    async with db.transaction() as rows:
        user_id = await take_down(rows, act, picture_id, TakedownVerdict(decision, reason, now))
        if user_id is None:
            raise NoSuchPicture
        data: dict[str, object] = {"picture_id": str(picture_id), "decision": decision, "reason": reason}
        await rows.people.record(Operation.TAKE_DOWN_PICTURE, act, user_id, data)
    notify_takedown(db, user_id)


@dataclass(frozen=True, slots=True)
class TakedownVerdict:
    decision: Decision
    reason: ReportReason
    now: datetime


async def take_down(rows: SafetyRows, act: Act, picture_id: UUID, verdict: TakedownVerdict) -> UUID | None:
    """Within the caller's transaction, after which `notify_takedown` follows.

    :returns: whose it was; none if there is no such picture, for instance since its user has deleted it
    """
    escalated = verdict.decision is Decision.ESCALATE
    operator = act.operator.email
    await rows.takedowns.take_down(
        picture_id, reason=verdict.reason, by=operator, undo_for=UNDO_FOR, escalated=escalated
    )
    found = await rows.takedowns.find(picture_id)
    if found is None:
        return None
    takedown, objects, digest = found
    if verdict.decision is Decision.STRIKE:
        await _strike(rows, takedown, verdict)
    if escalated:
        await rows.takedowns.escalate(picture_id)
        await rows.escalations.add(
            Finding(Stage.TAKEDOWN, (_BY_OPERATOR,)),
            user_id=takedown.user_id,
            generation_id=takedown.generation_id,
            picture_id=picture_id,
            found_by=operator,
            reason=act.reason,
            sha256=digest,
            evidence_key=quarantine_key(objects.object_key),
        )
        if await rows.strikes.freeze(takedown.user_id, FREEZE_REASON):
            await rows.sessions.record_security_event(takedown.user_id, "suspended")
    return takedown.user_id


async def _strike(rows: SafetyRows, takedown: Takedown, verdict: TakedownVerdict) -> None:
    user_id = takedown.user_id
    if not await rows.strikes.add(user_id, verdict.reason, takedown.picture_id, counts_for=STRIKE_COUNTS_FOR):
        return
    until = suspended_until(await rows.strikes.of(user_id), verdict.now)
    # An account that is suspended for longer, or for good, stays that: then nothing is told of an end.
    suspended = until is not None and await rows.strikes.suspend(user_id, until=until, reason=STRIKE_SUSPENSION_REASON)
    if suspended:
        await rows.sessions.record_security_event(user_id, "suspended")
    email = await rows.strikes.email_of(user_id)
    if email is not None:
        facts = {
            "reason": reason_text(verdict.reason, _MAIL_LANGUAGE),
            "at": verdict.now.isoformat(),
            "counts_until": (verdict.now + STRIKE_COUNTS_FOR).isoformat(),
        } | ({"suspended_until": until.isoformat()} if until and suspended else {})
        await rows.mails.put(Mail(f"strike:{takedown.picture_id}", MailKind.STRIKE, email, _MAIL_LANGUAGE, facts))


def notify_takedown(db: SafetyDatabase, user_id: UUID | None) -> None:
    """After the commit: wake the worker and the relay, and have the user's tokens checked anew."""
    db.notifier.notify(TAKEDOWNS_CHANNEL)
    db.notifier.notify(OUTBOX_CHANNEL)
    if user_id is not None:
        db.notifier.notify(REVOCATIONS_CHANNEL, str(user_id))
