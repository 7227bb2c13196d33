"""The site's cookies, and the language that one of them remembers."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import cookie_parser
from starlette.responses import Response

from tatemono.entrypoints.http.languages import LANGUAGES, preferred_language

# `__Host-`: set by this host, over TLS, for all paths. No page of another host and no plain-HTTP page can set one.
SESSION_COOKIE: Final = "__Host-session"
SIGN_IN_COOKIE: Final = "__Host-sign-in"
LANGUAGE_COOKIE: Final = "__Host-language"


def cookies_of(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    # On a laptop the cookies of all projects come along, and Python's own parser stops at the first odd one.
    return cookie_parser(headers.get(b"cookie", b"").decode("latin-1"))


def language_of(headers: Mapping[bytes, bytes]) -> str:
    """What the person has chosen here, otherwise what the browser prefers."""
    chosen = cookies_of(headers).get(LANGUAGE_COOKIE, "")
    return chosen if chosen in LANGUAGES else preferred_language(headers.get(b"accept-language", b"").decode("latin-1"))


def set_cookie(response: Response, name: str, value: str, seconds: int) -> None:
    """:param seconds: 0 takes the cookie away"""
    response.set_cookie(name, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax")
