"""An operator stops an account."""

from datetime import datetime
from uuid import UUID

from tatemono.domain.operators.roles import Act, EndsInThePast, NoSuchPerson, Operation
from tatemono.usecases.operators.ports import OperatorsDatabase
from tatemono.usecases.ports import REVOCATIONS_CHANNEL


async def suspend_person(
    db: OperatorsDatabase, act: Act, *, user_id: UUID, until: datetime | None, now: datetime
) -> None:
    """Refuse everything to this person until then, or until they are restored; the person is told why.

    Their sessions stay, and go on afterwards. To suspend again changes the end and the reason.

    :raises EndsInThePast: `until` is over already
    :raises NoSuchPerson: nothing was done
    """
    if until is not None and until <= now:
        raise EndsInThePast
    async with db.transaction() as rows:
        if not await rows.people.suspend(user_id, until=until, reason=act.reason):
            raise NoSuchPerson
        await rows.sessions.record_security_event(user_id, "suspended")
        data: dict[str, object] = {"until": until.isoformat() if until else None}
        await rows.people.record(Operation.SUSPEND_PERSON, act, user_id, data)
    db.notifier.notify(REVOCATIONS_CHANNEL, str(user_id))
