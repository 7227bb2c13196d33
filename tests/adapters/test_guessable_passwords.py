"""Passwords that are refused since they are easy to guess."""

import pytest
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from tatemono.adapters.guessable_passwords import MIN_GUESSES_LOG10, guesses_log10, refuse_guessable
from tatemono.domain.identity.members import MIN_PASSWORD_CHARACTERS, Password, PasswordGuessable

EMAIL = "hanako.yamada@example.co.jp"


class TestRefuseGuessable:
    @pytest.mark.parametrize(
        "text",
        [
            *("password", "Password1", "P@ssw0rd", "qwertyuiop", "12345678", "aaaaaaaa", "abcabcabc", "sakura1234"),
            *("tatemono", "Tatemono2026", "建物建物建物建物"),
            *("hanako2026", "Hanako.Yamada", EMAIL),
            "password" * 32,
        ],
    )
    async def test_refuses_what_others_try_first(self, text: str) -> None:
        with pytest.raises(PasswordGuessable):
            await refuse_guessable(Password(text), EMAIL)

    @pytest.mark.parametrize(
        "text", ["cat under the moon", "iK2ZWeqhFWCE", "ゆうやけのかいだん", "tidal onion 7", "x9" + "k3Qv" * 63]
    )
    async def test_takes_what_nobody_comes_upon(self, text: str) -> None:
        await refuse_guessable(Password(text), EMAIL)

    def test_knows_the_most_common(self) -> None:
        ranked = [text for text in FREQUENCY_LISTS["passwords"] if len(text) >= MIN_PASSWORD_CHARACTERS]
        assert len(ranked) > 3000
        # ASVS 5.0, 6.2.4: the first 3,000 that are long enough. Some of them.
        for text in ranked[:3000:25]:
            assert guesses_log10(text, EMAIL) < MIN_GUESSES_LOG10, text
