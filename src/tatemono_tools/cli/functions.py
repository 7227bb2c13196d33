"""`tatemono lambda …`: the functions that Cognito calls."""
# ruff: noqa: PLC0415 - each command loads what it needs when it runs, so that `--help` is quick

from pathlib import Path
from typing import Annotated

import typer

from tatemono_tools.cli.options import open_console

commands = typer.Typer(no_args_is_help=True, help="The functions that Cognito calls, for AWS Lambda.")


@commands.callback()
def _functions() -> None:
    """Keeps `build` a command of its own, while it is the only one."""


@commands.command("build")
def build_functions(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to save the zip.", dir_okay=False)
    ] = Path("functions.zip"),
    architecture: Annotated[str, typer.Option(help="Of the Lambda function: x86_64 or arm64.")] = "x86_64",
) -> None:
    """Build the zip to deploy: our modules and the database driver. The same sources give the same bytes."""
    from tatemono_tools.release.functions_zip import PLATFORMS, build

    if architecture not in PLATFORMS:
        raise typer.BadParameter(f"choose one of {', '.join(PLATFORMS)}", param_hint="--architecture")
    size_bytes = build(output, architecture)
    open_console().print(f"{output}: {size_bytes:,} bytes")
