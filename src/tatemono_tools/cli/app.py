"""The command line, `tatemono`: its groups of commands, and what it exits with."""
# ruff: noqa: PLC0415 - the errors are loaded when one is raised, so that `--help` is quick

import signal
import sys

import typer

from tatemono_tools.cli import building, demo, functions, infra, keys, models, operators, testing

app = typer.Typer(
    name="tatemono",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="""**Tatemono** (建物, "building"): a generative-AI image app, whole, on this machine.

`tatemono up` starts everything, `tatemono demo` paints a first picture through it, `tatemono test` runs the tests.

Exit codes: 0 done, 1 failed, 2 the command line is wrong, 3 nothing is running (`status`).""",
)

# Those without a name of their own are commands of `tatemono` itself. The help lists them in this order.
app.add_typer(building.commands)
app.add_typer(demo.commands)
app.add_typer(testing.commands)
app.add_typer(keys.commands, name="keys")
app.add_typer(operators.commands, name="operator")
app.add_typer(models.commands, name="models")
app.add_typer(functions.commands, name="lambda")
app.add_typer(infra.commands, name="infra")


def main() -> int:
    """Run the command line; an error that a person can mend is one line, not a traceback."""
    try:
        app(standalone_mode=True)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception as error:
        code = _exit_code(error)
        if code is None:
            raise
        sys.stderr.write(f"tatemono: {error}\n")
        return code
    return 0


def _exit_code(error: Exception) -> int | None:
    """2 for a wrong command line, 1 for what can be mended elsewhere; None for a fault of the program itself."""
    from tatemono.adapters.model_registry import WrongRegistry
    from tatemono.adapters.openai.models import ModelsNotTold
    from tatemono.domain.identity.members import MembersUnavailable
    from tatemono.usecases.identity.ports import GuestIdentitiesUnavailable
    from tatemono_tools.laptop.building import UnknownService
    from tatemono_tools.laptop.operate.control import UnknownPart
    from tatemono_tools.laptop.operate.operators import OperatorRefused
    from tatemono_tools.laptop.process.ports import PortTaken
    from tatemono_tools.laptop.process.state import AlreadyRunning, NotRunning, StateFolderRefused
    from tatemono_tools.plan.building import WrongPlan
    from tatemono_tools.release.functions_zip import BuildFailed

    if isinstance(error, (UnknownService, UnknownPart)):
        return 2
    mendable = (
        AlreadyRunning,
        BuildFailed,
        GuestIdentitiesUnavailable,
        MembersUnavailable,
        ModelsNotTold,
        NotRunning,
        OperatorRefused,
        PortTaken,
        StateFolderRefused,
        WrongPlan,
        WrongRegistry,
    )
    return 1 if isinstance(error, mendable) else None
