"""What the outbox relay works with."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from tatemono.adapters.aws import aws_clients
from tatemono.adapters.cognito.directory import CognitoDirectory
from tatemono.adapters.cognito.identities import CognitoIdentities
from tatemono.adapters.postgres.database import Database
from tatemono.adapters.postgres.outbox import IMAGE_JOBS, MAIL, MAIL_EVENTS
from tatemono.adapters.postgres.privacy.exports import EXPORTS
from tatemono.adapters.s3.folders import S3Folders
from tatemono.adapters.sqs import SqsQueue
from tatemono.bootstrap import LAST_POLL_SECONDS
from tatemono.settings import OutboxRelaySettings
from tatemono.usecases.generations.ports import TicketQueue
from tatemono.usecases.identity.ports import GuestIdentities
from tatemono.usecases.privacy.erase_accounts import Eraser
from tatemono.usecases.privacy.reconcile import Reconciler


@dataclass(frozen=True, slots=True)
class OutboxRelayDependencies:
    """:ivar identities: none: guests get none
    :ivar dead: of each queue that has one, its dead-letter queue
    """

    db: Database
    queues: dict[str, TicketQueue]
    eraser: Eraser
    reconciler: Reconciler
    identities: GuestIdentities | None = None
    dead: dict[str, TicketQueue] = field(default_factory=dict)


@asynccontextmanager
async def outbox_relay(settings: OutboxRelaySettings) -> AsyncIterator[OutboxRelayDependencies]:
    async with aws_clients("sqs", "s3", "cognito-idp", "cognito-identity") as (sqs, s3, cognito_idp, cognito):
        pool_id = settings.guests_identity_pool_id
        queues = {
            IMAGE_JOBS: SqsQueue(sqs, settings.image_jobs_queue_url),
            MAIL: SqsQueue(sqs, settings.mail_queue_url),
            # Nothing of ours is sent there; its dead letters are.
            MAIL_EVENTS: SqsQueue(sqs, settings.mail_events_queue_url),
            EXPORTS: SqsQueue(sqs, settings.exports_queue_url),
        }
        for queue in queues.values():
            await queue.check()
        async with await Database.connect(
            settings.database_url.get_secret_value(), service=settings.service_name, max_connections=4
        ) as db:
            identities = CognitoIdentities(cognito, pool_id) if pool_id else None
            store = S3Folders(s3, settings.pictures_bucket)
            members = CognitoDirectory(cognito_idp, settings.members_pool_id)
            key = settings.receipt_key.get_secret_value().encode()
            margin = timedelta(hours=settings.reconcile_margin_hours)
            dead = {name: found for name, queue in queues.items() if (found := await queue.dead_letters()) is not None}
            try:
                yield OutboxRelayDependencies(
                    db=db,
                    queues=dict(queues),
                    eraser=Eraser(store, members, identities, key),
                    reconciler=Reconciler(store, members, identities, margin),
                    identities=identities,
                    dead=dict(dead),
                )
            finally:
                await asyncio.gather(*(each.close(within_seconds=LAST_POLL_SECONDS) for each in dead.values()))
