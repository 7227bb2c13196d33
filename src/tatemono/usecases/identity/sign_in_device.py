"""A phone opens the app and is simply in."""

import hashlib
from dataclasses import dataclass
from functools import partial

from tatemono.domain.identity.attestation import AttestationFault, AttestationPolicy, DeviceNotAttested
from tatemono.domain.identity.devices import IdentifierHashes, Platform, Proof, SignedInDevice
from tatemono.domain.identity.sessions import RefreshToken
from tatemono.usecases.identity.ports import AttestationVerifier, IdentityDatabase, IdentityRows


@dataclass(frozen=True, slots=True)
class AttestationTerms:
    """What is asked of devices, so that scripts cannot make guests, and what this one brought.

    An attestation is made for the very DPoP proof of this sign-in. So it is good once, as the proof is, and belongs to
    the key that later sign-ins prove: they need no attestation of their own.

    :ivar attestation: as the phone sent it; none: it sent none
    :ivar proof_text: the DPoP proof that came with it
    :ivar now: seconds since 1970
    """

    policy: AttestationPolicy
    verifier: AttestationVerifier
    attestation: str | None
    proof_text: str
    now: float


async def sign_in_device(
    db: IdentityDatabase,
    *,
    platform: Platform,
    identifier_hashes: IdentifierHashes,
    proof: Proof,
    terms: AttestationTerms,
    welcome_credits: int,
    random_bits: bytes,
) -> tuple[SignedInDevice, RefreshToken]:
    """The user of this device: the same one each time, a new guest the first time.

    The same identifier with another key is another device: a copied identifier opens nothing, and its owner is told. A
    device that was revoked is no user's, and gets a new guest. A known device is one statement; an attestation that
    came along is recorded in the transaction of its sign-in.

    :param random_bits: 32 bytes, of the refresh token
    :raises DeviceNotAttested: attestation is required, and is not good, or there is none and never was for this device
    :raises ProofRejected: the proof was used before
    :raises AccountSuspended: the user is
    """
    attested = await _is_attested(db, terms, platform, identifier_hashes, proof)
    open_session = partial(
        _open_session,
        platform=platform,
        identifier_hashes=identifier_hashes,
        proof=proof,
        refresh_hash=hashlib.sha256(random_bits).digest(),
        welcome_credits=welcome_credits,
    )
    if attested:
        async with db.transaction() as rows:
            device = await open_session(rows)
            await rows.attestations.record(device.device_id)
    else:
        device = await open_session(db)
    return device, RefreshToken(device.session_id, random_bits)


async def _is_attested(
    db: IdentityDatabase, terms: AttestationTerms, platform: Platform, identifier_hashes: IdentifierHashes, proof: Proof
) -> bool:
    """Whether a good attestation came along.

    :raises DeviceNotAttested: as above
    """
    if terms.policy is AttestationPolicy.OFF:
        return False
    required = terms.policy is AttestationPolicy.REQUIRED
    if terms.attestation is not None:
        try:
            terms.verifier.verify(platform, terms.attestation, client_data=terms.proof_text.encode(), now=terms.now)
        except DeviceNotAttested:
            if required:
                raise
            return False
        return True
    if required and not await db.attestations.known(platform, identifier_hashes, proof.thumbprint):
        raise DeviceNotAttested(AttestationFault.MISSING)
    return False


async def _open_session(
    rows: IdentityRows,
    *,
    platform: Platform,
    identifier_hashes: IdentifierHashes,
    proof: Proof,
    refresh_hash: bytes,
    welcome_credits: int,
) -> SignedInDevice:
    device = await rows.devices.sign_in(
        platform, identifier_hashes, proof.thumbprint, refresh_hash=refresh_hash, proof_digest=proof.digest
    ) or await rows.devices.create_guest(
        platform, identifier_hashes, proof.thumbprint, refresh_hash=refresh_hash, welcome_credits=welcome_credits
    )
    if device is None:
        # The same device signed in twice at once, and the other was first. The proof is remembered by now.
        device = await rows.devices.sign_in(
            platform, identifier_hashes, proof.thumbprint, refresh_hash=refresh_hash, proof_digest=None
        )
    assert device is not None
    return device
