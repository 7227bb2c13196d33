"""A phone opens the app and is simply in."""

import hashlib

from tatemono.domain.identity.devices import IdentifierHashes, Platform, Proof, SignedInDevice
from tatemono.domain.identity.sessions import RefreshToken
from tatemono.usecases.ports import Database


async def sign_in_device(
    db: Database,
    *,
    platform: Platform,
    identifier_hashes: IdentifierHashes,
    proof: Proof,
    welcome_credits: int,
    random_bits: bytes,
) -> tuple[SignedInDevice, RefreshToken]:
    """The user of this device: the same one each time, a new guest the first time.

    The same identifier with another key is another device: a copied identifier opens nothing, and whom it was copied
    from is told. A device that was revoked is nobody's, and gets a new guest.

    :param random_bits: 32 bytes, of the refresh token
    :raises ProofRejected: the proof was used before
    :raises AccountSuspended: the user is
    """
    refresh_hash = hashlib.sha256(random_bits).digest()
    device = await db.devices.sign_in(
        platform, identifier_hashes, proof.thumbprint, refresh_hash=refresh_hash, proof_digest=proof.digest
    ) or await db.devices.create_guest(
        platform, identifier_hashes, proof.thumbprint, refresh_hash=refresh_hash, welcome_credits=welcome_credits
    )
    if device is None:
        # The same device signed in twice at once, and the other was first. The proof is remembered by now.
        device = await db.devices.sign_in(
            platform, identifier_hashes, proof.thumbprint, refresh_hash=refresh_hash, proof_digest=None
        )
    assert device is not None
    return device, RefreshToken(device.session_id, random_bits)
