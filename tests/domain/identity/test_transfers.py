"""The text of transfer codes."""

from contextlib import suppress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tatemono.domain.identity.transfers import (
    ALPHABET,
    ATTEMPTS,
    CODE_CHARACTERS,
    LOCATOR_CHARACTERS,
    RANDOM_BYTES,
    SECRET_CHARACTERS,
    NotATransferCode,
    TransferCode,
)

CODES = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES).map(TransferCode.made_of)
FULL_WIDTH = {ord(character): ord(character) + 0xFEE0 for character in ALPHABET.lower() + ALPHABET + "-"}


class TestTransferCode:
    @given(CODES)
    def test_is_read_however_people_type_it(self, code: TransferCode) -> None:
        assert TransferCode.read(code.grouped) == code
        for typed in (
            code.text.lower(),
            f"  {code.grouped.replace('-', ' ')}\n".replace("\n", "\t"),
            code.grouped.translate(FULL_WIDTH),
            code.grouped.lower().translate(FULL_WIDTH),
            code.grouped.replace("-", "ー"),
            code.text.replace("0", "o").replace("1", "l"),
            code.text.replace("0", "O").replace("1", "I"),
        ):
            assert TransferCode.read(typed) == code

    @given(CODES, st.integers(0, CODE_CHARACTERS - 1), st.sampled_from(ALPHABET))
    def test_shows_every_wrong_character(self, code: TransferCode, place: int, wrong: str) -> None:
        assume(wrong != code.text[place])
        with pytest.raises(NotATransferCode):
            TransferCode.read(code.text[:place] + wrong + code.text[place + 1 :])

    @given(CODES, st.integers(0, CODE_CHARACTERS - 1), st.integers(0, CODE_CHARACTERS - 1))
    def test_shows_any_two_characters_that_changed_places(self, code: TransferCode, one: int, other: int) -> None:
        characters = list(code.text)
        characters[one], characters[other] = characters[other], characters[one]
        assume("".join(characters) != code.text)
        with pytest.raises(NotATransferCode):
            TransferCode.read("".join(characters))

    @given(st.text(max_size=40))
    def test_refuses_everything_else_by_name(self, typed: str) -> None:
        with suppress(NotATransferCode):
            assert len(TransferCode.read(typed).text) == CODE_CHARACTERS

    @given(CODES)
    def test_has_no_character_that_looks_like_another(self, code: TransferCode) -> None:
        assert not set(code.text) & set("ILOU")
        assert len(code.text) == CODE_CHARACTERS >= 12
        assert code.grouped.count("-") == 3

    def test_uses_all_its_random_bits(self) -> None:
        bits = 5 * (LOCATOR_CHARACTERS + SECRET_CHARACTERS)
        texts = {TransferCode.made_of((1 << bit).to_bytes(RANDOM_BYTES)).text for bit in range(bits)}
        assert len(texts) == bits

    def test_has_another_digest_with_another_key(self) -> None:
        code = TransferCode.made_of(bytes(RANDOM_BYTES))
        assert code.digest(b"one") != code.digest(b"other")
        assert len(code.digest(b"one")) == 32


def guessing_chance(*, tries: int, good_codes: int, knows_locator: bool) -> float:
    """An upper bound of the chance that an attacker who only guesses gets in.

    :param tries: with the locator known they end at `ATTEMPTS`, since the code is void then
    """
    if knows_locator:
        return min(tries, ATTEMPTS) / (1 << 5 * SECRET_CHARACTERS)
    return tries * good_codes / (1 << 5 * (LOCATOR_CHARACTERS + SECRET_CHARACTERS))


class TestGuessingChance:
    def test_is_that_of_the_docstring(self) -> None:
        assert guessing_chance(tries=ATTEMPTS, good_codes=1, knows_locator=True) == pytest.approx(4.44e-15, rel=0.01)
        assert guessing_chance(tries=10**9, good_codes=10**6, knows_locator=False) == pytest.approx(2.65e-8, rel=0.01)

    def test_does_not_grow_with_more_tries_at_one_code(self) -> None:
        few = guessing_chance(tries=ATTEMPTS, good_codes=1, knows_locator=True)
        assert guessing_chance(tries=10**12, good_codes=1, knows_locator=True) == few

    def test_is_what_the_length_of_the_secret_makes_it(self) -> None:
        assert guessing_chance(tries=1, good_codes=1, knows_locator=True) == 1 / len(ALPHABET) ** SECRET_CHARACTERS
