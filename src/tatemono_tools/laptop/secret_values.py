"""First values of the plan's secrets, and what is derived from them."""

import base64
import hashlib
import json
import secrets
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

OFFLINE_API_KEY = "sk-studio-offline"
"""In place of the provider's key that a person puts in on AWS; the studio takes any."""


def random_value() -> str:
    """32 random bytes, URL-safe."""
    return secrets.token_urlsafe(32)


def signing_keys() -> str:
    """A JWK set (RFC 7517) with one private P-256 key; its `kid` is the thumbprint of RFC 7638."""
    private = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    public = private.public_numbers
    # RFC 7518, 6.2: coordinates keep their leading zeros, 32 bytes each.
    thumbed = {"crv": "P-256", "kty": "EC", "x": _base64url(public.x), "y": _base64url(public.y)}
    # RFC 7638, 3: the required members only, in order, without spaces.
    digest = hashlib.sha256(json.dumps(thumbed, separators=(",", ":"), sort_keys=True).encode()).digest()
    kid = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    key = thumbed | {"d": _base64url(private.private_value), "kid": kid, "alg": "ES256", "use": "sig"}
    return json.dumps({"keys": [key]})


def private_key_pem() -> str:
    """A private P-256 key, PKCS #8."""
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


def public_key(private_pem: str) -> tuple[str, str]:
    """The id and the PEM of the public half.

    The id looks like CloudFront's (`K` and 13 characters) and follows from the key, so another key has another id.
    """
    key = serialization.load_pem_private_key(private_pem.encode(), password=None).public_key()
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    digest = hashlib.sha256(key.public_bytes(serialization.Encoding.DER, info)).digest()
    pem = key.public_bytes(serialization.Encoding.PEM, info).decode()
    return "K" + base64.b32encode(digest).decode()[:13], pem


def content_credentials() -> str:
    """A P-256 key with its certificate and that of a root, PEM: what signs the pictures of a laptop.

    The key of the root is thrown away: it signs nothing else. No application trusts it, and none should;
    on AWS a certification authority of the C2PA trust list signs the certificate.
    """
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, name = _name("Tatemono laptop root"), _name("Tatemono laptop")
    root = _certificate(root_name, root_key, root_name, root_key, authority=True)
    leaf = _certificate(name, key, root_name, root_key, authority=False)
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    parts = [
        key.private_bytes(pem, pkcs8, serialization.NoEncryption()),
        leaf.public_bytes(pem),
        root.public_bytes(pem),
    ]
    return b"".join(parts).decode()


def _name(common_name: str) -> x509.Name:
    organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tatemono")
    return x509.Name([organization, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _certificate(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    authority: bool,
) -> x509.Certificate:
    """As C2PA wants them (its specification, 14.5): X.509 v3, with the purpose of signing documents or mail."""
    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
    of_issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(of_issuer, critical=False)
    )
    if not authority:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def database_url(role: str, address: str, database: str, known: str | None) -> str:
    """The connection string of a service's role at `address` (host:port); the password of a `known` one is kept."""
    password = (known and urlsplit(known).password) or quote(random_value(), safe="")
    return f"postgresql://{database_role(role)}:{password}@{address}/{database}"


def database_role(role: str) -> str:
    """The plan's role as PostgreSQL calls it: a name that needs no quotes."""
    return role.replace("-", "_")


def _base64url(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32)).rstrip(b"=").decode()
