"""An operator ends all sessions of a person."""

from uuid import UUID

from tatemono.domain.operators.roles import Act, NoSuchPerson, Operation
from tatemono.usecases.operators.ports import OperatorsDatabase
from tatemono.usecases.ports import REVOCATIONS_CHANNEL


async def sign_out_person(db: OperatorsDatabase, act: Act, *, user_id: UUID) -> None:
    """Sign this person out on every device. The devices stay theirs, and may sign in again.

    :raises NoSuchPerson: nothing was done
    """
    async with db.transaction() as rows:
        if not await rows.people.exists(user_id):
            raise NoSuchPerson
        await rows.sessions.revoke_all(user_id, "signed_out_by_operator")
        await rows.sessions.record_security_event(user_id, "signed_out_everywhere")
        await rows.people.record(Operation.SIGN_OUT_PERSON, act, user_id, {})
    db.notifier.notify(REVOCATIONS_CHANNEL, str(user_id))
