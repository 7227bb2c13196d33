"""The certificates of the front door: a local authority, made once, and a short chain that is renewed by itself."""

import contextlib
import ipaddress
import os
import re
import shlex
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import psutil
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFETIME = timedelta(days=3650)
# Browsers refuse public certificates above 398 days, Apple any certificate above 825.
CERTIFICATE_LIFETIME = timedelta(days=397)
RENEW_BEFORE = timedelta(days=30)
# A phone whose clock is behind must not find a certificate from the future.
CLOCK_SKEW = timedelta(hours=1)

# The Android emulator reaches the loopback of its host under 10.0.2.2.
FIXED_NAMES = ("localhost", "*.localhost", "127.0.0.1", "::1", "10.0.2.2")

# The authority can certify these only (RFC 5280 section 4.2.1.10): a stolen key opens no public site.
LOCAL_DOMAINS = ("localhost", "local", "internal", "lan", "home.arpa", "test")
LOCAL_NETWORKS = (
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "100.64.0.0/10",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
)


Platform = Literal["macos", "debian", "fedora", "ios-simulator", "android-emulator"]


@dataclass(frozen=True, slots=True)
class Trust:
    """Shell commands, in order."""

    trust: tuple[str, ...]
    forget: tuple[str, ...]


class UnreadableCertificates(RuntimeError):
    """The authority's files are damaged or do not belong together; the message says which to remove."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where the files are (PEM), and what was left out."""

    authority: Path
    certificate: Path
    key: Path
    authority_is_new: bool
    # Names of this machine that the authority may not certify, such as public addresses.
    left_out: tuple[str, ...]


def ensure_certificates(folder: Path, *, names: Iterable[str], host: str, now: datetime) -> Certificates:
    """Make what is missing, renew what has less than 30 days left or no longer has the right names.

    :param names: host names and addresses besides the fixed ones, see `machine_names`
    :param host: this machine's name, which the authority has in its own and may certify; read only when it is made
    :raises UnreadableCertificates: the authority's files cannot be used
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority_file, authority_key_file = folder / "authority.pem", folder / "authority.key"
    authority_is_new = not (authority_file.exists() and authority_key_file.exists())
    if authority_is_new:
        authority, authority_key = _make_authority(host, now)
        _write(authority_key_file, _private_pem(authority_key))
        _write(authority_file, authority.public_bytes(serialization.Encoding.PEM), mode=0o644)
    else:
        authority, authority_key = _read_authority(authority_file, authority_key_file, now)
    wanted = dict.fromkeys((*FIXED_NAMES, *names))
    certified = [name for name in wanted if _permitted(authority, name)]
    result = Certificates(
        authority=authority_file,
        certificate=folder / "door.pem",
        key=folder / "door.key",
        authority_is_new=authority_is_new,
        left_out=tuple(name for name in wanted if name not in certified),
    )
    if not _still_good(result, authority, certified, now):
        _make_certificate(result, authority, authority_key, certified, now)
    return result


def machine_names() -> tuple[str, ...]:
    """The host name and the addresses of every interface that is up, without IPv6 scopes; sorted."""
    up = {name for name, state in psutil.net_if_stats().items() if state.isup}
    host = socket.gethostname().lower()
    # A certificate spells names in ASCII letters, digits and hyphens (RFC 5280 section 4.2.1.6).
    found = {host} if re.fullmatch(r"[a-z0-9.-]+", host) else set()
    for interface, addresses in psutil.net_if_addrs().items():
        if interface in up:
            found |= {
                address.address.partition("%")[0]
                for address in addresses
                if address.family in (socket.AF_INET, socket.AF_INET6)
            }
    return tuple(sorted(found))


def _make_authority(host: str, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    # RFC 5280 limits a common name to 64 characters.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Tatemono local CA ({host})"[:64])])
    domains = LOCAL_DOMAINS if host in LOCAL_DOMAINS else (*LOCAL_DOMAINS, host)
    permitted: list[x509.GeneralName] = [x509.DNSName(domain) for domain in domains]
    permitted += [x509.IPAddress(ipaddress.ip_network(network)) for network in LOCAL_NETWORKS]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .add_extension(x509.NameConstraints(permitted, excluded_subtrees=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate, key


def _read_authority(
    certificate_file: Path, key_file: Path, now: datetime
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    remedy = f"remove {certificate_file} and {key_file}, start again, and trust the new authority"
    try:
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    except (OSError, ValueError) as error:
        raise UnreadableCertificates(f"The local certificate authority cannot be read ({error}): {remedy}.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
        raise UnreadableCertificates(f"The local certificate authority and its key do not belong together: {remedy}.")
    if certificate.not_valid_after_utc - now < CERTIFICATE_LIFETIME:
        expiry = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
        raise UnreadableCertificates(f"The local certificate authority is nearly over ({expiry}): {remedy}.")
    return certificate, key


def _make_certificate(
    files: Certificates,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    names: Iterable[str],
    now: datetime,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tatemono front door")]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now - CLOCK_SKEW + CERTIFICATE_LIFETIME)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )
    _write(files.key, _private_pem(key))
    _write(files.certificate, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)


def _still_good(files: Certificates, authority: x509.Certificate, names: Iterable[str], now: datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        key = serialization.load_pem_private_key(files.key.read_bytes(), password=None)
        certificate.verify_directly_issued_by(authority)
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return (
        certificate.public_key() == key.public_key()
        and certificate.not_valid_before_utc <= now
        and certificate.not_valid_after_utc - now >= RENEW_BEFORE
        and set(alternatives) == {_general_name(name) for name in names}
    )


def _permitted(authority: x509.Certificate, name: str) -> bool:
    permitted = authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
    wanted = _general_name(name)
    if isinstance(wanted, x509.IPAddress):
        networks = [ipaddress.ip_network(str(entry.value)) for entry in permitted if isinstance(entry, x509.IPAddress)]
        return any(wanted.value in network for network in networks)
    domains = [entry.value for entry in permitted if isinstance(entry, x509.DNSName)]
    return any(f".{wanted.value}".endswith(f".{domain}") for domain in domains)


def _general_name(name: str) -> x509.IPAddress | x509.DNSName:
    with contextlib.suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(name))
    return x509.DNSName(name)


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Whole or not at all, and never readable by others for a moment."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    unfinished.replace(path)


def trust_instructions(platform: Platform, authority: Path) -> Trust:
    """How a person makes `platform` trust the authority. Nothing here is ever run by the program."""
    file, name = shlex.quote(str(authority)), _common_name(authority)
    quoted = shlex.quote(name)
    # Chrome and Chromium on Linux read this store (package libnss3-tools, or nss-tools on Fedora), not the system's.
    nss = "certutil -d sql:$HOME/.pki/nssdb"
    chrome_trust, chrome_forget = f"{nss} -A -t C,, -n {quoted} -i {file}", f"{nss} -D -n {quoted}"
    match platform:
        case "macos":
            keychain = "~/Library/Keychains/login.keychain-db"
            return Trust(
                trust=(f"security add-trusted-cert -r trustRoot -p ssl -k {keychain} {file}",),
                forget=(f"security remove-trusted-cert {file}", f"security delete-certificate -c {quoted} {keychain}"),
            )
        case "debian":
            target = "/usr/local/share/ca-certificates/tatemono-local-ca.crt"
            return Trust(
                trust=(f"sudo cp {file} {target}", "sudo update-ca-certificates", chrome_trust),
                forget=(f"sudo rm {target}", "sudo update-ca-certificates --fresh", chrome_forget),
            )
        case "fedora":
            target = "/etc/pki/ca-trust/source/anchors/tatemono-local-ca.pem"
            return Trust(
                trust=(f"sudo cp {file} {target}", "sudo update-ca-trust", chrome_trust),
                forget=(f"sudo rm {target}", "sudo update-ca-trust", chrome_forget),
            )
        case "ios-simulator":
            return Trust(
                trust=(f"xcrun simctl keychain booted add-root-cert {file}",),
                # simctl knows no removal of one certificate.
                forget=("xcrun simctl keychain booted reset",),
            )
        case "android-emulator":
            settings = "adb shell am start -a android.settings.SECURITY_SETTINGS"
            return Trust(
                # Android lets only a person install an authority: Encryption & credentials, Install a certificate.
                trust=(f"adb push {file} /sdcard/Download/tatemono-local-ca.crt", settings),
                forget=("adb shell rm /sdcard/Download/tatemono-local-ca.crt", settings),
            )


def _common_name(authority: Path) -> str:
    subject = x509.load_pem_x509_certificate(authority.read_bytes()).subject
    return str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
