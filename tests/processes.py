"""Servers that tests need, started once for a whole run of pytest, whatever number of workers it has.

The first worker that needs a server starts it, under a lock; the others read its address. A server outlives the worker
that started it and ends with the run, also if the run is killed: a keeper process beside it reads from a named pipe
whose other end only the run's first process holds.
"""

import asyncio
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

#: Where the servers of the run are kept track of.
FOLDER_VARIABLE = "TATEMONO_TEST_RUN"
_READY_WITHIN_SECONDS = 30
_GONE_WITHIN_SECONDS = 10
_ROOM_BYTES = 2**30
# PostgreSQL runs as another user when we are root, and must reach its data.
_PASSABLE = 0o711

# "$0" is the pipe, "$1" the signal that stops the server, "$2" where the keeper's pid is noted.
_KEEPER = """
pipe=$0 signal=$1 note=$2; shift 2
{
    "$@" & server=$!
    echo "$server" > "$note.server"
    cat "$pipe" > /dev/null
    kill -s "$signal" "$server" 2> /dev/null
    wait "$server"
    rm -rf "$(dirname "$note")"
} &
echo $! > "$note"
"""


class Run:
    """One run of pytest, as its first process sees it: with xdist the controller, otherwise the only one.

    :ivar in_memory: whether its folder waits for no disk
    """

    def __init__(self) -> None:
        memory = _memory()
        self.in_memory = memory is not None
        self.folder = Path(tempfile.mkdtemp(prefix="tatemono-", dir=memory))
        self.folder.chmod(_PASSABLE)
        os.mkfifo(self.folder / "alive")
        self._alive = os.open(self.folder / "alive", os.O_RDWR)
        os.environ[FOLDER_VARIABLE] = str(self.folder)

    def end(self) -> None:
        """Stop the servers, wait for their end, and remove the folder."""
        os.close(self._alive)
        keepers = [int(note.read_text()) for note in self.folder.glob("*/keeper")]
        deadline = time.monotonic() + _GONE_WITHIN_SECONDS
        while any(map(_alive, keepers)) and time.monotonic() < deadline:
            time.sleep(0.02)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.environ.pop(FOLDER_VARIABLE, None)


async def once_per_run(name: str, begin: Callable[[Path], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """What `begin` found out, called by the first who asks for `name` with a folder of its own.

    :raises Exception: whatever `begin` raises; the next who asks tries again
    """
    folder = _run_folder() / name
    with _locked(folder.with_suffix(".lock")):
        facts = folder / "facts.json"
        if not facts.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(_PASSABLE)
            found = await begin(folder)
            facts.write_text(json.dumps(found))
        loaded: dict[str, Any] = json.loads(facts.read_text())
    return loaded


async def start(
    argv: Sequence[str],
    environment: Mapping[str, str],
    ready: Callable[[], Awaitable[bool]],
    *,
    folder: Path,
    stop_signal: str = "TERM",
) -> None:
    """Start a server that runs until the run ends, and wait until it is ready. It logs to `folder`/log."""
    log = folder / "log"
    _spawn(argv, environment, folder, log, stop_signal)
    with suppress(TimeoutError):
        async with asyncio.timeout(_READY_WITHIN_SECONDS):
            while _runs(folder):
                if await ready():
                    return
                await asyncio.sleep(0.02)
    raise RuntimeError(f"{argv[0]} is not ready; it says:\n{log.read_text(errors='replace')[-4000:]}")


def _runs(folder: Path) -> bool:
    """Whether the server in `folder` still lives, as far as its keeper has said by now."""
    note = (folder / "keeper.server").read_text() if (folder / "keeper.server").exists() else ""
    return not note.endswith("\n") or _alive(int(note))


def _spawn(argv: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path, stop_signal: str) -> None:
    with log.open("wb") as output:
        subprocess.run(
            ["sh", "-c", _KEEPER, str(_run_folder() / "alive"), stop_signal, str(folder / "keeper"), *argv],
            env={"PATH": os.environ["PATH"], "HOME": str(folder), **environment},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # A Ctrl-C in the terminal is pytest's own; the servers go when it is done.
            start_new_session=True,
            check=True,
        )


def _memory() -> Path | None:
    """A file system in memory, where Linux offers one with room: a database is copied there 15 times as fast."""
    folder = Path("/dev/shm")  # noqa: S108 - mkdtemp makes the folder our own
    roomy = folder.is_dir() and os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= _ROOM_BYTES
    return folder if roomy else None


def _run_folder() -> Path:
    return Path(os.environ[FOLDER_VARIABLE])


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
