"""Scripts cannot mint guests where devices have to be attested."""

from uuid import UUID

from tatemono.domain.identity.attestation import AttestationFault, AttestationPolicy, DeviceNotAttested
from tatemono.domain.identity.devices import IdentifierHashes, Platform, Proof
from tatemono.usecases.identity.ports import AttestationVerifier
from tatemono.usecases.ports import Database


async def check_attestation(
    db: Database,
    verifier: AttestationVerifier,
    *,
    policy: AttestationPolicy,
    platform: Platform,
    identifier_hashes: IdentifierHashes,
    proof: Proof,
    proof_text: str,
    attestation: str | None,
    now: float,
) -> bool:
    """Before a sign-in: whether the attestation that came along is good. The sign-in is recorded with `record`.

    An attestation is made for the very DPoP proof of this sign-in. So it is good once, as the proof is, and belongs to
    the key that later sign-ins prove: they need no attestation of their own.

    :raises DeviceNotAttested: under `REQUIRED`, if it is not good, or there is none and never was for this device
    """
    if policy is AttestationPolicy.OFF:
        return False
    if attestation is not None:
        try:
            verifier.verify(platform, attestation, client_data=proof_text.encode(), now=now)
        except DeviceNotAttested:
            if policy is AttestationPolicy.REQUIRED:
                raise
            return False
        return True
    if policy is AttestationPolicy.REQUIRED and not await db.attestations.known(
        platform, identifier_hashes, proof.thumbprint
    ):
        raise DeviceNotAttested(AttestationFault.MISSING)
    return False


async def record_attestation(db: Database, device_id: UUID) -> None:
    """After the sign-in. Should a crash come in between, the device is asked for another one."""
    await db.attestations.record(device_id)
