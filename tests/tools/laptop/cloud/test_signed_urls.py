"""The checker of signed URLs against the signer of production, and against AWS's own signer in botocore."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from tatemono.adapters.cloudfront.signed_urls import CloudFrontSignedUrls
from tatemono_tools.laptop.cloud.signed_urls import PublicKey, TrustedKeys, UrlRefused, check_signed_url

KEY = ec.generate_private_key(ec.SECP256R1())
KEYS = {"K1": KEY.public_key()}
EXPIRES = datetime(2030, 1, 1, tzinfo=UTC)
BEFORE = EXPIRES.timestamp() - 1


def pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def public_pem(key: PublicKey) -> str:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


URLS = CloudFrontSignedUrls("https://pictures.example.com", "K1", pem(KEY))


def check(signed: str, now: float = BEFORE) -> None:
    url, _, query = signed.partition("?")
    check_signed_url(url, query, KEYS, now)


class TestSign:
    def test_names_the_hash_the_key_and_the_end(self) -> None:
        query = dict(part.split("=", 1) for part in urlsplit(URLS.sign("/a.png", EXPIRES)).query.split("&"))
        assert (query["Expires"], query["Key-Pair-Id"], query["Hash-Algorithm"]) == ("1893456000", "K1", "SHA256")

    @given(path=st.text("abcXYZ012-_.~%/", max_size=60))
    def test_is_accepted_until_its_end(self, path: str) -> None:
        check(URLS.sign("/" + path, EXPIRES))

    def test_covers_the_query_of_the_url(self) -> None:
        signed = URLS.sign("/a.png?size=large", EXPIRES)
        check(signed)
        with pytest.raises(UrlRefused):
            check(signed.replace("large", "small"))

    @pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP256K1()])
    def test_refuses_a_key_that_cloudfront_would_refuse(self, curve: ec.EllipticCurve) -> None:
        with pytest.raises(ValueError, match="P-256"):
            CloudFrontSignedUrls("https://pictures.example.com", "K1", pem(ec.generate_private_key(curve)))


class TestCheckSignedUrl:
    def test_accepts_what_the_aws_sdk_signs(self) -> None:
        signer = CloudFrontSigner("K1", lambda message: KEY.sign(message, ec.ECDSA(hashes.SHA1())))  # noqa: S303 - AWS's default
        check(signer.generate_presigned_url("https://pictures.example.com/a.png", date_less_than=EXPIRES))

    def test_accepts_rsa(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        signer = CloudFrontSigner("K2", lambda message: key.sign(message, padding.PKCS1v15(), hashes.SHA1()))  # noqa: S303 - AWS's default
        signed = signer.generate_presigned_url("https://pictures.example.com/a.png", date_less_than=EXPIRES)
        url, _, query = signed.partition("?")
        check_signed_url(url, query, {"K2": key.public_key()}, BEFORE)

    def test_refuses_at_the_second_it_ends(self) -> None:
        with pytest.raises(UrlRefused, match="expired"):
            check(URLS.sign("/a.png", EXPIRES), now=EXPIRES.timestamp())

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("a.png", "b.png"),
            ("https://", "http://"),
            ("pictures.example.com", "example.com"),
            ("Expires=1893456000", "Expires=1893456001"),
            ("Expires=1893456000", "Expires=soon"),
            ("Expires=1893456000", "Expires=+1893456000"),
            ("Key-Pair-Id=K1", "Key-Pair-Id=K2"),
            ("&Hash-Algorithm=SHA256", ""),
            ("SHA256", "MD5"),
            ("Signature=", "Signature=AAAA"),
            ("Signature=", "Signature=!"),
            ("&Hash-Algorithm", "&extra=1&Hash-Algorithm"),
            ("Expires=", "Policy=e30_&Expires="),
        ],
    )
    def test_refuses_what_was_altered(self, old: str, new: str) -> None:
        signed = URLS.sign("/a.png", EXPIRES)
        assert old in signed
        with pytest.raises(UrlRefused) as refusal:
            check(signed.replace(old, new, 1))
        assert refusal.value.code == "AccessDenied"

    @pytest.mark.parametrize("missing", ["Expires", "Signature", "Key-Pair-Id"])
    def test_names_a_missing_parameter_like_cloudfront(self, missing: str) -> None:
        url, _, query = URLS.sign("/a.png", EXPIRES).partition("?")
        rest = "&".join(part for part in query.split("&") if not part.startswith(missing))
        with pytest.raises(UrlRefused) as refusal:
            check_signed_url(url, rest, KEYS, BEFORE)
        assert refusal.value.code == "MissingKey"


class TestTrustedKeys:
    def test_are_none_before_the_file_exists(self, tmp_path: Path) -> None:
        assert TrustedKeys(path=tmp_path / "keys.json").current() == {}

    def test_follow_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "keys.json"
        keys = TrustedKeys(path=path)
        path.write_text(json.dumps({"K1": public_pem(KEY.public_key())}))
        assert set(keys.current()) == {"K1"}
        fresh = tmp_path / "keys.new"
        fresh.write_text(json.dumps({"K2": public_pem(KEY.public_key())}))
        os.replace(fresh, path)  # noqa: PTH105 - as a careful writer does
        assert set(keys.current()) == {"K2"}
