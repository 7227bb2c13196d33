"""Content credentials: a C2PA manifest in every file, signed, which says that a model made the picture.

https://spec.c2pa.org/specifications/specifications/2.2/specs/C2PA_Specification.html. The pixels are not touched: the
manifest is a chunk of its own in PNG and WebP, and an APP11 segment in JPEG. It names the model and the service, and
no person. No time stamp is asked for: that would tell a third party of each picture (docs/adr/0031).
"""

import asyncio
import io
import json
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

_SETTINGS = {
    # The thumbnail in a manifest would be a second, unsigned-for copy of half a megabyte, and takes 60 ms to make.
    "builder": {"thumbnail": {"enabled": False}},
    # Nothing is fetched, and what was just signed is not read again: tests do that.
    "verify": {"verify_after_sign": False, "remote_manifest_fetch": False, "ocsp_fetch": False},
}
# Where C2PA keeps manifests: the label of its box, in all three formats.
_MANIFEST_MARK = b"jumdc2pa"


class C2paCredentials:
    """Signs one picture at a time, in a thread; the library lets other threads run meanwhile."""

    def __init__(self, key_and_chain_pem: str) -> None:
        """
        :param key_and_chain_pem: a private P-256 key (PKCS #8), its certificate, and those that lead to its root
        :raises ValueError: it is not that
        """
        key, chain = _parts(key_and_chain_pem)
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="credentials")
        self._context = c2pa.Context(settings=c2pa.Settings.from_dict(_SETTINGS))
        info = c2pa.C2paSignerInfo(alg=b"es256", sign_cert=chain.encode(), private_key=key.encode(), ta_url=None)
        self._signer = c2pa.Signer.from_info(info)
        self._generator = {"name": "Tatemono", "version": version("tatemono")}

    async def sign(self, picture: bytes, content_type: str, *, model: str) -> bytes:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._sign, picture, content_type, model)

    def _sign(self, picture: bytes, content_type: str, model: str) -> bytes:
        signed = io.BytesIO()
        with c2pa.Builder(json.dumps(self._manifest(model)), context=self._context) as builder:
            if _MANIFEST_MARK in picture:
                # The painter's own credentials stay, as those of what this file was made from.
                ingredient = {"title": "as painted", "relationship": "componentOf", "format": content_type}
                builder.add_ingredient(json.dumps(ingredient), content_type, io.BytesIO(picture))
            builder.sign(self._signer, content_type, io.BytesIO(picture), signed)
        return signed.getvalue()

    def _manifest(self, model: str) -> dict[str, Any]:
        action = {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPE, "softwareAgent": {"name": model}}
        return {
            "claim_generator_info": [self._generator],
            "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
        }


def _parts(pem: str) -> tuple[str, str]:
    """:raises ValueError: it is no P-256 key with its certificates"""
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    certificates = x509.load_pem_x509_certificates(pem.encode())
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("content credentials are signed with a P-256 key")  # noqa: TRY004 - a setting
    if certificates[0].public_key() != key.public_key():
        raise ValueError("the first certificate of the content credentials is not that of their key")
    pkcs8 = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(serialization.Encoding.PEM, pkcs8, serialization.NoEncryption()).decode()
    return private, "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in certificates)
