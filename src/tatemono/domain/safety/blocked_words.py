"""Words that no prompt may hold, as operators keep them: how a prompt is read, so that spelling does not hide them.

Every row is looked for in every prompt, in any language; the row's locale says how it is read.
The reading is bounded on purpose: a fixed table of look-alikes, and no guessing. What gets past it meets the
moderation of the painter.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from tatemono.domain.errors import Conflict, Exhausted, Invalid, NotFound

MAX_PHRASE_CHARACTERS = 80
#: All of them are looked for in each prompt: 2,000 take about 2 ms in one of 4,000 characters.
MAX_BLOCKED_WORDS = 2000


class Locale(StrEnum):
    JA = "ja"
    EN = "en"


class PromptBlocked(Invalid):
    """The prompt holds a blocked word. Which one is not told: that would be a way around it."""

    code = "prompt_blocked"
    texts: ClassVar[dict[str, str]] = {
        "en": "The prompt holds words that cannot be used here. Change it and try again; it cost nothing.",
        "ja": "使用できない語句が含まれています。プロンプトを変えてお試しください。クレジットは消費されていません。",
    }


class PhraseUnusable(Invalid):
    code = "phrase_unusable"
    texts: ClassVar[dict[str, str]] = {
        "en": "An English phrase needs a Latin letter, a Japanese one a Japanese character, and both at least two "
        "characters that count.",
        "ja": "英語の語句にはラテン文字、日本語の語句には日本語の文字を含め、どちらも 2 文字以上にしてください。",
    }


class PhraseExists(Conflict):
    code = "phrase_exists"
    texts: ClassVar[dict[str, str]] = {
        "en": "This phrase is blocked already, perhaps in another spelling that is read alike.",
        "ja": "この語句はすでに登録されています（同じ読みになる別の表記を含みます）。",
    }


class NoSuchPhrase(NotFound):
    code = "no_such_phrase"
    texts: ClassVar[dict[str, str]] = {
        "en": "There is no such blocked phrase.",
        "ja": "該当する語句がありません。",
    }


class TooManyPhrases(Exhausted):
    code = "too_many_phrases"
    texts: ClassVar[dict[str, str]] = {
        "en": "{limit} phrases are blocked already. Remove some first.",
        "ja": "登録できる語句は {limit} 件までです。不要なものを削除してください。",
    }


@dataclass(frozen=True, slots=True)
class BlockedWord:
    """:ivar folded: as it is looked for, see `fold`"""

    id: UUID
    locale: Locale
    phrase: str
    folded: str
    note: str | None
    created_by: str
    created_at: datetime


# Letters of other scripts that look like Latin ones (a part of Unicode's confusables, UTS #39), and digits and signs
# that stand for letters. One sign each, so a text never grows.
_LOOK_ALIKES = str.maketrans(
    "авекмнорстухіјѕԁһԛԝαβεικνορτυχ0134578@$",
    "abekmhopctyxijsdhqwabeiknoptyxoieastbas",
)
#: Accents, enclosing marks, and marks that show nothing.
_UNSEEN = {"Mn", "Me", "Cf"}
_NOT_A_WORD = re.compile(r"[^a-z0-9]+")
_SINGLES = re.compile(r"(?<![a-z0-9])[a-z0-9](?: [a-z0-9])+(?![a-z0-9])")
#: Between the letters of a Japanese word: spaces, signs, marks that show nothing.
_SQUEEZED = {"Z", "C", "P", "S"}
_HIRAGANA_BELOW = 0x60
_KATAKANA = range(0x30A1, 0x30F7)


def fold(locale: Locale, text: str) -> str:
    """The text as words of that locale are looked for in it."""
    return _fold_en(text) if locale is Locale.EN else _fold_ja(text)


def _fold_en(text: str) -> str:
    """Lower case without accents and look-alikes, `l` read as `i`; words with one space between, and around all."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(c for c in plain if unicodedata.category(c) not in _UNSEEN)
    return f" {_NOT_A_WORD.sub(' ', bare.translate(_LOOK_ALIKES).replace('l', 'i')).strip()} "


def _fold_ja(text: str) -> str:
    """NFKC, lower case, hiragana for katakana, and nothing between the characters."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(
        chr(ord(c) - _HIRAGANA_BELOW) if ord(c) in _KATAKANA else c
        for c in plain
        if unicodedata.category(c)[0] not in _SQUEEZED
    )


def folded_phrase(locale: Locale, phrase: str) -> str:
    """What is looked for.

    :raises PhraseUnusable: it would be found everywhere or nowhere
    """
    folded = fold(locale, phrase)
    bare = folded.strip()
    usable = re.search(r"[a-z]", bare) if locale is Locale.EN else re.search(r"[^\x00-\x7f]", bare)
    if len(bare) < 2 or not usable:  # noqa: PLR2004 - one character is in nearly every text
        raise PhraseUnusable
    return folded


class BlockedWords:
    """All of them, ready to be looked for."""

    def __init__(self, words: Iterable[BlockedWord] = ()) -> None:
        known = tuple(words)
        self._words = {locale: [word for word in known if word.locale is locale] for locale in Locale}

    def found_in(self, text: str) -> list[BlockedWord]:
        """Which of them the text holds."""
        found = []
        if english := self._words[Locale.EN]:
            folded = fold(Locale.EN, text)
            # What is spelled letter by letter is read as words without spaces.
            spelled = " ".join(run.replace(" ", "") for run in _SINGLES.findall(folded))
            found += [word for word in english if word.folded in folded or word.folded.replace(" ", "") in spelled]
        if japanese := self._words[Locale.JA]:
            squeezed = fold(Locale.JA, text)
            found += [word for word in japanese if word.folded in squeezed]
        return found

    def check(self, *texts: str | None) -> None:
        """:raises PromptBlocked: one of them holds a blocked word"""
        for text in texts:
            if text and self.found_in(text):
                raise PromptBlocked
