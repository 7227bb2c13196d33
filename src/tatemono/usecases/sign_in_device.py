"""A phone opens the app and is simply in."""

import hashlib
import hmac

from tatemono.domain.devices import Platform, SignedInDevice
from tatemono.usecases.ports import Database


async def sign_in_device(
    db: Database,
    *,
    platform: Platform,
    identifier: str,
    key_thumbprint: str,
    identifier_key: bytes,
    welcome_credits: int,
) -> SignedInDevice:
    """The user of this device: the same one each time, a new guest the first time.

    The caller has verified that the device holds the key. The same identifier with another key is another device: a
    copied identifier opens nothing.

    :param key_thumbprint: RFC 7638, of the device's public key
    :param identifier_key: keys the HMAC that is kept in place of the identifier
    """
    identifier_hash = hmac.digest(identifier_key, identifier.encode(), hashlib.sha256)
    known = await db.devices.sign_in(platform, identifier_hash, key_thumbprint)
    if known is not None:
        return known
    created = await db.devices.create_guest(platform, identifier_hash, key_thumbprint, welcome_credits=welcome_credits)
    # None: the same device signed in twice at once, and the other was first.
    device = created or await db.devices.sign_in(platform, identifier_hash, key_thumbprint)
    assert device is not None
    return device
