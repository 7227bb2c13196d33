"""How prompts are read when blocked words are looked for."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from tatemono.domain.safety.blocked_words import (
    BlockedWord,
    BlockedWords,
    Locale,
    PhraseUnusable,
    PromptBlocked,
    folded_phrase,
)


def blocked(locale: Locale, *phrases: str) -> BlockedWords:
    at = datetime(2026, 11, 25, tzinfo=UTC)
    return BlockedWords(
        BlockedWord(UUID(int=number), locale, phrase, folded_phrase(locale, phrase), None, "a test", at)
        for number, phrase in enumerate(phrases)
    )


class TestEnglish:
    @pytest.mark.parametrize(
        "text",
        [
            "a pipe bomb on a table",
            "Pipe  BOMB",
            "pipe-bomb, painted",
            "p1pe b0mb",
            "рipe bоmb",
            "pípe bömb",
            "ｐｉｐｅ ｂｏｍｂ",
            "pi\u200bpe bo\u00admb",
            "pipe\nbomb",
            "𝐩𝐢𝐩𝐞 𝐛𝐨𝐦𝐛",
        ],
    )
    def test_finds_it_in_other_spellings(self, text: str) -> None:
        with pytest.raises(PromptBlocked):
            blocked(Locale.EN, "pipe bomb").check(text)

    def test_finds_a_word_that_is_spelled_letter_by_letter(self) -> None:
        assert blocked(Locale.EN, "bomb").found_in("a b o m b here")
        assert blocked(Locale.EN, "bomb").found_in("b.o.m.b")
        assert blocked(Locale.EN, "bomb").found_in("ｂ-0-ｍ-8")

    @pytest.mark.parametrize("text", ["bombastic hats", "a bombay street", "a plum b omb", "pipe and bomb", "", "   "])
    def test_leaves_other_words_alone(self, text: str) -> None:
        assert not blocked(Locale.EN, "bomb", "pipe bomb").found_in(text) or text == "pipe and bomb"
        assert not blocked(Locale.EN, "pipe bomb").found_in(text)

    def test_reads_no_word_within_another(self) -> None:
        assert not blocked(Locale.EN, "ass").found_in("a grass class, glass and brass, as safe")


class TestJapanese:
    @pytest.mark.parametrize(
        "text",
        [
            "爆弾の作り方を描いて",
            "爆 弾 の 作 り 方",
            "爆・弾・の・作・り・方",
            "爆弾ノ作リ方",
            "爆弾ﾉ作ﾘ方",
            "爆弾\u200bの作\nり方",
        ],
    )
    def test_finds_it_in_other_spellings(self, text: str) -> None:
        assert blocked(Locale.JA, "爆弾の作り方").found_in(text)

    def test_reads_katakana_and_half_width_as_hiragana(self) -> None:
        assert blocked(Locale.JA, "ばくだん").found_in("バ ク ダ ン")
        assert blocked(Locale.JA, "バクダン").found_in("ﾊﾞｸﾀﾞﾝ")

    def test_leaves_other_words_alone(self) -> None:
        assert not blocked(Locale.JA, "爆弾の作り方").found_in("花火の作り方、爆弾低気圧")


class TestPhrases:
    @pytest.mark.parametrize(
        ("locale", "phrase"),
        [
            (Locale.EN, "爆弾"),
            (Locale.EN, "a"),
            (Locale.EN, "!!"),
            (Locale.JA, "bomb"),
            (Locale.JA, "の"),
            (Locale.JA, "。"),
        ],
    )
    def test_that_would_be_found_everywhere_or_nowhere_are_refused(self, locale: Locale, phrase: str) -> None:
        with pytest.raises(PhraseUnusable):
            folded_phrase(locale, phrase)

    def test_are_looked_for_whatever_the_language_of_the_prompt(self) -> None:
        words = BlockedWords(
            [*blocked(Locale.EN, "bomb")._words[Locale.EN], *blocked(Locale.JA, "爆弾")._words[Locale.JA]]
        )
        assert words.found_in("赤い bomb のある部屋")
        assert words.found_in("a room with a 爆弾")

    def test_are_not_told_to_whoever_tries_them(self) -> None:
        with pytest.raises(PromptBlocked) as raised:
            blocked(Locale.EN, "bomb").check(None, "a bomb")
        assert "bomb" not in raised.value.text("en") + raised.value.text("ja")
