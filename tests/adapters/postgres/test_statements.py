"""Statements and their parameters: long ones take their values by name, and none has a name too many."""

import ast
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

from tatemono.adapters import postgres
from tatemono.adapters.postgres.statements import MAX_POSITIONAL, Parameters, Statement

_NUMBER = re.compile(r"\$(\d+)")
_MODULES = [
    module.name
    for module in pkgutil.walk_packages(postgres.__path__, f"{postgres.__name__}.")
    if ".migrations" not in module.name
]
_STATEMENTS = {
    f"{module.removeprefix(postgres.__name__)[1:]}.{name}": value
    for module in _MODULES
    for name, value in vars(importlib.import_module(module)).items()
    if isinstance(value, Statement)
}


def _release() -> Statement:
    p = Parameters("export_id", "fence")
    return Statement(p, f"update exports set state = 'queued' where id = {p.export_id} and fence = {p.fence}")


class TestStatement:
    def test_is_plain_text_with_numbers(self) -> None:
        assert _release().sql == "update exports set state = 'queued' where id = $1 and fence = $2"

    def test_puts_the_values_in_their_order(self) -> None:
        assert _release().bind(fence=7, export_id="a") == (_release().sql, "a", 7)

    def test_refuses_a_name_that_was_not_declared(self) -> None:
        with pytest.raises(AttributeError, match="fense"):
            _ = Parameters("fence").fense

    def test_refuses_a_missing_value(self) -> None:
        with pytest.raises(TypeError, match=r"missing: \['fence'\]; not of this statement: \[\]"):
            _release().bind(export_id="a")

    def test_refuses_a_value_that_it_does_not_have(self) -> None:
        with pytest.raises(TypeError, match=r"missing: \[\]; not of this statement: \['lease'\]"):
            _release().bind(export_id="a", fence=7, lease=1)


class TestStatements:
    def test_are_found(self) -> None:
        assert "generations.submissions_sql.SUBMIT" in _STATEMENTS
        assert len(_STATEMENTS) > 25

    @pytest.mark.parametrize("name", _STATEMENTS)
    def test_use_every_name_that_they_declare(self, name: str) -> None:
        statement = _STATEMENTS[name]
        used = {int(number) for number in _NUMBER.findall(statement.sql)}
        assert used == set(range(1, len(statement.names) + 1))

    @pytest.mark.parametrize("name", _STATEMENTS)
    def test_have_more_parameters_than_are_read_at_a_glance(self, name: str) -> None:
        assert len(_STATEMENTS[name].names) > MAX_POSITIONAL

    @pytest.mark.parametrize("module", _MODULES)
    def test_with_many_parameters_count_none_by_hand(self, module: str) -> None:
        """In the source no text has `$5`: a statement with as many takes its values by name."""
        file = Path(str(importlib.import_module(module).__file__))
        texts = [
            node.value
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        numbers = {int(number) for text in texts for number in _NUMBER.findall(text)}
        assert not {number for number in numbers if number > MAX_POSITIONAL}
