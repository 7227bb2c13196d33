"""The files that keep the project's habits agree with each other: CI, hooks, editors, updates, the devcontainer."""

import json
import re
import shlex
import subprocess
import tomllib
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
#: What .ci/run does besides its checks.
NO_CHECKS = {"Setup", "Browser", "Rehearsal", "Long-tests", "Faults", "Tests"}
#: What .editorconfig excepts, and pictures.
EXCEPTED = re.compile(r"\.png$|/email_templates/layout\.txt\.j2$|/docs_assets/(?:swagger-ui|LICENSE|NOTICE)")


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def hooks() -> list[dict[str, Any]]:
    (repository,) = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    assert repository["repo"] == "local"
    found: list[dict[str, Any]] = repository["hooks"]
    return found


class TestHooks:
    def test_are_the_checks_of_ci(self) -> None:
        steps = dict(re.findall(r"^ *step (\S+) (.+)$", read(".ci/run"), re.MULTILINE))
        assert steps.keys() >= NO_CHECKS
        checks = {name: command for name, command in steps.items() if name not in NO_CHECKS}
        assert {hook["name"]: hook["entry"] for hook in hooks()} == checks

    def test_run_tools_of_the_project(self) -> None:
        for hook in hooks():
            program = shlex.split(hook["entry"])[0]
            assert program.startswith((".venv/bin/", ".ci/"))
            assert (ROOT / program).exists()
            # Each decides itself what it reads, as in CI.
            assert (hook["language"], hook["pass_filenames"]) == ("system", False)

    def test_run_for_files_that_there_are(self) -> None:
        files = tracked()
        for hook in hooks():
            if pattern := hook.get("files"):
                assert any(re.search(pattern, file) for file in files), hook["id"]


class TestEditorConfig:
    def test_is_as_wide_as_ruff(self) -> None:
        ruff = tomllib.loads(read("pyproject.toml"))["tool"]["ruff"]
        assert sections()["*.py"]["max_line_length"] == str(ruff["line-length"])

    def test_says_what_the_files_are(self) -> None:
        assert sections()["*"]["trim_trailing_whitespace"] == sections()["*"]["insert_final_newline"] == "true"
        wrong = []
        for file in tracked():
            text = "" if EXCEPTED.search(file) else (ROOT / file).read_bytes().decode()
            if text and (not text.endswith("\n") or re.search(r"[ \t]$|\r", text, re.MULTILINE)):
                wrong.append(file)
        assert wrong == []


def sections() -> ConfigParser:
    parser = ConfigParser()
    parser.read_string("[top]\n" + read(".editorconfig"))
    return parser


def tracked() -> list[str]:
    """The files that git knows and that are there, without links to folders."""
    ran = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        pytest.skip("this is no clone")
    return [file for file in ran.stdout.splitlines() if (ROOT / file).is_file()]


class TestUpdates:
    def test_come_weekly_together_and_a_week_after_their_release(self) -> None:
        for update in yaml.safe_load(read(".github/dependabot.yml"))["updates"]:
            assert update["schedule"]["interval"] == "weekly"
            assert update["cooldown"]["default-days"] == 7
            assert [group["patterns"] for group in update["groups"].values()] == [["*"]]
        assert "--upgrade --cooldown-days 7" in read(".ci/update-pins")

    def test_reach_every_folder_with_a_provider_or_an_image(self) -> None:
        updates = {
            each["package-ecosystem"]: each for each in yaml.safe_load(read(".github/dependabot.yml"))["updates"]
        }
        files = tracked()
        for ecosystem, name in (("terraform", "versions.tf"), ("docker", "Dockerfile")):
            folders = {f"/{Path(file).parent}".removesuffix(".") for file in files if Path(file).name == name}
            reached = {
                f"/{folder.relative_to(ROOT)}".removesuffix(".")
                for pattern in updates[ecosystem]["directories"]
                for folder in ([ROOT] if pattern == "/" else ROOT.glob(pattern[1:]))
            }
            assert folders <= reached


class TestDevcontainer:
    def test_has_the_base_of_the_image(self) -> None:
        bases = [
            set(re.findall(r"^FROM (\S+)", read(file), re.MULTILINE))
            for file in ("Dockerfile", ".devcontainer/Dockerfile")
        ]
        assert len(bases[0]) == 1
        assert bases[0] == bases[1]

    def test_lets_a_user_who_is_not_root_reach_the_front_door(self) -> None:
        container = json.loads(read(".devcontainer/devcontainer.json"))
        assert f"useradd --uid 1000 --create-home --shell /bin/bash {container['remoteUser']}" in read(
            ".devcontainer/Dockerfile"
        )
        assert container["forwardPorts"] == [8443]
        assert (ROOT / container["postCreateCommand"].split()[0]).exists()
