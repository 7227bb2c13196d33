"""A PostgreSQL that a test may stop and kill: durable, and nobody else's."""

import asyncio
import secrets
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import psutil

from conftest import free_port
from tatemono_tools.laptop.postgres.database import EmbeddedPostgres
from tatemono_tools.laptop.postgres.database_roles import prepare_database
from tatemono_tools.laptop.secret_values import database_url
from tatemono_tools.plan.building import Plan

_READY_WITHIN_SECONDS = 60
#: The empty cluster takes 40 of them, and up to 80 its log of writes.
_SMALL_DISK_MEBIBYTES = 192


@dataclass
class OwnPostgres:
    """:ivar urls: of the migrated database, as each role of the plan sees it"""

    cluster: EmbeddedPostgres
    urls: dict[str, str] = field(default_factory=dict)
    _process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Returns when it takes connections; after a kill it recovers first."""
        self.cluster.initialise()
        self._process = await asyncio.create_subprocess_exec(
            *self.cluster.argv(),
            env=self.cluster.environment(),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(_READY_WITHIN_SECONDS):
            while not await self.cluster.ready():  # noqa: ASYNC110 - another process gives no signal
                await asyncio.sleep(0.05)

    async def stop(self, signal_number: int = signal.SIGINT) -> None:
        """A fast shutdown: transactions are rolled back, a checkpoint is written."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal_number)
            await self._process.wait()

    async def kill(self) -> None:
        """All of it at once, as when the machine loses its power; what was not flushed by then is lost."""
        assert self._process is not None
        server = psutil.Process(self._process.pid)
        for process in (server, *server.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        await self._process.wait()

    @property
    def lives(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def execute(self, statement: str) -> None:
        """As the superuser, in the migrated database."""
        connection = await asyncpg.connect(self.cluster.dsn("tatemono"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@dataclass
class SmallDisk:
    """A file system of its own, which can be filled up."""

    folder: Path

    def fill(self) -> None:
        with (self.folder / "filler").open("wb", buffering=0) as filler, suppress(OSError):
            while True:
                filler.write(b"\0" * 4096)

    def empty(self) -> None:
        (self.folder / "filler").unlink()


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Only root may mount one."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_SMALL_DISK_MEBIBYTES}m", "tmpfs", folder], check=True)
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", folder], check=True)


@asynccontextmanager
async def own_postgres(folder: Path, plan: Plan) -> AsyncIterator[OwnPostgres]:
    # As root it runs as another user, which has to reach it; pytest closes its folders to all others.
    for each in (folder, *list(folder.parents)[:3]):
        each.chmod(0o711)
    port = free_port()
    made = OwnPostgres(EmbeddedPostgres(data_dir=folder / "pg", port=port, superuser_password=secrets.token_hex(8)))
    await made.start()
    try:
        roles = plan.database.roles
        made.urls = {role: database_url(role, f"127.0.0.1:{port}", plan.database.name, None) for role in roles}
        await prepare_database(plan.database, made.cluster.dsn(), made.urls)
        yield made
    finally:
        await made.stop(signal.SIGQUIT)
