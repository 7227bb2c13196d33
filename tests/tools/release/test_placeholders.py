"""What an adopter has yet to fill in is named, and refused where the project has been adopted."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tatemono_tools.release.placeholders import PLACEHOLDERS, PROJECT, Placeholder, placeholders


def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in {"ADOPTED", "GITHUB_ACTIONS"}}
    argv = [sys.executable, "-m", "tatemono_tools.release.placeholders", *words]
    return subprocess.run(argv, env=clean | environment, capture_output=True, text=True, check=False)


class TestPlaceholders:
    def test_are_found_by_file_and_line(self, tmp_path: Path) -> None:
        (tmp_path / "SECURITY.md").write_text("# Security\n\nWrite to security@example.com, not to us@example.org.\n")
        assert list(placeholders(tmp_path)) == [Placeholder("SECURITY.md", 3, "security@example.com")]

    def test_are_gone_once_they_are_filled_in(self, tmp_path: Path) -> None:
        (tmp_path / ".github").mkdir()
        (tmp_path / "SECURITY.md").write_text("Write to security@tatemono.jp.\n")
        (tmp_path / ".github" / "CODEOWNERS").write_text("* @tatemono/builders\n")
        assert list(placeholders(tmp_path)) == []

    def test_are_in_every_file_of_the_template(self) -> None:
        assert {each.file for each in placeholders(PROJECT)} == PLACEHOLDERS.keys()


class TestCommand:
    def test_warns_in_the_template(self) -> None:
        ran = command()
        assert ran.returncode == 0
        for each in placeholders(PROJECT):
            assert f"{each.file}:{each.line}: {each.text}" in ran.stdout

    @pytest.mark.parametrize(
        ("words", "environment"), [(["--refuse"], {}), ([], {"ADOPTED": "true"})], ids=["option", "variable"]
    )
    def test_fails_for_an_adopter(self, words: list[str], environment: dict[str, str]) -> None:
        assert command(*words, **environment).returncode == 1

    @pytest.mark.parametrize(("words", "level"), [([], "warning"), (["--refuse"], "error")])
    def test_marks_the_lines_on_github(self, words: list[str], level: str) -> None:
        ran = command(*words, GITHUB_ACTIONS="true")
        assert f"::{level} file=SECURITY.md,line=" in ran.stdout
