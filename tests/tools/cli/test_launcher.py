"""The launcher is a shell script that must work where nothing is installed: each test gives it a PATH of its own."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from trust import environment_before

ROOT = Path(__file__).parents[3]
TOOLS = ("sh", "dirname", "readlink", "mktemp", "mkdir", "mv", "rm", "cat", "sleep", "chmod", "cp")

# Says what it was called with, one word a line.
STUB_UV = """#!/bin/sh
[ "$1" != --version ] || { echo uv 0; exit; }
case "$*" in *" -- python -c pass")
    echo "fetching ${SSL_CERT_FILE:-} ${UV_SYSTEM_CERTS:-}" >>"${STUB_FETCHED:-/dev/null}"
    exit "${STUB_FETCHING:-0}" ;;
esac
printf '%s\\n' "$PWD" "downloads=${UV_PYTHON_DOWNLOADS:-}" "bytecode=${PYTHONDONTWRITEBYTECODE:-yes}" "$@"
[ -z "${STUB_COMMAND:-}" ] || printf '%s' "$TATEMONO_COMMAND" >"$STUB_COMMAND"
"""
# Takes the part of a Python that `launcher` asks three things: your version, have you pip, install uv here.
STUB_PYTHON = """#!/bin/sh
case "$*" in
    -c*) exit 0 ;;
    "-m pip --version") exit 0 ;;
    "-m pip install"*) while [ "$1" != --target ]; do shift; done
        sleep 0.05; mkdir -p "$2/bin"; cp "$STUB_UV" "$2/bin/uv"; echo brought >>"$STUB_COUNT" ;;
esac
"""


@dataclass
class Place:
    """A copy of the launcher in a folder with a space in its name, and a PATH with basic tools only."""

    folder: Path

    @property
    def project(self) -> Path:
        return self.folder / "my project"

    @property
    def programs(self) -> Path:
        return self.folder / "programs"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": str(self.programs),
            "STUB_UV": str(self.folder / "uv"),
            "STUB_COUNT": str(self.folder / "count"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def program(self, name: str, script: str) -> None:
        path = self.programs / name
        path.write_text(script)
        path.chmod(0o755)

    def run(self, *words: str, launcher: Path | None = None, cwd: Path | None = None, **variables: str) -> "Ran":
        ran = subprocess.run(
            [str(launcher or self.project / "tatemono"), *words],
            env=self.environment | variables,
            cwd=cwd or self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        return Ran(ran.returncode, ran.stdout.splitlines(), ran.stderr)


@dataclass
class Ran:
    code: int
    lines: list[str]
    errors: str


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.project.mkdir()
    made.programs.mkdir()
    shutil.copy(ROOT / "tatemono", made.project)
    for tool in TOOLS:
        (made.programs / tool).symlink_to(str(shutil.which(tool)))
    (tmp_path / "uv").write_text(STUB_UV)
    (tmp_path / "uv").chmod(0o755)
    return made


class TestWithUv:
    @pytest.fixture(autouse=True)
    def _uv(self, place: Place) -> None:
        place.program("uv", STUB_UV)

    def test_hands_over_all_words_in_the_folder_of_the_caller(self, place: Place) -> None:
        elsewhere = place.folder / "else where"
        elsewhere.mkdir()
        ran = place.run("test", "-k", "one or two", "", "--data-dir=a b", cwd=elsewhere)
        assert ran.lines[0] == str(elsewhere)
        assert ran.lines[3:] == [
            *("run", "--project", str(place.project), "--", "tatemono"),
            *("test", "-k", "one or two", "", "--data-dir=a b"),
        ]

    def test_leaves_the_choice_of_python_to_uv(self, place: Place) -> None:
        ran = place.run("up")
        assert "--python" not in ran.lines
        assert ran.lines[1] == "downloads="

    def test_lets_compiled_modules_be_kept(self, place: Place) -> None:
        assert place.run("up").lines[2] == "bytecode=yes"

    def test_is_found_through_links(self, place: Place) -> None:
        (place.folder / "bin").mkdir()
        (place.folder / "absolute").symlink_to(place.project / "tatemono")
        (place.folder / "bin" / "relative").symlink_to("../absolute")
        ran = place.run("status", launcher=place.folder / "bin" / "relative")
        assert ran.lines[5] == str(place.project)

    def test_is_found_on_the_path(self, place: Place) -> None:
        ran = place.run(
            "-c", "tatemono status", launcher=place.programs / "sh", PATH=f"{place.project}:{place.programs}"
        )
        assert ran.lines[5] == str(place.project)

    def test_passes_on_the_python_that_was_named(self, place: Place) -> None:
        assert place.run("up", TATEMONO_PYTHON=sys.executable).lines[6:8] == ["--python", sys.executable]

    @pytest.mark.parametrize("typed", ["./tatemono", "../my project/tatemono"])
    def test_tells_the_program_what_was_typed(self, place: Place, typed: str) -> None:
        place.run(
            *("-c", f'"{typed}" status'),
            launcher=place.programs / "sh",
            cwd=place.project,
            STUB_COMMAND=str(place.folder / "command"),
        )
        assert (place.folder / "command").read_text() == typed

    def test_tells_the_program_its_name_when_it_is_on_the_path(self, place: Place) -> None:
        place.run(
            *("-c", "tatemono status"),
            launcher=place.programs / "sh",
            PATH=f"{place.project}:{place.programs}",
            STUB_COMMAND=str(place.folder / "command"),
        )
        assert (place.folder / "command").read_text() == "tatemono"


class TestFirstRun:
    @pytest.fixture(autouse=True)
    def _uv(self, place: Place) -> None:
        place.program("uv", STUB_UV)

    def test_fetches_first_and_trusts_what_the_system_trusts(self, place: Place) -> None:
        fetched = place.folder / "fetched"
        place.run("up", STUB_FETCHED=str(fetched), SSL_CERT_FILE="/company.pem")
        assert fetched.read_text() == "fetching /company.pem true\n"

    def test_says_what_a_company_may_have_to_set(self, place: Place) -> None:
        ran = place.run("up", STUB_FETCHING="2")
        assert (ran.code, ran.lines) == (1, [])
        assert all(name in ran.errors for name in ("HTTPS_PROXY=", "SSL_CERT_FILE=", "UV_DEFAULT_INDEX="))

    def test_fetches_no_more_when_all_is_there(self, place: Place) -> None:
        (place.project / ".venv" / "bin").mkdir(parents=True)
        place.program("installed", "#!/bin/sh\n")
        (place.programs / "installed").rename(place.project / ".venv" / "bin" / "tatemono")
        fetched = place.folder / "fetched"
        assert place.run("up", STUB_FETCHED=str(fetched)).lines[-1] == "up"
        assert not fetched.exists()


class TestReadOnlyProject:
    """As another user has installed it. Root may write everywhere, unless it gives that right up."""

    @pytest.fixture(autouse=True)
    def _uv(self, place: Place) -> None:
        place.program("uv", STUB_UV)

    def run(self, place: Place, *words: str) -> Ran:
        place.project.chmod(0o555)
        if os.geteuid() != 0:
            return place.run(*words)
        without = ["--inh-caps=-all", "--bounding-set=-all"]
        return place.run(*without, str(place.project / "tatemono"), *words, launcher=Path(str(shutil.which("setpriv"))))

    def test_says_that_packages_have_no_place(self, place: Place) -> None:
        ran = self.run(place, "up")
        assert ran.code == 1
        assert "cannot be written, and the packages go there" in ran.errors

    def test_runs_what_is_installed(self, place: Place) -> None:
        (place.project / ".venv" / "bin").mkdir(parents=True)
        place.program("installed", '#!/bin/sh\necho installed "$@"\n')
        (place.programs / "installed").rename(place.project / ".venv" / "bin" / "tatemono")
        assert self.run(place, "status", "--json").lines == ["installed status --json"]


class TestWithoutUv:
    def test_brings_it_once(self, place: Place) -> None:
        place.program("python3", STUB_PYTHON)
        for _ in range(2):
            ran = place.run("status")
            assert (ran.code, ran.errors) == (0, "")
            assert ran.lines[-2:] == ["tatemono", "status"]
        assert (place.folder / "count").read_text() == "brought\n"

    def test_keeps_uv_from_downloading_a_python(self, place: Place) -> None:
        place.program("python3", STUB_PYTHON)
        assert place.run("status").lines[1] == "downloads=never"

    def test_takes_no_notice_of_a_uv_that_does_not_run(self, place: Place) -> None:
        place.program("uv", "#!/bin/sh\nexit 127\n")
        place.program("python3", STUB_PYTHON)
        assert place.run("status").lines[-1] == "status"

    def test_brings_the_new_one_when_the_project_wants_another(self, place: Place) -> None:
        place.program("python3", STUB_PYTHON)
        place.run("status")
        (place.project / ".uv" / "version").write_text("0.0.1\n")
        place.run("status")
        assert (place.folder / "count").read_text() == "brought\nbrought\n"

    def test_survives_first_runs_at_the_same_moment(self, place: Place) -> None:
        place.program("python3", STUB_PYTHON)
        runs = [
            subprocess.Popen([place.project / "tatemono", "status"], env=place.environment, stdout=subprocess.PIPE)
            for _ in range(4)
        ]
        for run in runs:
            output, _ = run.communicate()
            assert (run.returncode, output.splitlines()[-1]) == (0, b"status")
        assert sorted(file.name for file in (place.project / ".uv").iterdir()) == ["bin", "version"]

    def test_says_what_pip_said_when_it_fails_and_leaves_nothing_behind(self, place: Place) -> None:
        script = 'case "$*" in *install*) echo "no network" >&2; exit 1 ;; esac\n'
        place.program("python3", f"#!/bin/sh\n{script}")
        ran = place.run("up")
        assert ran.code == 1
        assert "no network" in ran.errors
        assert list((place.project / ".uv").iterdir()) == [place.project / ".uv" / "bin"]

    def test_takes_a_python_that_is_new_enough(self, place: Place) -> None:
        place.program("python3", "#!/bin/sh\nexit 1\n")
        place.program("python3.12", STUB_PYTHON)
        assert place.run("up").code == 0

    def test_says_what_to_do_without_a_python(self, place: Place) -> None:
        ran = place.run("up")
        assert ran.code == 1
        assert ran.errors.startswith("tatemono: No Python from 3.11.2 to 3.14 is on the PATH.")
        assert "TATEMONO_PYTHON" in ran.errors

    def test_says_that_the_named_python_will_not_do(self, place: Place) -> None:
        ran = place.run("up", TATEMONO_PYTHON="/bin/false")
        assert ran.code == 1
        assert "TATEMONO_PYTHON=/bin/false is no Python from 3.11.2 to 3.14" in ran.errors

    def test_says_what_to_install_when_python_has_neither_pip_nor_venv(self, place: Place) -> None:
        place.program("python3", '#!/bin/sh\n[ "$1" = -c ]\n')
        ran = place.run("up")
        assert ran.code == 1
        assert "neither pip nor a working venv" in ran.errors

    @pytest.mark.long
    @pytest.mark.slow
    def test_brings_the_real_one(self, place: Place) -> None:
        outside = environment_before()
        kept = {name: value for name, value in outside.items() if name.startswith(("PIP_", "SSL_", "HTTP", "http"))}
        (place.project / "pyproject.toml").write_text('[project]\nname = "empty"\nversion = "0"\n')
        ran = place.run("up", **kept | {"TATEMONO_PYTHON": sys.executable, "HOME": str(place.folder)})  # type: ignore[arg-type]
        # The project that it is brought to has no command of that name.
        assert "tatemono" in ran.errors
        uv = place.project / ".uv" / "bin" / "uv"
        version = subprocess.run([uv, "--version"], capture_output=True, text=True, check=True).stdout
        assert version.split()[1] == (place.project / ".uv" / "version").read_text().strip()
