"""Operators who are signed in at the admin site: how long that lasts, and what is kept of it."""

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from tatemono.domain.errors import Forbidden, Invalid, Unauthenticated, Unavailable

#: NIST SP 800-63B-4, 2.2.3: reauthentication at least so often, and after so long without a request.
LIFETIME: Final = timedelta(hours=12)
IDLE: Final = timedelta(minutes=30)
#: How long a browser may take from here to the pool's pages and back.
SIGN_IN: Final = timedelta(minutes=10)
#: Tokens are fetched anew when they are so old: so soon a change of role, or an end, is felt at the site.
FRESH: Final = timedelta(seconds=60)
#: A request that has begun to fetch new ones is given so long before another may.
FETCHING: Final = timedelta(seconds=10)

_TOKEN_BYTES: Final = 32
TOKEN_CHARACTERS: Final = 43


class SignInLost(Invalid):
    code = "sign_in_lost"
    texts: ClassVar[dict[str, str]] = {
        "en": "This sign-in was not begun in this browser, or took too long. Begin again.",
        "ja": "このサインインは、このブラウザーで始められたものではないか、時間切れです。最初からやり直してください。",
    }


class SignInDeclined(Forbidden):
    code = "sign_in_declined"
    texts: ClassVar[dict[str, str]] = {
        "en": "The sign-in pages did not let you in. Begin again.",
        "ja": "サインインできませんでした。最初からやり直してください。",
    }


class NotSignedIn(Unauthenticated):
    code = "not_signed_in"
    texts: ClassVar[dict[str, str]] = {
        "en": "You are not signed in, or no longer.",
        "ja": "サインインしていないか、サインインの有効期間が終わりました。",
    }


class CrossSiteForm(Forbidden):
    code = "form_not_ours"
    texts: ClassVar[dict[str, str]] = {
        "en": "This form did not come from a page of this site that is still good. Load the page again.",
        "ja": "このフォームは無効です。ページを読み込み直してください。",
    }


class OperatorPoolUnavailable(Unavailable):
    code = "operators_pool_away"
    texts: ClassVar[dict[str, str]] = {
        "en": "The sign-in service does not answer. Try again in a moment.",
        "ja": "サインインのサービスが応答しません。しばらくしてからもう一度お試しください。",
    }


class GrantEnded(Unauthenticated):
    """The pool gives no more tokens: the operator was disabled or signed out, or 30 days have passed."""

    code = "operator_grant_ended"
    texts: ClassVar[dict[str, str]] = NotSignedIn.texts


@dataclass(frozen=True, slots=True)
class OperatorTokenSet:
    """What the pool gave for an operator. It never leaves the server, and is sealed where it is stored.

    :ivar expires_at: of the access token, seconds since 1970
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: int

    def content(self) -> bytes:
        return json.dumps([self.access_token, self.refresh_token, self.expires_at]).encode()

    @classmethod
    def of_content(cls, content: bytes) -> "OperatorTokenSet":
        return cls(*json.loads(content))


@dataclass(frozen=True, slots=True)
class IdentifiedOperator:
    """The operator that an ID token speaks of."""

    id: str
    email: str


@dataclass(frozen=True, slots=True)
class SessionToken:
    """What the browser's cookie holds: 256 random bits, of which the database keeps a digest only."""

    text: str = field(repr=False)

    @classmethod
    def new(cls) -> "SessionToken":
        return cls(secrets.token_urlsafe(_TOKEN_BYTES))

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).digest()

    @property
    def form_token(self) -> str:
        """What a form of this session carries. It follows from the cookie, and the cookie does not follow from it."""
        mac = hmac.digest(self.text.encode("utf-8", "surrogatepass"), b"form", hashlib.sha256)
        return urlsafe_b64encode(mac).rstrip(b"=").decode()

    def check_form(self, given: str) -> None:
        """:raises CrossSiteForm: the form does not carry the token"""
        if not hmac.compare_digest(self.form_token.encode(), given.encode("utf-8", "surrogatepass")):
            raise CrossSiteForm


@dataclass(frozen=True, slots=True)
class OperatorSession:
    """One browser that is signed in.

    :ivar sealed_tokens: an `OperatorTokenSet`
    :ivar fetched_at: when the tokens came
    """

    id: UUID
    operator: IdentifiedOperator
    sealed_tokens: bytes = field(repr=False)
    fetched_at: datetime

    def is_fresh(self, now: datetime) -> bool:
        return now - self.fetched_at < FRESH


@dataclass(frozen=True, slots=True)
class OwnSignIn:
    """A session as its operator sees it in the list."""

    id: UUID
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    address: str
    browser: str


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """What a browser keeps, sealed, while its person is at the pool's pages.

    :ivar expires_at: seconds since 1970
    """

    state: str
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)
    expires_at: int

    @classmethod
    def begin(cls, now: datetime) -> "PendingSignIn":
        state, nonce, verifier = (secrets.token_urlsafe(_TOKEN_BYTES) for _ in range(3))
        return cls(state, nonce, verifier, int((now + SIGN_IN).timestamp()))

    def content(self) -> bytes:
        return json.dumps([self.state, self.nonce, self.code_verifier, self.expires_at]).encode()

    @classmethod
    def of_content(cls, content: bytes) -> "PendingSignIn":
        return cls(*json.loads(content))

    @property
    def code_challenge(self) -> str:
        """RFC 7636, 4.2, S256."""
        return urlsafe_b64encode(hashlib.sha256(self.code_verifier.encode()).digest()).rstrip(b"=").decode()

    def check(self, state: str, now: datetime) -> None:
        """:raises SignInLost: the answer is to another question, or too late"""
        same = hmac.compare_digest(self.state.encode(), state.encode("utf-8", "surrogatepass"))
        if not same or now.timestamp() >= self.expires_at:
            raise SignInLost
