"""What is kept between two requests: sign-ins that are under way, codes that were given out, signed-in browsers.

All in memory: after a start of the cloud, a sign-in begins anew.
"""

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from tatemono_tools.laptop.cloud.hosted.requests import AuthorizationRequest

SIGN_IN_SECONDS = 600
"""Long enough to install an authenticator app."""
CODE_SECONDS = 300
"""Cognito's."""
SIGNED_IN_SECONDS = 3600
"""Of the pages' own cookie, as Cognito's: within it, they do not ask again."""
_MAX_KEPT = 1000


class Step(StrEnum):
    PASSWORD = "password"  # noqa: S105 - the name of a page
    NEW_PASSWORD = "new_password"  # noqa: S105 - as above
    ENROL = "enrol"
    CODE = "code"


@dataclass
class SignIn:
    """The sign-in of one browser.

    :ivar browser: digest of the cookie that the page was given with
    :ivar app_secret: of the authenticator app that is being set up
    """

    request: AuthorizationRequest
    browser: bytes
    step: Step = Step.PASSWORD
    username: str = ""
    app_secret: str = field(default="", repr=False)


@dataclass
class Grant:
    """What a code stands for. It is kept after its use, so that a second use is noticed.

    :ivar refresh_token: the one that its use gave
    """

    request: AuthorizationRequest
    username: str
    used: bool = False
    refresh_token: str = field(default="", repr=False)


@dataclass(frozen=True)
class SignedIn:
    pool_id: str
    username: str
    at: float


T = TypeVar("T")


class SignInStore(Generic[T]):
    """Things by a random name of 256 bits, each for a while; the oldest make room."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._things: OrderedDict[bytes, tuple[float, T]] = OrderedDict()

    def keep(self, thing: T) -> str:
        now = time.monotonic()
        while self._things and (len(self._things) >= _MAX_KEPT or self._oldest() < now):
            self._things.popitem(last=False)
        name = secrets.token_urlsafe(32)
        self._things[digest(name)] = (now + self._seconds, thing)
        return name

    def get(self, name: str) -> T | None:
        ends_at, thing = self._things.get(digest(name), (0.0, None))
        return thing if ends_at > time.monotonic() else None

    def drop(self, name: str) -> None:
        self._things.pop(digest(name), None)

    def _oldest(self) -> float:
        return next(iter(self._things.values()))[0]


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def same(one: bytes, other: bytes) -> bool:
    return hmac.compare_digest(one, other)
