"""What the use cases of mail need of the outside world."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from tatemono.domain.mail.message import Mail, MailKind
from tatemono.domain.mail.sending import MailClaim, MailState, SendFailure, SendQuota
from tatemono.usecases.ports import Notifier


class Mails(Protocol):
    """Methods that take a claim change nothing, and answer False, if the claim counts no more."""

    async def put(self, mail: Mail) -> bool:
        """Write the mail and its ticket. Tell the relay (`OUTBOX_CHANNEL`) after the commit.

        :returns: whether it is new; if there is one for the same cause already, nothing changes
        """
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
        """It is unknown whether SES has taken it: wait so long for an event of SES."""
        ...

    async def lose_leases(self, *, silence: timedelta) -> int:
        """Find mails whose worker vanished: it is unknown whether it had called SES. :returns: how many"""
        ...

    async def end_silence(self, *, again: Collection[MailKind], max_attempts: int) -> tuple[int, int]:
        """Decide about mails of which SES said nothing for long enough.

        :param again: the kinds that are sent once more; others fail
        :returns: how many are sent again, and how many failed
        """
        ...

    async def unsubscribe(self, digest: bytes, kind: MailKind) -> None:
        """Send no mail of this kind to the address any more; again changes nothing."""
        ...

    async def erase(self, *, older_than: timedelta, limit: int) -> int:
        """Take address and facts from mails that ended so long ago. :returns: how many"""
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


class MailDatabase(Protocol):
    @property
    def mails(self) -> Mails: ...
    @property
    def notifier(self) -> Notifier: ...


@dataclass(frozen=True, slots=True)
class RenderedEmail:
    """A mail in words.

    :ivar headers: besides those that every mail has
    """

    subject: str
    text: str
    html: str
    headers: dict[str, str]


class EmailRenderer(Protocol):
    def write(self, mail: Mail) -> RenderedEmail:
        """:raises SendingFailed: `CANNOT_BE_WRITTEN`"""
        ...


class MailSender(Protocol):
    async def send(self, email: RenderedEmail, *, to: str, tags: dict[str, str]) -> str:
        """Give the email to SES. The call is made once, however it ends.

        :param tags: come back with everything that SES tells of this mail
        :returns: the id that SES gave it
        :raises SendingFailed: it was not taken, or that is unknown
        """
        ...

    async def quota(self) -> SendQuota:
        """What the account may send. :raises SendingFailed: SES does not say"""
        ...
