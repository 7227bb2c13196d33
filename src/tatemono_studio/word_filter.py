"""The studio's moderation: a short list of words decides, in English and Japanese.

A stand-in for a model, so it is small, readable and predictable. docs/reference/studio.md prints the same rule.
Categories: https://platform.openai.com/docs/guides/moderation
"""

import re
import unicodedata
from dataclasses import dataclass
from hashlib import blake2b

CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
# The categories for which omni-moderation also looks at pictures.
PICTURE_CATEGORIES = frozenset(
    {"self-harm", "self-harm/instructions", "self-harm/intent", "sexual", "violence", "violence/graphic"}
)
FLAGGED_SCORE = 0.93

# English words match whole words; Japanese has no spaces, so its words match anywhere.
WORDS: dict[str, tuple[str, ...]] = {
    "harassment": ("you are worthless", "ugly idiot", "死ね", "くたばれ"),
    "harassment/threatening": ("i will kill you", "i'll kill you", "殺してやる", "ぶっ殺す"),
    "hate": ("subhuman race", "racial slur", "人種差別", "民族浄化"),
    "hate/threatening": ("exterminate them all", "皆殺しにしろ"),
    "illicit": ("cook meth", "counterfeit money", "覚醒剤の作り方", "偽札"),
    "illicit/violent": ("build a bomb", "pipe bomb", "make a bomb", "爆弾の作り方"),
    "self-harm": ("self-harm", "suicide", "自殺", "自傷", "リストカット"),
    "self-harm/instructions": ("how to kill myself", "自殺の方法"),
    "self-harm/intent": ("want to die", "kill myself", "死にたい"),
    "sexual": (
        "nude",
        "naked",
        "porn",
        "pornographic",
        "nsfw",
        "explicit sex",
        "hentai",
        "ヌード",
        "全裸",
        "ポルノ",
        "エロ",
    ),
    "sexual/minors": ("nude child", "naked child", "child porn", "児童ポルノ"),
    "violence": ("murder", "massacre", "behead", "beheading", "torture", "strangle", "殺人", "虐殺", "拷問", "斬首"),
    "violence/graphic": (
        "gore",
        "gory",
        "dismembered",
        "mutilated",
        "severed head",
        "blood-soaked corpse",
        "グロ画像",
        "血まみれ",
        "惨殺",
        "内臓が飛び出",
    ),
}
# Harmless words that contain a listed one: the Eroica, a pierrot, yellow.
HARMLESS = ("エロイカ", "ピエロ", "イエロ")
IMPLIED = {
    "sexual/minors": ("sexual",),
    "violence/graphic": ("violence",),
    "harassment/threatening": ("harassment", "violence"),
    "hate/threatening": ("hate",),
    "self-harm/intent": ("self-harm",),
    "self-harm/instructions": ("self-harm",),
    "illicit/violent": ("illicit",),
}


def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    latin = [re.escape(word) for word in words if word.isascii()]
    wide = [re.escape(word) for word in words if not word.isascii()]
    whole_words = rf"(?<![a-z0-9])(?:{'|'.join(latin)})(?![a-z0-9])" if latin else ""
    return re.compile("|".join(filter(None, [whole_words, *wide])))


_PATTERNS = {category: _pattern(words) for category, words in WORDS.items()}


@dataclass(frozen=True)
class ModerationResult:
    """What was found in one input; `categories` in the order of `CATEGORIES`."""

    categories: tuple[str, ...]
    text: str

    @property
    def flagged(self) -> bool:
        return bool(self.categories)

    def as_object(self, kinds: tuple[str, ...] = ("text",)) -> dict[str, object]:
        """:param kinds: the kinds of input that were classified, `text`, `image` or both"""
        return {
            "flagged": self.flagged,
            "categories": {category: category in self.categories for category in CATEGORIES},
            "category_scores": {category: self._score(category) for category in CATEGORIES},
            "category_applied_input_types": {
                category: [kind for kind in kinds if kind == "text" or category in PICTURE_CATEGORIES]
                for category in CATEGORIES
            },
        }

    def _score(self, category: str) -> float:
        digest = blake2b(f"{category}\0{self.text}".encode(), digest_size=2).digest()
        noise = int.from_bytes(digest, "big") / 65536
        return FLAGGED_SCORE + 0.06 * noise if category in self.categories else 0.02 * noise**3


def classify(text: str, *, patches: tuple[str, ...] = ()) -> ModerationResult:
    """Compatibility forms count alike: full-width letters, ligatures, circled letters (Unicode NFKC).

    :param patches: categories that a patch in a picture beside the text stands for
    """
    normal = unicodedata.normalize("NFKC", text).casefold()
    for harmless in HARMLESS:
        normal = normal.replace(harmless, " ")
    found = {category for category, pattern in _PATTERNS.items() if pattern.search(normal)} | set(patches)
    for category in tuple(found):
        found.update(IMPLIED.get(category, ()))
    return ModerationResult(tuple(category for category in CATEGORIES if category in found), text)
