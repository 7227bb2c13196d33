"""`tatemono demo`, `reconcile` and `inbox`: using the building that runs, and looking into it."""
# ruff: noqa: PLC0415 - each command loads what it needs when it runs, so that `--help` is quick

from pathlib import Path
from typing import Annotated

import typer

from tatemono_tools.cli.options import DEFAULT_DATA_DIR, DataDir, open_console

commands = typer.Typer(rich_markup_mode="markdown")


@commands.command()
def demo(
    prompt: Annotated[str, typer.Argument(help="What the picture should show.")] = "A red fox under the full moon",
    *,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to save the picture.", dir_okay=False)
    ] = Path("picture.png"),
    style: Annotated[str | None, typer.Option(help="A style preset, e.g. watercolor or ukiyo-e.")] = None,
    size: Annotated[str | None, typer.Option(help="1024x1024, 1024x1536 or 1536x1024.")] = None,
    quality: Annotated[str | None, typer.Option(help="low, medium or high.")] = None,
    users: Annotated[int | None, typer.Option(min=1, max=1000, help="So many phones at once, to measure.")] = None,
    pictures: Annotated[int, typer.Option(min=1, max=1000, help="With --users: how many each asks for.")] = 1,
    token: Annotated[
        bool, typer.Option("--token", help="Paint nothing: print an access token, and how to try the API with it.")
    ] = False,
) -> None:
    """Act as a phone against the running building, through the front door: sign in, ask, watch, save the picture.

    With `--users`, many phones do it at the same time; a table shows how long each step took, and what failed.
    """
    from tatemono_tools.laptop.demo.demo import PictureOptions, run
    from tatemono_tools.laptop.demo.token import print_token
    from tatemono_tools.laptop.process.state import StateFolder

    if token:
        raise typer.Exit(print_token(StateFolder(data_dir), open_console(), open_console(stderr=True)))
    options = PictureOptions(prompt=prompt, style=style, size=size, quality=quality)
    state = StateFolder(data_dir)
    raise typer.Exit(run(options, state=state, output=output, users=users, pictures=pictures, console=open_console()))


@commands.command()
def reconcile(
    *,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair", help="Remove what is left over; members whom Cognito has lost become guests of their devices."
        ),
    ] = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Find what database, store and Cognito have left over of people who are gone. What is younger than the plan's
    `reconcile-margin-hours` is left alone. Exit code 1: something is left over.
    """
    from tatemono_tools.laptop.operate.reconcile import reconcile as run
    from tatemono_tools.laptop.process.state import StateFolder
    from tatemono_tools.plan.building import read_plan

    raise typer.Exit(run(read_plan(), StateFolder(data_dir), open_console(), repair=repair))


@commands.command()
def inbox(
    address: Annotated[str | None, typer.Argument(help="Only what was sent to this address.")] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Annotated[bool, typer.Option("--json", help="For programs, with the text of each mail.")] = False,
) -> None:
    """Show the mail that the building has sent, the codes for members among it. None of it leaves this machine."""
    from tatemono_tools.laptop.operate.inbox import show_inbox
    from tatemono_tools.laptop.process.state import StateFolder

    raise typer.Exit(show_inbox(StateFolder(data_dir), open_console(), address=address, as_json=as_json))
