"""`tatemono up`: start the building, keep it running, stop it in order when asked."""

import asyncio
import contextlib
import signal
import time
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tatemono_tools.invocation import typed
from tatemono_tools.laptop.building import DOCS_PATH, HEALTH_PATH, Building, check_services, preferred_ports
from tatemono_tools.laptop.painter.choice import Chooser, PainterOptions
from tatemono_tools.laptop.process import ports
from tatemono_tools.laptop.process.disk import disk_problem
from tatemono_tools.laptop.process.part import PartFailed
from tatemono_tools.laptop.process.screen import UP, Screen, addresses_panel
from tatemono_tools.laptop.process.state import (
    PartRecord,
    ProcessIdentity,
    Record,
    StateFolder,
    StateFolderRefused,
    now,
    stop_orphans,
)
from tatemono_tools.laptop.process.supervisor import Supervisor
from tatemono_tools.plan.building import Plan, read_plan

_HEALTH_PAUSE_SECONDS = 0.1
_HEALTH_TIMEOUT_SECONDS = 60
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of `up`.

    :ivar ask: asks the person for a key, without an echo; None: there is no terminal
    """

    data_dir: Path
    port: int | None = None
    fresh: bool = False
    only: tuple[str, ...] = ()
    accept_loss: bool = False
    open_browser: bool = False
    verbose: bool = False
    painter: PainterOptions = field(default_factory=PainterOptions)
    ask: Callable[[str], str] | None = None


def up(options: Options, console: Console) -> int:
    """Run until asked to stop.

    :returns: 0 after an orderly stop, 1 if a part could not be kept running
    :raises UnknownService: `only` names one that the plan does not have
    :raises AlreadyRunning: a building runs in the folder
    :raises StateFolderRefused: the folder cannot hold a building's state, or its disk is full
    :raises WrongPainter: the options about the painter do not go together
    :raises PainterRefused: the painter cannot be had
    """
    plan = read_plan()
    check_services(plan, options.only)
    state = StateFolder(options.data_dir)
    state.prepare()
    with state.claim():
        _clean_up(state, options, console)
        if problem := disk_problem(state.path):
            raise StateFolderRefused(f"{problem}: make room, or choose another --data-dir")
        chosen = Chooser(plan=plan, state=state, console=console, ask=options.ask).choose(options.painter)
        building = Building(
            plan,
            state,
            _choose_ports(plan, state, options, console),
            options.only,
            chosen,
            accept_loss=options.accept_loss,
            tell=lambda sentence: console.print(Text(f" ! {sentence}", "yellow"), soft_wrap=True),
        )
        try:
            return asyncio.run(_Run(options, console, building).run())
        finally:
            building.close()
            state.forget_record()


def _clean_up(state: StateFolder, options: Options, console: Console) -> None:
    record = state.read_record()
    if record:
        for name, pids in stop_orphans(record).items():
            console.print(Text(f" ! stopped {name}, left from a run that was killed (pid {', '.join(map(str, pids))})"))
    if options.fresh:
        state.wipe()
        console.print(Text(f" · emptied {state.path}", "dim"))


def _choose_ports(plan: Plan, state: StateFolder, options: Options, console: Console) -> dict[str, int]:
    remembered = {name: port for name, port in state.read_json("ports.json").items() if isinstance(port, int)}
    preferred = preferred_ports(plan)
    asked = {}
    if options.port:
        asked["https"] = options.port
        if remembered.get("https") != options.port:
            remembered.pop("http", None)
            preferred["http"] = options.port + 1 if options.port < 65_535 else 0  # noqa: PLR2004 - the last port there is
    chosen, moved = ports.choose(remembered=remembered, preferred=preferred, asked=asked)
    for sentence in moved:
        console.print(Text(f" ! {sentence}", "yellow"))
    state.write_json("ports.json", remembered | chosen)
    return chosen


@dataclass
class _Run:
    options: Options
    console: Console
    building: Building
    supervisor: Supervisor = field(init=False)
    screen: Screen = field(init=False)
    record: Record = field(init=False)

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(
            parts=self.building.parts(),
            logs=self.building.state.logs,
            on_change=self._changed,
            on_line=self._line,
        )
        self.screen = Screen(self.console, self.supervisor.records)
        self.record = Record(
            supervisor=ProcessIdentity.of_this_process(),
            started=now(),
            address=self.building.address,
            parts=self.supervisor.records,
        )

    async def run(self) -> int:
        stop = asyncio.Event()
        for number in _STOP_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._asked_to_stop, stop, number)
        running, asked = asyncio.create_task(self._start_and_watch()), asyncio.create_task(stop.wait())
        await asyncio.wait({running, asked}, return_when=asyncio.FIRST_COMPLETED)
        for task in (running, asked):
            task.cancel()
        await asyncio.wait({running})
        try:
            if not running.cancelled():
                running.result()
        except PartFailed as failure:
            self._show_failure(failure)
            return 1
        finally:
            await self._stop()
        return 0

    def _asked_to_stop(self, stop: asyncio.Event, number: signal.Signals) -> None:
        if number is signal.SIGHUP:
            # The terminal is gone; what is written to it would fail.
            self.console.quiet = True
        if stop.is_set():
            self.supervisor.hurry()
        stop.set()

    async def _start_and_watch(self) -> None:
        began = time.monotonic()
        with self.screen:
            await self.supervisor.start()
            watching = asyncio.create_task(self.supervisor.watch())
            try:
                healthy = asyncio.create_task(self._until_healthy())
                await asyncio.wait({watching, healthy}, return_when=asyncio.FIRST_COMPLETED)
                # If it is the watching that ended, a part has failed, and this raises why.
                await (watching if watching.done() else healthy)
            except BaseException:
                watching.cancel()
                raise
            self.screen.title = "ready in"
        self.screen.begin(UP)
        self.record.ready = True
        self.building.kept_cloud.remember()
        self._write_record()
        self._show_addresses(time.monotonic() - began)
        await watching

    async def _until_healthy(self) -> None:
        if not self.building.has_health:
            return
        deadline = time.monotonic() + _HEALTH_TIMEOUT_SECONDS
        while problem := await self.building.unhealthy():
            if time.monotonic() > deadline:
                raise PartFailed("door", f"is open, but the building is not healthy: {problem}")
            self.screen.note = problem
            await asyncio.sleep(_HEALTH_PAUSE_SECONDS)
        self.screen.note = ""

    async def _stop(self) -> None:
        self.screen.begin("stopping")
        with self.screen:
            await self.supervisor.stop()
        self.console.print(Text("Everything is stopped. The next `up` goes on where this one was.", "dim"))

    def _changed(self, name: str, record: PartRecord) -> None:
        self._write_record()
        self.screen.changed(name, record)

    def _line(self, name: str, line: str) -> None:
        if self.options.verbose:
            self.screen.line(name, line)

    def _write_record(self) -> None:
        # On a full disk `status` shows an old state; stopping in order matters more.
        with contextlib.suppress(OSError):
            self.building.state.write_record(self.record)

    def _show_addresses(self, seconds: float) -> None:
        building, address = self.building, self.building.address
        rows = [("Front door", f"{address}/")]
        if "web" in building.services:
            first = f"{typed()} operator create EMAIL --role admin --invite"
            rows = [("Admin site", f"{address}/"), ("First operator", first)]
        if building.has_health:
            rows += [("API docs", f"{address}{DOCS_PATH}"), ("Health", f"{address}{HEALTH_PATH}")]
        painter = building.chosen.painter
        studio = ("Studio", f"http://127.0.0.1:{building.ports['studio']}/")
        rows += [
            studio if painter.is_studio else ("Painter", painter.said),
            ("Inbox", f"http://127.0.0.1:{building.ports['inbox']}/"),
            ("Logs", str(building.state.logs)),
            ("Certificate", f"{building.authority} (to trust it: {typed()} trust)"),
        ]
        closing = "stops everything; a second one hurries"
        self.console.print(addresses_panel(f"Tatemono is up, after {seconds:.1f} s", rows, closing))
        if self.options.open_browser:
            webbrowser.open(f"{address}{DOCS_PATH}")

    def _show_failure(self, failure: PartFailed) -> None:
        self.console.print(Text(f"\n✗ {failure}", "bold red"), soft_wrap=True)
        for line in failure.log:
            self.console.print(Text(f"    {line}", "dim"), soft_wrap=True)
        log = self.building.state.logs / f"{failure.part}.log"
        self.console.print(Text(f"  The whole log: {log}\n"), soft_wrap=True)
