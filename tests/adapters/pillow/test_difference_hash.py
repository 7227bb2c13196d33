"""Difference hashes: the same picture is found again, another is not."""

import io
from random import Random

import pytest
from PIL import Image, ImageEnhance, ImageOps

from tatemono.adapters.pillow.difference_hash import DifferenceHasher, difference_hashes
from tatemono.domain.safety.moderation import SAME_PICTURE_BITS, is_telling


def scene(seed: int, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """Soft blobs of light, as different from others as scenes are."""
    random = Random(seed)  # noqa: S311 - the same pictures each time
    small = Image.new("RGB", (7, 6))
    small.putdata([tuple(random.randrange(256) for _ in range(3)) for _ in range(42)])
    return small.resize(size, Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def distance(one: bytes, other: bytes) -> int:
    first = difference_hashes(one)[0]
    return min((first ^ each).bit_count() for each in difference_hashes(other))


class TestDifferenceHash:
    @pytest.mark.parametrize("seed", range(8))
    def test_stays_when_a_picture_is_scaled_compressed_tinted_or_mirrored(self, seed: int) -> None:
        picture = scene(seed)
        original = encoded(picture)
        assert is_telling(difference_hashes(original)[0])
        changed = [
            encoded(picture, "JPEG", quality=40),
            encoded(picture.resize((200, 150)), "WEBP", quality=60),
            encoded(ImageEnhance.Brightness(picture).enhance(0.8)),
            encoded(ImageOps.mirror(picture), "JPEG"),
            encoded(ImageOps.grayscale(picture)),
        ]
        assert all(distance(original, each) <= SAME_PICTURE_BITS for each in changed)

    def test_differs_for_other_pictures(self) -> None:
        found = [difference_hashes(encoded(scene(seed))) for seed in range(40)]
        distances = [
            (one[0] ^ each).bit_count() for at, one in enumerate(found) for other in found[at + 1 :] for each in other
        ]
        assert min(distances) > SAME_PICTURE_BITS

    async def test_of_bytes_that_are_no_picture_there_is_none(self) -> None:
        assert await DifferenceHasher().hashes(b"no picture") == ()

    def test_sees_what_shines_through_as_white(self) -> None:
        picture = scene(3).convert("RGBA")
        picture.putalpha(Image.linear_gradient("L").resize(picture.size))
        on_page = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
        assert distance(encoded(picture), encoded(on_page)) == 0
