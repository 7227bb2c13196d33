"""Shows the estimate."""

from rich.console import Console
from rich.table import Table

from tatemono_tools.terraform.building_parts import PARTS
from tatemono_tools.terraform.cost.estimate import NOTHING, Line, Range, Use

_PARTS = [*(part.module for part in PARTS), "painter"]
_NAMES = {part.module: part.english for part in PARTS} | {"painter": "the outside painter"}


def show_bill(environment: str, lines: list[Line], use: Use, console: Console) -> None:
    """The table by part, then what a picture and a user cost."""
    known = [line for line in lines if line.usd is not None]
    blocked = [line for line in lines if line.usd is None]
    title = (
        f"{environment}: {use.users:,} users, {use.pictures_per_user:g} pictures each, in one month (USD, without tax)"
    )
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 1))
    for heading, justify in (
        ("part", "left"),
        ("what", "left"),
        ("amount", "right"),
        ("low", "right"),
        ("high", "right"),
        ("for one", "left"),
    ):
        table.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for part in _PARTS:
        of_part = [line for line in lines if line.part == part]
        for number, line in enumerate(of_part):
            usd = line.usd
            table.add_row(
                _NAMES[part] if number == 0 else "",
                line.what,
                _amount(line.amount),
                "[yellow]?[/]" if usd is None else f"{usd.low:,.2f}",
                "[yellow]price unknown[/]" if usd is None else f"{usd.high:,.2f}",
                line.price.unit,
            )
    total = _sum(known)
    table.add_section()
    table.add_row(
        "[bold]together[/]",
        f"{len(blocked)} lines without a price are not in it" if blocked else "",
        "",
        f"[bold]{total.low:,.2f}[/]",
        f"[bold]{total.high:,.2f}[/]",
        "",
    )
    console.print(table)
    per_picture = _sum([line for line in known if line.per_picture])
    if use.pictures:
        one = per_picture * (1 / use.pictures)
        whole = total * (1 / use.pictures)
        console.print(
            f"One more picture costs {one.low:.4f} to {one.high:.4f}; "
            f"with everything that stands, {whole.low:.4f} to {whole.high:.4f}.",
            highlight=False,
        )
    if use.users:
        console.print(f"A user costs {total.low / use.users:.4f} to {total.high / use.users:.4f}.", highlight=False)
    _show_sources("Not looked up, and so in none of these sums:", blocked, console)
    _show_sources(
        "Between bounds, since they were not looked up:", [line for line in known if line.price.is_assumed], console
    )
    days = sorted({line.price.date for line in known})
    console.print(
        f"Prices of {days[0]} to {days[-1]}, in src/tatemono_tools/terraform/cost/prices.toml; "
        "nothing free, no discount.",
        style="dim",
        highlight=False,
    )


def _show_sources(heading: str, lines: list[Line], console: Console) -> None:
    if not lines:
        return
    console.print(heading, style="yellow")
    for line in lines:
        console.print(f"  {_NAMES[line.part]}: {line.what} ({line.price.source})", highlight=False, markup=False)


def _sum(lines: list[Line]) -> Range:
    total = NOTHING
    for line in lines:
        total += line.usd or NOTHING
    return total


def _amount(amount: Range) -> str:
    low, high = (f"{value:,.0f}" if value >= 10 else f"{value:,.2f}" for value in (amount.low, amount.high))  # noqa: PLR2004 - two digits are enough from there
    return low if low == high else f"{low} – {high}"
