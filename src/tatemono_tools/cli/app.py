"""The command line, `tatemono`. Each command loads what it needs when it runs, so that `--help` is quick."""
# ruff: noqa: PLC0415 - see above

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tatemono.domain.operators.roles import Role
from tatemono_tools.cli.infra import infra_commands
from tatemono_tools.laptop.operate.rotated_secret import RotatedSecret

if TYPE_CHECKING:
    from rich.console import Console

_PIPE_COLUMNS = 160
_MOST_TEST_PROCESSES = 8
PROJECT = Path(__file__).parents[3]

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
DEFAULT_DATA_DIR = PROJECT / ".tatemono"


@app.command()
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
    open_browser: Annotated[bool, typer.Option("--open", help="Open the API's documentation when ready.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show what every part writes, too.")] = False,
) -> None:
    """Start the whole building and keep it running until Ctrl-C.

    It is ready when the front door answers `/v1/api/health` over HTTPS, which asks the database, the queue, the
    storage and the workers. A part that dies is started again; one that keeps dying stops everything. Ports are
    remembered; a busy one is replaced, which is said, unless you asked for it. Logs are in `logs/` of the folder, at
    most 10 MB for each part.

    With some services only (`--only`), it is ready when those run: the rest cannot be asked.
    """
    from tatemono_tools.laptop.up import Options
    from tatemono_tools.laptop.up import up as run

    names = tuple(name for words in only or () for name in words.replace(",", " ").split())
    wishes = Options(data_dir=data_dir, port=port, fresh=fresh, only=names, open_browser=open_browser, verbose=verbose)
    raise typer.Exit(run(wishes, _console()))


@app.command()
def status(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show every part: its state, address, process, memory, restarts and age.

    Exit code 0 if the building is up or starting, 3 if nothing runs, 1 if the supervisor was killed.
    """
    from tatemono_tools.laptop.operate.control import show_status
    from tatemono_tools.laptop.process.state import StateFolder

    raise typer.Exit(show_status(StateFolder(data_dir), _console(), as_json=as_json))


@app.command()
def down(data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Stop the building in order, and wait until it is over. Nothing is lost; the next `up` goes on."""
    from tatemono_tools.laptop.operate.control import down as stop
    from tatemono_tools.laptop.process.state import StateFolder

    raise typer.Exit(stop(StateFolder(data_dir), _console()))


@app.command()
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

    raise typer.Exit(show_logs(StateFolder(data_dir), part, _console(), lines=lines, go_on=follow))


@app.command()
def doctor(data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Check this machine: Python, programs, ports, disk, clock, rights, leftovers; and say what to do.

    Exit code 1 if something will keep the building from starting.
    """
    from tatemono_tools.laptop.operate.doctor import examine
    from tatemono_tools.laptop.process.state import StateFolder

    raise typer.Exit(examine(StateFolder(data_dir), _console()))


@app.command()
def trust(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    yes: Annotated[bool, typer.Option("--yes", help="Run the commands for this system now.")] = False,
) -> None:
    """Show how to make browsers and simulators trust the building's local CA. Changes nothing without `--yes`."""
    from tatemono_tools.laptop.operate.trust import show_trust
    from tatemono_tools.laptop.process.state import StateFolder

    raise typer.Exit(show_trust(StateFolder(data_dir), _console(), run=yes))


@app.command()
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
) -> None:
    """Act as a phone against the running building, through the front door: sign in, ask, watch, save the picture.

    With `--users`, many phones do it at the same time; a table shows how long each step took, and what failed.
    """
    from tatemono_tools.laptop.demo.demo import PictureOptions, run
    from tatemono_tools.laptop.process.state import StateFolder

    wish = PictureOptions(prompt=prompt, style=style, size=size, quality=quality)
    state = StateFolder(data_dir)
    raise typer.Exit(run(wish, state=state, output=output, users=users, pictures=pictures, console=_console()))


@app.command()
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

    raise typer.Exit(run(read_plan(), StateFolder(data_dir), _console(), repair=repair))


keys_commands = typer.Typer(no_args_is_help=True, help="Keys that can be changed while the building runs.")
app.add_typer(keys_commands, name="keys")


@keys_commands.command("rotate")
def rotate_keys(
    secret: Annotated[
        RotatedSecret, typer.Argument(help="What access tokens are signed with, or what identifiers of devices are.")
    ] = RotatedSecret.TOKEN_SIGNING_KEYS,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Give the running building a new key. It is used in ten minutes; nobody is signed out, nothing restarts.

    Old keys are left out when nothing depends on them any more: no token, no device.
    """
    from tatemono_tools.laptop.operate.keys import rotate
    from tatemono_tools.laptop.process.state import StateFolder
    from tatemono_tools.plan.building import read_plan

    raise typer.Exit(rotate(secret, read_plan(), StateFolder(data_dir), _console()))


operator_commands = typer.Typer(
    no_args_is_help=True,
    help="Operators: who may use the admin API. Each has a password and an authenticator app.",
)
app.add_typer(operator_commands, name="operator")

Email = Annotated[str, typer.Argument(metavar="EMAIL")]
Invite = Annotated[
    bool,
    typer.Option("--invite", help="Print a temporary password: the site asks for a new one and sets up the app."),
]
RoleOption = Annotated[Role, typer.Option(help="viewer looks, support also acts on people, admin also sees the audit.")]


@operator_commands.command("create")
def create_operator(
    email: Email, role: RoleOption, invite: Invite = False, data_dir: DataDir = DEFAULT_DATA_DIR
) -> None:
    """Make an operator: shows a QR code for an authenticator app, asks for its code, prints the password once."""
    from tatemono_tools.laptop.operate import operator_commands as commands
    from tatemono_tools.laptop.process.state import StateFolder

    if invite:
        raise typer.Exit(commands.invite(StateFolder(data_dir), _console(), email=email, role=role))
    raise typer.Exit(commands.create(StateFolder(data_dir), _console(), _ask, email=email, role=role))


@operator_commands.command("token")
def operator_token(email: Email, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Sign an operator in with password and code, and print the access token: for `Authorization: Bearer …`."""
    from tatemono_tools.laptop.operate.operator_commands import token
    from tatemono_tools.laptop.process.state import StateFolder

    raise typer.Exit(token(StateFolder(data_dir), _console(), _ask, email=email))


@operator_commands.command("list")
def list_operators(data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Show every operator: role, authenticator app, whether they may sign in."""
    from tatemono_tools.laptop.operate.operator_commands import show
    from tatemono_tools.laptop.process.state import StateFolder

    raise typer.Exit(show(StateFolder(data_dir), _console()))


@operator_commands.command("set-role")
def set_operator_role(email: Email, role: RoleOption, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Give an operator another role. It counts from the next sign-in on."""
    from tatemono_tools.laptop.operate.operator_commands import set_role
    from tatemono_tools.laptop.process.state import StateFolder

    raise typer.Exit(set_role(StateFolder(data_dir), _console(), email=email, role=role))


@operator_commands.command("disable")
def disable_operator(email: Email, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Let an operator sign in no more."""
    from tatemono_tools.laptop.operate.operator_commands import disable
    from tatemono_tools.laptop.process.state import StateFolder

    raise typer.Exit(disable(StateFolder(data_dir), _console(), email=email))


def _ask(question: str, hidden: bool) -> str:
    # On stderr: what goes to stdout may be read by a program.
    answer: str = typer.prompt(question, hide_input=hidden, err=True)
    return answer


@app.command()
def inbox(
    address: Annotated[str | None, typer.Argument(help="Only what was sent to this address.")] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Annotated[bool, typer.Option("--json", help="For programs, with the text of each mail.")] = False,
) -> None:
    """Show the mail that the building has sent, the codes for members among it. None of it leaves this machine."""
    from tatemono_tools.laptop.operate.inbox import show_inbox
    from tatemono_tools.laptop.process.state import StateFolder

    raise typer.Exit(show_inbox(StateFolder(data_dir), _console(), address=address, as_json=as_json))


models = typer.Typer(no_args_is_help=True, help="The image models: what they take, what they cost, when they end.")
app.add_typer(models, name="models")


@models.callback()
def _models() -> None:
    """Keeps `check` a command of its own, while it is the only one."""


@models.command("check")
def check_models(
    model: Annotated[str | None, typer.Option(help="Another model than that of the plan.")] = None,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask the painter, too: OPENAI_API_KEY and, if not OpenAI's, OPENAI_BASE_URL.")
    ] = False,
) -> None:
    """Say what will go wrong with the model that paints; exit code 1 if somebody has to act.

    Unknown prices and models that are gone fail at once, an end 60 days ahead.
    """
    from tatemono_tools.laptop.operate.models import check

    raise typer.Exit(check(_console(), model_id=model, ask=ask))


functions = typer.Typer(no_args_is_help=True, help="The functions that Cognito calls, for AWS Lambda.")
app.add_typer(functions, name="lambda")
app.add_typer(infra_commands, name="infra")


@functions.callback()
def _functions() -> None:
    """Keeps `build` a command of its own, while it is the only one."""


@functions.command("build")
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
    _console().print(f"{output}: {size_bytes:,} bytes")


@app.command(
    "test",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    options_metavar="",
    epilog="Example: `tatemono test -k supervisor -x`",
)
def run_tests(
    pytest_args: Annotated[list[str] | None, typer.Argument(metavar="[PYTEST ARGUMENTS]...")] = None,
) -> None:
    """Run the tests, which start what they need themselves. All arguments go to pytest.

    Without any, all but the long ones (-m long) run in parallel.
    """
    # A test waits for servers half of its time: two for each processor keep it busy. Who is done takes over tests.
    processes = min(2 * (os.cpu_count() or 1), _MOST_TEST_PROCESSES)
    everything = ["-n", str(processes), "--dist", "worksteal", "-m", "not long"]
    os.chdir(PROJECT)
    # The tests make folders of their own; the person's building is none of theirs.
    os.environ.pop("TATEMONO_DATA_DIR", None)
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *(pytest_args or everything)])  # noqa: S606 - no shell wanted


def _console() -> "Console":
    from tatemono_tools.laptop.process.screen import LastingConsole

    console = LastingConsole(highlight=False)
    if not console.is_terminal:
        # In a pipe nothing needs to fit; the usual 80 columns would break addresses.
        console.width = _PIPE_COLUMNS
    return console


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
    from tatemono_tools.laptop.demo.demo import NothingRuns
    from tatemono_tools.laptop.operate.control import UnknownPart
    from tatemono_tools.laptop.operate.operators import OperatorRefused
    from tatemono_tools.laptop.process.ports import PortTaken
    from tatemono_tools.laptop.process.state import AlreadyRunning, StateFolderRefused
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
        NothingRuns,
        OperatorRefused,
        PortTaken,
        StateFolderRefused,
        WrongPlan,
        WrongRegistry,
    )
    return 1 if isinstance(error, mendable) else None
