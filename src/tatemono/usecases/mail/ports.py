"""What the use cases need of the outside world about mail."""

from collections.abc import Collection
from datetime import timedelta
from typing import Protocol

from tatemono.domain.mail.message import Mail, MailKind
from tatemono.domain.mail.sending import MailClaim, MailEvent, MailState, SendFailure, SendQuota


class Mails(Protocol):
    """Those that take a claim change nothing, and answer False, if the claim counts no more."""

    async def put(self, mail: Mail) -> bool:
        """Write the mail and its ticket. Tell the relay (`OUTBOX_CHANNEL`) after the commit.

        :returns: whether it is new; if there is one for the same cause already, nothing changes
        """
        ...

    async def claim(self, *, lease: timedelta) -> MailClaim | None:
        """Take the next mail, if SES's quota lets one more go, and note that SES is about to be called."""
        ...

    async def seconds_until_next(self) -> float | None:
        """How long until the quota lets a mail go that is due now; none if nothing is due."""
        ...

    async def sent(self, claim: MailClaim, ses_message_id: str) -> bool:
        """SES has taken it."""
        ...

    async def send_again(self, claim: MailClaim, failure: SendFailure, detail: str, delay: timedelta) -> bool:
        """SES has not taken it: later."""
        ...

    async def end(self, claim: MailClaim, failure: SendFailure, detail: str, state: MailState) -> bool:
        """It is not sent, for good."""
        ...

    async def wait_for_word(self, claim: MailClaim, detail: str, silence: timedelta) -> bool:
        """Nobody knows whether SES has taken it."""
        ...

    async def lose_leases(self, *, silence: timedelta) -> int:
        """Mails whose worker vanished: nobody knows whether it had called SES."""
        ...

    async def end_silence(self, *, again: Collection[MailKind], max_attempts: int) -> tuple[int, int]:
        """Decide about mails of which SES said nothing for long enough: how many are sent again, how many failed."""
        ...

    async def record(self, event: MailEvent) -> bool:
        """Keep what SES told, once."""
        ...

    async def unsubscribe(self, digest: bytes, kind: MailKind) -> None:
        """Send no mail of this kind to the address any more; again changes nothing."""
        ...

    async def erase(self, *, older_than: timedelta, limit: int) -> int:
        """Take address and facts from mails that ended so long ago."""
        ...

    async def may_ask_quota(self, *, every: timedelta) -> bool:
        """Whether it is time, and this caller's turn, to ask SES for its quota."""
        ...

    async def take_quota(self, quota: SendQuota) -> None:
        """What SES said counts from now on, for all workers."""
        ...

    async def pause(self, duration: timedelta) -> None:
        """Let no worker send anything for so long."""
        ...
