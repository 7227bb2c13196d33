"""Every refusal of the house, wherever it is defined."""

import importlib
import pkgutil
import string

import pytest

import tatemono.domain
from tatemono.domain.errors import Refusal

for _module in pkgutil.iter_modules(tatemono.domain.__path__):
    importlib.import_module(f"tatemono.domain.{_module.name}")


def specific(kind: type[Refusal]) -> list[type[Refusal]]:
    below = kind.__subclasses__()
    return [
        cls for sub in below for cls in ([sub] if not sub.__subclasses__() else specific(sub)) if hasattr(cls, "code")
    ]


REFUSALS = specific(Refusal)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


class TestRefusals:
    @pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.code)
    def test_speak_both_languages_about_the_same_facts(self, refusal: type[Refusal]) -> None:
        assert set(refusal.texts) == {"en", "ja"}
        assert placeholders(refusal.texts["en"]) == placeholders(refusal.texts["ja"])

    def test_have_a_code_of_their_own(self) -> None:
        codes = [refusal.code for refusal in REFUSALS]
        assert len(codes) == len(set(codes))
        assert len(codes) >= 8
