"""Content credentials, read by others than whoever wrote them."""

import asyncio
import io
import json
import shutil
import time
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import c2pa
import pytest
from PIL import Image

from tatemono.adapters.c2pa_credentials import SOURCE_TYPE, C2paCredentials
from tatemono_tools.laptop.secret_values import content_credentials, private_key_pem

FORMATS = ["png", "jpeg", "webp"]


@pytest.fixture(scope="module")
def credentials() -> C2paCredentials:
    return C2paCredentials(content_credentials())


def picture(kind: str, mode: str = "RGB") -> bytes:
    image = Image.effect_noise((320, 240), 80).convert("RGB")
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    buffer = io.BytesIO()
    image.save(buffer, kind.upper())
    return buffer.getvalue()


def pixels(data: bytes) -> tuple[str, tuple[int, int], bytes]:
    image = Image.open(io.BytesIO(data))
    return image.mode, image.size, image.tobytes()


def read(data: bytes, kind: str) -> dict[str, Any]:
    store: dict[str, Any] = json.loads(c2pa.Reader(f"image/{kind}", io.BytesIO(data)).json())
    return store


def actions(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    (found,) = (each["data"]["actions"] for each in manifest["assertions"] if each["label"].startswith("c2pa.actions"))
    listed: list[dict[str, Any]] = found
    return listed


class TestContentCredentials:
    @pytest.mark.parametrize("kind", FORMATS)
    async def test_say_that_a_model_made_the_picture(self, credentials: C2paCredentials, kind: str) -> None:
        signed = await credentials.sign(picture(kind), f"image/{kind}", model="gpt-image-2")
        store = read(signed, kind)
        manifest = store["manifests"][store["active_manifest"]]
        (created,) = actions(manifest)
        assert created["action"] == "c2pa.created"
        assert created["digitalSourceType"] == SOURCE_TYPE
        assert created["softwareAgent"]["name"] == "gpt-image-2"
        assert manifest["claim_generator_info"][0]["name"] == "Tatemono"
        assert manifest["signature_info"]["issuer"] == "Tatemono"
        # A laptop's root is on nobody's trust list; nothing else is wrong.
        assert store["validation_state"] == "Valid"
        assert {each["code"] for each in store.get("validation_status", [])} <= {"signingCredential.untrusted"}

    @pytest.mark.parametrize("kind", FORMATS)
    @pytest.mark.parametrize("mode", ["RGB", "RGBA"])
    async def test_leave_every_pixel_as_it_was(self, credentials: C2paCredentials, kind: str, mode: str) -> None:
        if (kind, mode) == ("jpeg", "RGBA"):
            return  # there is no such thing
        original = picture(kind, mode)
        signed = await credentials.sign(original, f"image/{kind}", model="gpt-image-2")
        assert pixels(signed) == pixels(original)
        assert len(original) < len(signed) < len(original) + 8192

    @pytest.mark.parametrize("kind", FORMATS)
    async def test_show_when_somebody_has_changed_a_pixel(self, credentials: C2paCredentials, kind: str) -> None:
        signed = bytearray(await credentials.sign(picture(kind), f"image/{kind}", model="gpt-image-2"))
        # Between the head and the manifest, which stands first or last: that is pixels.
        signed[len(signed) // 2] ^= 0xFF
        assert read(bytes(signed), kind)["validation_state"] == "Invalid"

    @pytest.mark.parametrize("kind", FORMATS)
    async def test_keep_those_that_the_painter_gave(self, credentials: C2paCredentials, kind: str) -> None:
        painters = C2paCredentials(content_credentials())
        given = await painters.sign(picture(kind), f"image/{kind}", model="the painter's own")
        store = read(await credentials.sign(given, f"image/{kind}", model="gpt-image-2"), kind)
        manifest = store["manifests"][store["active_manifest"]]
        (ingredient,) = manifest["ingredients"]
        before = store["manifests"][ingredient["active_manifest"]]
        assert actions(before)[0]["softwareAgent"]["name"] == "the painter's own"
        assert store["validation_state"] == "Valid"

    # Version 12 of it does not look for them in WebP.
    @pytest.mark.parametrize("kind", ["png", "jpeg"])
    async def test_are_seen_by_exiftool(self, credentials: C2paCredentials, kind: str, tmp_path: Path) -> None:
        program = shutil.which("exiftool")
        if program is None:
            pytest.skip("exiftool is not installed")
        file = tmp_path / f"picture.{kind}"
        file.write_bytes(await credentials.sign(picture(kind), f"image/{kind}", model="gpt-image-2"))
        asking = await asyncio.create_subprocess_exec(program, "-a", "-G", "-s", "-u", file, stdout=PIPE)
        told = (await asking.communicate())[0].decode()
        assert "JUMBF" in told
        assert "trainedAlgorithmicMedia" in told

    async def test_cost_little(self, credentials: C2paCredentials) -> None:
        """The processor time, which a busy machine does not change: 60 ms are what a picture may cost more."""
        image = Image.effect_noise((1024, 1024), 60).convert("RGB")
        buffer = io.BytesIO()
        image.save(buffer, "PNG", compress_level=1)
        before = time.process_time()
        for _ in range(5):
            await credentials.sign(buffer.getvalue(), "image/png", model="gpt-image-2")
        assert (time.process_time() - before) / 5 < 0.06

    def test_need_the_certificate_of_their_key(self) -> None:
        with pytest.raises(ValueError, match="certificate"):
            C2paCredentials(private_key_pem() + content_credentials().partition("-----END PRIVATE KEY-----\n")[2])
