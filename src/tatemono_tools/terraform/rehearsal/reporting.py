"""What is shown of a rehearsal while it goes on, and afterwards: its steps, how long each took, and what came out."""

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
    """A step did not end as it should; the message says how."""


@dataclass
class Step:
    """:ivar result: what came out, or how far it is"""

    name: str
    state: str = "waiting"
    result: str = ""
    began: float = 0.0
    seconds: float = 0.0


@dataclass
class Report:
    """All steps, live on a terminal and line by line elsewhere."""

    console: Console
    title: str
    steps: dict[str, Step] = field(default_factory=dict)
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
        """Show them as steps to come."""
        self.steps |= {name: Step(name) for name in names}

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """One step, from its beginning to its end; an exception is its failure, and is raised further."""
        step = self.steps.setdefault(name, Step(name))
        step.state, step.began = "running", time.monotonic()
        try:
            yield step
        except BaseException as error:
            step.state = "failed"
            step.result = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise
        else:
            step.state = "done"
        finally:
            step.seconds = time.monotonic() - step.began
            if self._live is None:
                mark = _MARKS[step.state][0]
                self.console.print(
                    f" {mark} {step.name:<24} {step.seconds:6.1f} s  {step.result}",
                    markup=False,
                    highlight=False,
                    soft_wrap=True,
                )

    @property
    def failed(self) -> bool:
        """Whether a step failed."""
        return any(step.state == "failed" for step in self.steps.values())

    def table(self) -> RenderableType:
        """All steps as they are now."""
        table = Table(title=self.title, title_justify="left", title_style="bold", box=None, padding=(0, 1))
        table.add_column("")
        table.add_column("step", style="bold")
        table.add_column("seconds", justify="right", style="cyan")
        table.add_column("what came out", overflow="fold")
        for step in self.steps.values():
            mark = self._spinner if step.state == "running" else Text(*_MARKS[step.state])
            seconds = time.monotonic() - step.began if step.state == "running" else step.seconds
            table.add_row(mark, step.name, f"{seconds:.1f}" if seconds else "", Text(step.result))
        return table
