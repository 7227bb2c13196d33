"""`tatemono operator …`: who may use the admin API."""
# ruff: noqa: PLC0415 - each command loads what it needs when it runs, so that `--help` is quick

from typing import Annotated

import typer

from tatemono.domain.operators.roles import Role
from tatemono_tools.cli.options import DEFAULT_DATA_DIR, DataDir, ask, open_console

commands = typer.Typer(
    no_args_is_help=True,
    help="Operators: who may use the admin API. Each has a password and an authenticator app.",
)

Email = Annotated[str, typer.Argument(metavar="EMAIL")]
Invite = Annotated[
    bool,
    typer.Option("--invite", help="Print a temporary password: the site asks for a new one and sets up the app."),
]
RoleOption = Annotated[Role, typer.Option(help="viewer looks, support also acts on people, admin also sees the audit.")]


@commands.command("create")
def create_operator(
    email: Email, role: RoleOption, invite: Invite = False, data_dir: DataDir = DEFAULT_DATA_DIR
) -> None:
    """Make an operator: shows a QR code for an authenticator app, asks for its code, prints the password once."""
    from tatemono_tools.laptop.operate import operator_commands
    from tatemono_tools.laptop.process.state import StateFolder

    if invite:
        raise typer.Exit(operator_commands.invite(StateFolder(data_dir), open_console(), email=email, role=role))
    raise typer.Exit(operator_commands.create(StateFolder(data_dir), open_console(), ask, email=email, role=role))


@commands.command("token")
def operator_token(email: Email, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Sign an operator in with password and code, and print the access token: for `Authorization: Bearer …`."""
    from tatemono_tools.laptop.operate.operator_commands import token
    from tatemono_tools.laptop.process.state import StateFolder

    raise typer.Exit(token(StateFolder(data_dir), open_console(), ask, email=email))


@commands.command("list")
def list_operators(data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Show every operator: role, authenticator app, whether they may sign in."""
    from tatemono_tools.laptop.operate.operator_commands import show
    from tatemono_tools.laptop.process.state import StateFolder

    raise typer.Exit(show(StateFolder(data_dir), open_console()))


@commands.command("set-role")
def set_operator_role(email: Email, role: RoleOption, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Give an operator another role. It counts from the next sign-in on."""
    from tatemono_tools.laptop.operate.operator_commands import set_role
    from tatemono_tools.laptop.process.state import StateFolder

    raise typer.Exit(set_role(StateFolder(data_dir), open_console(), email=email, role=role))


@commands.command("disable")
def disable_operator(email: Email, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Let an operator sign in no more."""
    from tatemono_tools.laptop.operate.operator_commands import disable
    from tatemono_tools.laptop.process.state import StateFolder

    raise typer.Exit(disable(StateFolder(data_dir), open_console(), email=email))
