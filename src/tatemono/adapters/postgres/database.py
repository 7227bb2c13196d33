"""The connection pool, transactions, and the codecs of our types."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import asyncpg
import orjson

from tatemono.adapters.postgres.connection_cache import ConnectionCache
from tatemono.adapters.postgres.generations.batched import BatchedGenerations
from tatemono.adapters.postgres.generations.budgets import Budgets, ModelChecks
from tatemono.adapters.postgres.generations.dead_letters import DeadLetters
from tatemono.adapters.postgres.generations.generations import Generations
from tatemono.adapters.postgres.generations.painters import Painters
from tatemono.adapters.postgres.generations.queries import Queries
from tatemono.adapters.postgres.generations.queue import Queue
from tatemono.adapters.postgres.iam_sign_in import password_for
from tatemono.adapters.postgres.identity.attestations import Attestations
from tatemono.adapters.postgres.identity.devices import Devices
from tatemono.adapters.postgres.identity.guests import Guests
from tatemono.adapters.postgres.identity.members import Members
from tatemono.adapters.postgres.identity.merges import Merges
from tatemono.adapters.postgres.identity.proofs import Proofs
from tatemono.adapters.postgres.identity.rate_limits import LimitCounters
from tatemono.adapters.postgres.identity.sessions import Sessions
from tatemono.adapters.postgres.identity.transfers import Transfers
from tatemono.adapters.postgres.mail.mails import Mails
from tatemono.adapters.postgres.notifications import Notifier
from tatemono.adapters.postgres.operators.people import People
from tatemono.adapters.postgres.operators.sessions import OperatorSessions
from tatemono.adapters.postgres.outbox import Outbox
from tatemono.adapters.postgres.pictures.orphans import Orphans
from tatemono.adapters.postgres.pictures.pictures import Pictures
from tatemono.adapters.postgres.pictures.references import References
from tatemono.adapters.postgres.pictures.styles import Styles
from tatemono.adapters.postgres.privacy.deletions import Deletions
from tatemono.adapters.postgres.privacy.exports import Exports
from tatemono.adapters.postgres.privacy.residual_data import ResidualData
from tatemono.adapters.postgres.privacy.retention import Retention
from tatemono.adapters.postgres.safety.blocked import BlockedHashes, BlockedWordRows
from tatemono.adapters.postgres.safety.moderation import Escalations, Moderations, Strikes
from tatemono.adapters.postgres.safety.reports import Reports, Takedowns

CONNECT_TIMEOUT_SECONDS = 10
COMMAND_TIMEOUT_SECONDS = 10


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg brings no types
    """A pooled connection that needs no RESET ALL: nothing here uses session SET, LISTEN or advisory locks on one.

    `tests/adapters/postgres/test_database.py` holds the SQL of the house to that; LISTEN has its own connection.
    """

    __slots__ = ()

    def get_reset_query(self) -> str:
        return ""


async def _set_codecs(connection: Any) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: orjson.dumps(value).decode(),
        decoder=orjson.loads,
    )


class Rows:
    """The aggregates, read and written through one pool or one transaction."""

    def __init__(self, executor: Any) -> None:
        self.devices = Devices(executor)
        self.generations = Generations(executor)
        self.pictures = Pictures(executor)
        self.references = References(executor)
        self.budgets = Budgets(executor)
        self.model_checks = ModelChecks(executor)
        self.outbox = Outbox(executor)
        self.queue = Queue(executor)
        self.painters = Painters(executor)
        self.dead_letters = DeadLetters(executor)
        self.orphans = Orphans(executor)
        self.limits = LimitCounters(executor)
        self.guests = Guests(executor)
        self.attestations = Attestations(executor)
        self.retention = Retention(executor)
        self.proofs = Proofs(executor)
        self.sessions = Sessions(executor)
        self.people = People(executor)
        self.operator_sessions = OperatorSessions(executor)
        self.transfers = Transfers(executor)
        self.merges = Merges(executor)
        self.members = Members(executor)
        self.deletions = Deletions(executor)
        self.exports = Exports(executor)
        self.residual_data = ResidualData(executor)
        self.mails = Mails(executor)
        self.styles = Styles(executor)
        self.blocked_words = BlockedWordRows(executor)
        self.blocked_hashes = BlockedHashes(executor)
        self.moderations = Moderations(executor)
        self.strikes = Strikes(executor)
        self.escalations = Escalations(executor)
        self.reports = Reports(executor)
        self.takedowns = Takedowns(executor)


class Database(Rows):
    """A pool of connections of one service. Its aggregates commit each statement by itself."""

    def __init__(self, connections: ConnectionCache, dsn: str, service: str) -> None:
        super().__init__(connections)
        self.generations = BatchedGenerations(connections)
        self._pool = connections
        self.dsn = dsn
        self.service = service
        self.queries = Queries(connections)
        self.notifier = Notifier(connections)

    @classmethod
    async def connect(cls, dsn: str, *, service: str, max_connections: int = 10) -> Self:
        """Open the pool.

        :param service: becomes `application_name`, by which the health of the building is told
        """
        pool = await asyncpg.create_pool(
            dsn,
            password=password_for(dsn),
            min_size=1,
            max_size=max_connections,
            connection_class=_Connection,
            init=_set_codecs,
            timeout=CONNECT_TIMEOUT_SECONDS,
            command_timeout=COMMAND_TIMEOUT_SECONDS,
            server_settings={"application_name": service, "jit": "off"},
        )
        return cls(ConnectionCache(pool, max_connections), dsn, service)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Rows]:
        async with self._pool.connection() as connection, connection.transaction():
            yield Rows(connection)

    async def close(self) -> None:
        await self.notifier.close()
        await self._pool.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
