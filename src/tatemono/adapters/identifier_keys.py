"""What is kept in place of the identifiers of devices: HMACs under keys that can change (`tatemono keys rotate`)."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from tatemono.domain.identity.devices import IdentifierHashes


@dataclass(frozen=True, slots=True)
class _Key:
    """:ivar writes_from: seconds since 1970; until then it is only looked for, so that all processes know it by then"""

    secret: bytes
    writes_from: float


class IdentifierKeys:
    """The keys, the newest first. All are looked for; the first whose time has come is written.

    :raises ValueError: `value` is neither one key nor a list of keys as `tatemono keys rotate` writes it
    """

    def __init__(self, value: str) -> None:
        self.take_keys(value)

    def take_keys(self, value: str) -> None:
        """Use these keys from now on.

        :raises ValueError: as above; nothing has changed then
        """
        keys = tuple(_Key(key["key"].encode(), float(key["writes_from"])) for key in read_keys(value))
        if not all(key.secret for key in keys):
            raise ValueError("A key of the device identifiers is empty")
        self._keys = keys

    def hashes(self, identifier: str, *, now: float) -> IdentifierHashes:
        """:param now: seconds since 1970"""
        # When none has begun yet, the clocks differ: the oldest does it.
        writes = next((key for key in self._keys if key.writes_from <= now), self._keys[-1])
        ordered = (writes, *(key for key in self._keys if key is not writes))
        return tuple(hmac.digest(key.secret, identifier.encode(), hashlib.sha256) for key in ordered)


def read_keys(value: str) -> list[dict[str, Any]]:
    """The secret's value: a list that was written by a rotation, or the one key that it began with.

    :raises ValueError: it is an object of another kind
    """
    if not value.startswith("{"):
        return [{"key": value, "writes_from": 0}]
    try:
        keys: list[dict[str, Any]] = json.loads(value)["keys"]
        return [{"key": str(key["key"]), "writes_from": key["writes_from"]} for key in keys if key] or _none()
    except (KeyError, TypeError) as error:
        raise ValueError("The keys of the device identifiers are not as a rotation writes them") from error


def _none() -> list[dict[str, Any]]:
    raise ValueError("The keys of the device identifiers hold no key")
