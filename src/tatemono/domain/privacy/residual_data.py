"""Leftovers: what one of database, store and Cognito knows and the others do not, and what may be done about it.

Something that has just come to be looks the same as something left over: a picture whose row is not committed yet, a
registration whose code is in the mail. So nothing that is younger than the margin is ever touched. And a run that finds
very much is a run that looks into the wrong place: then nothing is repaired.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Kind(StrEnum):
    """:cvar OBJECTS: in the store, without a row
    :cvar POOL_MEMBERS: in Cognito's user pool, whose user is gone
    :cvar IDENTITIES: in Cognito's identity pool, which no user has
    :cvar MEMBERS: users whose member is gone from the user pool
    """

    OBJECTS = "objects"
    POOL_MEMBERS = "pool_members"
    IDENTITIES = "identities"
    MEMBERS = "members"


#: Fewer than so many are repaired, however large their share of all is.
_ALWAYS = 20
_LARGEST_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class PoolMemberSeen:
    """An entry of the user pool.

    :ivar user_id: the guest that registered
    """

    sub: UUID
    user_id: UUID | None
    confirmed: bool
    changed_at: datetime


@dataclass(slots=True)
class Findings:
    """What one run found of one kind.

    :ivar names: the first of them, for people to look at
    :ivar repaired: how many are mended
    :ivar after: where the next run goes on; none: it came to the end
    """

    kind: Kind
    looked_at: int = 0
    found: int = 0
    repaired: int = 0
    after: str | None = None
    names: list[str] = field(default_factory=list)

    @property
    def suspicious(self) -> bool:
        """So much is left over that rather the configuration is wrong."""
        return self.found >= _ALWAYS and self.found > self.looked_at * _LARGEST_SHARE
