"""Checks CloudFront's signed URLs where there is no CloudFront: canned policies, ECDSA on P-256 and RSA.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-signed-urls.html
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

_STANDARD = str.maketrans("-_~", "+=/")
_HASHES = {"SHA1": hashes.SHA1, "SHA256": hashes.SHA256}
_SIGNING_PARAMETERS = frozenset({"Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"})


class UrlRefused(Exception):
    """CloudFront would answer 403; `code` is the word in its answer."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(kw_only=True)
class TrustedKeys:
    """A trusted key group: a JSON file of key id → public key (PEM), read again whenever it changes."""

    path: Path
    _stamp: tuple[int, int] = (0, 0)
    _keys: Mapping[str, PublicKey] = field(default_factory=dict)

    def current(self) -> Mapping[str, PublicKey]:
        """The keys of the moment; none while the file does not exist.

        :raises ValueError: the file is no JSON object of PEM public keys
        """
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return {}
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp != self._stamp:
            self._keys = {key_id: _public_key(pem) for key_id, pem in json.loads(self.path.read_text()).items()}
            self._stamp = stamp
        return self._keys


def check_signed_url(url: str, query: str, keys: Mapping[str, PublicKey], now: float) -> None:
    """Let a request pass as CloudFront would, or say why not.

    `url` is what the viewer asked for without its query, `query` the query as sent, `now` in seconds since 1970.

    :raises UrlRefused: unsigned, not signed by a trusted key, altered or expired
    """
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    if "Policy" in parameters:
        raise UrlRefused("AccessDenied", "Custom policies are not accepted here, only canned ones")
    try:
        key_id, expires = parameters["Key-Pair-Id"], int(parameters["Expires"])
        signature = base64.b64decode(parameters["Signature"].translate(_STANDARD), validate=True)
    except KeyError as missing:
        raise UrlRefused("MissingKey", "Missing Key-Pair-Id query parameter or cookie value") from missing
    except (ValueError, binascii.Error) as malformed:
        raise UrlRefused("AccessDenied", "A signing parameter is malformed") from malformed
    key = keys.get(key_id)
    algorithm = _HASHES.get(parameters.get("Hash-Algorithm", "SHA1"))
    if key is None or algorithm is None:
        raise UrlRefused("AccessDenied", f"No trusted key signs as {key_id} with this hash")
    own_query = "&".join(part for part in query.split("&") if part.split("=", 1)[0] not in _SIGNING_PARAMETERS)
    resource = f"{url}?{own_query}" if own_query else url
    try:
        _verify(key, signature, _canned_policy(resource, parameters["Expires"]), algorithm())
    except InvalidSignature as altered:
        raise UrlRefused("AccessDenied", "The signature does not match the URL") from altered
    if expires <= now:
        raise UrlRefused("AccessDenied", "The URL has expired")


def _canned_policy(resource: str, expires: str) -> bytes:
    # Written out here and not taken from the signing side, which would agree with itself in any mistake.
    return b'{"Statement":[{"Resource":"%b","Condition":{"DateLessThan":{"AWS:EpochTime":%b}}}]}' % (
        resource.encode(),
        expires.encode(),
    )


def _verify(key: PublicKey, signature: bytes, message: bytes, algorithm: hashes.HashAlgorithm) -> None:
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, message, padding.PKCS1v15(), algorithm)
    else:
        key.verify(signature, message, ec.ECDSA(algorithm))


def _public_key(pem: str) -> PublicKey:
    key = load_pem_public_key(pem.encode())
    if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise ValueError("CloudFront takes RSA and ECDSA public keys only")  # noqa: TRY004 - a bad value in a file
    return key
