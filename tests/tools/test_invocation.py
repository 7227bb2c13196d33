"""How the program was called, and how it begins again with a group of packages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tatemono_tools.invocation import NoUv, find_uv, typed

# Says what it was called with.
STUB_UV = '#!/bin/sh\necho "$TATEMONO_BROUGHT|$@"\n'


class TestTyped:
    def test_is_what_the_launcher_says(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TATEMONO_COMMAND", "../project/tatemono")
        assert typed() == "../project/tatemono"

    def test_is_uv_without_the_launcher(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("TATEMONO_COMMAND", raising=False)
        monkeypatch.setenv("UV", "/usr/bin/uv")
        assert typed() == "uv run tatemono"

    @pytest.mark.parametrize("found", [True, False])
    def test_is_the_program_without_either(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, found: bool) -> None:
        program = tmp_path / "tatemono"
        program.touch(mode=0o755)
        for name in ("TATEMONO_COMMAND", "UV"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("PATH", str(tmp_path) if found else os.defpath)
        monkeypatch.setattr(sys, "argv", [str(program)])
        assert typed() == ("tatemono" if found else str(program))


class TestFindUv:
    def test_takes_that_which_runs_the_program(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("UV", "/somewhere/uv")
        assert find_uv() == "/somewhere/uv"

    def test_finds_the_one_that_the_launcher_brought(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.delenv("UV", raising=False)
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(NoUv, match="brings it"):
            find_uv(tmp_path)
        brought = tmp_path / ".uv" / "bin" / "uv"
        brought.parent.mkdir(parents=True)
        brought.touch()
        assert find_uv(tmp_path) == str(brought)


class TestBringGroup:
    def begin(self, tmp_path: Path, module: str, **variables: str) -> str:
        uv = tmp_path / "uv"
        uv.write_text(STUB_UV)
        uv.chmod(0o755)
        script = (
            "import sys; from tatemono_tools.invocation import bring_group;"
            " sys.argv = ['tatemono', 'infra', 'rehearse', 'dev'];"
            f" bring_group('rehearsal', '{module}'); print('went on')"
        )
        environment = {"PATH": os.environ["PATH"], "UV": str(uv)} | variables
        return subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        ).stdout

    def test_goes_on_where_it_is_there(self, tmp_path: Path) -> None:
        assert self.begin(tmp_path, "json") == "went on\n"

    def test_begins_again_with_the_same_words(self, tmp_path: Path) -> None:
        brought, _, words = self.begin(tmp_path, "no_such_module").strip().partition("|")
        assert brought == "rehearsal"
        assert words.endswith("--group rehearsal -- tatemono infra rehearse dev")

    def test_begins_again_once(self, tmp_path: Path) -> None:
        assert self.begin(tmp_path, "no_such_module", TATEMONO_BROUGHT="rehearsal") == "went on\n"
