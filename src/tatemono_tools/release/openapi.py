"""`python -m tatemono_tools.release.openapi [--check]`: the OpenAPI documents of both APIs, in docs/reference/.

Without an option it writes them. With `--check` it refuses documents that the code no longer gives, and changes that
break callers: against the commit at which this branch left main, or the one that `--base` or OPENAPI_BASE names. A
change that is meant is named by its operation, in backquotes, under "### Breaking" of [Unreleased] in CHANGELOG.md.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tatemono.entrypoints.admin_api import app as admin_api
from tatemono.entrypoints.mobile_api import app as mobile_api
from tatemono.entrypoints.mobile_api.openapi import openapi as mobile_api_openapi
from tatemono_tools.release.breaking_changes import breaking_changes

PROJECT = Path(__file__).parents[3]
WRITE = "uv run python -m tatemono_tools.release.openapi"

# What GitHub names as the commit before a branch's first.
_NO_COMMIT = "0" * 40
_CHANGELOG = "CHANGELOG.md"
_BREAKING = re.compile(r"^## \[Unreleased\]\n(?:(?!## ).*\n)*?### Breaking\n((?:(?!##).*(?:\n|\Z))*)", re.MULTILINE)


class NoSuchBase(Exception):
    """The commit to compare with is not in this clone."""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tatemono_tools.release.openapi", description=(__doc__ or "").split(":", 1)[1]
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 says that something is wrong")
    parser.add_argument("--base", default=os.environ.get("OPENAPI_BASE"), help="the commit to compare with")
    arguments = parser.parse_args()
    made = documents()
    if not arguments.check:
        for path, document in made.items():
            (PROJECT / path).write_text(text_of(document), encoding="utf-8")
        return
    try:
        problems = [*outdated(PROJECT, made), *unintended_changes(PROJECT, made, base_commit(PROJECT, arguments.base))]
    except NoSuchBase as error:
        sys.exit(f"openapi: {error}")
    if problems:
        sys.exit("\n".join(f"openapi: {problem}" for problem in problems))


def documents() -> dict[str, dict[str, Any]]:
    """File, from the project's folder → document."""
    return {
        "docs/reference/mobile-api.openapi.json": mobile_api_openapi(mobile_api.api_app()),
        "docs/reference/admin-api.openapi.json": admin_api.openapi(admin_api.api_app()),
    }


def text_of(document: Mapping[str, Any]) -> str:
    """Sorted, one value a line: what has not changed is in no diff."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def outdated(project: Path, made: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The files that are not what the code gives."""
    return [
        f"{path} is not what the code gives: {WRITE}"
        for path, document in made.items()
        if not (project / path).exists() or (project / path).read_text(encoding="utf-8") != text_of(document)
    ]


def base_commit(project: Path, named: str | None) -> str | None:
    """The commit to compare with, or none where there is no history.

    :param named: a commit or branch; by default main as it was pushed, or else the last commit
    :raises NoSuchBase: the named one is not in this clone
    """
    if named == _NO_COMMIT:
        return None
    for candidate in [named] if named else ["origin/main", "HEAD"]:
        if common := _git(project, "merge-base", candidate, "HEAD"):
            return common.strip()
    if named:
        raise NoSuchBase(f"{named} is not in this clone, or shares no commit with what is checked out")
    return None


def unintended_changes(project: Path, made: Mapping[str, Mapping[str, Any]], base: str | None) -> list[str]:
    """What breaks callers of the documents at the commit `base`, and is not said to be meant."""
    if base is None:
        return []
    changelog = (project / _CHANGELOG).read_text(encoding="utf-8")
    meant = intended_operations(_git(project, "show", f"{base}:{_CHANGELOG}") or "", changelog)
    found = []
    for path, document in made.items():
        before = _git(project, "show", f"{base}:{path}")
        changes = breaking_changes(json.loads(before), document) if before else []
        found += [
            f"{path}: {change.operation_id}: {change.what}" for change in changes if change.operation_id not in meant
        ]
    if found:
        found.append(
            f"this breaks callers of {base[:7]}: keep the old beside the new, or say in {_CHANGELOG}, under "
            '"### Breaking" of [Unreleased], what callers must change, with each operation in backquotes'
        )
    return found


def intended_operations(before: str, now: str) -> set[str]:
    """The operations that the entries new under "### Breaking" of what is unreleased name. Old ones excuse nothing."""
    return {
        name for entry in _breaking_entries(now) - _breaking_entries(before) for name in re.findall(r"`(\w+)`", entry)
    }


def _breaking_entries(changelog: str) -> set[str]:
    section = _BREAKING.search(changelog)
    return {" ".join(entry.split()) for entry in re.split(r"^- ", section[1], flags=re.MULTILINE)} if section else set()


def _git(project: Path, *words: str) -> str | None:
    """What git answers; none if it has no answer, or is not there."""
    try:
        ran = subprocess.run(
            ["git", *words], cwd=project, capture_output=True, text=True, encoding="utf-8", check=False
        )
    except FileNotFoundError:
        return None
    return ran.stdout if ran.returncode == 0 else None


if __name__ == "__main__":
    main()
