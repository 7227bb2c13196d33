"""`tatemono models …`: the image models."""
# ruff: noqa: PLC0415 - each command loads what it needs when it runs, so that `--help` is quick

from typing import Annotated

import typer

from tatemono_tools.cli.options import open_console

commands = typer.Typer(no_args_is_help=True, help="The image models: what they take, what they cost, when they end.")


@commands.callback()
def _models() -> None:
    """Keeps `check` a command of its own, while it is the only one."""


@commands.command("check")
def check_models(
    model: Annotated[str | None, typer.Option(help="Another model than that of the plan.")] = None,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask the painter, too: OPENAI_API_KEY and, if not OpenAI's, OPENAI_BASE_URL.")
    ] = False,
) -> None:
    """Say what will go wrong with the model that paints; exit code 1 if a person has to act.

    Unknown prices and models that are gone fail at once, an end 60 days ahead.
    """
    from tatemono_tools.laptop.operate.models import check

    raise typer.Exit(check(open_console(), model_id=model, ask=ask))
