"""Starts the parts of a building in the order of their needs, restarts one that dies, and stops them in order.

It does not know what the parts are: `laptop/building.py` says that.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import time
import traceback
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import psutil

from tatemono_tools.laptop.process.logs import LogFile, LogPipe, last_lines
from tatemono_tools.laptop.process.part import Launch, Part, PartFailed, Timeouts
from tatemono_tools.laptop.process.state import PartRecord, ProcessIdentity, now

_HURRIED_STOP_SECONDS = 1.0
_SHOWN_LINES = 12


@dataclass
class _ChildProcess:
    process: Process
    pipe: LogPipe


@dataclass(kw_only=True)
class Supervisor:
    """Keeps `parts` running. `on_change` gets each change of a part's state, `on_line` each line it writes."""

    parts: Sequence[Part]
    logs: Path
    on_change: Callable[[str, PartRecord], None]
    on_line: Callable[[str, str], None]
    timeouts: Timeouts = field(default_factory=Timeouts)
    records: dict[str, PartRecord] = field(init=False)

    def __post_init__(self) -> None:
        self.records = {
            part.name: PartRecord(address=part.address, stop_signal=part.stop_signal, since=now())
            for part in self.parts
        }
        self._ready = {part.name: asyncio.Event() for part in self.parts}
        self._children: dict[str, _ChildProcess] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._hurry = asyncio.Event()

    async def start(self) -> None:
        """Start everything; returns when all parts are ready.

        :raises PartFailed: a part could not be made to run
        """
        self._tasks = [asyncio.create_task(self._supervise(part), name=part.name) for part in self.parts]
        ready = [asyncio.create_task(event.wait()) for event in self._ready.values()]
        try:
            waiting: set[asyncio.Task[None] | asyncio.Task[bool]] = {*ready, *self._tasks}
            while not all(task.done() for task in ready):
                finished, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in finished:
                    task.result()
        finally:
            for task in ready:
                task.cancel()

    async def watch(self) -> None:
        """Keep everything running; it returns only by being cancelled.

        :raises PartFailed: a part could not be kept running
        """
        # The task of a part without a process ends early.
        await asyncio.gather(*self._tasks, asyncio.Event().wait())

    async def stop(self) -> None:
        """Stop everything, in order. `hurry`, called meanwhile, cuts the waiting short."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for order in sorted({part.stop_order for part in self.parts}):
            await asyncio.gather(*(self._stop_part(part) for part in self.parts if part.stop_order == order))

    def hurry(self) -> None:
        """From now on a part that was asked to stop has one second left."""
        self._hurry.set()

    async def _supervise(self, part: Part) -> None:
        """Run one part for as long as the building stands."""
        for need in sorted(part.needs):
            await self._ready[need].wait()
        failures: deque[float] = deque()
        while (reason := await self._run_once(part)) is not None:
            failures.append(time.monotonic())
            while failures[0] < failures[-1] - self.timeouts.within_seconds:
                failures.popleft()
            if len(failures) >= self.timeouts.max_failures:
                lines = last_lines(self.logs / f"{part.name}.log", _SHOWN_LINES)
                self._give_up(part, f"{reason}, {len(failures)} times in {failures[-1] - failures[0]:.0f} s", lines)
            delay = self.timeouts.delay_seconds(len(failures))
            self._report(part, "restarting", f"{reason}; starting it again in {delay:g} s")
            await asyncio.sleep(delay)
            self.records[part.name].restarts += 1

    async def _run_once(self, part: Part) -> str | None:
        """Start the part and wait for its end.

        :returns: why it ended, or None if there was only work to do and it is done
        """
        self._report(part, "starting")
        try:
            launch = await part.launch()
            child = await self._spawn(part, launch) if launch else None
        except Exception as error:  # noqa: BLE001 - any reason why a part does not start is shown, with its traceback in the log
            return self._launch_failed(part, error)
        if child is None:
            self._ready[part.name].set()
            self._report(part, "ready")
            return None
        try:
            reason = await self._until_ready(part, child.process)
        except PartFailed as failure:
            _kill_group(child.process.pid)
            await child.process.wait()
            child.pipe.close()
            self._give_up(part, failure.detail, failure.log)
        if reason is None:
            self._ready[part.name].set()
            self._report(part, "ready")
            reason = _exit_reason(await child.process.wait())
        _kill_group(child.process.pid)
        child.pipe.close()
        return reason

    async def _spawn(self, part: Part, launch: Launch) -> _ChildProcess:
        pipe = LogPipe(LogFile(self.logs / f"{part.name}.log"), lambda line: self.on_line(part.name, line))
        try:
            process = await asyncio.create_subprocess_exec(
                *_with_death_signal(launch.argv, part.stop_signal),
                env=dict(launch.environment),
                cwd="/",
                stdin=DEVNULL,
                stdout=pipe.write_end,
                stderr=STDOUT,
                # A Ctrl-C at the terminal shall reach the supervisor only, which stops the parts in order.
                start_new_session=True,
            )
        except BaseException:
            pipe.close_write_end()
            pipe.close()
            raise
        pipe.close_write_end()
        child = self._children[part.name] = _ChildProcess(process, pipe)
        with contextlib.suppress(psutil.NoSuchProcess):
            self.records[part.name].identity = ProcessIdentity.of(process.pid)
        self._report(part, "starting")
        return child

    async def _until_ready(self, part: Part, process: Process) -> str | None:
        """:returns: why the part will never be ready, or None when it is"""
        deadline = time.monotonic() + self.timeouts.start_timeout_seconds
        while time.monotonic() < deadline:
            if await part.ready():
                return None
            with contextlib.suppress(TimeoutError):
                # Not `wait_for`: before Python 3.12 it may swallow the cancellation that ends this.
                async with asyncio.timeout(self.timeouts.probe_seconds):
                    return _exit_reason(await process.wait())
        _kill_group(process.pid)
        await process.wait()
        return f"was not ready after {self.timeouts.start_timeout_seconds:g} s"

    async def _stop_part(self, part: Part) -> None:
        child = self._children.get(part.name)
        detail = ""
        if child and child.process.returncode is None:
            self._report(part, "stopping")
            with contextlib.suppress(ProcessLookupError):
                child.process.send_signal(part.stop_signal)
            if not await self._ended(child.process, part.stop_timeout_seconds):
                detail = "did not stop in time and was killed"
                _kill_group(child.process.pid)
            await child.process.wait()
            _kill_group(child.process.pid)
        if child:
            child.pipe.close()
        self._report(part, "stopped", detail)

    async def _ended(self, process: Process, timeout_seconds: float) -> bool:
        ended, hurry = asyncio.create_task(process.wait()), asyncio.create_task(self._hurry.wait())
        try:
            await asyncio.wait({ended, hurry}, timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
            if hurry.done():
                await asyncio.wait({ended}, timeout=min(_HURRIED_STOP_SECONDS, timeout_seconds))
            return ended.done()
        finally:
            ended.cancel()
            hurry.cancel()

    def _launch_failed(self, part: Part, error: Exception) -> str:
        if isinstance(error, PartFailed):
            reason, lines = error.detail, error.log
        else:
            reason, lines = f"could not be started: {error or type(error).__name__}", []
            log = LogFile(self.logs / f"{part.name}.log")
            log.write("".join(traceback.format_exception(error)).encode())
            log.close()
        # A part that has never worked will not recover; one that has may only miss a part that is being restarted.
        if not self._ready[part.name].is_set():
            self._give_up(part, reason, lines)
        return reason

    def _give_up(self, part: Part, reason: str, lines: list[str]) -> NoReturn:
        self._report(part, "failed", reason)
        raise PartFailed(part.name, reason, lines)

    def _report(self, part: Part, state: str, detail: str = "") -> None:
        record = self.records[part.name]
        record.state, record.detail, record.since = state, detail, now()
        if state in {"stopped", "restarting", "failed"}:
            record.identity = None
        self.on_change(part.name, record)


def _exit_reason(returncode: int) -> str:
    if returncode >= 0:
        return f"ended with exit code {returncode}"
    return f"was ended by {signal.Signals(-returncode).name}"


def _kill_group(pid: int) -> None:
    """End what is left of a child process and of those it started: the group exists as long as one of them does."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _with_death_signal(argv: Sequence[str], stop_signal: signal.Signals) -> list[str]:
    """On Linux, let the kernel stop the child process when the supervisor is killed. (Elsewhere the next `up` does it.)

    The setting is lost when a process changes its user, so it goes into the call of `setpriv` that does so.
    """
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    if setpriv is None:
        return list(argv)
    command = [setpriv, "--pdeathsig", stop_signal.name.removeprefix("SIG")]
    return [*command, *(argv[1:] if Path(argv[0]).name == "setpriv" else argv)]
