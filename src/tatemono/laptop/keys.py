"""`tatemono keys rotate`: a new key for access tokens, while everybody stays signed in.

Two waits make that so. A new key is published at once and signs only later, when every process has read it (they read
the secret again each minute) and every cache of the JWK set has run out. An old key verifies until the last token that
it signed has expired.
"""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from tatemono.laptop import secret_values
from tatemono.laptop.cloud_resources import StoredSecret, ensure_secret, open_cloud, read_secrets
from tatemono.laptop.demo import NothingRuns
from tatemono.laptop.provision import ENVIRONMENT
from tatemono.laptop.running import running_cloud
from tatemono.laptop.state import StateFolder
from tatemono.plan import Plan

SECRET = "token-signing-keys"  # noqa: S105 - the name of one
#: JWKS caches keep it for 5 minutes, processes read it each minute; and as much again.
SIGNS_AFTER_SECONDS = 600
#: The longest that an access token may be configured to last, and a minute for clocks that differ.
VERIFIES_FOR_SECONDS = 86_400 + 60


@dataclass(frozen=True)
class Rotation:
    """:ivar jwks: the secret's new value, the newest key first"""

    jwks: str
    kid: str
    signs_from: float
    dropped: tuple[str, ...]


def rotated(jwks: str, *, now: float) -> Rotation:
    """Put a new key first, and leave out those whose last token has expired.

    :param now: seconds since 1970
    """
    (new,) = json.loads(secret_values.signing_keys())["keys"]
    signs_from = now + SIGNS_AFTER_SECONDS
    kept: list[dict[str, Any]] = [new | {"signs_from": signs_from}]
    dropped: list[str] = []
    for key in json.loads(jwks)["keys"]:
        # It signed until the one before it in the list began.
        if kept[-1]["signs_from"] + VERIFIES_FOR_SECONDS > now:
            kept.append({"signs_from": 0} | key)
        else:
            dropped.append(key["kid"])
    return Rotation(json.dumps({"keys": kept}), new["kid"], signs_from, tuple(dropped))


def rotate(plan: Plan, state: StateFolder, console: Console) -> int:
    """What the command does.

    :returns: the exit code
    :raises NothingRuns: no building is up in this folder
    """
    rotation = asyncio.run(rotate_in(plan, running_cloud(plan, state), now=time.time()))
    begins = time.strftime("%H:%M:%S", time.localtime(rotation.signs_from))
    console.print(f"New key [bold]{rotation.kid}[/bold]: published now, signs from {begins}.")
    console.print("Tokens of the older keys stay good until they expire; nobody is signed out.")
    if rotation.dropped:
        console.print(f"Left out, since nothing they signed is good any more: {', '.join(rotation.dropped)}")
    return 0


async def rotate_in(plan: Plan, cloud_order: dict[str, str], *, now: float) -> Rotation:
    """Rotate the keys in the cloud that `cloud_order` opens (the words of `open_cloud`)."""
    name = plan.parameter_name(ENVIRONMENT, SECRET).removeprefix("/")
    async with open_cloud(**cloud_order) as cloud:
        stored: StoredSecret | None = (await read_secrets(cloud, [name])).get(name)
        if stored is None:
            raise NothingRuns(f"Secrets Manager holds no {name} yet: wait until the building is up")
        rotation = rotated(stored.value, now=now)
        await ensure_secret(cloud, name, rotation.jwks, stored)
    return rotation
