"""What the mail worker works with."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tatemono.adapters.aws import aws_clients
from tatemono.adapters.email_rendering import JinjaEmailRenderer
from tatemono.adapters.postgres.database import Database
from tatemono.adapters.ses.sender import SesSender
from tatemono.adapters.sqs import SqsQueue
from tatemono.adapters.unsubscribe_links import UnsubscribeLinks
from tatemono.bootstrap import LAST_POLL_SECONDS
from tatemono.settings import MailWorkerSettings
from tatemono.usecases.generations.ports import TicketQueue
from tatemono.usecases.mail.send_mail import MailDelivery


@dataclass(frozen=True, slots=True)
class MailWorkerDependencies:
    db: Database
    queue: TicketQueue
    events: TicketQueue
    delivery: MailDelivery


@asynccontextmanager
async def mail_worker(settings: MailWorkerSettings) -> AsyncIterator[MailWorkerDependencies]:
    links = UnsubscribeLinks(settings.unsubscribe_key.get_secret_value().encode(), public_url=settings.public_url)
    # A mail cannot be taken back: the SDK must not call SES a second time by itself.
    async with aws_clients("sqs") as (sqs,), aws_clients("sesv2", attempts=1) as (ses,):
        queue, events = SqsQueue(sqs, settings.mail_queue_url), SqsQueue(sqs, settings.mail_events_queue_url)
        await queue.check()
        await events.check()
        sender = SesSender(ses, sender=settings.mail_sender, configuration_set=settings.mail_configuration_set)
        async with await Database.connect(
            settings.database_url.get_secret_value(), service=settings.service_name
        ) as db:
            delivery = MailDelivery(db, JinjaEmailRenderer(links), sender, jitter=random.random, clock=time.monotonic)
            try:
                yield MailWorkerDependencies(db, queue, events, delivery)
            finally:
                await asyncio.gather(*(each.close(within_seconds=LAST_POLL_SECONDS) for each in (queue, events)))
