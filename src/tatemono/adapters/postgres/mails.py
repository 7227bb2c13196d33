"""Mails: written by whoever has something to tell, in the transaction that made it true."""

from typing import Any

from tatemono.adapters.postgres.outbox import MAIL
from tatemono.domain.mail import Mail

_PUT = """
with mail as (
    insert into mails (cause, kind, priority, language, recipient, facts) values ($1, $2, $3, $4, $5, $6)
    on conflict (cause) do nothing returning id
), ticket as (
    insert into outbox (queue, body) select $7, id::text from mail
)
select id from mail
"""


class Mails:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def put(self, mail: Mail) -> bool:
        """Write the mail and its ticket. Tell the relay (`OUTBOX_CHANNEL`) after the commit.

        :returns: whether it is new; if there is one for the same cause already, nothing changes
        """
        written = await self._executor.fetchval(
            _PUT, mail.cause, mail.kind, mail.kind.priority, mail.language, mail.to, dict(mail.facts), MAIL
        )
        return written is not None
