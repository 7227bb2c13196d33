"""Access tokens: what is taken, and everything that is not."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from tatemono.adapters.tokens import AccessTokens
from tatemono.domain.identity.devices import Principal, SignedInDevice, TokenRejected, UserKind
from tatemono_tools.laptop.secret_values import signing_keys

NOW = 1_795_000_000.0
ISSUER = "https://pictures.example.jp"
DEVICE = SignedInDevice(UUID(int=1), UUID(int=2), UserKind.GUEST, new=True, session_id=UUID(int=3))


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def altered(token: str, segment: int, change: Callable[[bytes], bytes]) -> str:
    segments = token.split(".")
    segments[segment] = encode(change(base64.urlsafe_b64decode(segments[segment] + "==")))
    return ".".join(segments)


@pytest.fixture(scope="module")
def jwks() -> str:
    return signing_keys()


@pytest.fixture
def tokens(jwks: str) -> AccessTokens:
    return AccessTokens(jwks, issuer=ISSUER, lifetime_seconds=3600)


@pytest.fixture
def token(tokens: AccessTokens) -> str:
    return tokens.issue(DEVICE, key_thumbprint="thumb", now=NOW)


@pytest.fixture
def sign(jwks: str) -> Callable[..., str]:
    """Signs claims and a header of the test's choice with our key; None leaves one out."""
    jwk = json.loads(jwks)["keys"][0]
    good = {
        "iss": ISSUER,
        "aud": "tatemono-mobile-api",
        "sub": str(UUID(int=2)),
        "sid": str(UUID(int=3)),
        "device_id": str(UUID(int=1)),
        "iat": int(NOW),
        "exp": int(NOW) + 3600,
        "user_kind": "guest",
    }

    def make(header: dict[str, Any] | None = None, **changes: Any) -> str:
        claims = {name: value for name, value in (good | changes).items() if value is not None}
        headers = {"kid": jwk["kid"], "typ": "at+jwt"} | (header or {})
        return jwt.encode(claims, jwt.PyJWK(jwk), "ES256", headers)

    return make


class TestAccessTokens:
    def test_say_for_whom_they_speak(self, tokens: AccessTokens, token: str) -> None:
        assert tokens.verify(token, now=NOW) == Principal(UUID(int=2), UserKind.GUEST, UUID(int=1), UUID(int=3))

    def test_carry_the_claims_of_the_contract(self, token: str) -> None:
        claims = jwt.decode(token, options={"verify_signature": False})
        assert claims.pop("jti")
        assert claims == {
            "iss": ISSUER,
            "aud": "tatemono-mobile-api",
            "sub": str(UUID(int=2)),
            "sid": str(UUID(int=3)),
            "device_id": str(UUID(int=1)),
            "iat": int(NOW),
            "exp": int(NOW) + 3600,
            "cnf": {"jkt": "thumb"},
            "user_kind": "guest",
        }

    def test_expire_also_when_they_are_remembered(self, tokens: AccessTokens, token: str) -> None:
        tokens.verify(token, now=NOW + 3599)
        with pytest.raises(TokenRejected):
            tokens.verify(token, now=NOW + 3600)

    def test_of_an_older_key_are_good_while_it_is_in_the_set(self, jwks: str, token: str) -> None:
        keys = json.loads(signing_keys())["keys"] + json.loads(jwks)["keys"]
        rotated = AccessTokens(json.dumps({"keys": keys}), issuer=ISSUER, lifetime_seconds=60)
        assert rotated.verify(token, now=NOW).user_id == UUID(int=2)
        newer = rotated.issue(DEVICE, key_thumbprint="thumb", now=NOW)
        assert jwt.get_unverified_header(newer)["kid"] == keys[0]["kid"]

    def test_are_signed_with_a_new_key_only_when_everybody_knows_it(self, jwks: str, token: str) -> None:
        (new,) = json.loads(signing_keys())["keys"]
        (old,) = json.loads(jwks)["keys"]
        keys = json.dumps({"keys": [new | {"signs_from": NOW + 600}, old]})
        rotated = AccessTokens(keys, issuer=ISSUER, lifetime_seconds=60)
        for now, kid in ((NOW + 599, old["kid"]), (NOW + 600, new["kid"])):
            issued = rotated.issue(DEVICE, key_thumbprint="thumb", now=now)
            assert jwt.get_unverified_header(issued)["kid"] == kid
            assert rotated.verify(issued, now=now)

    def test_of_a_key_that_was_taken_away_are_refused_also_when_they_are_remembered(
        self, tokens: AccessTokens, token: str
    ) -> None:
        tokens.verify(token, now=NOW)
        with pytest.raises(ValueError, match="no key"):
            tokens.take_keys('{"keys": []}')
        tokens.verify(token, now=NOW)
        tokens.take_keys(signing_keys())
        with pytest.raises(TokenRejected):
            tokens.verify(token, now=NOW)

    def test_are_verified_by_others_with_the_public_keys(self, tokens: AccessTokens, token: str, jwks: str) -> None:
        published = tokens.public_keys()
        assert json.loads(jwks)["keys"][0]["d"] not in json.dumps(published)
        found = jwt.PyJWKSet.from_dict(published)[jwt.get_unverified_header(token)["kid"]]
        options = {"verify_exp": False, "verify_iat": False}
        claims = jwt.decode(token, found, ["ES256"], audience="tatemono-mobile-api", options=options)  # type: ignore[arg-type]
        assert claims["sub"] == str(UUID(int=2))

    def test_of_another_curve_are_refused(self, tokens: AccessTokens, token: str, jwks: str) -> None:
        _, claims, _ = token.split(".")
        kid = json.loads(jwks)["keys"][0]["kid"]
        for algorithm, key in (("ES384", ec.SECP384R1()), ("ES256K", ec.SECP256K1()), ("ES256", ec.SECP384R1())):
            header = encode(json.dumps({"alg": algorithm, "kid": kid, "typ": "at+jwt"}).encode())
            signer = ECAlgorithm(ECAlgorithm.SHA384 if algorithm == "ES384" else ECAlgorithm.SHA256)
            signature = signer.sign(f"{header}.{claims}".encode(), ec.generate_private_key(key))
            with pytest.raises(TokenRejected):
                tokens.verify(f"{header}.{claims}.{encode(signature)}", now=NOW)

    def test_are_never_id_tokens(self, tokens: AccessTokens) -> None:
        issued = tokens.issue_id_token(replace(DEVICE, email="a@example.jp"), now=NOW)
        assert jwt.decode(issued, options={"verify_signature": False}) == {
            "iss": ISSUER,
            "aud": "tatemono-app",
            "sub": str(UUID(int=2)),
            "iat": int(NOW),
            "exp": int(NOW) + 3600,
            "user_kind": "guest",
            "email": "a@example.jp",
        }
        with pytest.raises(TokenRejected):
            tokens.verify(issued, now=NOW)

    def test_of_another_key_are_refused(self, token: str) -> None:
        others = AccessTokens(signing_keys(), issuer=ISSUER, lifetime_seconds=60)
        with pytest.raises(TokenRejected):
            others.verify(token, now=NOW)

    @pytest.mark.parametrize(
        ("header", "changes"),
        [
            ({}, {"iss": "https://elsewhere.example"}),
            ({}, {"aud": "another"}),
            ({}, {"aud": ["tatemono-mobile-api", "another"]}),
            ({}, {"exp": int(NOW)}),
            ({}, {"exp": None}),
            ({}, {"exp": "soon"}),
            ({}, {"exp": NOW + 60.5}),
            ({}, {"exp": True}),
            ({}, {"iat": int(NOW) + 61}),
            ({}, {"iat": None}),
            ({}, {"nbf": int(NOW) + 61}),
            ({}, {"nbf": "soon"}),
            ({}, {"sub": None}),
            ({}, {"sub": "somebody"}),
            ({}, {"sid": 7}),
            ({}, {"sid": None}),
            ({}, {"device_id": None}),
            ({}, {"user_kind": "operator"}),
            ({"typ": "JWT"}, {}),
            ({"typ": "dpop+jwt"}, {}),
            ({"crit": ["b64"], "b64": False}, {}),
            ({"crit": ["exp"]}, {}),
            ({"kid": "another"}, {}),
            ({"kid": ["a"]}, {}),
        ],
        ids=str,
    )
    def test_with_anything_wrong_are_refused(
        self, tokens: AccessTokens, sign: Callable[..., str], header: dict[str, Any], changes: dict[str, Any]
    ) -> None:
        assert tokens.verify(sign(), now=NOW)
        try:
            wrong = sign(header, **changes)
        except (
            TypeError,
            jwt.InvalidTokenError,
        ):  # the library itself does not sign such a token, so its header is put in by force
            wrong = altered(sign(), 0, lambda data: json.dumps(json.loads(data) | header).encode())
        with pytest.raises(TokenRejected):
            tokens.verify(wrong, now=NOW)

    def test_without_signature_are_refused(self, tokens: AccessTokens, token: str) -> None:
        for algorithm in ("none", "None", "NONE"):
            header = encode(json.dumps(jwt.get_unverified_header(token) | {"alg": algorithm}).encode())
            for signature in ("", token.split(".")[2]):
                with pytest.raises(TokenRejected):
                    tokens.verify(f"{header}.{token.split('.')[1]}.{signature}", now=NOW)

    def test_signed_with_our_public_key_as_a_password_are_refused(
        self, tokens: AccessTokens, token: str, jwks: str
    ) -> None:
        public = jwt.PyJWK(json.loads(jwks)["keys"][0]).key.public_key()
        info = serialization.PublicFormat.SubjectPublicKeyInfo
        header = encode(json.dumps(jwt.get_unverified_header(token) | {"alg": "HS256"}).encode())
        signed = f"{header}.{token.split('.')[1]}"
        for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER):
            password = public.public_bytes(encoding, info)
            forged = encode(hmac.digest(password, signed.encode(), hashlib.sha256))
            with pytest.raises(TokenRejected):
                tokens.verify(f"{signed}.{forged}", now=NOW)

    def test_altered_anywhere_are_refused(self, tokens: AccessTokens, token: str) -> None:
        for segment in range(3):
            with pytest.raises(TokenRejected):
                tokens.verify(
                    altered(token, segment, lambda data: data[:-3] + bytes([data[-3] ^ 1]) + data[-2:]), now=NOW
                )

    def test_written_otherwise_are_refused_before_and_after_they_are_remembered(
        self, tokens: AccessTokens, token: str
    ) -> None:
        for _ in range(2):
            # 64 bytes end in a character of which four bits do not count.
            last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(token[-1])
            twin = token[:-1] + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last + 1]
            for text in (
                twin,
                token + "=",
                token + "==",
                token + " ",
                token + "\n",
                token.replace(".", "..", 1),
                "+" + token,
            ):
                with pytest.raises(TokenRejected):
                    tokens.verify(text, now=NOW)
            tokens.verify(token, now=NOW)

    def test_that_repeat_a_claim_are_refused(self, tokens: AccessTokens, jwks: str, token: str) -> None:
        key = ECAlgorithm.from_jwk(json.loads(jwks)["keys"][0])
        header, claims, _ = token.split(".")
        twice = base64.urlsafe_b64decode(claims + "==")[:-1] + b',"sub":"' + str(UUID(int=3)).encode() + b'"}'
        signed = f"{header}.{encode(twice)}"
        signature = ECAlgorithm(ECAlgorithm.SHA256).sign(signed.encode(), key)  # type: ignore[arg-type]
        with pytest.raises(TokenRejected):
            tokens.verify(f"{signed}.{encode(signature)}", now=NOW)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "a",
            "a.b",
            "a.b.c",
            "....",
            "é.b.c",
            "a" * 5000,
            f"{encode(b'[]')}.{encode(b'{}')}.",
            encode(b"[" * 2000) + ".e30.",
        ],
    )
    def test_that_are_none_are_refused(self, tokens: AccessTokens, text: str) -> None:
        with pytest.raises(TokenRejected):
            tokens.verify(text, now=NOW)

    def test_are_remembered_within_a_bound(self, tokens: AccessTokens, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tatemono.adapters.tokens._REMEMBERED_TOKENS", 3)
        for _ in range(5):
            tokens.verify(tokens.issue(DEVICE, key_thumbprint="thumb", now=NOW), now=NOW)
        assert len(tokens._verified) == 3

    @pytest.mark.parametrize("keys", ['{"keys": []}', "{}", '{"keys": [{"kty": "oct", "k": "AA", "kid": "1"}]}'])
    def test_need_private_p256_keys(self, keys: str) -> None:
        with pytest.raises((ValueError, KeyError, jwt.InvalidKeyError)):
            AccessTokens(keys, issuer=ISSUER, lifetime_seconds=60)

    def test_do_not_take_a_public_key_to_sign(self, jwks: str) -> None:
        public = {name: value for name, value in json.loads(jwks)["keys"][0].items() if name != "d"}
        with pytest.raises(ValueError, match="private P-256"):
            AccessTokens(json.dumps({"keys": [public]}), issuer=ISSUER, lifetime_seconds=60)
