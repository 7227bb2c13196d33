"""`tatemono infra …`: the AWS building."""
# ruff: noqa: PLC0415 - each command loads what it needs when it runs, so that `--help` is quick

import enum
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tatemono_tools.cli.options import ask, open_console
from tatemono_tools.invocation import PROJECT, bring_group, typed

if TYPE_CHECKING:
    from rich.console import Console

    from tatemono_tools.terraform.checks.all import Applications
    from tatemono_tools.terraform.checks.stack import Stack

REHEARSALS = PROJECT / ".tatemono" / "rehearsals"

commands = typer.Typer(
    no_args_is_help=True,
    help="The AWS building. Terraform does the work; `rehearse` needs no account.",
    rich_markup_mode="markdown",
)


class Environment(enum.StrEnum):
    DEV = "dev"
    STG = "stg"
    PROD = "prod"


class Language(enum.StrEnum):
    JA = "ja"
    EN = "en"


EnvironmentArgument = Annotated[Environment, typer.Argument(metavar="ENV", help="dev, stg or prod.")]
Image = Annotated[
    str | None,
    typer.Option(metavar="REPOSITORY@DIGEST", help="The image of the services; without it, the one that runs."),
]
Rehearsals = Annotated[
    Path,
    typer.Option(
        "--folder",
        envvar="TATEMONO_REHEARSALS",
        metavar="FOLDER",
        file_okay=False,
        resolve_path=True,
        help="Where rehearsals keep plan, state and logs.",
    ),
]


@commands.command()
def rehearse(
    environment: EnvironmentArgument = Environment.PROD,
    *,
    folder: Rehearsals = REHEARSALS,
    bootstrap: Annotated[bool, typer.Option(help="Build the account's own module beside it.")] = True,
) -> None:
    """Build a whole environment with the real Terraform against emulators, and look at what stands.

    Applies everything, plans again (nothing may differ), changes one address of the firewall (nothing else may change),
    runs the stack checks on the state, and sends traffic where an emulator answers it. Nothing outside of this machine
    is touched but the registry of Terraform's provider. Exit code 0 if everything held.
    """
    bring_group("rehearsal", "moto")
    from tatemono_tools.terraform.rehearsal.rehearse import Options
    from tatemono_tools.terraform.rehearsal.rehearse import rehearse as run

    options = Options(environment=environment.value, folder=folder, bootstrap=bootstrap)
    raise typer.Exit(run(options, _applications(), open_console(highlight=True)))


@commands.command()
def plan(environment: EnvironmentArgument, *, image: Image = None) -> None:
    """Show what `apply` would change in the real account. Exit code 0: nothing, 2: something, 1: it failed."""
    from tatemono_tools.terraform.real import show_plan

    raise typer.Exit(show_plan(environment.value, open_console(highlight=True), image=image))


@commands.command()
def apply(environment: EnvironmentArgument, *, image: Image = None) -> None:
    """Plan, show it, ask, and apply exactly what was shown."""
    from tatemono_tools.terraform.real import apply_plan

    def confirm() -> bool:
        return ask(f"Type {environment.value} to apply this").strip() == environment.value

    raise typer.Exit(apply_plan(environment.value, open_console(highlight=True), confirm, image=image))


@commands.command()
def drift(environment: EnvironmentArgument, *, image: Image = None) -> None:
    """Compare the real account with the blueprints, part by part. Exit code 0: the same, 2: not, 1: it failed."""
    from tatemono_tools.terraform.real import show_drift

    raise typer.Exit(show_drift(environment.value, open_console(highlight=True), image=image))


State = Annotated[
    Path | None,
    typer.Option(
        "--state",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="`terraform show -json` of a state or plan; without it, the last rehearsal's.",
    ),
]


@commands.command()
def tour(
    environment: EnvironmentArgument = Environment.PROD,
    *,
    language: Annotated[Language, typer.Option("--language", "-l", help="ja or en.")] = Language.EN,
    state: State = None,
    folder: Rehearsals = REHEARSALS,
) -> None:
    """Walk through the building floor by floor: what stands there, what it is called, and whom it may talk to."""
    from tatemono_tools.terraform.tour import walk

    console = open_console(highlight=True)
    walk(_stack(environment, state, folder, console), environment.value, language.value, console)


@commands.command()
def cost(
    environment: EnvironmentArgument = Environment.PROD,
    *,
    users: Annotated[int, typer.Option(min=0, help="People who use the app in a month.")] = 1000,
    pictures_per_user: Annotated[float, typer.Option(min=0, help="Pictures that each of them makes in a month.")] = 10,
    state: State = None,
    folder: Rehearsals = REHEARSALS,
) -> None:
    """Estimate the bill of a month: by part, for each picture, and for each user, low and high.

    From what stands in a state or plan, and dated prices. A price that was never looked up blocks its line.
    """
    from tatemono.adapters.model_registry import read_registry
    from tatemono_tools.plan.building import read_plan
    from tatemono_tools.terraform.cost.bill import show_bill
    from tatemono_tools.terraform.cost.estimate import Use, estimate, painter_line, read_prices

    console, plan, today = open_console(highlight=True), read_plan(), datetime.now(UTC).date()
    use = Use(users=users, pictures_per_user=pictures_per_user)
    lines = estimate(_stack(environment, state, folder, console), plan, use, read_prices())
    lines.append(painter_line(read_registry().at(plan.parameters["image-model"].value or "", today), use, today))
    show_bill(environment.value, lines, use, console)


@commands.command()
def diagram(
    environment: EnvironmentArgument = Environment.PROD,
    *,
    output: Annotated[Path, typer.Option(dir_okay=False, help="The SVG to write.")] = PROJECT
    / "docs"
    / "explanation"
    / "aws.svg",
    state: State = None,
    folder: Rehearsals = REHEARSALS,
) -> None:
    """Draw what stands, by network layer, as an SVG."""
    from tatemono_tools.terraform.diagram import draw

    console = open_console(highlight=True)
    output.write_text(draw(_stack(environment, state, folder, console), environment.value), encoding="utf-8")
    console.print(f"Drawn: {output}", highlight=False, soft_wrap=True)


def _stack(environment: Environment, state: Path | None, folder: Path, console: "Console") -> "Stack":
    import json

    from tatemono_tools.terraform.checks.stack import Stack

    file = state or folder / environment.value / "state.json"
    if not file.exists():
        console.print(
            f"There is no state at {file}. Rehearse first: {typed()} infra rehearse {environment.value}",
            highlight=False,
            soft_wrap=True,
        )
        raise typer.Exit(1)
    return Stack.read(json.loads(file.read_text(encoding="utf-8")))


def _applications() -> "Applications":
    from tatemono_tools.plan.building import read_plan
    from tatemono_tools.terraform.checks.all import Applications
    from tatemono_tools.terraform.checks.app_routes import app_routes, heartbeats

    return Applications(routes=app_routes(), heartbeats=heartbeats(read_plan()))
