import asyncio
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tatemono_tools.laptop.door.certificates import (
    FIXED_NAMES,
    Certificates,
    Platform,
    UnreadableCertificates,
    ensure_certificates,
    machine_names,
    trust_instructions,
)

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
# For handshakes, in which OpenSSL looks at the real clock.
TODAY = datetime.now(UTC)


def ensure(folder: Path, *names: str, now: datetime = NOW) -> Certificates:
    return ensure_certificates(folder, names=("studio-mac", *names), host="studio-mac", now=now)


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def names_in(path: Path) -> set[str]:
    alternatives = read(path).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(entry.value) for entry in alternatives}


def shake_hands(files: Certificates, server_name: str) -> None:
    """A TLS handshake in memory, as a client that trusts the authority would make it.

    :raises ssl.SSLCertVerificationError: the client does not believe the server
    """
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(files.certificate, files.key)
    client_context = ssl.create_default_context(cafile=files.authority)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(down, up, server_hostname=server_name)
    server = server_context.wrap_bio(up, down, server_side=True)
    sides = [client, server]
    for _ in range(6):
        for side in list(sides):
            try:
                side.do_handshake()
                sides.remove(side)
            except ssl.SSLWantReadError:
                continue
    assert sides == []


class TestEnsureCertificates:
    def test_names_the_authority_after_the_machine(self, tmp_path: Path) -> None:
        subject = read(ensure(tmp_path).authority).subject.rfc4514_string()
        assert subject == "CN=Tatemono local CA (studio-mac)"

    def test_keeps_the_keys_from_others(self, tmp_path: Path) -> None:
        files = ensure(tmp_path / "certificates")
        assert stat.S_IMODE((tmp_path / "certificates").stat().st_mode) == 0o700
        for key in (files.key, tmp_path / "certificates" / "authority.key"):
            assert stat.S_IMODE(key.stat().st_mode) == 0o600

    def test_vouches_for_the_machine_and_its_local_addresses(self, tmp_path: Path) -> None:
        files = ensure(tmp_path, "192.168.1.20", "fe80::1", "studio-mac.local")
        assert names_in(files.certificate) == {
            *FIXED_NAMES,
            "studio-mac",
            "192.168.1.20",
            "fe80::1",
            "studio-mac.local",
        }

    def test_says_which_names_it_may_not_vouch_for(self, tmp_path: Path) -> None:
        files = ensure(tmp_path, "203.0.113.9", "example.com", "notlocal", "2001:db8::1")
        assert files.left_out == ("203.0.113.9", "example.com", "notlocal", "2001:db8::1")
        assert not names_in(files.certificate) & set(files.left_out)

    def test_lives_no_longer_than_browsers_accept(self, tmp_path: Path) -> None:
        certificate = read(ensure(tmp_path).certificate)
        assert certificate.not_valid_after_utc - certificate.not_valid_before_utc <= timedelta(days=397)

    def test_changes_nothing_while_all_is_well(self, tmp_path: Path) -> None:
        first = ensure(tmp_path)
        before = {path: path.read_bytes() for path in tmp_path.iterdir()}
        again = ensure(tmp_path, now=NOW + timedelta(days=300))
        assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
        assert (first.authority_is_new, again.authority_is_new) == (True, False)

    def test_renews_only_the_certificate_when_its_end_is_near(self, tmp_path: Path) -> None:
        files = ensure(tmp_path)
        authority, certificate = files.authority.read_bytes(), files.certificate.read_bytes()
        later = NOW + timedelta(days=368)
        renewed = ensure(tmp_path, now=later)
        assert renewed.authority.read_bytes() == authority
        assert renewed.certificate.read_bytes() != certificate
        assert read(renewed.certificate).not_valid_after_utc > later + timedelta(days=390)

    def test_renews_when_the_names_changed(self, tmp_path: Path) -> None:
        ensure(tmp_path, "192.168.1.20")
        files = ensure(tmp_path, "10.0.0.7")
        assert "10.0.0.7" in names_in(files.certificate)
        assert "192.168.1.20" not in names_in(files.certificate)

    def test_replaces_a_key_that_does_not_belong_to_the_certificate(self, tmp_path: Path) -> None:
        files = ensure(tmp_path / "one", now=TODAY)
        other = ensure(tmp_path / "two", now=TODAY)
        files.key.write_bytes(other.key.read_bytes())
        shake_hands(ensure(tmp_path / "one", now=TODAY), "localhost")

    def test_replaces_a_certificate_of_another_authority(self, tmp_path: Path) -> None:
        files = ensure(tmp_path / "one", now=TODAY)
        other = ensure(tmp_path / "two", now=TODAY)
        files.key.write_bytes(other.key.read_bytes())
        files.certificate.write_bytes(other.certificate.read_bytes())
        shake_hands(ensure(tmp_path / "one", now=TODAY), "localhost")

    def test_names_the_files_of_a_damaged_authority(self, tmp_path: Path) -> None:
        files = ensure(tmp_path)
        files.authority.write_text("no certificate")
        with pytest.raises(UnreadableCertificates, match=r"authority\.pem.*authority\.key"):
            ensure(tmp_path)

    def test_refuses_an_authority_with_another_key(self, tmp_path: Path) -> None:
        ensure(tmp_path / "one")
        ensure(tmp_path / "two")
        (tmp_path / "one" / "authority.key").write_bytes((tmp_path / "two" / "authority.key").read_bytes())
        with pytest.raises(UnreadableCertificates, match="do not belong together"):
            ensure(tmp_path / "one")

    def test_says_when_the_authority_is_nearly_over(self, tmp_path: Path) -> None:
        ensure(tmp_path)
        with pytest.raises(UnreadableCertificates, match="2036-11-28"):
            ensure(tmp_path, now=NOW + timedelta(days=3400))


class TestHandshake:
    @pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "10.0.2.2", "studio-mac", "192.168.1.20"])
    def test_succeeds_for_every_name(self, tmp_path: Path, name: str) -> None:
        shake_hands(ensure(tmp_path, "192.168.1.20", now=TODAY), name)

    def test_fails_for_another_name(self, tmp_path: Path) -> None:
        with pytest.raises(ssl.SSLCertVerificationError):
            shake_hands(ensure(tmp_path, now=TODAY), "example.com")

    def test_fails_for_a_public_name_even_with_the_authority_s_key(self, tmp_path: Path) -> None:
        """Name constraints: a stolen key of the authority cannot certify a public site."""
        files = ensure(tmp_path, now=TODAY)
        stolen = serialization.load_pem_private_key((tmp_path / "authority.key").read_bytes(), password=None)
        assert isinstance(stolen, ec.EllipticCurvePrivateKey)
        genuine = read(files.certificate)
        forged = x509.CertificateBuilder(
            subject_name=genuine.subject,
            issuer_name=genuine.issuer,
            public_key=genuine.public_key(),
            serial_number=1,
            not_valid_before=genuine.not_valid_before_utc,
            not_valid_after=genuine.not_valid_after_utc,
        )
        # Only the name differs from the genuine one, which Python 3.13 and newer look at more strictly.
        for extension in genuine.extensions:
            value = extension.value
            if isinstance(value, x509.SubjectAlternativeName):
                value = x509.SubjectAlternativeName([x509.DNSName("example.com")])
            forged = forged.add_extension(value, critical=extension.critical)
        files.certificate.write_bytes(forged.sign(stolen, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
            shake_hands(files, "example.com")


class TestMachineNames:
    def test_has_the_loopback_and_no_scopes(self) -> None:
        names = machine_names()
        assert "127.0.0.1" in names
        assert not any("%" in name for name in names)


class TestTrustInstructions:
    @pytest.mark.parametrize("platform", ["macos", "debian", "fedora", "ios-simulator", "android-emulator"])
    async def test_are_commands_a_shell_understands(self, tmp_path: Path, platform: Platform) -> None:
        folder = tmp_path / "it's a folder"
        files = ensure(folder)
        instructions = trust_instructions(platform, files.authority)
        assert any("authority.pem" in command for command in instructions.trust)
        assert instructions.forget
        for command in (*instructions.trust, *instructions.forget):
            shell = await asyncio.create_subprocess_exec("sh", "-n", "-c", command)
            assert await shell.wait() == 0
