"""App Attest and Play Integrity, as Apple and Google would sign them, with authorities of our own in their place."""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from tatemono.adapters.app_attest import APPLE_ROOT, DEVELOPMENT, NONCE_EXTENSION, NONCE_PREFIX, PRODUCTION, AppAttest
from tatemono.adapters.attestations import PlatformAttestations
from tatemono.adapters.play_integrity import PlayIntegrity
from tatemono.domain.identity.attestation import AttestationFault, DeviceNotAttested
from tatemono.domain.identity.devices import Platform

NOW = datetime(2026, 11, 23, tzinfo=UTC)
APP = "0123456789.jp.example.pictures"
PACKAGE = "jp.example.pictures"


def refused(check: Callable[[], None]) -> AttestationFault:
    with pytest.raises(DeviceNotAttested) as raised:
        check()
    return raised.value.fault


def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class Authority:
    """A certificate with its key, which signs others."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def root(cls) -> "Authority":
        own = key()
        return cls(certified("root", own.public_key(), "root", own, ca=True), own)

    def below(self, *, ca: bool = True) -> "Authority":
        own = key()
        return Authority(certified("issuer", own.public_key(), "root", self.key, ca=ca), own)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()


def certified(
    name: str, public: Any, issuer: str, signer: Any, *, ca: bool = False, nonce: bytes | None = None
) -> x509.Certificate:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    builder = (
        x509.CertificateBuilder(named(issuer), named(name), public, x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=3))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if nonce is not None:
        extension = x509.UnrecognizedExtension(NONCE_EXTENSION, NONCE_PREFIX + nonce)
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(signer, hashes.SHA256())


ROOT = Authority.root()
ISSUER = ROOT.below()


@dataclass
class Iphone:
    """What `attestKey` puts together."""

    client_data: bytes = b"a proof"
    app: str = APP
    environment: bytes = PRODUCTION
    counter: int = 0
    issuer: Authority = ISSUER
    key: ec.EllipticCurvePrivateKey = field(default_factory=key)
    credential_id: bytes = b""

    def attestation(self) -> str:
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        credential_id = self.credential_id or hashlib.sha256(point).digest()
        data = hashlib.sha256(self.app.encode()).digest() + b"\x40" + self.counter.to_bytes(4, "big")
        data += self.environment + len(credential_id).to_bytes(2, "big") + credential_id + cbor2.dumps({1: 2})
        nonce = hashlib.sha256(data + hashlib.sha256(self.client_data).digest()).digest()
        leaf = certified("leaf", self.key.public_key(), "issuer", self.issuer.key, nonce=nonce)
        chain = [one.public_bytes(Encoding.DER) for one in (leaf, self.issuer.certificate)]
        content = {"fmt": "apple-appattest", "attStmt": {"x5c": chain, "receipt": b""}, "authData": data}
        return base64.b64encode(cbor2.dumps(content)).decode()


def check_apple(
    attestation: str, *, client_data: bytes = b"a proof", now: datetime = NOW, development: bool = False
) -> None:
    apple = AppAttest(APP, development=development, root=ROOT.pem)
    apple.verify(attestation, client_data=client_data, now=now.timestamp())


class TestAppAttest:
    def test_takes_what_apple_signed_for_our_app_and_this_proof(self) -> None:
        check_apple(Iphone().attestation())

    def test_refuses_what_was_made_for_another_proof(self) -> None:
        assert refused(lambda: check_apple(Iphone().attestation(), client_data=b"x")) is AttestationFault.OTHER_REQUEST

    def test_refuses_another_app(self) -> None:
        other = Iphone(app="0123456789.jp.example.copy").attestation()
        assert refused(lambda: check_apple(other)) is AttestationFault.OTHER_APP

    def test_takes_builds_from_xcode_only_when_told_to(self) -> None:
        build = Iphone(environment=DEVELOPMENT).attestation()
        assert refused(lambda: check_apple(build)) is AttestationFault.OTHER_APP
        check_apple(build, development=True)

    @pytest.mark.parametrize(
        "phone",
        [
            Iphone(issuer=Authority.root().below()),
            Iphone(issuer=ROOT.below(ca=False)),
            Iphone(counter=1),
            Iphone(credential_id=b"i" * 32),
        ],
        ids=["other root", "issuer is no authority", "key was used before", "other key"],
    )
    def test_refuses_what_apple_did_not_sign(self, phone: Iphone) -> None:
        assert refused(lambda: check_apple(phone.attestation())) is AttestationFault.NOT_FROM_MAKER

    def test_refuses_certificates_out_of_their_time(self) -> None:
        for now in (NOW - timedelta(days=2), NOW + timedelta(days=4)):
            good = Iphone().attestation()
            assert refused(lambda good=good, now=now: check_apple(good, now=now)) is AttestationFault.NOT_FROM_MAKER  # type: ignore[misc]

    @given(st.one_of(st.text(max_size=200), st.binary(max_size=200).map(lambda data: base64.b64encode(data).decode())))
    def test_refuses_whatever_else(self, text: str) -> None:
        assert refused(lambda: check_apple(text)) is AttestationFault.MALFORMED

    def test_knows_the_root_of_apple_which_signed_itself(self) -> None:
        root = x509.load_pem_x509_certificate(APPLE_ROOT.encode())
        root.verify_directly_issued_by(root)
        assert "Apple App Attestation Root CA" in root.subject.rfc4514_string()
        apple = AppAttest(APP)
        fault = refused(lambda: apple.verify(Iphone().attestation(), client_data=b"a proof", now=NOW.timestamp()))
        assert fault is AttestationFault.NOT_FROM_MAKER


SIGNING = key()
WRAPPING = secrets.token_bytes(32)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(signer: Any = SIGNING, wrapping: bytes = WRAPPING, **changes: Any) -> str:
    """What Google gives an app for the nonce of `a proof`. Changes: `part__field=value`."""
    verdict: dict[str, dict[str, Any]] = {
        "requestDetails": {
            "requestPackageName": PACKAGE,
            "nonce": encoded(hashlib.sha256(b"a proof").digest()),
            "timestampMillis": str(int(NOW.timestamp() * 1000)),
        },
        "appIntegrity": {"appRecognitionVerdict": "PLAY_RECOGNIZED", "packageName": PACKAGE, "versionCode": "1"},
        "deviceIntegrity": {"deviceRecognitionVerdict": ["MEETS_BASIC_INTEGRITY", "MEETS_DEVICE_INTEGRITY"]},
    }
    for place, value in changes.items():
        part, _, name = place.partition("__")
        verdict[part][name] = value
    signed = jwt.PyJWS().encode(json.dumps(verdict).encode(), signer, "ES256").encode()
    header = encoded(json.dumps({"alg": "A256KW", "enc": "A256GCM"}).encode())
    content_key, iv = secrets.token_bytes(32), secrets.token_bytes(12)
    sealed = AESGCM(content_key).encrypt(iv, signed, header.encode())
    parts = (aes_key_wrap(wrapping, content_key), iv, sealed[:-16], sealed[-16:])
    return ".".join([header, *map(encoded, parts)])


def check_google(text: str, *, now: datetime = NOW) -> None:
    der = SIGNING.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    google = PlayIntegrity(
        PACKAGE,
        decryption_key=base64.b64encode(WRAPPING).decode(),
        verification_key=base64.b64encode(der).decode(),
    )
    google.verify(text, client_data=b"a proof", now=now.timestamp())


class TestPlayIntegrity:
    def test_takes_what_google_signed_for_our_app_and_this_proof(self) -> None:
        check_google(token())

    @pytest.mark.parametrize(
        ("place", "value", "fault"),
        [
            ("requestDetails__nonce", encoded(b"n" * 32), AttestationFault.OTHER_REQUEST),
            ("requestDetails__timestampMillis", "0", AttestationFault.OTHER_REQUEST),
            ("requestDetails__requestPackageName", "jp.example.copy", AttestationFault.OTHER_APP),
            ("appIntegrity__packageName", "jp.example.copy", AttestationFault.OTHER_APP),
            ("appIntegrity__appRecognitionVerdict", "UNRECOGNIZED_VERSION", AttestationFault.NOT_TRUSTED),
            ("deviceIntegrity__deviceRecognitionVerdict", ["MEETS_BASIC_INTEGRITY"], AttestationFault.NOT_TRUSTED),
            ("requestDetails__timestampMillis", None, AttestationFault.MALFORMED),
        ],
    )
    def test_refuses_what_it_says_about_something_else(self, place: str, value: Any, fault: AttestationFault) -> None:
        assert refused(lambda: check_google(token(**{place: value}))) is fault

    def test_refuses_what_others_signed_or_sealed(self) -> None:
        assert refused(lambda: check_google(token(signer=key()))) is AttestationFault.NOT_FROM_MAKER
        assert refused(lambda: check_google(token(wrapping=secrets.token_bytes(32)))) is AttestationFault.NOT_FROM_MAKER

    @given(st.text(max_size=200))
    def test_refuses_whatever_else(self, text: str) -> None:
        assert refused(lambda: check_google(text)) is AttestationFault.MALFORMED
        assert refused(lambda: check_google(f"{text}.a.b.c.d")) is AttestationFault.MALFORMED


class TestPlatformAttestations:
    def test_takes_none_for_a_platform_whose_maker_it_does_not_know(self) -> None:
        none = PlatformAttestations(ios=AppAttest(APP, root=ROOT.pem), android=None)
        none.verify(Platform.IOS, Iphone().attestation(), client_data=b"a proof", now=NOW.timestamp())
        for platform in (Platform.ANDROID, Platform.WEB):
            fault = refused(lambda platform=platform: none.verify(platform, "x", client_data=b"", now=0))  # type: ignore[misc]
            assert fault is AttestationFault.NOT_POSSIBLE
