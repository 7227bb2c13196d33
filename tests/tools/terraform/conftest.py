"""Terraform and its provider, as they are found on this machine."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from buildings import Buildings
from tatemono_tools.terraform.runner import find_mirror
from terraform import Terraform

INFRA = Path(__file__).parents[3] / "infra"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Terraform reads all of the provider for each call, which takes it most of a minute of processor time."""
    for item in items:
        if "terraform" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.long)


@pytest.fixture(scope="session")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Terraform]:
    """Terraform in a folder of a copy of `infra/`, initialised without a backend.

    Without Terraform or the provider the test is skipped, but not in CI.
    """
    program = shutil.which("terraform")
    if program is None:
        _skip_or_fail("terraform is not on the PATH")
        raise AssertionError
    copy = tmp_path_factory.mktemp("terraform") / "infra"
    shutil.copytree(INFRA, copy, ignore=shutil.ignore_patterns(".terraform"))
    ready: dict[str, Terraform] = {}

    def in_folder(folder: str) -> Terraform:
        if folder not in ready:
            made = Terraform(program, copy / folder, find_mirror())
            ran = made.run("init", "-backend=false", "-input=false")
            if ran.returncode:
                _skip_or_fail(f"the AWS provider cannot be had:\n{ran.stderr}")
            ready[folder] = made
        return ready[folder]

    return in_folder


@pytest.fixture(scope="session")
def buildings(terraform: Callable[[str], Terraform], tmp_path_factory: pytest.TempPathFactory) -> Buildings:
    """Plans of all three environments, made once for all test processes."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    cache = shared / "buildings"
    cache.mkdir(exist_ok=True)
    return Buildings(terraform("."), cache)


def _skip_or_fail(what: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)
