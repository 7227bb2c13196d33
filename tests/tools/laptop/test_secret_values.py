import base64
import json
from hashlib import sha256
from urllib.parse import unquote, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from hypothesis import given
from hypothesis import strategies as st

from tatemono_tools.laptop.secret_values import (
    database_role,
    database_url,
    private_key_pem,
    public_key,
    random_value,
    signing_keys,
)


class TestRandomValue:
    def test_is_32_bytes_that_are_never_the_same(self) -> None:
        values = {random_value() for _ in range(50)}
        assert len(values) == 50
        assert {len(base64.urlsafe_b64decode(value + "=")) for value in values} == {32}


class TestSigningKeys:
    def test_sign_tokens_that_their_public_half_verifies(self) -> None:
        (key,) = json.loads(signing_keys())["keys"]
        token = jwt.encode({"sub": "user"}, jwt.PyJWK(key), algorithm="ES256")
        public = {name: value for name, value in key.items() if name != "d"}
        assert jwt.decode(token, jwt.PyJWK(public), algorithms=["ES256"]) == {"sub": "user"}

    def test_are_named_by_the_thumbprint_of_rfc_7638(self) -> None:
        (key,) = json.loads(signing_keys())["keys"]
        text = f'{{"crv":"P-256","kty":"EC","x":"{key["x"]}","y":"{key["y"]}"}}'
        assert key["kid"] == base64.urlsafe_b64encode(sha256(text.encode()).digest()).decode().rstrip("=")
        assert (key["alg"], key["use"]) == ("ES256", "sig")

    def test_keep_the_leading_zeros_of_their_numbers(self) -> None:
        # One key in 85 has a coordinate or a private value that begins with a zero byte.
        keys = [json.loads(signing_keys())["keys"][0] for _ in range(300)]
        assert {len(key[number]) for key in keys for number in ("x", "y", "d")} == {43}


class TestPublicKey:
    def test_checks_what_the_private_one_signed(self) -> None:
        pem = private_key_pem()
        private, public = load_pem_private_key(pem.encode(), None), load_pem_public_key(public_key(pem)[1].encode())
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        assert isinstance(public, ec.EllipticCurvePublicKey)
        assert isinstance(public.curve, ec.SECP256R1)
        public.verify(private.sign(b"a picture", ec.ECDSA(SHA256())), b"a picture", ec.ECDSA(SHA256()))

    def test_has_an_id_that_follows_from_the_key(self) -> None:
        first, second = private_key_pem(), private_key_pem()
        assert public_key(first) == public_key(first)
        assert public_key(first)[0] != public_key(second)[0]
        assert public_key(first)[0].isalnum()

    def test_does_not_contain_the_private_half(self) -> None:
        assert "PRIVATE" not in public_key(private_key_pem())[1]


class TestDatabaseUrl:
    def test_names_role_address_and_database(self) -> None:
        url = urlsplit(database_url("image-worker", "127.0.0.1:5433", "tatemono", None))
        assert (url.scheme, url.username, url.hostname, url.port) == ("postgresql", "image_worker", "127.0.0.1", 5433)
        assert url.path == "/tatemono"
        assert len(url.password or "") == 43

    @given(password=st.from_regex(r"([A-Za-z0-9_.~-]|%[0-9A-F]{2}){1,60}", fullmatch=True), port=st.integers(1, 65535))
    def test_keeps_the_password_when_the_server_moves(self, password: str, port: int) -> None:
        known = f"postgresql://image_worker:{password}@127.0.0.1:5432/tatemono"
        moved = urlsplit(database_url("image-worker", f"127.0.0.1:{port}", "tatemono", known))
        assert unquote(moved.password or "") == unquote(password)
        assert moved.port == port

    @pytest.mark.parametrize(("role", "name"), [("image-worker", "image_worker"), ("relay", "relay")])
    def test_calls_a_role_what_needs_no_quotes(self, role: str, name: str) -> None:
        assert database_role(role) == name
