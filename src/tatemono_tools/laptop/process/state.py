"""The folder in which one building lives on this machine: who runs there, what was started, which ports it has.

Everything in it is private to its owner (0700). A marker file says that the folder is ours, so that nothing else is
ever wiped; a lock says that a building runs in it; `running.json` says what runs, and outlives a supervisor that was
killed.
"""

import contextlib
import fcntl
import json
import os
import pwd
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

MARKER = "tatemono-state"
KEPT_WHEN_WIPED = (MARKER, "lock", "ports.json", "certificates")
"""A fresh building keeps its addresses, and the local CA that a browser may already trust."""

# The kernel counts a process's start in ticks since boot; as a date it may differ a little between two readings.
_CREATED_TOLERANCE_SECONDS = 1.5
#: How often processes are looked for and killed: one that is not killed yet may start others.
_KILL_ROUNDS = 3


class StateFolderRefused(Exception):
    """The folder cannot hold a building's state; the message says why and what to do."""


class AlreadyRunning(Exception):
    """Another supervisor holds the folder."""

    def __init__(self, path: Path, pid: int | None) -> None:
        super().__init__(f"a building already runs in {path} (pid {pid or 'unknown'})")
        self.pid = pid


class NotRunning(Exception):
    """There is no building to ask; the message says what to do."""


@dataclass(frozen=True)
class ProcessIdentity:
    """A process that cannot be mistaken for another: an id is given again, an id with a start time is not."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> "ProcessIdentity":
        """:raises psutil.NoSuchProcess: it is gone already"""
        return cls(pid, psutil.Process(pid).create_time())

    @classmethod
    def of_this_process(cls) -> "ProcessIdentity":
        return cls.of(os.getpid())

    def process(self) -> psutil.Process | None:
        """The process, if it still lives."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < _CREATED_TOLERANCE_SECONDS
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def survivors(self) -> list[psutil.Process]:
        """The process and those of its session, which may outlive it, as nginx's workers do."""
        leader = self.process()
        found = [leader] if leader else []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
                in_session = process.pid != self.pid and os.getsid(process.pid) == self.pid
                if in_session and process.create_time() >= self.created - _CREATED_TOLERANCE_SECONDS:
                    found.append(process)
        return found


@dataclass(kw_only=True)
class PartRecord:
    """What is known of one part. Times are seconds since the epoch."""

    state: str = "waiting"
    address: str = ""
    identity: ProcessIdentity | None = None
    stop_signal: int = signal.SIGTERM
    restarts: int = 0
    since: float = 0.0
    detail: str = ""


@dataclass(kw_only=True)
class Record:
    """What a supervisor leaves for `status`, `down` and the next `up`."""

    supervisor: ProcessIdentity
    started: float
    ready: bool = False
    address: str = ""
    parts: dict[str, PartRecord] = field(default_factory=dict)

    @property
    def is_up(self) -> bool:
        """Whether the building was ready and its supervisor lives. One that was killed has left `ready`, too."""
        return self.ready and self.supervisor.process() is not None


@dataclass(frozen=True)
class StateFolder:
    path: Path

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def certificates(self) -> Path:
        return self.path / "certificates"

    def prepare(self) -> None:
        """Make the folder, or check that it is ours, and close it to others.

        :raises StateFolderRefused: it is a file, another user's, or holds other things
        """
        try:
            self.path.mkdir(parents=True, mode=0o700, exist_ok=True)
            self._refuse_foreign()
            self.path.chmod(0o700)
            marker = self.path / MARKER
            if not marker.exists():
                marker.write_text("The state of a Tatemono building. `tatemono up --fresh` empties this folder.\n")
            self.logs.mkdir(exist_ok=True)
        except OSError as error:
            advice = "make it writable, or choose another --data-dir"
            raise StateFolderRefused(f"{self.path} cannot be written ({error.strerror}): {advice}") from error

    def _refuse_foreign(self) -> None:
        owner = self.path.stat().st_uid
        if owner != os.geteuid():
            try:
                name = pwd.getpwuid(owner).pw_name
            except KeyError:
                name = str(owner)
            raise StateFolderRefused(f"{self.path} belongs to {name}: run as {name}, or choose another --data-dir")
        if not (self.path / MARKER).exists() and any(self.path.iterdir()):
            raise StateFolderRefused(
                f"{self.path} holds other things (there is no {MARKER} in it): choose an empty or new --data-dir"
            )

    @contextlib.contextmanager
    def claim(self) -> Iterator[None]:
        """Be the only supervisor of this folder; one that dies gives it back at once.

        :raises AlreadyRunning: another supervisor does
        """
        with (self.path / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyRunning(self.path, self.running_pid()) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            try:
                yield
            finally:
                lock.truncate(0)

    def running_pid(self) -> int | None:
        """The supervisor that holds the folder."""
        try:
            with (self.path / "lock").open() as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return int(lock.read() or 0) or None
        except (FileNotFoundError, NotADirectoryError):
            pass
        return None

    def wipe(self) -> None:
        """Remove all that the building keeps. Call it only while holding the claim."""
        for entry in self.path.iterdir():
            if entry.name in KEPT_WHEN_WIPED:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        self.logs.mkdir()

    def write_record(self, record: Record) -> None:
        self.write_json("running.json", asdict(record))

    def read_record(self) -> Record | None:
        content = self.read_json("running.json")
        if not content:
            return None
        parts = {name: _part_record(part) for name, part in content.pop("parts").items()}
        return Record(**content | {"supervisor": ProcessIdentity(**content["supervisor"]), "parts": parts})

    def forget_record(self) -> None:
        (self.path / "running.json").unlink(missing_ok=True)

    def write_json(self, name: str, content: object) -> None:
        """Replace a small file as a whole: a reader sees the old one or the new one."""
        fresh = self.path / f"{name}.new"
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(content))
        fresh.rename(self.path / name)

    def read_json(self, name: str) -> dict[str, Any]:
        """The content of a small file; nothing if it is missing or was damaged."""
        try:
            content = json.loads((self.path / name).read_text())
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}


def _part_record(content: dict[str, Any]) -> PartRecord:
    identity = content.pop("identity")
    return PartRecord(**content, identity=ProcessIdentity(**identity) if identity else None)


def orphans(record: Record | None) -> dict[str, list[psutil.Process]]:
    """Processes of a building whose supervisor is gone, by part."""
    if record is None or record.supervisor.process():
        return {}
    found = {name: part.identity.survivors() for name, part in record.parts.items() if part.identity}
    return {name: processes for name, processes in found.items() if processes}


def stop_orphans(record: Record, *, timeout_seconds: float = 5.0) -> dict[str, list[int]]:
    """Stop what a killed supervisor left behind: with the stop signal of each part, then by force.

    :returns: the process ids that were stopped, by part
    """
    found = orphans(record)
    if not found:
        return {}
    stopped = {name: [process.pid for process in processes] for name, processes in found.items()}
    for name, processes in found.items():
        part = record.parts[name]
        leads = part.identity is not None and processes[0].pid == part.identity.pid
        _signal(processes[:1] if leads else processes, part.stop_signal)
    psutil.wait_procs(_of_all_parts(found), timeout=timeout_seconds)
    # What is left may start others before it is killed, so look again.
    for _ in range(_KILL_ROUNDS):
        stubborn = _of_all_parts(orphans(record))
        if not stubborn:
            break
        _signal(stubborn, signal.SIGKILL)
        psutil.wait_procs(stubborn, timeout=2)
    return stopped


def _of_all_parts(found: dict[str, list[psutil.Process]]) -> list[psutil.Process]:
    return [process for processes in found.values() for process in processes]


def _signal(processes: Sequence[psutil.Process], number: int) -> None:
    for process in processes:
        # psutil compares start times once more before it signals.
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def now() -> float:
    """Seconds since the epoch, as records keep them."""
    return time.time()
