"""`tatemono up`, `status`, `down`, `logs`, `doctor` and `trust`: the building on this machine."""
# ruff: noqa: PLC0415 - each command loads what it needs when it runs, so that `--help` is quick

import sys
from functools import partial
from typing import Annotated

import typer

from tatemono_tools.cli.options import DEFAULT_DATA_DIR, DataDir, ask, open_console

commands = typer.Typer(rich_markup_mode="markdown")


@commands.command()
def up(
    *,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    port: Annotated[
        int | None,
        typer.Option(
            help="The HTTPS port of the front door: 8443 at first, then the last one. HTTP gets one beside it.",
            min=1,
            max=65_535,
        ),
    ] = None,
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="Start over: empty the folder first, but for the local CA and the ports."),
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="SERVICE", help="Start only these services of the plan; repeat it, or use commas."),
    ] = None,
    accept_loss: Annotated[
        bool,
        typer.Option(
            "--accept-loss", help="Begin although `up` says that a part of the cloud's state is lost for good."
        ),
    ] = False,
    painter: Annotated[
        str | None,
        typer.Option(
            metavar="PAINTER",
            help="Who paints: studio (offline, at first), openai, or the address of another server that speaks "
            "OpenAI's API, e.g. http://127.0.0.1:8080/v1. It is remembered. A key is read from OPENAI_API_KEY "
            "(openai) or TATEMONO_PAINTER_KEY, or asked for.",
        ),
    ] = None,
    painter_model: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Another model than the plan's, as the painter calls it.")
    ] = None,
    painter_key: Annotated[
        bool, typer.Option("--painter-key", help="Ask for the painter's key, though one is known.")
    ] = False,
    painter_budget: Annotated[
        float | None,
        typer.Option(
            metavar="DOLLARS", min=0.01, max=10_000, help="What may be spent at the painter in a day: 2 at first."
        ),
    ] = None,
    painter_trial: Annotated[
        bool, typer.Option("--painter-trial", help="Have it paint one cheap picture first, to see that it works.")
    ] = False,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the API's documentation when ready.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show what every part writes, too.")] = False,
) -> None:
    """Start the whole building and keep it running until Ctrl-C.

    It is ready when the front door answers `/v1/api/health` over HTTPS, which asks the database, the queue, the
    storage and the workers. A part that dies is started again; one that keeps dying stops everything. Ports are
    remembered; a busy one is replaced, which is said, unless you asked for it. Logs are in `logs/` of the folder, at
    most 10 MB for each part.

    With some services only (`--only`), it is ready when those run: the rest cannot be asked.

    Another painter than the studio costs real money. It is looked at before anything starts: its key, its model, its
    price, its moderation; and little may be spent in a day unless you say otherwise.
    """
    from tatemono_tools.laptop.painter.choice import PainterOptions
    from tatemono_tools.laptop.up import Options
    from tatemono_tools.laptop.up import up as run

    names = tuple(name for words in only or () for name in words.replace(",", " ").split())
    options = Options(
        data_dir=data_dir,
        port=port,
        fresh=fresh,
        only=names,
        accept_loss=accept_loss,
        open_browser=open_browser,
        verbose=verbose,
        painter=PainterOptions(
            painter=painter,
            model=painter_model,
            budget_dollars=None if painter_budget is None else f"{painter_budget:.2f}",
            ask_key=painter_key,
            trial=painter_trial,
        ),
        ask=partial(ask, hidden=True) if sys.stdin.isatty() else None,
    )
    raise typer.Exit(run(options, open_console()))


@commands.command()
def status(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show every part: its state, address, process, memory, restarts and age.

    Exit code 0 if the building is up or starting, 3 if nothing runs, 1 if the supervisor was killed.
    """
    from tatemono_tools.laptop.operate.control import show_status
    from tatemono_tools.laptop.process.state import StateFolder

    raise typer.Exit(show_status(StateFolder(data_dir), open_console(), as_json=as_json))


@commands.command()
def down(data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Stop the building in order, and wait until it is over. Nothing is lost; the next `up` goes on."""
    from tatemono_tools.laptop.operate.control import down as stop
    from tatemono_tools.laptop.process.state import StateFolder

    raise typer.Exit(stop(StateFolder(data_dir), open_console()))


@commands.command()
def logs(
    part: Annotated[
        str,
        typer.Argument(metavar="SERVICE", help="A service of the plan, or postgres, cloud, studio, door."),
    ],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with each new line, until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines to begin with.")] = 50,
) -> None:
    """Print what a part has written."""
    from tatemono_tools.laptop.operate.control import show_logs
    from tatemono_tools.laptop.process.state import StateFolder

    raise typer.Exit(show_logs(StateFolder(data_dir), part, open_console(), lines=lines, go_on=follow))


@commands.command()
def doctor(data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Check this machine: Python, programs, ports, disk, clock, rights, leftovers; and say what to do.

    Exit code 1 if something will keep the building from starting.
    """
    from tatemono_tools.laptop.operate.doctor import examine
    from tatemono_tools.laptop.process.state import StateFolder

    raise typer.Exit(examine(StateFolder(data_dir), open_console()))


@commands.command()
def trust(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    yes: Annotated[bool, typer.Option("--yes", help="Run the commands for this system now.")] = False,
) -> None:
    """Show how to make browsers and simulators trust the building's local CA. Changes nothing without `--yes`."""
    from tatemono_tools.laptop.operate.trust import show_trust
    from tatemono_tools.laptop.process.state import StateFolder

    raise typer.Exit(show_trust(StateFolder(data_dir), open_console(), run=yes))
