import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from tatemono_tools.laptop.process.part import Launch, Part, PartFailed, Timeouts
from tatemono_tools.laptop.process.state import PartRecord, ProcessIdentity, Record, StateFolder, orphans, stop_orphans
from tatemono_tools.laptop.process.supervisor import Supervisor

QUICK = Timeouts(
    max_failures=3, within_seconds=60, first_delay_seconds=0.01, start_timeout_seconds=0.3, probe_seconds=0.01
)
LASTING = "sleep 60 & wait"
# Starts no command: some shells miss a signal that comes just before they wait for one.
LISTENING = "echo set; while :; do :; done"
# Starts others all the time, which outlive it.
RESTLESS = "trap '' TERM; while :; do sleep 60 & sleep 0.02; done"
STUBBORN = "trap '' TERM; while :; do sleep 60 & wait; done"


@dataclass
class Setup:
    """Supervisors of small processes, and what they reported."""

    folder: Path
    changes: list[tuple[str, str, str]] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)
    supervisors: list[Supervisor] = field(default_factory=list)

    def part(self, name: str, script: str, **rest: Any) -> Part:
        async def launch() -> Launch:
            return Launch(argv=["sh", "-c", script], environment={"PATH": os.defpath, "NAME": name})

        return Part(name=name, launch=launch, **rest)

    def supervise(self, *parts: Part, timeouts: Timeouts = QUICK) -> Supervisor:
        def changed(name: str, record: PartRecord) -> None:
            self.changes.append((name, record.state, record.detail))

        def line(name: str, text: str) -> None:
            self.lines.append((name, text))

        made = Supervisor(parts=parts, logs=self.folder, on_change=changed, on_line=line, timeouts=timeouts)
        self.supervisors.append(made)
        return made

    def states(self, name: str) -> list[str]:
        return [state for part, state, _ in self.changes if part == name]

    def details(self, name: str) -> list[str]:
        return [detail for part, _, detail in self.changes if part == name and detail]

    async def until(self, question: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not question():  # noqa: ASYNC110 - other processes give no signal
                await asyncio.sleep(0.01)


@pytest.fixture
async def setup(tmp_path: Path) -> AsyncIterator[Setup]:
    made = Setup(tmp_path)
    yield made
    for supervisor in made.supervisors:
        supervisor.hurry()
        await supervisor.stop()


def pid_of(supervisor: Supervisor, name: str) -> int:
    identity = supervisor.records[name].identity
    assert identity
    return identity.pid


class TestStart:
    async def test_starts_a_part_when_what_it_needs_is_ready(self, setup: Setup) -> None:
        late = setup.folder / "late"

        async def ready() -> bool:
            return late.exists()

        first = setup.part("first", f"sleep 0.1; touch {late}; {LASTING}", ready=ready)
        second = setup.part("second", LASTING, needs=frozenset({"first"}))
        await setup.supervise(second, first).start()
        order = [(name, state) for name, state, _ in setup.changes]
        assert order.index(("first", "ready")) < order.index(("second", "starting"))

    async def test_takes_a_part_without_a_process_as_ready_when_its_work_is_done(self, setup: Setup) -> None:
        done: list[str] = []

        async def work() -> None:
            done.append("work")

        supervisor = setup.supervise(
            Part(name="work", launch=work), setup.part("after", LASTING, needs=frozenset({"work"}))
        )
        await supervisor.start()
        assert done == ["work"]
        assert supervisor.records["work"].identity is None

    async def test_gives_a_child_only_the_environment_it_was_given(self, setup: Setup) -> None:
        await setup.supervise(setup.part("bare", f"env; echo END; {LASTING}")).start()
        await setup.until(lambda: ("bare", "END") in setup.lines)
        names = {line.partition("=")[0] for _, line in setup.lines} - {"END"}
        # The shell sets some of its own.
        assert names - {"PWD", "OLDPWD", "SHLVL", "_"} == {"PATH", "NAME"}

    async def test_gives_a_child_a_session_of_its_own(self, setup: Setup) -> None:
        supervisor = setup.supervise(setup.part("apart", LASTING))
        await supervisor.start()
        pid = pid_of(supervisor, "apart")
        assert os.getsid(pid) == os.getpgid(pid) == pid

    async def test_says_why_a_part_ends_while_it_starts_and_what_it_said_last(self, setup: Setup) -> None:
        async def never() -> bool:
            return False

        part = setup.part("broken", "echo no such table; exit 7", ready=never)
        with pytest.raises(PartFailed, match=r"^broken ended with exit code 7, 3 times in 0 s$") as failure:
            await setup.supervise(part).start()
        assert failure.value.log[-1] == "no such table"
        assert setup.states("broken")[-1] == "failed"

    async def test_kills_a_part_that_is_not_ready_in_time(self, setup: Setup) -> None:
        async def never() -> bool:
            return False

        supervisor = setup.supervise(setup.part("slow", STUBBORN, ready=never))
        before = set(psutil.Process().children())
        with pytest.raises(PartFailed, match=r"slow was not ready after 0\.3 s"):
            await supervisor.start()
        assert set(psutil.Process().children()) <= before

    async def test_fails_at_once_when_a_first_launch_raises(self, setup: Setup) -> None:
        async def launch() -> Launch:
            raise RuntimeError("the folder is full")

        with pytest.raises(PartFailed, match="disk could not be started: the folder is full"):
            await setup.supervise(Part(name="disk", launch=launch)).start()
        assert "Traceback" in (setup.folder / "disk.log").read_text()

    async def test_fails_when_the_program_is_missing(self, setup: Setup) -> None:
        async def launch() -> Launch:
            return Launch(argv=["/nowhere/at/all"], environment={})

        async def never() -> bool:
            return False

        with pytest.raises(PartFailed, match=r"ghost (ended with exit code 127|could not be started)"):
            await setup.supervise(Part(name="ghost", launch=launch, ready=never)).start()


class TestRestart:
    async def test_restarts_a_part_that_dies_and_says_why(self, setup: Setup) -> None:
        supervisor = setup.supervise(setup.part("phoenix", LASTING))
        await supervisor.start()
        first = pid_of(supervisor, "phoenix")
        os.kill(first, signal.SIGKILL)
        await setup.until(lambda: setup.states("phoenix").count("ready") == 2)
        assert setup.details("phoenix") == ["was ended by SIGKILL; starting it again in 0.01 s"]
        assert supervisor.records["phoenix"].restarts == 1
        assert pid_of(supervisor, "phoenix") != first

    async def test_gives_up_on_a_part_that_keeps_dying(self, setup: Setup) -> None:
        supervisor = setup.supervise(setup.part("mayfly", "echo short life; exit 1"))

        async def keep_up() -> None:
            await supervisor.start()
            await supervisor.watch()

        with pytest.raises(PartFailed, match=r"mayfly ended with exit code 1, 3 times") as failure:
            await keep_up()
        assert failure.value.log == ["short life"] * 3

    async def test_forgets_failures_that_are_long_ago(self, setup: Setup) -> None:
        timeouts = Timeouts(max_failures=2, within_seconds=0, first_delay_seconds=0.001)
        supervisor = setup.supervise(setup.part("mayfly", "exit 1"), timeouts=timeouts)
        await supervisor.start()
        await setup.until(lambda: supervisor.records["mayfly"].restarts >= 4)

    async def test_tries_again_when_a_later_launch_raises(self, setup: Setup) -> None:
        launches: list[int] = []

        async def launch() -> Launch:
            launches.append(1)
            if len(launches) == 2:
                raise RuntimeError("the cloud is away")
            return Launch(argv=["sh", "-c", LASTING], environment={"PATH": os.defpath})

        supervisor = setup.supervise(Part(name="service", launch=launch))
        await supervisor.start()
        os.kill(pid_of(supervisor, "service"), signal.SIGKILL)
        await setup.until(lambda: setup.states("service").count("ready") == 2)
        assert any("the cloud is away" in detail for detail in setup.details("service"))

    async def test_ends_the_processes_that_a_dead_part_leaves(self, setup: Setup) -> None:
        supervisor = setup.supervise(setup.part("master", f"sleep 61 & echo $!; {LASTING}"))
        await supervisor.start()
        await setup.until(lambda: setup.lines)
        worker = psutil.Process(int(setup.lines[0][1]))
        os.kill(pid_of(supervisor, "master"), signal.SIGKILL)
        await setup.until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)

    def test_waits_longer_after_each_failure_up_to_a_limit(self) -> None:
        timeouts = Timeouts(first_delay_seconds=0.25, longest_delay_seconds=8)
        assert [timeouts.delay_seconds(failure) for failure in range(1, 8)] == [0.25, 0.5, 1, 2, 4, 8, 8]


class TestStop:
    async def test_stops_the_parts_in_their_order(self, setup: Setup) -> None:
        def part(name: str, order: int) -> Part:
            script = f"trap 'sleep 0.05; echo gone; exit' TERM; {LISTENING}"
            return setup.part(name, script, stop_order=order)

        supervisor = setup.supervise(part("postgres", 2), part("door", 0), part("api", 1))
        await supervisor.start()
        await setup.until(lambda: len(setup.lines) == 3)
        await supervisor.stop()
        assert [name for name, line in setup.lines if line == "gone"] == ["door", "api", "postgres"]
        assert [name for name, state, _ in setup.changes if state == "stopped"] == ["door", "api", "postgres"]

    async def test_asks_with_the_signal_of_the_part(self, setup: Setup) -> None:
        # Not SIGINT: a shell that is started with it ignored, as in the background of another, can trap it no more.
        script = f"trap 'echo interrupted; exit' USR1; {LISTENING}"
        supervisor = setup.supervise(setup.part("postgres", script, stop_signal=signal.SIGUSR1))
        await supervisor.start()
        await setup.until(lambda: setup.lines)
        await supervisor.stop()
        assert setup.lines == [("postgres", "set"), ("postgres", "interrupted")]

    async def test_kills_a_part_that_takes_too_long_and_says_so(self, setup: Setup) -> None:
        supervisor = setup.supervise(setup.part("stubborn", f"echo set; {STUBBORN}", stop_timeout_seconds=0.1))
        await supervisor.start()
        process = psutil.Process(pid_of(supervisor, "stubborn"))
        await setup.until(process.children)
        await supervisor.stop()
        assert setup.details("stubborn") == ["did not stop in time and was killed"]
        assert not process.is_running()

    async def test_waits_no_longer_when_it_is_hurried(self, setup: Setup) -> None:
        supervisor = setup.supervise(setup.part("stubborn", STUBBORN, stop_timeout_seconds=3600))
        await supervisor.start()
        await setup.until(psutil.Process(pid_of(supervisor, "stubborn")).children)
        stopping = asyncio.create_task(supervisor.stop())
        await setup.until(lambda: "stopping" in setup.states("stubborn"))
        supervisor.hurry()
        async with asyncio.timeout(10):
            await stopping
        assert setup.details("stubborn") == ["did not stop in time and was killed"]

    async def test_does_not_restart_what_it_stops(self, setup: Setup) -> None:
        supervisor = setup.supervise(setup.part("service", LASTING))
        await supervisor.start()
        await supervisor.stop()
        assert setup.states("service")[-2:] == ["stopping", "stopped"]

    async def test_stops_a_start_that_is_under_way(self, setup: Setup) -> None:
        async def never() -> bool:
            return False

        supervisor = setup.supervise(
            setup.part("slow", LASTING, ready=never),
            setup.part("waiting", LASTING, needs=frozenset({"slow"})),
            timeouts=Timeouts(),
        )
        before = set(psutil.Process().children())
        starting = asyncio.create_task(supervisor.start())
        await setup.until(lambda: supervisor.records["slow"].identity)
        starting.cancel()
        await supervisor.stop()
        assert [record.state for record in supervisor.records.values()] == ["stopped", "stopped"]
        assert set(psutil.Process().children()) <= before


SUPERVISE_FOR_EVER = """
import asyncio, os, sys
from pathlib import Path
from tatemono_tools.laptop.process.part import Launch, Part
from tatemono_tools.laptop.process.state import ProcessIdentity, Record, StateFolder
from tatemono_tools.laptop.process.supervisor import Supervisor

state = StateFolder(Path(sys.argv[1]))
state.prepare()

def part(name, script):
    async def launch():
        return Launch(argv=["sh", "-c", script], environment={"PATH": os.defpath})
    return Part(name=name, launch=launch)

async def main():
    supervisor = Supervisor(
        parts=[part("polite", sys.argv[2]), part("stubborn", sys.argv[3])],
        logs=state.logs, on_change=lambda *_: None, on_line=lambda *_: None,
    )
    with state.claim():
        await supervisor.start()
        state.write_record(Record(supervisor=ProcessIdentity.of_this_process(), started=0, parts=supervisor.records))
        print("up", flush=True)
        await supervisor.watch()

asyncio.run(main())
"""


@dataclass
class Killed:
    state: StateFolder
    record: Record

    def process(self, name: str) -> psutil.Process | None:
        identity = self.record.parts[name].identity
        return identity.process() if identity else None


@pytest.fixture
def killed(tmp_path: Path) -> Killed:
    """A building whose supervisor was killed, with one part that heeds SIGTERM and one that does not."""
    folder = tmp_path / "state"
    command = [sys.executable, "-c", SUPERVISE_FOR_EVER, str(folder), LASTING, RESTLESS]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout
        supervisor.stdout.readline()
        state = StateFolder(folder)
        record = state.read_record()
        assert record
        identity = record.parts["stubborn"].identity
        assert identity
        # The shell has set its trap when it has a child.
        wait_until(lambda: psutil.Process(identity.pid).children())
        supervisor.kill()
    return Killed(state, record)


def wait_until(question: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not question():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class TestAfterAKill:
    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux stops a child when its parent dies")
    def test_children_are_asked_to_stop_when_the_supervisor_is_killed(self, killed: Killed) -> None:
        wait_until(lambda: killed.process("polite") is None)
        stop_orphans(killed.record, timeout_seconds=0.1)

    def test_leftovers_are_found_and_stopped_by_force_if_need_be(self, killed: Killed) -> None:
        assert "stubborn" in orphans(killed.record)
        stopped = stop_orphans(killed.record, timeout_seconds=0.2)
        assert "stubborn" in stopped
        assert killed.process("stubborn") is None
        assert not orphans(killed.record)

    def test_the_folder_is_free_at_once(self, killed: Killed) -> None:
        with killed.state.claim():
            stop_orphans(killed.record, timeout_seconds=0.1)

    def test_a_process_that_was_given_the_same_number_is_left_alone(self) -> None:
        with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:
            ours = ProcessIdentity(stranger.pid, psutil.Process(stranger.pid).create_time() - 100)
            record = Record(
                supervisor=ProcessIdentity(stranger.pid, 0),
                started=0,
                parts={"service": PartRecord(identity=ProcessIdentity(ours.pid, ours.created + 200))},
            )
            assert stop_orphans(record) == {}
            assert stranger.poll() is None
            stranger.kill()
