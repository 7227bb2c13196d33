"""What is shown of a rehearsal while it goes on, and afterwards: its acts, how long each took, and what came out."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

_MARKS = {"waiting": ("·", "dim"), "done": ("✓", "green"), "failed": ("✗", "bold red")}


class StepFailed(Exception):
    """An act did not end as it should; the message says how."""


@dataclass
class Step:
    """:ivar said: what came out, or how far it is"""

    name: str
    state: str = "waiting"
    said: str = ""
    began: float = 0.0
    seconds: float = 0.0


@dataclass
class Report:
    """All acts, live on a terminal and line by line elsewhere."""

    console: Console
    title: str
    acts: dict[str, Step] = field(default_factory=dict)
    _live: Live | None = None
    _spinner: Spinner = field(default_factory=lambda: Spinner("dots", style="cyan"))

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live = Live(get_renderable=self.table, console=self.console, refresh_per_second=8)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def announce(self, *names: str) -> None:
        """Show them as acts to come."""
        self.acts |= {name: Step(name) for name in names}

    @contextmanager
    def act(self, name: str) -> Iterator[Step]:
        """One act, from its beginning to its end; whatever is raised is its failure, and goes on."""
        act = self.acts.setdefault(name, Step(name))
        act.state, act.began = "playing", time.monotonic()
        try:
            yield act
        except BaseException as error:
            act.state = "failed"
            act.said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise
        else:
            act.state = "done"
        finally:
            act.seconds = time.monotonic() - act.began
            if self._live is None:
                mark = _MARKS[act.state][0]
                self.console.print(
                    f" {mark} {act.name:<24} {act.seconds:6.1f} s  {act.said}",
                    markup=False,
                    highlight=False,
                    soft_wrap=True,
                )

    @property
    def failed(self) -> bool:
        """Whether an act failed."""
        return any(act.state == "failed" for act in self.acts.values())

    def table(self) -> RenderableType:
        """The programme as it stands."""
        table = Table(title=self.title, title_justify="left", title_style="bold", box=None, padding=(0, 1))
        table.add_column("")
        table.add_column("act", style="bold")
        table.add_column("seconds", justify="right", style="cyan")
        table.add_column("what came out", overflow="fold")
        for act in self.acts.values():
            mark = self._spinner if act.state == "playing" else Text(*_MARKS[act.state])
            playing = time.monotonic() - act.began if act.state == "playing" else act.seconds
            table.add_row(mark, act.name, f"{playing:.1f}" if playing else "", Text(act.said))
        return table
