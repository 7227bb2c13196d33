"""The languages that the services speak, and the one that a caller prefers."""

from functools import lru_cache

LANGUAGES = ("en", "ja")
#: Browsers send less than 200 characters.
_LONGEST_HEADER = 500


@lru_cache(maxsize=256)
def preferred_language(accept_language: str) -> str:
    """The language that the caller prefers, English without a preference (RFC 9110, section 12.5.4)."""
    best, best_weight = LANGUAGES[0], 0.0
    for entry in accept_language[:_LONGEST_HEADER].split(","):
        tag, _, parameters = entry.partition(";")
        language = tag.strip().lower().partition("-")[0]
        weight = _weight(parameters)
        if language == "*":
            language = LANGUAGES[0]
        if language in LANGUAGES and weight > best_weight:
            best, best_weight = language, weight
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
