"""The Terraform by itself, with mocked providers: no account, no network."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from terraform import Terraform

INFRA = Path(__file__).parents[3] / "infra"
RUNBOOKS = INFRA.parent / "docs" / "how-to" / "runbooks"
MODULES = sorted(path.name for path in (INFRA / "modules").iterdir())
FILES = sorted(INFRA.glob("**/*.tf"))

InFolder = Callable[[str], Terraform]


def blocks(kind: str) -> list[tuple[str, str]]:
    """Where each `variable` or `output` stands, and what is in it."""
    return [
        (f"{file.relative_to(INFRA)}: {name}", body)
        for file in FILES
        for name, body in re.findall(rf'^{kind} "(\w+)" \{{\n(.*?)^\}}', file.read_text(), re.DOTALL | re.MULTILINE)
    ]


class TestModules:
    def test_are_formatted(self, terraform: InFolder) -> None:
        ran = terraform(".").run("fmt", "-check", "-recursive", "-diff")
        assert ran.returncode == 0, ran.stdout

    @pytest.mark.parametrize("root", ["environment", "bootstrap"])
    def test_are_valid(self, terraform: InFolder, root: str) -> None:
        ran = terraform(root).run("validate", "-json")
        assert json.loads(ran.stdout)["diagnostics"] == []

    def test_keep_what_their_tests_say(self, terraform: InFolder) -> None:
        files = [f"tests/{module}.tftest.hcl" for module in [*MODULES, "bootstrap"]]
        # At once: Terraform reads all of it for every call.
        ran = terraform(".").run("test", *(f"-filter={file}" for file in files))
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert [file for file in files if f"{file}... pass" not in ran.stdout] == []

    @pytest.mark.parametrize("environment", ["dev", "stg", "prod"])
    def test_make_up_each_environment(self, terraform: InFolder, environment: str) -> None:
        ran = terraform(".").run("test", "-filter=tests/environment.tftest.hcl", f"-var-file=env/{environment}.tfvars")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert "Success! 1 passed" in ran.stdout

    def test_have_files_of_250_lines_at_most(self) -> None:
        assert {str(file): lines for file in FILES if (lines := len(file.read_text().splitlines())) > 250} == {}

    @pytest.mark.parametrize("kind", ["variable", "output"])
    def test_describe_what_they_take_and_give(self, kind: str) -> None:
        found = blocks(kind)
        assert len(found) > 20
        assert [where for where, body in found if not re.search(r'^  description = ".{10,}', body, re.MULTILINE)] == []

    def test_say_why_a_policy_is_for_everything(self) -> None:
        silent = [
            f"{file.relative_to(INFRA)}:{number}"
            for file in FILES
            for number, line in enumerate(file.read_text().splitlines(), 1)
            if re.search(r'^\s*resources\s*=\s*\["\*"\]', line) and "#" not in line
        ]
        assert silent == []

    def test_have_a_runbook_for_every_alarm(self) -> None:
        text = "".join(file.read_text() for file in (INFRA / "modules" / "observability").glob("*.tf"))
        named = set(re.findall(r'runbook\s*=\s*"([a-z0-9-]+)"', text)) | {"cpu", "memory"}
        named |= set(re.findall(r"/([a-z0-9-]+)\.md", text)) - {"README"}
        assert named == {page.stem for page in RUNBOOKS.glob("*.md")} - {"README"}
