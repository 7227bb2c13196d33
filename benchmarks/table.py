"""What came out: on the screen, and in RESULTS.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table as RichTable

RESULTS = Path(__file__).with_name("RESULTS.md")
_HEAD = "# Results\n\nWritten by `python -m benchmarks`; README.md says what is measured and how to read it.\n"


@dataclass(frozen=True)
class Table:
    """:ivar remarks: Markdown, after the table: what the reader should conclude or mind"""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    remarks: str = ""

    def markdown(self) -> str:
        lines = [
            f"### {self.title}",
            "",
            f"| {' | '.join(self.columns)} |",
            f"|{'|'.join(['---', *['---:'] * (len(self.columns) - 1)])}|",
            *(f"| {' | '.join(row)} |" for row in self.rows),
        ]
        return "\n".join([*lines, *(["", self.remarks] if self.remarks else [])]) + "\n"

    def show(self, console: Console) -> None:
        table = RichTable(title=self.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
        for index, column in enumerate(self.columns):
            table.add_column(column, justify="right" if index else "left")
        for row in self.rows:
            table.add_row(*row)
        console.print(table)
        if self.remarks:
            console.print(Markdown(self.remarks))


@dataclass(frozen=True)
class Section:
    """One benchmark: its title is the heading under which RESULTS.md keeps its newest results."""

    title: str
    facts: str
    tables: Sequence[Table]

    def show(self, console: Console) -> None:
        console.rule(self.title)
        console.print(self.facts, style="dim")
        for table in self.tables:
            table.show(console)

    def keep(self) -> None:
        """Put it in the place of the results that this benchmark had before."""
        before = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else _HEAD
        head, *others = before.split("\n## ")
        kept = {title: body for title, _, body in (other.partition("\n") for other in others)}
        kept[self.title] = "\n".join(["", self.facts, "", *(table.markdown() for table in self.tables)])
        text = head + "".join(f"\n## {title}\n{body.rstrip()}\n" for title, body in sorted(kept.items()))
        RESULTS.write_text(text, encoding="utf-8")


def number(value: float, digits: int = 0) -> str:
    return f"{value:,.{digits}f}"


def ratio(value: float) -> str:
    return f"{value:.2f}×"
