"""Good answers that look odd, as servers that speak OpenAI's API were seen to give them: for the fault `odd`."""

from collections.abc import Callable, Mapping
from typing import Any

#: Name → what is odd.
ODDITIES: Mapping[str, str] = {
    "json": "plain JSON where a stream was asked for",
    "lines": "base64 that is broken into lines",
    "data-uri": "a data URI where base64 was asked for",
    "url": "the picture's address in place of its bytes",
    "jpeg": "JPEG, also where another format was asked for",
    "webp": "WebP, also where another format was asked for",
    "fewer": "one picture less than was asked for, down to none",
    "more": "one picture twice",
    "partial-empty": "partial pictures without bytes",
    "unfinished": "all partial pictures, and no last event",
    "usage-missing": "no usage",
    "usage-null": "image tokens that are null",
    "usage-text": "output tokens as text",
    "usage-huge": "output tokens above 32 bits",
    "usage-negative": "negative output tokens",
    "usage-zero": "no tokens at all",
}
_LINE_CHARACTERS = 76

_USAGES: Mapping[str, Callable[[dict[str, Any]], Any]] = {
    "usage-missing": lambda _: None,
    "usage-null": lambda usage: (
        usage | {"input_tokens_details": usage["input_tokens_details"] | {"image_tokens": None}}
    ),
    "usage-text": lambda usage: usage | {"output_tokens": str(usage["output_tokens"])},
    "usage-huge": lambda usage: usage | {"output_tokens": 2**40},
    "usage-negative": lambda usage: usage | {"output_tokens": -usage["output_tokens"]},
    "usage-zero": lambda _: {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0},
}


def odd_usage(name: str | None, usage: dict[str, Any]) -> Any:
    return _USAGES[name](usage) if name and name in _USAGES else usage


def odd_base64(name: str | None, base64: bytes, output_format: str) -> bytes:
    """The characters of a JSON string."""
    if name == "lines":
        lines = range(0, len(base64), _LINE_CHARACTERS)
        return b"\\r\\n".join(base64[start : start + _LINE_CHARACTERS] for start in lines)
    return b"data:image/" + output_format.encode() + b";base64," + base64 if name == "data-uri" else base64


def odd_number(name: str | None, entries: list[Any]) -> list[Any]:
    if name == "fewer":
        return entries[:-1]
    return [*entries, entries[-1]] if name == "more" else entries
