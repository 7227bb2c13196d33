"""What the commands share: the option `--data-dir`, the console they write to, and how they ask."""

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tatemono_tools.invocation import PROJECT

if TYPE_CHECKING:
    from rich.console import Console

_PIPE_COLUMNS = 160
DEFAULT_DATA_DIR = PROJECT / ".tatemono"

DataDir = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        envvar="TATEMONO_DATA_DIR",
        metavar="FOLDER",
        help="Where the building keeps its database, cloud, certificates and logs. Each folder is its own building.",
        file_okay=False,
        resolve_path=True,
    ),
]


def open_console(*, highlight: bool = False, stderr: bool = False) -> "Console":
    """The console of a command; in a pipe it is wide, since the usual 80 columns would break addresses.

    :param highlight: whether numbers and paths get colours of their own on a terminal
    :param stderr: what it says is for a person only, while a program reads stdout
    """
    from tatemono_tools.laptop.process.screen import PipeSafeConsole  # noqa: PLC0415 - `--help` does not need it

    console = PipeSafeConsole(highlight=highlight, stderr=stderr)
    if not console.is_terminal:
        console.width = _PIPE_COLUMNS
    return console


def ask(question: str, *, hidden: bool = False) -> str:
    """Ask the person, on the terminal or stderr: what goes to stdout may be read by a program.

    (click's prompt, and Python's `input` below it, write to stdout even when they are told to use stderr.)

    :raises typer.Abort: the person ends it, or no terminal is there to answer
    """
    try:
        if hidden:
            return getpass.getpass(f"{question}: ", stream=sys.stderr)
        sys.stderr.write(f"{question}: ")
        sys.stderr.flush()
        answer = sys.stdin.readline()
    except (KeyboardInterrupt, EOFError):
        answer = ""
    if not answer:
        sys.stderr.write("\n")
        raise typer.Abort
    return answer.rstrip("\r\n")
