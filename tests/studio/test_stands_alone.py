"""The studio serves other projects, too: it needs neither Tatemono's other packages nor what only those need."""

import ast
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
PACKAGE = ROOT / "src" / "tatemono_studio"
OTHERS = {"tatemono", "tatemono_tools"}
# Starlette imports it to read multipart forms.
NEEDED_BY_STARLETTE = {"python-multipart"}

IMPORT_EVERYTHING = """
import json, pkgutil, sys
from importlib import import_module

allowed = {*json.loads(sys.argv[1]), *sys.stdlib_module_names, "tatemono_studio"}

class NothingElse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ModuleNotFoundError(f"no module named {name} here", name=name)

sys.meta_path.insert(0, NothingElse())
import tatemono_studio
modules = [module.name for module in pkgutil.walk_packages(tatemono_studio.__path__, "tatemono_studio.")]
for name in modules:
    import_module(name)
print(json.dumps(modules))
"""


def imported(file: Path) -> set[str]:
    """The top-level names that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def declared() -> set[str]:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    return {canonicalize_name(Requirement(line).name) for line in groups["studio"]}


def with_what_they_need(names: set[str]) -> set[str]:
    """The distributions and, of those that are installed, all that they require."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        wanted = [Requirement(line) for line in requires(name) or []]
        waiting += [
            canonicalize_name(one.name) for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})
        ]
    return found


def files_that_tests_need() -> Iterator[Path]:
    """The files here, and those of the folder above that they import, directly or not."""
    waiting = list(Path(__file__).parent.glob("*.py"))
    seen: set[Path] = set()
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        yield file
        waiting += [path for name in imported(file) if (path := TESTS / f"{name}.py").exists()]


class TestPackage:
    def test_imports_what_the_group_studio_declares(self) -> None:
        names = set().union(*map(imported, PACKAGE.rglob("*.py"))) - sys.stdlib_module_names - {"tatemono_studio"}
        installed = packages_distributions()
        distributions = {canonicalize_name(installed.get(name, [name])[0]) for name in names}
        assert distributions == declared() - NEEDED_BY_STARLETTE

    def test_is_imported_where_nothing_else_is_installed(self) -> None:
        allowed = with_what_they_need(declared())
        modules = [
            module
            for module, distributions in packages_distributions().items()
            if allowed.intersection(map(canonicalize_name, distributions))
        ]
        assert not OTHERS.intersection(modules)
        run = subprocess.run(
            [sys.executable, "-c", IMPORT_EVERYTHING, json.dumps(modules)], capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr
        assert {"tatemono_studio.api", "tatemono_studio.__main__", "tatemono_studio.options"} <= set(
            json.loads(run.stdout)
        )

    def test_names_in_its_readme_what_it_needs(self) -> None:
        readme = (PACKAGE / "README.md").read_text(encoding="utf-8")
        assert [name for name in sorted(declared()) if name not in readme] == []


class TestTests:
    def test_import_neither_tatemono_nor_its_tools(self) -> None:
        files = list(files_that_tests_need())
        assert TESTS / "running_studio.py" in files
        assert {str(file): imported(file) & OTHERS for file in files if imported(file) & OTHERS} == {}
