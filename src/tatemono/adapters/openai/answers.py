"""What an images API answers when it painted: the pictures, and what they cost, in the forms that servers give them.

What was painted is paid, so all that holds a picture is read; the table of what was seen is in the tests.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2
import pybase64

from tatemono.domain.generations.painting import PainterUsage

#: A picture of 25 MiB, the most that is kept, in base64.
MOST_PICTURE_CHARACTERS = 34 * 2**20
#: A column takes no larger count of tokens.
_MOST_TOKENS = 2**31 - 1
_DATA_URL = re.compile(r"data:[\w/+.;=-]*;base64,")
_NOT_TOLD = PainterUsage(0, 0, 0)


def json_of(response: httpx2.Response) -> Any:
    """What its JSON says; None if it holds none."""
    try:
        return response.json()
    except ValueError:
        return None


def picture_of(entry: Any) -> bytes | None:
    """The picture that an event or an entry of `data` holds itself; none if there is none, or only its address.

    Some servers break the base64 into lines, or write a data URL in either field.
    """
    if not isinstance(entry, Mapping):
        return None
    for name in ("b64_json", "url"):
        text = entry.get(name)
        if not isinstance(text, str) or (name == "url" and not text.startswith("data:")):
            continue
        base64 = text[found.end() :] if (found := _DATA_URL.match(text)) else text
        try:
            if data := pybase64.b64decode(base64, validate=True):
                return data
        except ValueError:
            # The quick way takes no blanks, and tells them from letters that are no base64.
            if lenient := _without_blanks(base64):
                return lenient
    return None


def _without_blanks(base64: str) -> bytes | None:
    try:
        return pybase64.b64decode("".join(base64.split()), validate=True)
    except ValueError:
        return None


def address_of(entry: Any) -> str | None:
    """Where the picture can be fetched, if the server gives its address instead."""
    url = entry.get("url") if isinstance(entry, Mapping) else None
    return url if isinstance(url, str) and url.startswith(("https://", "http://")) else None


def entries_of(body: Any) -> Sequence[Any]:
    """The pictures of a whole answer; of an event, which holds one in itself or in `data`, that one."""
    if not isinstance(body, Mapping):
        return ()
    data = body.get("data")
    return data if isinstance(data, list) else (body,)


def usage_of(told: Any) -> PainterUsage:
    """The tokens, if they make sense as a whole; otherwise it counts as not told, and the expected cost is booked.

    Some servers call them `prompt_tokens` and `completion_tokens`; without details the input counts as words.
    """
    if not isinstance(told, Mapping):
        return _NOT_TOLD
    total = _tokens(told, "input_tokens", "prompt_tokens")
    output = _tokens(told, "output_tokens", "completion_tokens")
    details = told.get("input_tokens_details")
    text = _tokens(details, "text_tokens") if isinstance(details, Mapping) else total
    images = _tokens(details, "image_tokens") if isinstance(details, Mapping) else 0
    if images is None and total is not None and text is not None and total >= text:
        images = total - text
    if not output or text is None or images is None:
        return _NOT_TOLD
    return PainterUsage(text, images, output)


def _tokens(told: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        count = told.get(name)
        if isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= _MOST_TOKENS:
            return count
    return None
