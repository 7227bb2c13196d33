"""A module of its own, so that the command line need not load what rotates the secrets."""

from enum import StrEnum


class RotatedSecret(StrEnum):
    """The plan's secrets that can be rotated while the building runs."""

    TOKEN_SIGNING_KEYS = "token-signing-keys"  # noqa: S105 - the name of one
    DEVICE_IDENTIFIER_KEY = "device-identifier-key"
