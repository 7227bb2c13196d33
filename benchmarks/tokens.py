"""ES256 or Ed25519 for the tokens that we sign: both, interleaved, through PyJWT and without it; and our own steps."""

import secrets
import time
from collections.abc import Callable
from statistics import median
from typing import Any
from uuid import uuid4

import jwt
from benchmarks.place import facts
from benchmarks.table import Section, Table, number
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from rich.console import Console

from tatemono.adapters.dpop import ProofChecker
from tatemono.adapters.tokens import AccessTokens
from tatemono.domain.identity.devices import SignedInDevice, UserKind
from tatemono_tools.laptop.demo.device_key import DeviceKey
from tatemono_tools.laptop.secret_values import signing_keys

ROUNDS = 5
_ROUND_SECONDS = 0.1
_URL = "https://localhost:8443/v1/api/auth/device"
_CLAIMS = {"iss": "https://localhost:8443", "aud": "a", "sub": str(uuid4()), "iat": 1, "exp": 2**33, "jti": "x" * 22}
_DEVICE = SignedInDevice(uuid4(), uuid4(), UserKind.GUEST, new=False, session_id=uuid4())


def microseconds(steps: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Of each step, the median of rounds in which all take their turn; processor time, so other work counts less."""
    found: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(ROUNDS):
        for name, step in steps.items():
            count, began = 0, time.process_time()
            while (passed := time.process_time() - began) < _ROUND_SECONDS:
                step()
                count += 1
            found[name].append(passed / count * 1e6)
    return {name: median(values) for name, values in found.items()}


def algorithm_steps() -> dict[str, Callable[[], Any]]:
    message = secrets.token_bytes(400)
    p256, edwards = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
    ecdsa = ec.ECDSA(hashes.SHA256())
    p256_signature, edwards_signature = p256.sign(message, ecdsa), edwards.sign(message)
    p256_token, edwards_token = jwt.encode(_CLAIMS, p256, "ES256"), jwt.encode(_CLAIMS, edwards, "EdDSA")
    p256_public, edwards_public = p256.public_key(), edwards.public_key()
    return {
        "ES256 sign, cryptography": lambda: p256.sign(message, ecdsa),
        "Ed25519 sign, cryptography": lambda: edwards.sign(message),
        "ES256 verify, cryptography": lambda: p256_public.verify(p256_signature, message, ecdsa),
        "Ed25519 verify, cryptography": lambda: edwards_public.verify(edwards_signature, message),
        "ES256 sign, PyJWT": lambda: jwt.encode(_CLAIMS, p256, "ES256"),
        "Ed25519 sign, PyJWT": lambda: jwt.encode(_CLAIMS, edwards, "EdDSA"),
        "ES256 verify, PyJWT": lambda: jwt.decode(p256_token, p256_public, ["ES256"], audience="a"),
        "Ed25519 verify, PyJWT": lambda: jwt.decode(edwards_token, edwards_public, ["EdDSA"], audience="a"),
    }


def our_steps() -> dict[str, Callable[[], Any]]:
    tokens = AccessTokens(signing_keys(), issuer="https://localhost:8443", lifetime_seconds=3600)
    now = time.time()
    token = tokens.issue(_DEVICE, key_thumbprint="x" * 43, now=now)
    proof = DeviceKey().proof("POST", _URL, at=now)
    checker = ProofChecker(b"key")

    def strange() -> None:
        checker._holders.clear()  # noqa: SLF001 - the proof of a phone that was never here, each time
        checker.verify(proof, method="POST", url=_URL, now=now)

    def cold() -> None:
        tokens._verified.clear()  # noqa: SLF001 - a token that was never seen, each time
        tokens.verify(token, now=now)

    return {
        "access token, verified before": lambda: tokens.verify(token, now=now),
        "access token, never seen": cold,
        "proof verified, of a phone that was here before": lambda: checker.verify(
            proof, method="POST", url=_URL, now=now
        ),
        "proof verified, of another": strange,
        "access token issued": lambda: tokens.issue(_DEVICE, key_thumbprint="x" * 43, now=now),
        "ID token issued": lambda: tokens.issue_id_token(_DEVICE, now=now),
    }


def table(title: str, found: dict[str, float]) -> Table:
    rows = [[name, number(each, 1), number(1e6 / each)] for name, each in found.items()]
    return Table(title, ["", "µs", "per second on one core"], rows)


async def measure(_console: Console) -> Section:
    measured_at = facts("cryptography", "pyjwt")
    tables = [
        table("ES256 or Ed25519", microseconds(algorithm_steps())),
        table("Steps of a request", microseconds(our_steps())),
    ]
    return Section("Tokens", measured_at, tables)
