"""What the use cases of all subjects share: transactions, notifications and their channels."""

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

#: The repositories that a transaction gives: each subject's `ports` names its own.
RowsT_co = TypeVar("RowsT_co", covariant=True)


class Notifier(Protocol):
    def notify(self, channel: str, key: str = "") -> None:
        """Tell the listeners of `channel` soon that something about `key` was committed."""
        ...


class Transactions(Protocol[RowsT_co]):
    """A database. Outside a transaction, its repositories commit each statement by itself."""

    @property
    def notifier(self) -> Notifier: ...

    def transaction(self) -> AbstractAsyncContextManager[RowsT_co]:
        """All or nothing: committed when the block ends, rolled back when it raises."""
        ...


#: Channels of `Notifier`. Keys of `revocations` are ids of users, those of the two channels before it, of generations.
OUTBOX_CHANNEL = "outbox"
EVENTS_CHANNEL = "generation_events"
CANCEL_CHANNEL = "generation_cancelled"
REVOCATIONS_CHANNEL = "revocations"
#: Without keys: the operators' orders to the queue, and what is known of the painters, changed.
QUEUE_CHANNEL = "queue_controls"
PAINTERS_CHANNEL = "painters"
#: Without keys: something about them has changed.
BLOCKED_WORDS_CHANNEL = "blocked_words"
TAKEDOWNS_CHANNEL = "takedowns"

# Until the use cases and the worker that still say `Database` name their subject's contract.
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from uuid import UUID

    from tatemono.domain.generations.attempts import Claim
    from tatemono.usecases.generations.ports import Generations, Painters
    from tatemono.usecases.identity.ports import Attestations, Devices
    from tatemono.usecases.pictures.ports import References
    from tatemono.usecases.safety.ports import BlockedHashes, Escalations, Moderations, Strikes

    class LeasedGenerations(Generations, Protocol):
        async def extend_leases(self, claims: Sequence[Claim], *, lease: timedelta) -> dict[UUID, bool]: ...

    class Rows(Protocol):
        @property
        def attestations(self) -> Attestations: ...
        @property
        def blocked_hashes(self) -> BlockedHashes: ...
        @property
        def devices(self) -> Devices: ...
        @property
        def escalations(self) -> Escalations: ...
        @property
        def generations(self) -> Generations: ...
        @property
        def moderations(self) -> Moderations: ...
        @property
        def painters(self) -> Painters: ...
        @property
        def references(self) -> References: ...
        @property
        def strikes(self) -> Strikes: ...

    class Database(Rows, Transactions[Rows], Protocol):
        @property
        def generations(self) -> LeasedGenerations: ...
else:
    Database = Any
