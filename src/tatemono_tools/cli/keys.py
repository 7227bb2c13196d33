"""`tatemono keys …`: keys that can be changed while the building runs."""
# ruff: noqa: PLC0415 - each command loads what it needs when it runs, so that `--help` is quick

from typing import Annotated

import typer

from tatemono_tools.cli.options import DEFAULT_DATA_DIR, DataDir, open_console
from tatemono_tools.laptop.operate.rotated_secret import RotatedSecret

commands = typer.Typer(no_args_is_help=True, help="Keys that can be changed while the building runs.")


@commands.command("rotate")
def rotate_keys(
    secret: Annotated[
        RotatedSecret, typer.Argument(help="What access tokens are signed with, or what identifiers of devices are.")
    ] = RotatedSecret.TOKEN_SIGNING_KEYS,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Give the running building a new key. It is used in ten minutes; no device is signed out, nothing restarts.

    Old keys are left out when nothing depends on them any more: no token, no device.
    """
    from tatemono_tools.laptop.operate.keys import rotate
    from tatemono_tools.laptop.process.state import StateFolder
    from tatemono_tools.plan.building import read_plan

    raise typer.Exit(rotate(secret, read_plan(), StateFolder(data_dir), open_console()))
