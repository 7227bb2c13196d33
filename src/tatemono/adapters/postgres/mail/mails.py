"""Mails: written in the transaction that made true what they say, and sent by the mail worker."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from tatemono.adapters.postgres.mail import mails_sql as sql
from tatemono.adapters.postgres.outbox import MAIL
from tatemono.domain.mail.message import Mail, MailKind
from tatemono.domain.mail.sending import (
    EventKind,
    MailClaim,
    MailEvent,
    MailState,
    SendFailure,
    SendQuota,
    address_digest,
)

_MAX_DETAIL_CHARACTERS = 500
_DELIVERIES = frozenset(EventKind) - {EventKind.SENT}


class Mails:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def put(self, mail: Mail) -> bool:
        statement = sql.PUT.bind(
            cause=mail.cause,
            kind=mail.kind,
            priority=mail.kind.priority,
            language=mail.language,
            recipient=mail.to,
            facts=dict(mail.facts),
            queue=MAIL,
        )
        return await self._executor.fetchval(*statement) is not None

    async def claim(self, *, lease: timedelta) -> MailClaim | None:
        """Take the next mail, if SES's quota lets one more go, and note that SES is about to be called."""
        row = await self._executor.fetchrow(sql.CLAIM, lease)
        if row is None:
            return None
        digest = address_digest(row["recipient"])
        withheld = await self._executor.fetchval(sql.WITHHELD, digest, row["kind"])
        return MailClaim(
            id=row["id"],
            fence=row["fence"],
            attempt=row["attempts"],
            cause=row["cause"],
            kind=row["kind"],
            to=row["recipient"],
            language=row["language"],
            facts=row["facts"],
            withheld=SendFailure(withheld) if withheld else None,
        )

    async def seconds_until_next(self) -> float | None:
        """How long until the quota lets a mail go that is due now; none if nothing is due."""
        seconds: float | None = await self._executor.fetchval(sql.SECONDS_UNTIL_TOKEN)
        return seconds

    async def sent(self, claim: MailClaim, ses_message_id: str) -> bool:
        return bool(await self._executor.fetchval(sql.SENT, claim.id, claim.fence, ses_message_id))

    async def send_again(self, claim: MailClaim, failure: SendFailure, detail: str, delay: timedelta) -> bool:
        detail = detail[:_MAX_DETAIL_CHARACTERS]
        statement = sql.SEND_AGAIN.bind(
            id=claim.id, fence=claim.fence, failure=failure, detail=detail, delay=delay, queue=MAIL
        )
        return bool(await self._executor.fetchval(*statement))

    async def end(self, claim: MailClaim, failure: SendFailure, detail: str, state: MailState) -> bool:
        """It is not sent, for good. :returns: as above"""
        detail = detail[:_MAX_DETAIL_CHARACTERS]
        statement = sql.END.bind(id=claim.id, fence=claim.fence, failure=failure, detail=detail, state=state)
        return bool(await self._executor.fetchval(*statement))

    async def wait_for_word(self, claim: MailClaim, detail: str, silence: timedelta) -> bool:
        values = (claim.id, claim.fence, detail[:_MAX_DETAIL_CHARACTERS], silence)
        return bool(await self._executor.fetchval(sql.WAIT_FOR_WORD, *values))

    async def lose_leases(self, *, silence: timedelta) -> int:
        count: int = await self._executor.fetchval(sql.LOSE_LEASES, silence)
        return count

    async def end_silence(self, *, again: Collection[MailKind], max_attempts: int) -> tuple[int, int]:
        row = await self._executor.fetchrow(sql.END_SILENCE, list(again), max_attempts, MAIL)
        return row[0], row[1]

    async def reissue_lost_tickets(self, *, older_than: timedelta, limit: int) -> int:
        """Write new tickets for mails that have waited so long that theirs may be lost. :returns: how many"""
        count: int = await self._executor.fetchval(sql.REISSUE, older_than, limit, MAIL)
        return count

    async def record(self, event: MailEvent) -> bool:
        """Keep what SES told, once. :returns: whether it was new"""
        statement = sql.RECORD_EVENT.bind(
            digest=event.digest,
            mail_id=event.mail_id,
            kind=event.kind,
            happened_at=event.happened_at,
            detail=event.detail[:_MAX_DETAIL_CHARACTERS],
            ses_message_id=event.ses_message_id,
            delivery=event.kind if event.kind in _DELIVERIES else None,
            address_digests=[address_digest(address) for address in event.addresses],
            domains=[address.rpartition("@")[2].lower() for address in event.addresses],
            reason=event.kind.value if event.suppresses else None,
        )
        new: bool = await self._executor.fetchval(*statement)
        return new

    async def unsubscribe(self, digest: bytes, kind: MailKind) -> None:
        await self._executor.execute(
            "insert into mail_unsubscribes (digest, kind) values ($1, $2) on conflict do nothing", digest, kind
        )

    async def suppress(self, address: str, note: str) -> None:
        """Send no mail at all to the address any more, because a person says so."""
        await self._executor.execute(
            """insert into mail_suppressions (digest, domain, reason, note) values ($1, $2, 'manual', $3)
               on conflict (digest) do update set reason = excluded.reason, note = excluded.note""",
            address_digest(address),
            address.rpartition("@")[2].lower(),
            note[:_MAX_DETAIL_CHARACTERS],
        )

    async def erase(self, *, older_than: timedelta, limit: int) -> int:
        count: int = await self._executor.fetchval(sql.ERASE, older_than, limit)
        return count

    async def may_ask_quota(self, *, every: timedelta) -> bool:
        return bool(await self._executor.fetchval(sql.MAY_ASK_QUOTA, every))

    async def take_quota(self, quota: SendQuota) -> None:
        await self._executor.execute(sql.TAKE_QUOTA, quota.max_per_second, quota.max_per_day, quota.sent_last_day)

    async def pause(self, duration: timedelta) -> None:
        await self._executor.execute(sql.PAUSE, duration)
