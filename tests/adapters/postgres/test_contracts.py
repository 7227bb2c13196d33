"""The one adapter keeps every subject's contract: mypy reports a mismatch here. And no contract asks for too much."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import tatemono.usecases
from tatemono.adapters.postgres.database import Database
from tatemono.usecases.generations.ports import GenerationsDatabase
from tatemono.usecases.identity.ports import IdentityDatabase
from tatemono.usecases.mail.ports import MailDatabase
from tatemono.usecases.operators.ports import OperatorsDatabase
from tatemono.usecases.pictures.ports import PicturesDatabase
from tatemono.usecases.privacy.ports import PrivacyDatabase
from tatemono.usecases.safety.ports import SafetyDatabase


def for_generations(db: Database) -> GenerationsDatabase:
    return db


def for_identity(db: Database) -> IdentityDatabase:
    return db


def for_mail(db: Database) -> MailDatabase:
    return db


def for_operators(db: Database) -> OperatorsDatabase:
    return db


def for_pictures(db: Database) -> PicturesDatabase:
    return db


def for_privacy(db: Database) -> PrivacyDatabase:
    return db


def for_safety(db: Database) -> SafetyDatabase:
    return db


CONTRACTS = [for_generations, for_identity, for_mail, for_operators, for_pictures, for_privacy, for_safety]


def _called() -> Iterator[str]:
    """The names of all methods that use cases call."""
    for path in Path(tatemono.usecases.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                yield node.attr


class TestContract:
    @pytest.mark.parametrize("fits", CONTRACTS)
    def test_has_only_methods_that_use_cases_call(self, fits: Any) -> None:
        contract = get_type_hints(fits)["return"]
        repositories = {
            name: get_type_hints(found.fget)["return"]
            for name, found in inspect.getmembers(contract, lambda each: isinstance(each, property))
        }
        methods = {
            f"{name}.{method}": method
            for name, repository in repositories.items()
            for method in vars(repository)
            if not method.startswith("_")
        }
        assert methods
        called = set(_called())
        assert {name for name, method in methods.items() if method not in called} == set()

    def test_stands_here_for_each_subject(self) -> None:
        subjects = {path.parent.name for path in Path(tatemono.usecases.__path__[0]).glob("*/ports.py")}
        assert {fits.__name__.removeprefix("for_") for fits in CONTRACTS} == subjects
