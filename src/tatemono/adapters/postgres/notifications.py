"""LISTEN and NOTIFY: how a commit in one process is felt in another without polling.

A notification is only a hint: the rows are the truth, and a listener also looks by itself now and then. That is
why NOTIFY is sent right after the commit and not within it: PostgreSQL takes a lock over the whole database for the
commit of a transaction that notifies, which would undo its group commit (docs/adr/0005-notify-after-commit.md).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import structlog

from tatemono.adapters.postgres.iam_sign_in import password_for

#: PostgreSQL takes payloads shorter than 8000 bytes.
_MAX_PAYLOAD_BYTES = 7900
_RECONNECT_SECONDS = 0.5
#: After one statement the keys of so long a time go into the next: a busy process sends few, a quiet one at once.
_GATHER_SECONDS = 0.005

log = structlog.get_logger()


class Notifier:
    """Sends notifications soon, many keys in one statement, without making the caller wait."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._pending: dict[str, set[str]] = {}
        self._task: asyncio.Task[None] | None = None

    def notify(self, channel: str, key: str = "") -> None:
        self._pending.setdefault(channel, set()).add(key)
        if self._task is None:
            self._task = asyncio.create_task(self._send())

    async def _send(self) -> None:
        try:
            while self._pending:
                pending, self._pending = self._pending, {}
                payloads = [(channel, payload) for channel, keys in pending.items() for payload in _payloads(keys)]
                await self._pool.executemany("select pg_notify($1, $2)", payloads)
                await asyncio.sleep(_GATHER_SECONDS)
        except Exception as error:  # noqa: BLE001 - as for listeners, below
            log.warning("notifications_lost", error=repr(error))
        finally:
            self._task = None

    async def close(self) -> None:
        """Send what is pending."""
        while self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)


def _payloads(keys: set[str]) -> list[str]:
    payloads: list[str] = []
    current = ""
    for key in sorted(keys):
        if current and len(current) + len(key) + 1 > _MAX_PAYLOAD_BYTES:
            payloads.append(current)
            current = ""
        current = f"{current},{key}" if current else key
    return [*payloads, current]


@contextlib.asynccontextmanager
async def listening(
    dsn: str, channel: str, on_keys: Callable[[list[str]], None], *, service: str
) -> AsyncIterator[None]:
    """Call `on_keys` with the keys of each notification, and with an empty list after each (re)connection.

    The empty list says: notifications may have been lost, look for yourself.
    """
    task = asyncio.create_task(_listen_for_ever(dsn, channel, on_keys, service))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _listen_for_ever(dsn: str, channel: str, on_keys: Callable[[list[str]], None], service: str) -> None:
    while True:
        reason = None
        try:
            await _listen(dsn, channel, on_keys, service)
        except Exception as error:  # noqa: BLE001 - also asyncpg's InternalClientError, if it is cut off while it connects
            reason = repr(error)
        log.warning("listener_lost_connection", channel=channel, error=reason)
        await asyncio.sleep(_RECONNECT_SECONDS)


async def _listen(dsn: str, channel: str, on_keys: Callable[[list[str]], None], service: str) -> None:
    connection = await asyncpg.connect(
        dsn,
        password=password_for(dsn),
        timeout=10,
        server_settings={"application_name": f"{service} listener"},
    )
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _: lost.set())
    try:
        await connection.add_listener(
            channel, lambda *notification: on_keys([k for k in notification[3].split(",") if k])
        )
        on_keys([])
        await lost.wait()
    finally:
        await connection.close(timeout=2)
