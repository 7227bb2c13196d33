import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

import tatemono_tools
from tatemono_tools.cli.app import app

PROGRAM = Path(sys.executable).with_name("tatemono")
COMMANDS = ("up", "status", "down", "logs", "doctor", "trust", "demo", "test")


@dataclass
class Ran:
    code: int
    output: str
    errors: str


@dataclass
class CommandLine:
    """The real program, with a data folder of its own."""

    data_dir: Path
    before: tuple[str, ...] = ()

    def __call__(self, *words: str, encoding: str = "utf-8", **variables: str) -> Ran:
        environment = os.environ | {"TATEMONO_DATA_DIR": str(self.data_dir), "TERM": "dumb", "COLUMNS": "200"}
        environment |= {"PYTHONIOENCODING": encoding} | variables
        ran = subprocess.run(
            [*self.before, PROGRAM, *words], env=environment, capture_output=True, encoding=encoding, check=False
        )
        return Ran(ran.returncode, ran.stdout, ran.stderr)


@pytest.fixture
def tatemono(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path / "building")


@pytest.fixture
def busy() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


class TestHelp:
    def test_lists_every_command(self, tatemono: CommandLine) -> None:
        ran = tatemono("--help")
        assert ran.code == 0
        assert all(f" {command} " in ran.output for command in COMMANDS)

    @pytest.mark.parametrize("command", [command for command in COMMANDS if command != "test"])
    def test_of_each_command_names_the_data_folder(self, command: str) -> None:
        # Within this process: it only prints, and the program takes half a second to start.
        ran = CliRunner().invoke(app, [command, "--help"], env={"TERM": "dumb", "COLUMNS": "200"})
        assert ran.exit_code == 0
        assert "--data-dir" in ran.output
        assert "TATEMONO_DATA_DIR" in ran.output

    def test_loads_nothing_that_only_up_needs(self) -> None:
        names = ("pydantic", "psutil", "asyncpg")
        script = f"import sys, tatemono_tools.cli.app; print([m for m in {names} if m in sys.modules])"
        ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert ran.stdout == "[]\n"


class TestUp:
    def test_refuses_a_service_that_the_plan_does_not_have(self, tatemono: CommandLine) -> None:
        ran = tatemono("up", "--only", "mobile-api,front-desk")
        assert ran.code == 2
        assert "no service front-desk" in ran.errors
        assert "image-worker" in ran.errors

    def test_refuses_a_folder_that_is_not_a_buildings(self, tatemono: CommandLine) -> None:
        tatemono.data_dir.mkdir()
        (tatemono.data_dir / "thesis.odt").touch()
        ran = tatemono("up", "--fresh")
        assert ran.code == 1
        assert "holds other things" in ran.errors
        assert (tatemono.data_dir / "thesis.odt").exists()

    def test_names_who_holds_the_port_that_was_asked_for(self, tatemono: CommandLine, busy: int) -> None:
        ran = tatemono("up", "--port", str(busy))
        assert ran.code == 1
        assert f"port {busy} is held by" in ran.errors
        assert f"(pid {os.getpid()})" in ran.errors

    def test_refuses_a_port_that_cannot_be(self, tatemono: CommandLine) -> None:
        assert tatemono("up", "--port", "70000").code == 2


class TestWhenNothingRuns:
    def test_status_says_so_and_exits_with_3(self, tatemono: CommandLine) -> None:
        ran = tatemono("status")
        assert ran.code == 3
        assert "Nothing runs" in ran.output

    def test_status_says_so_to_programs(self, tatemono: CommandLine) -> None:
        ran = tatemono("status", "--json")
        assert ran.code == 3
        assert json.loads(ran.output) == {
            "state": "down",
            "data_dir": str(tatemono.data_dir),
            "address": "",
            "supervisor_pid": None,
            "supervisor_memory_bytes": None,
            "uptime_seconds": None,
            "parts": [],
            "painter": "",
            "concerns": {},
        }

    def test_down_has_nothing_to_do(self, tatemono: CommandLine) -> None:
        ran = tatemono("down")
        assert ran.code == 0
        assert "Nothing runs" in ran.output

    def test_looking_makes_no_folder(self, tatemono: CommandLine) -> None:
        for command in ("status", "down", "doctor"):
            tatemono(command)
        assert not tatemono.data_dir.exists()

    def test_logs_names_the_logs_there_are(self, tatemono: CommandLine) -> None:
        (tatemono.data_dir / "logs").mkdir(parents=True)
        (tatemono.data_dir / "logs" / "door.log").write_text("one\ntwo\nthree\n")
        ran = tatemono("logs", "dor")
        assert ran.code == 2
        assert "there are: door" in ran.errors
        assert tatemono("logs", "door", "-n", "2").output == "two\nthree\n"


class TestEncodings:
    """What a terminal or a pipe cannot show is replaced; decoding it strictly is half of the test."""

    @pytest.mark.parametrize("encoding", ["ascii", "latin-1", "euc_jp", "shift_jis", "utf-8"])
    @pytest.mark.parametrize("words", [("doctor",), ("--help",), ("models", "check"), ("trust",)])
    def test_end_no_command(self, tatemono: CommandLine, words: tuple[str, ...], encoding: str) -> None:
        ran = tatemono(*words, encoding=encoding)
        assert ran.code == 0
        assert "Traceback" not in ran.output + ran.errors
        assert ("建物" in ran.output) == (words == ("--help",) and encoding not in {"ascii", "latin-1"})

    def test_show_marks_in_another_way(self, tatemono: CommandLine) -> None:
        assert " + Python" in " " + tatemono("doctor", encoding="ascii").output.replace("  ", " ")

    def test_end_no_command_for_a_name_that_is_no_text(self, tatemono: CommandLine, tmp_path: Path) -> None:
        folder = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe")
        ran = tatemono("status", TATEMONO_DATA_DIR=folder)
        assert ran.code == 3
        assert "Nothing runs" in ran.output


class TestMessages:
    @pytest.mark.parametrize("typed", ["./tatemono", "tatemono", "../project/tatemono"])
    def test_print_what_was_typed(self, tatemono: CommandLine, typed: str) -> None:
        assert f"`{typed} up` starts" in tatemono("status", TATEMONO_COMMAND=typed).output
        assert f"`{typed} up` in another" in tatemono("demo", TATEMONO_COMMAND=typed).errors
        assert f"Usage: {typed} " in tatemono("--help", TATEMONO_COMMAND=typed).output


class TestReadOnly:
    @pytest.fixture
    def unprivileged(self, tatemono: CommandLine) -> CommandLine:
        """Root may write everywhere, unless it gives that right up."""
        if os.geteuid() != 0:
            return tatemono
        return CommandLine(tatemono.data_dir, ("setpriv", "--inh-caps=-all", "--bounding-set=-all", "--"))

    def test_is_said_of_a_folder_that_cannot_be_made(self, unprivileged: CommandLine) -> None:
        unprivileged.data_dir.parent.chmod(0o500)
        ran = unprivileged("up")
        assert ran.code == 1
        assert len(ran.errors.splitlines()) == 1
        assert "cannot be written (Permission denied): make it writable, or choose another --data-dir" in ran.errors

    def test_is_said_of_a_file_that_another_user_keeps_closed(self, unprivileged: CommandLine) -> None:
        unprivileged.data_dir.mkdir()
        closed = unprivileged.data_dir / "running.json"
        closed.touch(mode=0o000)
        ran = unprivileged("status")
        assert ran.code == 1
        assert ran.errors == f"tatemono: {closed}: Permission denied\n"


class TestQuestions:
    def test_write_nothing_to_stdout(self) -> None:
        script = "from tatemono_tools.cli.options import ask; ask('Code'); ask('Password', hidden=True)"
        # Without a terminal, as in a pipeline.
        ran = subprocess.run(
            [sys.executable, "-c", script],
            input="1\n2\n",
            capture_output=True,
            text=True,
            check=True,
            start_new_session=True,
        )
        assert ran.stdout == ""
        assert "Code: " in ran.stderr
        assert "Password: " in ran.stderr

    def test_end_the_command_when_no_answer_comes(self) -> None:
        script = "from tatemono_tools.cli.options import ask; ask('Code')"
        ran = subprocess.run(
            [sys.executable, "-c", script], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 1
        assert "Abort" in ran.stderr

    def test_are_asked_in_one_place(self) -> None:
        asking = re.compile(r"\btyper\.(prompt|confirm)\(|(?<![\w.])input\(|\bgetpass\.getpass\(")
        sources = Path(tatemono_tools.__file__).parent.rglob("*.py")
        found = {source.name for source in sources if asking.search(source.read_text(encoding="utf-8"))}
        assert found == {"options.py"}


class TestDoctor:
    def test_finds_this_machine_able(self, tatemono: CommandLine) -> None:
        ran = tatemono("doctor")
        assert ran.code == 0
        assert all(what in ran.output for what in ("Python", "PostgreSQL", "nginx", "disk", "clock", "Terraform"))

    def test_finds_a_folder_that_holds_other_things(self, tatemono: CommandLine) -> None:
        tatemono.data_dir.mkdir()
        (tatemono.data_dir / "thesis.odt").touch()
        ran = tatemono("doctor")
        assert ran.code == 1
        assert "choose another --data-dir" in ran.output


class TestTrust:
    def test_shows_the_authority_and_changes_nothing(self, tatemono: CommandLine) -> None:
        ran = tatemono("trust")
        authority = tatemono.data_dir / "certificates" / "authority.pem"
        assert ran.code == 0
        assert str(authority) in ran.output
        assert authority.read_text().startswith("-----BEGIN CERTIFICATE-----")
        assert "xcrun simctl keychain" in ran.output


class TestTest:
    def test_gives_every_argument_to_pytest_in_the_project(self, tmp_path: Path) -> None:
        words = ["--noconftest", "--collect-only", "-q", "tests/tools/cli/test_commands.py", "-k", "TestHelp and lists"]
        ran = subprocess.run([PROGRAM, "test", *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ran.returncode == 0
        assert ran.stdout.splitlines()[0] == "tests/tools/cli/test_commands.py::TestHelp::test_lists_every_command"

    @pytest.mark.parametrize("words", [[], ["-q"], ["-x", "-k", "TestProbe"], ["-n", "0", "-m", "long"]])
    def test_puts_what_is_usual_first_so_that_only_its_own_flags_change_it(
        self, words: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ran: list[list[str]] = []
        monkeypatch.setattr(os, "execv", lambda _, argv: ran.append(argv))
        monkeypatch.chdir(Path.cwd())
        CliRunner().invoke(app, ["test", *words])
        expected = ["python", "-m", "pytest", "-n", "auto", "--dist", "worksteal", "-m", "not long", *words]
        assert [argv[-len(expected) :] for argv in ran] == [expected]

    @pytest.mark.parametrize(("cores", "processes"), [(1, "2"), (2, "4"), (3, "6"), (64, "8"), (None, "2")])
    def test_runs_two_processes_for_each_core(
        self, cores: int | None, processes: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told: list[str] = []
        monkeypatch.setattr(os, "execv", lambda *_: told.append(os.environ["PYTEST_XDIST_AUTO_NUM_WORKERS"]))
        monkeypatch.setattr(os, "cpu_count", lambda: cores)
        # It is put back after the test.
        monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "")
        monkeypatch.delenv("PYTEST_XDIST_AUTO_NUM_WORKERS")
        monkeypatch.chdir(Path.cwd())
        CliRunner().invoke(app, ["test"])
        assert told == [processes]

    def test_leaves_the_long_ones_out_and_runs_in_parallel_with_any_flag(self, tmp_path: Path) -> None:
        probe = tmp_path / "test_probe.py"
        probe.write_text(
            "import os, pathlib, pytest\n"
            "TOLD = pathlib.Path(__file__).parent\n"
            "def tell(name):\n"
            "    (TOLD / name).write_text(str('PYTEST_XDIST_WORKER' in os.environ))\n"
            "class TestProbe:\n"
            "    def test_short(self): tell('short')\n"
            "    @pytest.mark.long\n"
            "    def test_long(self): tell('long')\n"
        )
        arguments = ["--noconftest", "-p", "no:cacheprovider", "-q", str(probe)]
        # Not with CI's coverage, of which there is none here.
        environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
        ran = subprocess.run(
            [PROGRAM, "test", *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stdout
        ((name, told),) = [
            (path.name, path.read_text()) for path in tmp_path.iterdir() if path.name in {"short", "long"}
        ]
        assert (name, told) == ("short", "True")
