"""One mail, against PostgreSQL; SES is a drawer."""

import math
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from mail_examples import mail_of
from tatemono.adapters.email_rendering import JinjaEmailRenderer
from tatemono.adapters.postgres.database import Database
from tatemono.adapters.unsubscribe_links import UnsubscribeLinks
from tatemono.domain.mail.message import Mail
from tatemono.domain.mail.sending import MailClaim, MailState, SendFailure, SendingFailed, SendQuota
from tatemono.usecases.mail.mail_maintenance import refresh_quota
from tatemono.usecases.mail.ports import RenderedEmail
from tatemono.usecases.mail.send_mail import MailDelivery, send_mail

WRITER = JinjaEmailRenderer(UnsubscribeLinks(b"a key", public_url="https://tatemono.example"))


@dataclass
class Drawer:
    """Takes letters and sends none, or fails as it is told to."""

    failing: list[SendFailure] = field(default_factory=list)
    taken: list[tuple[str, RenderedEmail, dict[str, str]]] = field(default_factory=list)
    may_send: bool = True

    async def send(self, letter: RenderedEmail, *, to: str, tags: dict[str, str]) -> str:
        if self.failing:
            raise SendingFailed(self.failing.pop(0), f"something about {to}")
        self.taken.append((to, letter, tags))
        return f"message-{len(self.taken)}"

    async def quota(self) -> SendQuota:
        return SendQuota(100, math.inf, 0, self.may_send)


def office_of(db: Database, drawer: Drawer) -> MailDelivery:
    return MailDelivery(db, WRITER, drawer, jitter=lambda: 0.5, clock=lambda: 100.0)


async def claim_of(db: Database, mail: Mail) -> MailClaim:
    await db.mails.put(mail)
    claim = await db.mails.claim(lease=timedelta(seconds=60))
    assert claim is not None
    return claim


async def detail(db: Database) -> str:
    told: str = await db._pool.fetchval("select detail from mail_attempts")
    return told


class TestSendMail:
    async def test_gives_the_letter_to_ses_and_records_it(self, db: Database) -> None:
        drawer, mail = Drawer(), mail_of()
        claim = await claim_of(db, mail)
        assert await send_mail(office_of(db, drawer), claim, good_until=130) is MailState.SENT
        ((to, letter, tags),) = drawer.taken
        assert (to, letter) == (mail.to, WRITER.write(mail))
        assert tags == {"mail": str(claim.id), "kind": mail.kind.value}

    async def test_does_not_call_ses_when_the_lease_may_be_over(self, db: Database) -> None:
        drawer = Drawer()
        claim = await claim_of(db, mail_of())
        assert await send_mail(office_of(db, drawer), claim, good_until=99) is MailState.UNKNOWN
        assert drawer.taken == []

    async def test_calls_nobody_for_an_address_that_gets_nothing(self, db: Database) -> None:
        drawer, mail = Drawer(), mail_of()
        await db.mails.suppress(mail.to, "asked")
        assert await send_mail(office_of(db, drawer), await claim_of(db, mail), good_until=130) is MailState.SUPPRESSED
        assert drawer.taken == []

    @pytest.mark.parametrize(
        ("failure", "state"),
        [
            (SendFailure.THROTTLED, MailState.WAITING),
            (SendFailure.UNKNOWN, MailState.UNKNOWN),
            (SendFailure.REFUSED, MailState.FAILED),
        ],
    )
    async def test_records_a_failure_without_the_address(
        self, db: Database, failure: SendFailure, state: MailState
    ) -> None:
        claim = await claim_of(db, mail_of())
        assert await send_mail(office_of(db, Drawer([failure])), claim, good_until=130) is state
        assert await detail(db) == "something about <recipient>"

    async def test_changes_nothing_if_the_mail_is_somebody_else_s_by_then(self, db: Database) -> None:
        claim = await claim_of(db, mail_of())
        await db._pool.execute("update mails set fence = fence + 1")
        assert await send_mail(office_of(db, Drawer()), claim, good_until=130) is None


class TestRefreshQuota:
    async def test_makes_everybody_wait_while_ses_forbids_sending(self, db: Database) -> None:
        assert not await refresh_quota(db, Drawer(may_send=False))
        await db.mails.put(mail_of())
        assert await db.mails.claim(lease=timedelta(seconds=60)) is None
        # Nobody asks again within the minute.
        assert await refresh_quota(db, Drawer(may_send=False))

    async def test_asks_ses_again_when_a_minute_is_over(self, db: Database) -> None:
        assert await refresh_quota(db, Drawer())
        for seconds, asks in ((50, False), (60, True)):
            await db._pool.execute("update mail_quota set asked_at = now() - make_interval(secs => $1)", seconds)
            # What SES says is known only to those who asked.
            assert await refresh_quota(db, Drawer(may_send=False)) is not asks
