"""An operator lifts a suspension."""

from uuid import UUID

from tatemono.domain.operators.roles import Act, NoSuchPerson, NotSuspended, Operation
from tatemono.usecases.operators.ports import OperatorsDatabase
from tatemono.usecases.ports import REVOCATIONS_CHANNEL


async def restore_person(db: OperatorsDatabase, act: Act, *, user_id: UUID) -> None:
    """Let this person in again.

    :raises NoSuchPerson: nothing was done
    :raises NotSuspended: nothing was done
    """
    async with db.transaction() as rows:
        if not await rows.people.restore(user_id):
            raise NotSuspended if await rows.people.exists(user_id) else NoSuchPerson
        await rows.sessions.record_security_event(user_id, "restored")
        await rows.people.record(Operation.RESTORE_PERSON, act, user_id, {})
    db.notifier.notify(REVOCATIONS_CHANNEL, str(user_id))
