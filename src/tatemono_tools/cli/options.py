"""What the commands share: the option `--data-dir`, and the console they write to."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

_PIPE_COLUMNS = 160
PROJECT = Path(__file__).parents[3]
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
