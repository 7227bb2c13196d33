"""The painter of a building: where it is, what it is asked for, and what may be spent there."""

import hashlib
import hmac
import ipaddress
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self
from urllib.parse import urlsplit

from tatemono_tools.laptop.process.state import StateFolder

STUDIO = "studio"
OPENAI = "openai"
_OPENAI_URL = "https://api.openai.com/v1"
_FILE = "painter.json"


class PainterRefused(Exception):
    """The building cannot have this painter; the message says why and what to do."""


class WrongPainter(ValueError):
    """The options name no painter, or do not go together."""


@dataclass(frozen=True, kw_only=True)
class Painter:
    """
    :ivar place: `studio`, `openai`, or the address of another server, which ends in `/v1` as a rule
    :ivar model: as the registry calls it; empty: that of the plan
    :ivar called: what the server calls that model; empty: the same
    :ivar budget_dollars: what may be spent in a day; empty: as the plan says
    :ivar judges: whether its own moderation is asked; else only what is known here counts
    :ivar keyless: it is called without a key
    :ivar key_digest: tells whether a key is the one that it was chosen with, and nothing of the key
    """

    place: str = STUDIO
    model: str = ""
    called: str = ""
    budget_dollars: str = ""
    judges: bool = True
    keyless: bool = False
    key_digest: str = field(default="", repr=False)

    @classmethod
    def read(cls, state: StateFolder) -> Self:
        """The one that was remembered; the studio, if none was or the file was damaged."""
        content = state.read_json(_FILE)
        kinds = {each.name: type(each.default) for each in fields(cls)}
        if content.keys() != kinds.keys() or any(type(content[name]) is not kind for name, kind in kinds.items()):
            return cls()
        return cls(**content)

    def remember(self, state: StateFolder) -> None:
        state.write_json(_FILE, asdict(self))

    @property
    def is_studio(self) -> bool:
        return self.place == STUDIO

    @property
    def url(self) -> str:
        """Where it answers, unless it is the studio, which has another port in each building."""
        return _OPENAI_URL if self.place == OPENAI else self.place

    @property
    def model_name(self) -> str:
        """As the painter itself calls the model."""
        return self.called or self.model

    @property
    def said(self) -> str:
        """For the person: who paints, and what it may cost."""
        if self.is_studio:
            return "the studio, an offline stand-in that costs nothing"
        who = "OpenAI" if self.place == OPENAI else self.place
        judge = "" if self.judges else "; only blocked words and pictures are kept out"
        return f"{who}, {self.model_name}: at most {self.budget_dollars} USD a day{judge}"

    def parameters(self) -> dict[str, str]:
        """The values of the plan's parameters that it changes."""
        if self.is_studio:
            return {}
        names = {self.model: self.called} if self.called else {}
        return {
            "openai-base-url": self.url,
            "image-model": self.model,
            "painter-models": json.dumps(names),
            "user-day-budget-dollars": self.budget_dollars,
            "environment-day-budget-dollars": self.budget_dollars,
        } | ({} if self.judges else {"moderation-model": "off"})

    def with_key(self, key: str) -> Self:
        salt = secrets.token_hex(16)
        return replace(self, key_digest=f"{salt}:{_digest(salt, key)}")

    def has_key(self, key: str) -> bool:
        salt, _, digest = self.key_digest.partition(":")
        return hmac.compare_digest(digest, _digest(salt, key))


def _digest(salt: str, key: str) -> str:
    return hashlib.sha256(f"{salt}:{key}".encode()).hexdigest()


def place_of(text: str) -> str:
    """`studio`, `openai`, or a base URL as a person writes it.

    :raises WrongPainter: it is none of these
    """
    if text in (STUDIO, OPENAI):
        return text
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise WrongPainter("--painter takes studio, openai, or the address of a server: http://127.0.0.1:8080/v1")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise WrongPainter(
            "--painter takes an address without a name, password, query or fragment: it is shown and kept. "
            "A key goes into TATEMONO_PAINTER_KEY"
        )
    if text.rstrip("/") == _OPENAI_URL:
        return OPENAI
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/') or '/v1'}"


def is_open_to_listeners(url: str) -> bool:
    """Whether what is sent there, prompts and a key, crosses a network unencrypted."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = host == "localhost" or host.endswith(".localhost")
    return parts.scheme == "http" and not here


def checked_key(text: str) -> str:
    """:raises PainterRefused: it cannot be a key"""
    key = text.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise PainterRefused("that is no key: it is empty, or holds a blank or a character that no key has")
    return key


def environment_variable_of(place: str) -> str:
    """Where the key of a painter is looked for. OpenAI's key goes to no other server by itself."""
    return "OPENAI_API_KEY" if place == OPENAI else "TATEMONO_PAINTER_KEY"


def unused_keys(painter: Painter, environment: Mapping[str, Any]) -> list[str]:
    """Variables of the person's environment that hold a key which is not used."""
    used = None if painter.is_studio else environment_variable_of(painter.place)
    return [name for name in ("OPENAI_API_KEY", "TATEMONO_PAINTER_KEY") if environment.get(name) and name != used]
