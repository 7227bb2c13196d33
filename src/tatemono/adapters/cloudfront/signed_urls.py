"""Signed URLs for private pictures, as CloudFront checks them at the edge."""

import base64
from datetime import datetime

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_URL_SAFE = str.maketrans("+=/", "-_~")
"""CloudFront's own alphabet: base64 with the three characters that mean something in a URL replaced."""

_SHA256 = ec.ECDSA(hashes.SHA256())


class CloudFrontSignedUrls:
    """Signs URLs below `base_url` (scheme and host, without a path) for a verifier that trusts `key_id`.

    :raises ValueError: `private_key_pem` is no unencrypted P-256 key, the only curve CloudFront takes
    """

    def __init__(self, base_url: str, key_id: str, private_key_pem: str) -> None:
        key = load_pem_private_key(private_key_pem.encode(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise ValueError("The picture URL key must be an ECDSA key on P-256 (prime256v1)")  # noqa: TRY004 - a setting
        self._base_url = base_url.rstrip("/")
        self._key_id = key_id
        self._key = key

    def sign(self, path: str, expires_at: datetime) -> str:
        """The URL of `path` (percent-encoded, beginning with `/`), good until `expires_at` (whole seconds, aware).

        A canned policy:
        https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-canned-policy.html
        """
        url = self._base_url + path
        expires = int(expires_at.timestamp())
        signature = self._key.sign(canned_policy(url, expires), _SHA256)
        text = base64.b64encode(signature).decode().translate(_URL_SAFE)
        separator = "&" if "?" in path else "?"
        # CloudFront hashes with SHA-1 unless the URL names SHA-256.
        return f"{url}{separator}Expires={expires}&Signature={text}&Key-Pair-Id={self._key_id}&Hash-Algorithm=SHA256"


def canned_policy(url: str, expires: int) -> bytes:
    """What a canned policy's signature covers: CloudFront puts it together again from the request, byte by byte."""
    statement = f'{{"Resource":"{url}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}}}'
    return f'{{"Statement":[{statement}]}}'.encode()
