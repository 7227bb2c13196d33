"""How long identity keeps what it does not need any more. What is in use, or can still be undone, has no age."""

from datetime import timedelta
from enum import Enum, unique
from typing import Final

from tatemono.domain.identity.merges import UNDO_WITHIN


@unique
class Retained(Enum):
    """What only grows, and for how long it is kept."""

    #: After it was ended. Until then its access tokens have to be known as void; then it is for people to look at.
    ENDED_SESSIONS = timedelta(days=30)
    #: After it was revoked: for an operator who looks into what happened to an account.
    REVOKED_DEVICES = timedelta(days=90)
    #: After it was written down.
    SECURITY_EVENTS = timedelta(days=365)
    #: After it was issued; none is good for longer than a day.
    TRANSFER_CODES = timedelta(days=8)
    #: After the merge. Seven days it can be undone, another three weeks people may ask what has happened.
    MERGES = timedelta(days=28)
    #: After the act of an operator. The database itself holds to it (`forget_audit_records`).
    AUDIT_RECORDS = timedelta(days=1095)
    #: After its window has ended: nothing is counted there any more. Each count removes some, too.
    LIMIT_COUNTERS = timedelta(hours=1)
    #: After the proof would not be taken again. Each use of one removes some, too.
    USED_PROOFS = timedelta(minutes=10)


assert Retained.MERGES.value > UNDO_WITHIN
#: So many of a kind are removed at a time.
BATCH: Final = 1000
