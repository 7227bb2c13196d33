"""An operator decides about a report that they have claimed."""

from datetime import datetime
from uuid import UUID

from tatemono.domain.operators.roles import Act, Operation
from tatemono.domain.safety.reports import Decision, Report
from tatemono.usecases.safety.ports import SafetyDatabase
from tatemono.usecases.safety.take_down_picture import TakedownVerdict, notify_takedown, take_down


async def decide_report(db: SafetyDatabase, act: Act, *, report_id: UUID, decision: Decision, now: datetime) -> Report:
    """Decide about a report that the operator has claimed; others about the same picture are decided with it.

    A picture that is taken down is gone from every answer when this returns; its bytes follow within seconds.

    :returns: the report as it is afterwards
    :raises NoSuchReport: there is none with this id
    :raises NotClaimed: it is not this operator's, or not any more
    """
    async with db.transaction() as rows:
        report = await rows.reports.decide(report_id, act.operator.email, decision)
        if decision.takes_down:
            await take_down(rows, act, report.picture_id, TakedownVerdict(decision, report.reason, now))
        data: dict[str, object] = {
            "report_id": str(report_id),
            "picture_id": str(report.picture_id),
            "decision": decision,
        }
        await rows.people.record(Operation.DECIDE_REPORT, act, report.user_id, data)
        # Only now does it say what became of the picture.
        decided = await rows.reports.find(report_id)
    notify_takedown(db, report.user_id)
    return decided
