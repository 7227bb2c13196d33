"""The admin site has words for everything that an operator may do, and did."""

from tatemono.domain.operators.roles import Operation
from tatemono.entrypoints.web.operation_texts import OPERATIONS, operation_texts
from tatemono.entrypoints.web.texts import TEXTS

#: What is only looked at is not written down.
_LOOKS = ("get_", "list_", "find_", "test_")


class TestTexts:
    def test_name_every_operation(self) -> None:
        assert set(OPERATIONS) == set(Operation)

    def test_name_every_act(self) -> None:
        acts = {operation for operation in Operation if not operation.startswith(_LOOKS)}
        assert {operation for operation, words in OPERATIONS.items() if words.did} == acts

    def test_are_the_same_in_both_languages(self) -> None:
        assert TEXTS["en"].keys() == TEXTS["ja"].keys()
        assert operation_texts("en").keys() == operation_texts("ja").keys()
