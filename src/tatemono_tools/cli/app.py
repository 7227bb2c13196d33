"""The command line, `tatemono`: its groups of commands, and what it exits with."""
# ruff: noqa: PLC0415 - the errors are loaded when one is raised, so that `--help` is quick

import codecs
import errno
import io
import os
import signal
import sys

import typer

from tatemono_tools.cli import building, demo, functions, infra, keys, models, operators, testing
from tatemono_tools.invocation import typed

_IN_ASCII = {"✓": "+", "✗": "x", "·": "-", "…": "...", "→": "->", "×": "x", "─": "-", "│": "|", "█": "#"}
"""What is written where a terminal's encoding has no such character; `?` for the others."""

_THE_MACHINES = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT}
"""A file that the person may not write or read, or that has no room: mended on the machine, not in this program."""

app = typer.Typer(
    name="tatemono",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help=f"""**Tatemono** (建物, "building"): a generative-AI image app, whole, on this machine.

`{typed()} up` starts everything, `{typed()} demo` paints a first picture through it, `{typed()} test` runs the tests.

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
    _write_what_can_be_written()
    _go_around_proxies()
    try:
        app(standalone_mode=True, prog_name=typed())
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception as error:
        code = _exit_code(error)
        if code is None:
            raise
        sys.stderr.write(f"tatemono: {_sentence(error)}\n")
        return code
    return 0


def _write_what_can_be_written() -> None:
    """Let no character end a command: a terminal may be EUC-JP, Latin-1 or ASCII, and a file's name any bytes."""
    codecs.register_error("tatemono", _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="tatemono")


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unknown = error.object[error.start : error.end]
    return "".join(_IN_ASCII.get(character, "?") for character in unknown), error.end


def _go_around_proxies() -> None:
    """What a company's proxy is for is not on this machine, and the building is."""
    for name in ("no_proxy", "NO_PROXY"):
        others = os.environ.get(name) or os.environ.get(name.swapcase())
        os.environ[name] = ",".join(filter(None, [others, "localhost", "127.0.0.1"]))


def _exit_code(error: Exception) -> int | None:
    """2 for a wrong command line, 1 for what can be mended elsewhere; None for a fault of the program itself."""
    from tatemono.adapters.model_registry import WrongRegistry
    from tatemono.adapters.openai.models import ModelsNotTold
    from tatemono.domain.identity.members import MembersUnavailable
    from tatemono.usecases.identity.ports import GuestIdentitiesUnavailable
    from tatemono_tools.invocation import NoUv
    from tatemono_tools.laptop.building import UnknownService
    from tatemono_tools.laptop.operate.control import UnknownPart
    from tatemono_tools.laptop.operate.operators import OperatorRefused
    from tatemono_tools.laptop.painter.painter import PainterRefused, WrongPainter
    from tatemono_tools.laptop.process.ports import PortTaken
    from tatemono_tools.laptop.process.state import AlreadyRunning, NotRunning, StateFolderRefused
    from tatemono_tools.plan.building import WrongPlan
    from tatemono_tools.release.functions_zip import BuildFailed

    if isinstance(error, (UnknownService, UnknownPart, WrongPainter)):
        return 2
    mendable = (
        AlreadyRunning,
        BuildFailed,
        GuestIdentitiesUnavailable,
        MembersUnavailable,
        ModelsNotTold,
        NoUv,
        NotRunning,
        OperatorRefused,
        PainterRefused,
        PortTaken,
        StateFolderRefused,
        WrongPlan,
        WrongRegistry,
    )
    return 1 if isinstance(error, mendable) or (isinstance(error, OSError) and error.errno in _THE_MACHINES) else None


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)
