"""The committed OpenAPI documents: what the code gives, and no break for callers but an intended one."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tatemono_tools.release.breaking_changes import breaking_changes
from tatemono_tools.release.openapi import (
    PROJECT,
    NoSuchBase,
    base_commit,
    documents,
    intended_operations,
    outdated,
    text_of,
    unintended_changes,
)

NAME = "docs/reference/api.openapi.json"
CHANGELOG = (
    "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- `put_thing`\n\n{}## [1.0.0]\n\n### Breaking\n\n- `put_thing`\n"
)


def api(*operation_ids: str) -> dict[str, Any]:
    paths = {f"/{name}": {"put": {"operationId": name, "responses": {}}} for name in operation_ids}
    return {"paths": paths}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with a first commit of an API of two operations."""
    (tmp_path / NAME).parent.mkdir(parents=True)
    (tmp_path / NAME).write_text(text_of(api("get_thing", "put_thing")))
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG.format(""))
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    commit(tmp_path)
    return tmp_path


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
    return subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path) -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "Change it")
    return git(folder, "rev-parse", "HEAD")


class TestDocuments:
    def test_are_what_the_code_gives(self) -> None:
        assert outdated(PROJECT, documents()) == []

    def test_compare_with_themselves(self) -> None:
        for document in documents().values():
            assert breaking_changes(document, json.loads(text_of(document))) == []

    def test_are_outdated_when_missing_or_different(self, project: Path) -> None:
        assert outdated(project, {NAME: api("get_thing", "put_thing")}) == []
        assert len(outdated(project, {NAME: api("put_thing"), "docs/reference/none.json": api()})) == 2


class TestUnintendedChanges:
    def test_are_those_since_the_base(self, project: Path) -> None:
        problems = unintended_changes(project, {NAME: api("put_thing")}, base_commit(project, None))
        assert problems[0] == f"{NAME}: get_thing: PUT /get_thing is gone"
        assert "CHANGELOG.md" in problems[-1]
        assert unintended_changes(project, {NAME: api("get_thing", "put_thing", "new")}, "HEAD") == []

    def test_are_not_those_that_the_changelog_names(self, project: Path) -> None:
        (project / "CHANGELOG.md").write_text(
            CHANGELOG.format("### Breaking\n\n- Use\n  `put_thing` for `get_thing`.\n\n")
        )
        assert unintended_changes(project, {NAME: api("put_thing")}, "HEAD") == []

    def test_are_those_that_only_an_entry_of_the_base_names(self, project: Path) -> None:
        (project / "CHANGELOG.md").write_text(CHANGELOG.format("### Breaking\n\n- No more `get_thing`.\n\n"))
        commit(project)
        assert unintended_changes(project, {NAME: api("put_thing")}, "HEAD")

    def test_are_none_of_a_document_that_is_new(self, project: Path) -> None:
        assert unintended_changes(project, {"docs/reference/new.json": api()}, "HEAD") == []

    def test_are_none_without_a_base(self, project: Path) -> None:
        assert unintended_changes(project, {NAME: api()}, None) == []


class TestIntendedOperations:
    def test_are_those_under_breaking_of_what_is_unreleased(self) -> None:
        before = CHANGELOG.format("### Breaking\n- `a`\n\n")
        now = CHANGELOG.format("### Breaking\n\n- `a`\n- `b` and\n  `c`\n\n### Changed\n\n- `d`\n\n")
        assert intended_operations(before, now) == {"b", "c"}
        assert intended_operations("", CHANGELOG.format("")) == set()


class TestBaseCommit:
    def test_is_where_the_branch_left_what_was_pushed(self, project: Path) -> None:
        first = git(project, "rev-parse", "HEAD")
        git(project, "checkout", "--quiet", "-b", "change")
        last = commit(project)
        assert base_commit(project, None) == last
        git(project, "update-ref", "refs/remotes/origin/main", commit_beside(project, first))
        assert base_commit(project, None) == first

    def test_is_the_one_that_is_named(self, project: Path) -> None:
        first = git(project, "rev-parse", "HEAD")
        commit(project)
        assert base_commit(project, first) == first

    def test_is_refused_when_it_is_not_there(self, project: Path) -> None:
        with pytest.raises(NoSuchBase, match="elsewhere"):
            base_commit(project, "elsewhere")

    def test_is_none_without_history(self, project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
        assert base_commit(tmp_path_factory.mktemp("bare"), None) is None
        assert base_commit(project, "0" * 40) is None


def commit_beside(project: Path, parent: str) -> str:
    """A commit that the checked out branch does not have."""
    return git(project, "commit-tree", "-p", parent, "-m", "Go on elsewhere", f"{parent}^{{tree}}")
