"""Access tokens and DPoP proofs: what is taken, and everything that is not."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from tatemono.adapters.tokens import AccessTokens, verify_proof
from tatemono.domain.devices import Principal, ProofFault, ProofRejected, SignedInDevice, TokenRejected, UserKind
from tatemono.laptop.secret_values import signing_keys

NOW = 1_795_000_000.0
ISSUER = "https://pictures.example.jp"
URL = f"{ISSUER}/v1/api/auth/device"
DEVICE = SignedInDevice(UUID(int=1), UUID(int=2), UserKind.GUEST, new=True)


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
        "sid": str(UUID(int=1)),
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
        assert tokens.verify(token, now=NOW) == Principal(UUID(int=2), UserKind.GUEST, UUID(int=1))

    def test_carry_the_claims_of_the_contract(self, token: str) -> None:
        claims = jwt.decode(token, options={"verify_signature": False})
        assert claims.pop("jti")
        assert claims == {
            "iss": ISSUER,
            "aud": "tatemono-mobile-api",
            "sub": str(UUID(int=2)),
            "sid": str(UUID(int=1)),
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
            ({}, {"sub": None}),
            ({}, {"sub": "somebody"}),
            ({}, {"sid": 7}),
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


@pytest.fixture(scope="module")
def device_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def prove(device_key: ec.EllipticCurvePrivateKey) -> Callable[..., str]:
    jwk = json.loads(ECAlgorithm.to_jwk(device_key.public_key()))

    def make(header: dict[str, Any] | None = None, key: Any = device_key, **changes: Any) -> str:
        claims = {"htm": "POST", "htu": URL, "iat": int(NOW), "jti": "j" * 16} | changes
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, key, "ES256", {"typ": "dpop+jwt", "jwk": jwk} | (header or {}))

    return make


class TestVerifyProof:
    def test_gives_the_thumbprint_of_the_key(
        self, prove: Callable[..., str], device_key: ec.EllipticCurvePrivateKey
    ) -> None:
        jwk = json.loads(ECAlgorithm.to_jwk(device_key.public_key()))
        required = json.dumps({name: jwk[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
        expected = encode(hashlib.sha256(required.encode()).digest())
        assert verify_proof(prove(), method="POST", url=URL, now=NOW) == expected

    def test_agrees_with_the_example_of_rfc_9449(self) -> None:
        # Section 4.1: the proof of a token request, made at 1562262616.
        proof = (
            "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscE"
            "JoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19"
            ".eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwia"
            "WF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
        )
        thumbprint = verify_proof(proof, method="POST", url="https://server.example.com/token", now=1562262616.0)
        assert thumbprint == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"

    @pytest.mark.parametrize(
        "url",
        [
            "https://PICTURES.example.jp:443/v1/api/auth/device",
            URL + "?a=b",
            URL + "#f",
            ISSUER + "/v1/api/%61uth/device",
        ],
    )
    def test_takes_the_same_address_written_otherwise(self, prove: Callable[..., str], url: str) -> None:
        assert verify_proof(prove(htu=url), method="POST", url=URL, now=NOW)

    @pytest.mark.parametrize(
        ("fault", "changes"),
        [
            (ProofFault.METHOD, {"htm": "GET"}),
            (ProofFault.METHOD, {"htm": None}),
            (ProofFault.URL, {"htu": ISSUER + "/v1/api/auth/other"}),
            (ProofFault.URL, {"htu": "http://pictures.example.jp/v1/api/auth/device"}),
            (ProofFault.URL, {"htu": "https://pictures.example.jp:8443/v1/api/auth/device"}),
            (ProofFault.URL, {"htu": "https://[::1/"}),
            (ProofFault.URL, {"htu": "https://pictures.example.jp:99999/v1/api/auth/device"}),
            (ProofFault.URL, {"htu": 5}),
            (ProofFault.TIME, {"iat": NOW - 61}),
            (ProofFault.TIME, {"iat": NOW + 61}),
            (ProofFault.TIME, {"iat": None}),
            (ProofFault.TIME, {"iat": float("nan")}),
            (ProofFault.IDENTIFIER, {"jti": "short"}),
            (ProofFault.IDENTIFIER, {"jti": "j" * 129}),
            (ProofFault.IDENTIFIER, {"jti": None}),
        ],
        ids=str,
    )
    def test_refuses_a_claim_that_is_wrong(
        self, prove: Callable[..., str], fault: ProofFault, changes: dict[str, Any]
    ) -> None:
        with pytest.raises(ProofRejected) as refused:
            verify_proof(prove(**changes), method="POST", url=URL, now=NOW)
        assert refused.value.fault is fault

    def test_refuses_the_proof_of_another_key(self, prove: Callable[..., str]) -> None:
        with pytest.raises(ProofRejected) as refused:
            verify_proof(prove(key=ec.generate_private_key(ec.SECP256R1())), method="POST", url=URL, now=NOW)
        assert refused.value.fault is ProofFault.SIGNATURE

    @pytest.mark.parametrize("typ", ["JWT", "at+jwt", None])
    def test_refuses_another_kind_of_jwt(self, prove: Callable[..., str], typ: str | None) -> None:
        with pytest.raises(ProofRejected) as refused:
            verify_proof(prove({"typ": typ}), method="POST", url=URL, now=NOW)
        assert refused.value.fault is ProofFault.HEADER

    def test_refuses_a_key_that_is_no_public_p256_key(
        self, prove: Callable[..., str], device_key: ec.EllipticCurvePrivateKey
    ) -> None:
        private = json.loads(ECAlgorithm.to_jwk(device_key))
        other_curve = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key()))
        public = json.loads(ECAlgorithm.to_jwk(device_key.public_key()))
        off_the_curve = public | {"y": public["x"]}
        for jwk in (
            private,
            other_curve,
            {"kty": "oct", "k": "AA"},
            "no",
            None,
            public | {"x": "AA"},
            public | {"x": 5},
            off_the_curve,
        ):
            with pytest.raises(ProofRejected) as refused:
                verify_proof(prove({"jwk": jwk}), method="POST", url=URL, now=NOW)
            assert refused.value.fault in (ProofFault.KEY, ProofFault.MALFORMED)

    @pytest.mark.parametrize("text", ["", "a.b.c", "x" * 5000, "..", "é.é.é"])
    def test_refuses_what_is_no_jwt(self, text: str) -> None:
        with pytest.raises(ProofRejected) as refused:
            verify_proof(text, method="POST", url=URL, now=NOW)
        assert refused.value.fault is ProofFault.MALFORMED

    def test_says_why_in_both_languages(self) -> None:
        for fault in ProofFault:
            refusal = ProofRejected(fault)
            assert fault.value[0] in refusal.text("en")
            assert fault.value[1] in refusal.text("ja")
