"""What `up` and `down` show: a live table on a terminal, plain lines elsewhere."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from tatemono_tools.laptop.process.state import PartRecord, now

MARKS = {
    "waiting": ("·", "dim"),
    "ready": ("✓", "green"),
    "restarting": ("!", "yellow"),
    "failed": ("✗", "bold red"),
    "stopped": ("·", "dim"),
}
_BUSY = ("", "cyan")
UP = "up"
"""The phase in which everything runs."""

_LINE_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_cyan", "bright_magenta", "bright_green")


class PipeSafeConsole(Console):
    """Writes no more into a closed pipe, which shall not keep the building from stopping in order."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


@dataclass
class Screen:
    """The parts as they change. Use it as a context: inside, a terminal shows the live table."""

    console: Console
    records: Mapping[str, PartRecord]
    title: str = "starting"
    note: str = ""
    _began: float = field(default_factory=time.monotonic)
    _took: dict[str, float] = field(default_factory=dict)
    _spinners: dict[str, Spinner] = field(default_factory=dict)
    _live: Live | None = None

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live = Live(get_renderable=self._table, console=self.console, refresh_per_second=12)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    def changed(self, name: str, record: PartRecord) -> None:
        """Show a change; what the live table shows by itself needs no line."""
        if record.state in {"ready", "stopped"}:
            self._took.setdefault(name, time.monotonic() - self._began)
        # A failure is shown when it has stopped the building, with the log.
        if record.detail and record.state != "failed":
            self._event(name, record.detail, ("!", "yellow"))
        elif self.title == UP and record.state == "ready":
            self._event(name, "is ready again", MARKS["ready"])
        elif self._live is None and record.state in {"ready", "stopped"}:
            address = record.address if record.state == "ready" else ""
            line = f" {MARKS[record.state][0]} {name:<14} {record.state:<8} {self._took[name]:5.1f} s  {address}"
            self.console.print(line.rstrip())

    def _event(self, name: str, what: str, mark: tuple[str, str]) -> None:
        clock = time.strftime("%H:%M:%S ") if self.title == UP else ""
        self.console.print(Text.assemble((clock, "dim"), (mark[0], mark[1]), (f" {name} ", "bold"), what))

    def line(self, name: str, line: str) -> None:
        """One line that a part wrote, for `-v`."""
        colour = _LINE_COLOURS[list(self.records).index(name) % len(_LINE_COLOURS)]
        self.console.print(Text.assemble((f"{name:>14} │ ", colour), readable(line)), soft_wrap=True)

    def begin(self, title: str) -> None:
        """Another phase begins, and its seconds are counted anew."""
        self.title, self._began, self._took = title, time.monotonic(), {}

    def _table(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        for _ in range(4):
            table.add_column(no_wrap=True)
        table.add_column(overflow="ellipsis", no_wrap=True, ratio=1)
        seconds = time.monotonic() - self._began
        for name, record in self.records.items():
            table.add_row(self._mark(name, record), *_row(name, record, self._took.get(name)))
        title = Text.assemble(("建物 Tatemono", "bold"), f"  {self.title} ", (f"{seconds:.1f} s", "dim"))
        outer = Table.grid()
        outer.add_row(title)
        outer.add_row(table)
        if self.note:
            outer.add_row(Text(f"   waiting: {self.note}", "yellow"))
        return outer

    def _mark(self, name: str, record: PartRecord) -> RenderableType:
        if record.state in MARKS:
            return Text(*MARKS[record.state])
        return self._spinners.setdefault(name, Spinner("dots", style=_BUSY[1]))


def _row(name: str, record: PartRecord, took: float | None) -> tuple[RenderableType, ...]:
    _, style = MARKS.get(record.state, _BUSY)
    return (
        Text(name, "bold" if record.state != "waiting" else "dim"),
        Text(record.state, style),
        Text(f"{took:.1f} s" if took is not None else "", "dim", justify="right"),
        Text(record.address if record.state != "stopped" else "", "dim"),
    )


def readable(line: str) -> Text:
    """A log line as a person likes to read it: a JSON record becomes its event and `name=value`."""
    if line.startswith("{"):
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if isinstance(entry, dict):
            return _record_text(entry)
    return Text.from_ansi(line)


def _record_text(entry: dict[str, object]) -> Text:
    level = str(entry.pop("level", ""))
    event = str(entry.pop("event", entry.pop("message", "")))
    entry.pop("timestamp", None)
    colour = {"warning": "yellow", "error": "red", "critical": "bold red", "debug": "dim"}.get(level, "")
    pairs = "".join(f" {name}={value}" for name, value in entry.items())
    return Text.assemble((event, colour), (pairs, "dim"))


def addresses_panel(title: str, rows: Iterable[tuple[str, str]], closing: str) -> Panel:
    """The end of a start: the addresses."""
    table = Table.grid(padding=(0, 2))
    for name, address in rows:
        style = f"underline link {address}" if address.startswith("http") else ""
        table.add_row(Text(name, "bold"), Text(address, style, overflow="fold"))
    table.add_row("", "")
    table.add_row(Text("Ctrl-C", "bold"), closing)
    return Panel(table, title=Text(title, "bold green"), title_align="left", border_style="green", expand=False)


def age(since: float) -> str:
    """How long ago, in the two largest units: 4 s, 3 min 20 s, 2 h 5 min."""
    seconds = max(0, int(now() - since))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
