"""What is kept of a painter's bytes, with real codecs."""

import asyncio
import io
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat

from tatemono.adapters.pillow.pictures import PillowPictures
from tatemono.domain.generations.painting import Failure, PaintingFailed
from tatemono.usecases.pictures.ports import ExpectedPicture, Miniature

pictures = PillowPictures()


def scene(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Red from the left, green from the top, blue in the middle, and as much of it transparent as `mode` allows."""
    across = Image.linear_gradient("L").rotate(90).resize((width, height))
    down = Image.linear_gradient("L").resize((width, height))
    middle = Image.radial_gradient("L").resize((width, height))
    bands = {"RGB": (across, down, middle), "RGBA": (across, down, middle, across)}
    return Image.merge(mode, bands[mode]) if mode in bands else Image.merge("RGB", bands["RGB"]).convert(mode)


def encoded(image: Image.Image, output_format: str = "PNG", **options: Any) -> bytes:
    written = io.BytesIO()
    image.save(written, output_format, **options)
    return written.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


async def shrunk(data: bytes, expected: ExpectedPicture) -> Miniature:
    return await pictures.miniature(await pictures.shrink(await pictures.verify(data, expected)))


async def complaint_about(data: bytes, expected: ExpectedPicture) -> str:
    with pytest.raises(PaintingFailed) as failed:
        await pictures.verify(data, expected)
    assert failed.value.failure is Failure.NO_PICTURE
    return failed.value.detail


SMALL = ExpectedPicture(64, 48, "png")


class TestVerify:
    @pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
    async def test_passes_what_was_asked_for(self, output_format: str) -> None:
        data = encoded(scene(96, 64), output_format)

        verified = await pictures.verify(data, ExpectedPicture(96, 64, output_format))

        assert verified.data is data
        assert (verified.width, verified.height) == (96, 64)
        assert verified.content_type == f"image/{output_format}"

    @pytest.mark.parametrize(
        ("size", "thumbnail"),
        [((1024, 1024), (512, 512)), ((1536, 1024), (512, 341)), ((864, 1536), (288, 512)), ((300, 200), (300, 200))],
    )
    async def test_makes_a_thumbnail_that_fits_into_512_pixels(
        self, size: tuple[int, int], thumbnail: tuple[int, int]
    ) -> None:
        miniature = await shrunk(encoded(scene(*size)), ExpectedPicture(*size, "png"))

        image = opened(miniature.thumbnail)
        assert image.format == "WEBP"
        assert image.size == thumbnail

    async def test_makes_a_thumbnail_that_looks_like_the_picture(self) -> None:
        miniature = await shrunk(encoded(scene(1024, 768)), ExpectedPicture(1024, 768, "png"))

        small = opened(miniature.thumbnail).convert("RGB").resize((8, 6), Image.Resampling.BOX)
        whole = scene(1024, 768).resize((8, 6), Image.Resampling.BOX)
        differences = [abs(a - b) for a, b in zip(small.tobytes(), whole.tobytes(), strict=True)]
        assert max(differences) <= 6

    @pytest.mark.parametrize(("mode", "output_format"), [("RGB", "JPEG"), ("L", "JPEG"), ("RGBA", "WEBP")])
    async def test_makes_a_small_copy_for_judges_that_hides_nothing(self, mode: str, output_format: str) -> None:
        data = encoded(scene(1024, 768, "RGBA") if mode == "RGBA" else scene(1024, 768).convert(mode))

        moderation_copy = opened(
            (await pictures.shrink(await pictures.verify(data, ExpectedPicture(1024, 768, "png")))).moderation_copy
        )

        assert (moderation_copy.format, moderation_copy.size) == (output_format, (512, 384))
        assert moderation_copy.has_transparency_data == (mode == "RGBA")

    async def test_keeps_transparency_in_thumbnail_and_placeholder(self) -> None:
        miniature = await shrunk(encoded(scene(96, 96, "RGBA")), ExpectedPicture(96, 96, "png"))

        assert opened(miniature.thumbnail).mode == "RGBA"
        # https://evanw.github.io/thumbhash/: the highest bit of the third byte says that there is an alpha channel.
        assert miniature.thumbhash[2] & 0x80

    @pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "I;16"])
    async def test_passes_other_kinds_of_pixels(self, mode: str) -> None:
        image = Image.new(mode, (64, 48)) if mode == "I;16" else scene(64, 48).convert(mode)

        miniature = await shrunk(encoded(image), SMALL)

        assert opened(miniature.thumbnail).size == (64, 48)

    @pytest.mark.parametrize("came", ["JPEG", "WEBP", "PNG"])
    @pytest.mark.parametrize("asked", ["png", "jpeg", "webp"])
    async def test_keeps_another_format_as_the_one_that_was_asked_for(self, came: str, asked: str) -> None:
        expected = ExpectedPicture(64, 48, asked)
        verified = await PillowPictures().verify(encoded(scene(64, 48), came), expected)
        assert verified.content_type == f"image/{asked}"
        with Image.open(io.BytesIO(verified.data)) as image:
            assert ((image.format or "").lower(), image.size) == (asked, (64, 48))
            changed = ImageChops.difference(image.convert("RGB"), scene(64, 48).convert("RGB"))
        assert max(ImageStat.Stat(changed).mean) < 8

    async def test_refuses_another_size(self) -> None:
        assert "it is 48x64, 64x48 was asked for" in await complaint_about(encoded(scene(48, 64)), SMALL)

    @pytest.mark.parametrize("output_format", ["GIF", "TIFF", "BMP"])
    async def test_refuses_formats_nobody_asks_for_unread(self, output_format: str) -> None:
        assert "does not decode" in await complaint_about(encoded(scene(64, 48), output_format), SMALL)

    @pytest.mark.parametrize("output_format", ["png", "webp"])
    async def test_refuses_what_moves(self, output_format: str) -> None:
        frames = [scene(64, 48), Image.new("RGB", (64, 48), "red")]
        data = encoded(frames[0], output_format, save_all=True, append_images=frames[1:])

        assert "it moves" in await complaint_about(data, ExpectedPicture(64, 48, output_format))

    @pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
    @pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
    async def test_refuses_a_file_that_breaks_off(self, output_format: str, share: float) -> None:
        data = encoded(scene(256, 256), output_format)

        await complaint_about(data[: int(len(data) * share)], ExpectedPicture(256, 256, output_format))

    async def test_refuses_a_png_with_one_wrong_bit(self) -> None:
        data = bytearray(encoded(scene(256, 256)))
        data[len(data) // 2] ^= 1

        assert "does not decode" in await complaint_about(bytes(data), ExpectedPicture(256, 256, "png"))

    async def test_refuses_more_bytes_than_the_limit(self) -> None:
        data = encoded(scene(64, 48))
        strict = PillowPictures(max_size_bytes=len(data) - 1)

        with pytest.raises(PaintingFailed, match=f"{len(data)} bytes, {len(data) - 1} is the limit"):
            await strict.verify(data, SMALL)

    @pytest.mark.parametrize("side", [7_072, 20_000])
    async def test_refuses_a_decompression_bomb_by_its_head(self, side: int) -> None:
        data = bomb(side)
        assert len(data) < 1_000

        await complaint_about(data, ExpectedPicture(side, side, "png"))

    @given(st.data())
    def test_fails_in_one_way_only_whatever_the_bytes(self, data: st.DataObject) -> None:
        output_format = data.draw(st.sampled_from(["png", "jpeg", "webp"]))
        broken = bytearray(encoded(scene(32, 32), output_format))
        for _ in range(data.draw(st.integers(1, 8))):
            at = data.draw(st.integers(0, len(broken) - 1))
            broken[at] = data.draw(st.integers(0, 255))

        try:
            verified = pictures._verify(bytes(broken), ExpectedPicture(32, 32, output_format))
        except PaintingFailed as failed:
            assert failed.failure is Failure.NO_PICTURE  # noqa: PT017 - either outcome is right
        else:
            small = asyncio.run(pictures.shrink(verified))
            assert (
                opened(small.moderation_copy).size
                == opened(asyncio.run(pictures.miniature(small)).thumbnail).size
                == (32, 32)
            )


def bomb(side: int) -> bytes:
    """The head of a PNG that would take gigabytes, and nothing behind it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


class TestPreview:
    @pytest.mark.parametrize("output_format", ["PNG", "JPEG", "WEBP"])
    async def test_is_a_webp_that_fits_into_320_pixels(self, output_format: str) -> None:
        image = opened(await pictures.preview(encoded(scene(1536, 1024), output_format)))

        assert image.format == "WEBP"
        assert image.size == (320, 213)

    async def test_refuses_bytes_that_are_no_picture(self) -> None:
        with pytest.raises(PaintingFailed) as failed:
            await pictures.preview(b"GIF89a or not")

        assert failed.value.failure is Failure.NO_PICTURE


class TestThreads:
    async def test_leaves_the_event_loop_running(self) -> None:
        data = encoded(scene(2048, 2048))
        verifying = asyncio.create_task(pictures.verify(data, ExpectedPicture(2048, 2048, "png")))

        turns = 0
        while not verifying.done():
            await asyncio.sleep(0.001)
            turns += 1

        await verifying
        assert turns > 3
