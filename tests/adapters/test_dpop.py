"""DPoP proofs: what is taken, and everything that is not."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from tatemono.adapters.dpop import ProofChecker
from tatemono.adapters.jwt_text import encode
from tatemono.domain.identity.devices import Proof, ProofFault, ProofNeedsNonce, ProofRejected

NOW = 1_795_000_020.0
ISSUER = "https://pictures.example.jp"
URL = f"{ISSUER}/v1/api/auth/device"


def verify_proof(proof: str, *, method: str = "POST", url: str = URL, now: float = NOW) -> Proof:
    return ProofChecker(b"key").verify(proof, method=method, url=url, now=now)


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
        assert verify_proof(prove()).thumbprint == expected

    def test_agrees_with_the_example_of_rfc_9449(self) -> None:
        # Section 4.1: the proof of a token request, made at 1562262616.
        proof = (
            "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscE"
            "JoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19"
            ".eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwia"
            "WF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
        )
        verified = verify_proof(proof, url="https://server.example.com/token", now=1562262616.0)
        assert verified.thumbprint == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"

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
        assert verify_proof(prove(htu=url))

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
            verify_proof(prove(**changes))
        assert refused.value.fault is fault

    @pytest.mark.parametrize("issued_at", [NOW - 61, NOW + 61, None, float("nan"), 10**400, "now", []])
    def test_asks_for_a_nonce_when_the_time_is_not_now(self, prove: Callable[..., str], issued_at: Any) -> None:
        with pytest.raises(ProofNeedsNonce) as refused:
            verify_proof(prove(iat=issued_at))
        assert verify_proof(prove(iat=issued_at, nonce=refused.value.nonce))

    def test_takes_a_nonce_for_a_minute_or_two(self, prove: Callable[..., str]) -> None:
        nonce = ProofChecker(b"key").nonce(NOW)
        proof = prove(iat=0, nonce=nonce)
        for later in (0, 59, 60, 119):
            assert verify_proof(proof, now=NOW + later)
        with pytest.raises(ProofNeedsNonce):
            verify_proof(proof, now=NOW + 120)

    @pytest.mark.parametrize("nonce", ["", "AAAAAAAAAAAAAAAAAAAAAA", "é", None, 5, ["a"]])
    def test_refuses_another_nonce_even_when_the_time_is_now(self, prove: Callable[..., str], nonce: Any) -> None:
        others = ProofChecker(b"another key").nonce(NOW)
        for given in (nonce, others):
            changes = {"nonce": given} if given is not None else {"nonce": False}
            with pytest.raises(ProofNeedsNonce):
                verify_proof(prove(**changes))

    @pytest.mark.parametrize(
        "changes",
        [
            {"jti": "\ud800" * 16},
            {"htu": "https://pictures.example.jp/\ud800"},
            {"nonce": "\ud800"},
        ],
        ids=lambda changes: next(iter(changes)),
    )
    def test_refuses_half_of_a_character(self, prove: Callable[..., str], changes: dict[str, Any]) -> None:
        with pytest.raises(ProofRejected) as refused:
            verify_proof(prove(**changes))
        assert refused.value.fault is ProofFault.MALFORMED

    def test_refuses_json_that_is_nested_for_ever(self, prove: Callable[..., str]) -> None:
        header, _, signature = prove().split(".")
        for bomb in ("[" * 2000, '{"a":' * 400, "9" * 2000):
            for text in (f"{encode(bomb.encode())}.e30.{signature}", f"{header}.{encode(bomb.encode())}.{signature}"):
                with pytest.raises(ProofRejected):
                    verify_proof(text)

    def test_tells_one_proof_from_another(
        self, prove: Callable[..., str], device_key: ec.EllipticCurvePrivateKey
    ) -> None:
        digests = {verify_proof(prove(jti=letter * 20)).digest for letter in "aab"}
        other = ec.generate_private_key(ec.SECP256R1())
        jwk = json.loads(ECAlgorithm.to_jwk(other.public_key()))
        digests.add(verify_proof(prove({"jwk": jwk}, key=other, jti="a" * 20)).digest)
        assert len(digests) == 3

    def test_refuses_a_signature_that_is_stripped_or_altered(self, prove: Callable[..., str]) -> None:
        head, _, signature = prove().rpartition(".")
        altered = ("B" if signature[0] == "A" else "A") + signature[1:]
        for other in ("", signature[:40], encode(bytes(64)), encode(b"\xff" * 64), altered):
            with pytest.raises(ProofRejected) as refused:
                verify_proof(f"{head}.{other}")
            assert refused.value.fault is ProofFault.SIGNATURE

    @pytest.mark.parametrize("algorithm", ["none", "HS256", "ES384", "ES256K", "EdDSA", None])
    def test_refuses_another_algorithm(self, prove: Callable[..., str], algorithm: str | None) -> None:
        _, claims, signature = prove().split(".")
        changed = encode(json.dumps(jwt.get_unverified_header(prove()) | {"alg": algorithm}).encode())
        with pytest.raises(ProofRejected) as refused:
            verify_proof(f"{changed}.{claims}.{signature}")
        assert refused.value.fault is ProofFault.HEADER

    def test_refuses_a_claim_that_is_there_twice(
        self, prove: Callable[..., str], device_key: ec.EllipticCurvePrivateKey
    ) -> None:
        header, _, _ = prove().split(".")
        claims = encode(f'{{"htm":"POST","htm":"POST","htu":"{URL}","iat":{int(NOW)},"jti":"{"j" * 16}"}}'.encode())
        signature = ECAlgorithm(ECAlgorithm.SHA256).sign(f"{header}.{claims}".encode(), device_key)
        with pytest.raises(ProofRejected) as refused:
            verify_proof(f"{header}.{claims}.{encode(signature)}")
        assert refused.value.fault is ProofFault.MALFORMED

    def test_refuses_the_proof_of_another_key(self, prove: Callable[..., str]) -> None:
        with pytest.raises(ProofRejected) as refused:
            verify_proof(prove(key=ec.generate_private_key(ec.SECP256R1())))
        assert refused.value.fault is ProofFault.SIGNATURE

    @pytest.mark.parametrize("typ", ["JWT", "at+jwt", None])
    def test_refuses_another_kind_of_jwt(self, prove: Callable[..., str], typ: str | None) -> None:
        with pytest.raises(ProofRejected) as refused:
            verify_proof(prove({"typ": typ}))
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
                verify_proof(prove({"jwk": jwk}))
            assert refused.value.fault in (ProofFault.KEY, ProofFault.MALFORMED)

    @pytest.mark.parametrize("text", ["", "a.b.c", "x" * 5000, "..", "é.é.é"])
    def test_refuses_what_is_no_jwt(self, text: str) -> None:
        with pytest.raises(ProofRejected) as refused:
            verify_proof(text)
        assert refused.value.fault is ProofFault.MALFORMED

    def test_says_why_in_both_languages(self) -> None:
        for fault in ProofFault:
            refusal = ProofRejected(fault)
            assert fault.value[0] in refusal.text("en")
            assert fault.value[1] in refusal.text("ja")


class TestRememberedKeys:
    """A phone's header is read once; nothing else of a proof is taken on trust."""

    def test_check_each_signature_and_each_claim_again(self, prove: Callable[..., str]) -> None:
        checker = ProofChecker(b"key")

        def verify(proof: str) -> Proof:
            return checker.verify(proof, method="POST", url=URL, now=NOW)

        first = verify(prove(jti="a" * 20))
        assert verify(prove(jti="b" * 20)).thumbprint == first.thumbprint
        header, claims, signature = prove(jti="c" * 20).split(".")
        for wrong in (
            f"{header}.{claims}.{prove(jti='d' * 20).split('.')[2]}",
            f"{header}.{encode(json.dumps({'htm': 'POST', 'htu': URL, 'iat': int(NOW), 'jti': 'e' * 20}).encode())}."
            + signature,
            f"{header}.{claims}.",
            prove(htm="GET"),
            prove(htu=URL + "/other"),
        ):
            with pytest.raises(ProofRejected):
                verify(wrong)
        with pytest.raises(ProofNeedsNonce):
            verify(prove(iat=0))

    def test_are_those_of_good_signatures_only_and_within_a_bound(
        self, prove: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tatemono.adapters.dpop._REMEMBERED_KEYS", 3)
        checker = ProofChecker(b"key")
        with pytest.raises(ProofRejected):
            checker.verify(prove(key=ec.generate_private_key(ec.SECP256R1())), method="POST", url=URL, now=NOW)
        assert not checker._holders
        for _ in range(5):
            key = ec.generate_private_key(ec.SECP256R1())
            jwk = json.loads(ECAlgorithm.to_jwk(key.public_key()))
            checker.verify(prove({"jwk": jwk}, key=key), method="POST", url=URL, now=NOW)
        assert len(checker._holders) == 3
