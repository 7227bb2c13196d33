"""`tatemono keys rotate`: a new key in the place of one that is in use, while all devices stay signed in.

Two waits make that so. A new key is published at once and used only later, when every process has read it (they read
the secret again each minute), and, of the keys that sign access tokens, every cache of the JWK set has run out. An old
key goes when nothing depends on it any more: the last token that it signed has expired, or no device can be left that
was stored with it.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from tatemono.adapters.identifier_keys import read_keys
from tatemono_tools.laptop import secret_values
from tatemono_tools.laptop.operate.rotated_secret import RotatedSecret
from tatemono_tools.laptop.operate.running import running_cloud
from tatemono_tools.laptop.process.state import NotRunning, StateFolder
from tatemono_tools.laptop.provision.cloud_resources import StoredSecret, ensure_secret, open_cloud, read_secrets
from tatemono_tools.laptop.provision.provision import ENVIRONMENT
from tatemono_tools.plan.building import Plan

#: JWKS caches keep it for 5 minutes, processes read it each minute; and as much again.
USED_AFTER_SECONDS = 600
#: The longest that an access token may be configured to last, and a minute for clocks that differ.
VERIFIES_FOR_SECONDS = 86_400 + 60


_DAY_SECONDS = 86_400
#: Guests go away in batches, and their last use is known to a day.
_SPARE_DAYS = 7


@dataclass(frozen=True)
class Rotation:
    """:ivar value: the secret's new value, the newest key first
    :ivar name: of the new key
    :ivar begins: when it is used, seconds since 1970
    :ivar dropped: the names of keys that are gone
    """

    value: str
    name: str
    begins: float
    dropped: tuple[str, ...]


def rotate_signing_keys(jwks: str, *, now: float) -> Rotation:
    """Put a new key first, and leave out those whose last token has expired.

    :param now: seconds since 1970
    """
    (new,) = json.loads(secret_values.signing_keys())["keys"]
    keys = [{"signs_from": 0} | key for key in json.loads(jwks)["keys"]]
    return _rotate(new, keys, "signs_from", needed_seconds=VERIFIES_FOR_SECONDS, name=lambda key: key["kid"], now=now)


def rotate_identifier_keys(value: str, *, kept_days: int, now: float) -> Rotation:
    """Put a new key first, and leave out those that no device can be stored with any more.

    Each sign-in stores a device under the key in use, and a guest that has not signed in for `kept_days` goes away.

    :param value: as `adapters.identifier_keys` reads it
    :param now: seconds since 1970
    """
    new = {"key": secret_values.random_value()}
    needed = (kept_days + _SPARE_DAYS) * _DAY_SECONDS
    return _rotate(new, read_keys(value), "writes_from", needed_seconds=needed, name=_name_of, now=now)


def _name_of(key: dict[str, Any]) -> str:
    """A name for a key, from which the key cannot be guessed."""
    return hashlib.sha256(key["key"].encode()).hexdigest()[:8]


def _rotate(
    new: dict[str, Any],
    old: list[dict[str, Any]],
    begins: str,
    *,
    needed_seconds: float,
    name: Callable[[dict[str, Any]], str],
    now: float,
) -> Rotation:
    kept = [new | {begins: now + USED_AFTER_SECONDS}]
    dropped: list[str] = []
    for key in old:
        # It was used until the one before it in the list began.
        if kept[-1][begins] + needed_seconds > now:
            kept.append(key)
        else:
            dropped.append(name(key))
    return Rotation(json.dumps({"keys": kept}), name(new), kept[0][begins], tuple(dropped))


def rotate(secret: RotatedSecret, plan: Plan, state: StateFolder, console: Console) -> int:
    """What the command does.

    :returns: the exit code
    :raises NotRunning: no building is up in this folder
    """
    rotation = asyncio.run(rotate_in(secret, plan, running_cloud(plan, state), now=time.time()))
    begins = time.strftime("%H:%M:%S", time.localtime(rotation.begins))
    if secret is RotatedSecret.TOKEN_SIGNING_KEYS:
        console.print(f"New key [bold]{rotation.name}[/bold]: published now, signs from {begins}.")
        console.print("Tokens of the older keys stay good until they expire; no device is signed out.")
    else:
        console.print(f"New key [bold]{rotation.name}[/bold]: known now, written from {begins}.")
        console.print("Devices are found by the older keys, and written down with the new one when they sign in.")
    if rotation.dropped:
        console.print(f"Left out, since nothing depends on them any more: {', '.join(rotation.dropped)}")
    return 0


async def rotate_in(secret: RotatedSecret, plan: Plan, cloud_arguments: dict[str, str], *, now: float) -> Rotation:
    """Rotate the keys in the cloud that `cloud_arguments` open (those of `open_cloud`)."""
    name = plan.parameter_name(ENVIRONMENT, secret).removeprefix("/")
    async with open_cloud(**cloud_arguments) as cloud:
        stored: StoredSecret | None = (await read_secrets(cloud, [name])).get(name)
        if stored is None:
            raise NotRunning(f"Secrets Manager holds no {name} yet: wait until the building is up")
        if secret is RotatedSecret.TOKEN_SIGNING_KEYS:
            rotation = rotate_signing_keys(stored.value, now=now)
        else:
            days = int(plan.parameters["unused-guest-days"].value or 0)
            rotation = rotate_identifier_keys(stored.value, kept_days=days, now=now)
        await ensure_secret(cloud, name, rotation.value, stored)
    return rotation
