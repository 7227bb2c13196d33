"""How CloudFront and the load balancer compare a path: `*` is anything, `?` one character, letters as they are."""

import re
from functools import cache


def matches(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Whether the whole text is like the pattern."""
    return _compiled(pattern, ignore_case).fullmatch(text) is not None


@cache
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    words = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return re.compile(words, re.IGNORECASE | re.DOTALL if ignore_case else re.DOTALL)
