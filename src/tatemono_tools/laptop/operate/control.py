"""`tatemono status`, `logs` and `down`."""

import contextlib
import json
import signal
import time
from dataclasses import asdict, dataclass, field
from typing import Literal

import psutil
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tatemono_tools.invocation import typed
from tatemono_tools.laptop.operate.concerns import find_concerns
from tatemono_tools.laptop.painter.painter import Painter
from tatemono_tools.laptop.process.logs import follow, last_lines
from tatemono_tools.laptop.process.screen import MARKS, Screen, age, readable
from tatemono_tools.laptop.process.state import (
    PartRecord,
    ProcessIdentity,
    Record,
    StateFolder,
    now,
    orphans,
    stop_orphans,
)

NOTHING_RUNS = 3
_PAUSE_SECONDS = 0.1

BuildingState = Literal["ready", "starting", "killed", "down"]


class UnknownPart(ValueError):
    """No part of that name has ever written a log here; the message lists those that have."""


@dataclass(frozen=True, kw_only=True)
class PartStatus:
    """One part as it is now. Memory is resident memory, with that of the processes it started."""

    name: str
    state: str
    address: str
    pid: int | None
    memory_bytes: int | None
    restarts: int
    uptime_seconds: float | None
    detail: str


@dataclass(frozen=True, kw_only=True)
class Status:
    """The building as it is now. `killed`: the supervisor is gone without having stopped its parts.

    :ivar painter: who paints, and what may be spent there
    :ivar concerns: what does not work although the parts run, by name
    """

    state: BuildingState
    data_dir: str
    address: str = ""
    supervisor_pid: int | None = None
    supervisor_memory_bytes: int | None = None
    uptime_seconds: float | None = None
    parts: tuple[PartStatus, ...] = ()
    painter: str = ""
    concerns: dict[str, str] = field(default_factory=dict)


def read_status(state: StateFolder) -> Status:
    record, concerns = state.read_record(), find_concerns(state)
    if record is None:
        return Status(state="starting" if state.running_pid() else "down", data_dir=str(state.path), concerns=concerns)
    supervisor = record.supervisor.process()
    if supervisor is None and not orphans(record):
        return Status(state="down", data_dir=str(state.path), concerns=concerns)
    return Status(
        state="killed" if supervisor is None else "ready" if record.ready else "starting",
        data_dir=str(state.path),
        address=record.address,
        supervisor_pid=supervisor.pid if supervisor else None,
        supervisor_memory_bytes=_memory_bytes(record.supervisor, alone=True),
        uptime_seconds=round(now() - record.started, 1),
        parts=tuple(_part_status(name, part) for name, part in record.parts.items()),
        painter=Painter.read(state).said,
        concerns=concerns,
    )


def _part_status(name: str, part: PartRecord) -> PartStatus:
    process = part.identity.process() if part.identity else None
    return PartStatus(
        name=name,
        state=part.state if process or not part.identity else "gone",
        address=part.address,
        pid=process.pid if process else None,
        memory_bytes=_memory_bytes(part.identity) if part.identity else None,
        restarts=part.restarts,
        uptime_seconds=round(now() - part.identity.created, 1) if process and part.identity else None,
        detail=part.detail,
    )


def _memory_bytes(identity: ProcessIdentity, *, alone: bool = False) -> int | None:
    process = identity.process()
    if process is None:
        return None
    total = 0
    for member in [process] if alone else [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            total += member.memory_info().rss
    return total


def show_status(state: StateFolder, console: Console, *, as_json: bool) -> int:
    """:returns: 0 if the building is up or starting, 3 if nothing runs, 1 if its supervisor was killed"""
    status = read_status(state)
    if as_json:
        console.file.write(json.dumps(asdict(status), indent=2) + "\n")
    elif status.state == "down":
        console.print(f"Nothing runs in {state.path}. `{typed()} up` starts the building.", highlight=False)
    else:
        console.print(_status_table(status))
        console.print(Text(f"Painter: {status.painter}"), soft_wrap=True)
        if status.state == "killed":
            console.print(Text(f"The supervisor was killed; `{typed()} down` stops what it left.", "bold red"))
    if not as_json:
        for concern in status.concerns.values():
            console.print(Text(f" ! {concern}", "yellow"), soft_wrap=True)
    return {"down": NOTHING_RUNS, "killed": 1}.get(status.state, 0)


def _status_table(status: Status) -> Table:
    supervisor = f"supervisor {status.supervisor_pid or 'gone'}, {_mebibytes(status.supervisor_memory_bytes)}"
    table = Table(
        title=Text.assemble(("建物 Tatemono", "bold"), f"  {status.state}  ", (status.address, "underline")),
        title_justify="left",
        caption=f"{supervisor} · {status.data_dir}",
        caption_justify="left",
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        header_style="dim",
    )
    for column in ("", "part", "state"):
        table.add_column(column, no_wrap=True)
    for column in ("pid", "memory", "restarts", "uptime"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("address", overflow="fold")
    for part in status.parts:
        mark, style = MARKS.get(part.state, ("!", "yellow"))
        table.add_row(
            Text(mark, style),
            Text(part.name, "bold"),
            Text(part.state, style),
            str(part.pid or ""),
            _mebibytes(part.memory_bytes) if part.memory_bytes else "",
            Text(str(part.restarts), "yellow" if part.restarts else "dim") if part.pid else "",
            age(now() - part.uptime_seconds) if part.uptime_seconds is not None else "",
            Text(part.address, "dim"),
        )
    return table


def _mebibytes(size: int | None) -> str:
    return f"{(size or 0) / 2**20:.0f} MiB"


def down(state: StateFolder, console: Console) -> int:
    """Stop what runs in the folder, and wait until it is over."""
    record = state.read_record()
    pid = state.running_pid()
    if pid is None:
        stopped = stop_orphans(record) if record else {}
        state.forget_record()
        for name, pids in stopped.items():
            console.print(f" · stopped {name} (pid {', '.join(map(str, pids))})", highlight=False)
        console.print(Text("Everything is stopped." if stopped else f"Nothing runs in {state.path}."))
        return 0
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).send_signal(signal.SIGTERM)
    _watch_stopping(state, console, record)
    console.print(Text("Everything is stopped. The next `up` goes on where this one was.", "dim"))
    return 0


def _watch_stopping(state: StateFolder, console: Console, record: Record | None) -> None:
    records = record.parts if record else {}
    with Screen(console, records, "stopping") as screen:
        while state.running_pid() or (record and record.supervisor.process()):
            latest = state.read_record()
            for name, part in (latest.parts if latest else {}).items():
                known = records.get(name)
                records[name] = part
                if known is None or (known.state, known.detail) != (part.state, part.detail):
                    screen.changed(name, part)
            time.sleep(_PAUSE_SECONDS)
        # The last changes are not written any more: the folder is given back when everything is stopped.
        for name, part in records.items():
            if part.state != "stopped":
                part.state, part.detail = "stopped", ""
                screen.changed(name, part)


def show_logs(state: StateFolder, name: str, console: Console, *, lines: int, go_on: bool) -> int:
    """Print the last lines of a part's log, and then each new one if `go_on`.

    :raises UnknownPart: there is no log of that name
    """
    path = state.logs / f"{name}.log"
    known = sorted(file.stem for file in state.logs.glob("*.log"))
    if not path.exists():
        raise UnknownPart(f"there is no log of {name}; there are: {', '.join(known) or 'none yet'}")
    for line in last_lines(path, lines):
        _print_line(line, console)
    if go_on:
        for line in follow(path):
            _print_line(line, console)
    return 0


def _print_line(line: str, console: Console) -> None:
    if console.is_terminal:
        console.print(readable(line), soft_wrap=True)
    else:
        console.file.write(line + "\n")
        console.file.flush()
