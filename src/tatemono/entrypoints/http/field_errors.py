"""What is wrong with which field, in the caller's language."""

from collections.abc import Sequence
from typing import Any

#: pydantic's error type → our code (stable, part of the API) and a text for people; its context fills `{names}`.
_TEXTS = {
    "missing": ("missing", "This is required.", "必須です。"),
    "extra_forbidden": ("unknown", "There is no such field.", "この項目はありません。"),
    "string_type": ("not_a_string", "This must be a string.", "文字列で指定してください。"),
    "int_type": ("not_an_integer", "This must be a whole number.", "整数で指定してください。"),
    "int_parsing": ("not_an_integer", "This must be a whole number.", "整数で指定してください。"),
    "int_from_float": ("not_an_integer", "This must be a whole number.", "整数で指定してください。"),
    "int_parsing_size": ("out_of_range", "This number is too large.", "数値が大きすぎます。"),
    "string_too_short": (
        "too_short",
        "This must have at least {min_length} characters.",
        "{min_length} 文字以上にしてください。",
    ),
    "string_too_long": (
        "too_long",
        "This must have at most {max_length} characters.",
        "{max_length} 文字以下にしてください。",
    ),
    "string_pattern_mismatch": (
        "not_allowed_characters",
        "This has characters that are not allowed here.",
        "使用できない文字が含まれています。",
    ),
    "enum": ("not_one_of", "This must be {expected}.", "次のいずれかを指定してください: {expected}。"),
    "literal_error": ("not_one_of", "This must be {expected}.", "次のいずれかを指定してください: {expected}。"),
    "greater_than_equal": ("out_of_range", "This must be at least {ge}.", "{ge} 以上にしてください。"),
    "less_than_equal": ("out_of_range", "This must be at most {le}.", "{le} 以下にしてください。"),
    "uuid_type": ("not_a_uuid", "This must be a UUID.", "UUID で指定してください。"),
    "uuid_parsing": ("not_a_uuid", "This must be a UUID.", "UUID で指定してください。"),
    "model_type": ("not_an_object", "This must be a JSON object.", "JSON オブジェクトで指定してください。"),
    "model_attributes_type": ("not_an_object", "This must be a JSON object.", "JSON オブジェクトで指定してください。"),
    "repeated": ("repeated", "Give this once.", "一度だけ指定してください。"),
}
_OTHER = ("invalid", "This is not valid.", "正しくありません。")


def field_errors(faults: Sequence[Any], language: str) -> list[dict[str, str]]:
    """One entry for each fault: `pointer` (RFC 6901, into the body, or `/query/…`, `/header/…`, `/path/…`)."""
    return [_field_error(fault, language) for fault in faults]


def _field_error(fault: Any, language: str) -> dict[str, str]:
    code, english, japanese = _TEXTS.get(fault["type"], _OTHER)
    text = japanese if language == "ja" else english
    if language == "ja" and "expected" in (context := fault.get("ctx") or {}):
        context = {**context, "expected": context["expected"].replace(" or ", ", ")}
    else:
        context = fault.get("ctx") or {}
    return {"pointer": _pointer(fault["loc"]), "detail": text.format_map(context), "code": code}


def _pointer(location: Sequence[str | int]) -> str:
    part, *rest = location
    names = rest if part == "body" else list(location)
    # The client may have made the name up, so only its beginning comes back.
    return "".join("/" + str(name)[:100].replace("~", "~0").replace("/", "~1") for name in names)
