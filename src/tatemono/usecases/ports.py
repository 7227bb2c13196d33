"""What the use cases of all subjects share: transactions, notifications and their channels."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

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
