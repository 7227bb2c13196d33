"""What is sealed opens for its purpose, with its secret, unchanged; and for nothing else."""

import pytest

from tatemono.adapters.authenticated_encryption import AuthenticatedEncryption


class TestSealing:
    def test_opens_what_it_sealed_for_the_same_purpose(self) -> None:
        sealing = AuthenticatedEncryption("a secret")
        sealed = sealing.seal(b"tokens", b"one session")
        assert sealing.open(sealed, b"one session") == b"tokens"
        assert sealing.open(sealed, b"another session") is None
        assert b"tokens" not in sealed
        assert sealing.seal(b"tokens", b"one session") != sealed

    @pytest.mark.parametrize("place", [0, 11, 12, -1])
    def test_opens_nothing_that_was_changed(self, place: int) -> None:
        sealing = AuthenticatedEncryption("a secret")
        sealed = bytearray(sealing.seal(b"tokens", b"x"))
        sealed[place] ^= 1
        assert sealing.open(bytes(sealed), b"x") is None

    @pytest.mark.parametrize("length", [0, 1, 12, 27])
    def test_opens_nothing_that_is_too_short(self, length: int) -> None:
        assert AuthenticatedEncryption("a secret").open(b"x" * length, b"x") is None

    def test_opens_what_the_secret_before_has_sealed_and_seals_with_the_new_one(self) -> None:
        old, both, new = (
            AuthenticatedEncryption("old"),
            AuthenticatedEncryption("new, old"),
            AuthenticatedEncryption("new"),
        )
        assert both.open(old.seal(b"tokens", b"x"), b"x") == b"tokens"
        assert new.open(both.seal(b"tokens", b"x"), b"x") == b"tokens"
        assert new.open(old.seal(b"tokens", b"x"), b"x") is None

    def test_needs_a_secret(self) -> None:
        with pytest.raises(ValueError, match="no secret"):
            AuthenticatedEncryption(" , ")
