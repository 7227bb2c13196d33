"""The placeholder, against what other implementations of the format make of the same pixels, and read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatemono.adapters.pillow.thumb_hash import thumb_hash


def pattern(width: int, height: int, *, transparent: bool) -> bytes:
    """Pixels without symmetries: where a wave is exactly absent, implementations round to either side."""
    drawn = bytearray()
    for y in range(height):
        for x in range(width):
            colour = ((x * x + 3 * y) % 256, (5 * x + x * y) % 256, (2 * y * y + 7 * x) % 256)
            drawn += bytes([*colour, (11 * x + 3 * x * y + y * y) % 256 if transparent else 255])
    return bytes(drawn)


def landscape(width: int, height: int) -> bytes:
    """A blue sky over yellow land, darker to the right."""
    drawn = bytearray()
    for y in range(height):
        for x in range(width):
            light = 1 - 0.5 * x / width
            colour = (90, 150, 230) if y < height / 2 else (230, 200, 60)
            drawn += bytes([*(int(part * light) for part in colour), 255])
    return bytes(drawn)


def read_back(hashed: bytes) -> tuple[float, tuple[float, float, float, float]]:
    """The aspect ratio and the mean colour, as the format's description says to read them."""
    head = int.from_bytes(hashed[:5], "little")
    l, p, q = (head & 63) / 63, (head >> 6 & 63) / 31.5 - 1, (head >> 12 & 63) / 31.5 - 1  # noqa: E741 - the format's names
    transparent, landscape = head >> 23 & 1, head >> 39 & 1
    long, short = (5 if transparent else 7), head >> 24 & 7
    blue = l - 2 / 3 * p
    red = (3 * l - blue + q) / 2
    alpha = (hashed[5] & 15) / 15 if transparent else 1
    return (long / short if landscape else short / long), (red, red - q, blue, alpha)


class TestThumbHash:
    @pytest.mark.parametrize(
        ("width", "height", "transparent", "expected"),
        [
            (32, 32, False, "9e0706170020528745869867887886798676275078cc600c"),
            (32, 21, False, "9df7091d8230749856878867886797770295588a8f"),
            (18, 32, False, "5bf70924023038955987856868780167c983f5"),
            (32, 32, True, "9e07860d0007306356977889770385a707a731464640543355"),
            (32, 18, True, "5d07860b8207307567a87704a5677aaf01455320447378"),
            (20, 32, True, "5c078613020720547a68590177a930eb33460653344342"),
        ],
    )
    def test_is_what_other_implementations_make_of_the_same_pixels(
        self, width: int, height: int, transparent: bool, expected: str
    ) -> None:
        assert thumb_hash(width, height, pattern(width, height, transparent=transparent)).hex() == expected

    def test_reads_back_as_the_mean_colour_and_the_shape(self) -> None:
        shape, (red, green, blue, alpha) = read_back(thumb_hash(32, 16, landscape(32, 16)))

        assert shape == pytest.approx(2, rel=0.15)
        assert (red, green, blue) == pytest.approx((0.47, 0.51, 0.43), abs=0.03)
        assert alpha == 1

    def test_has_a_warmer_lower_half_where_the_land_is(self) -> None:
        hashed = thumb_hash(32, 32, landscape(32, 32))

        # 27 parts of luminance come first, then five of yellow against blue; the third of those is the slowest wave
        # from top to bottom, which starts high.
        parts = [part for byte in hashed[5:] for part in (byte & 15, byte >> 4)]
        assert parts[27 + 2] / 7.5 - 1 < -0.5

    def test_takes_a_single_pixel(self) -> None:
        assert len(thumb_hash(1, 1, b"\x10\x20\x30\xff")) >= 5

    def test_takes_pixels_that_are_all_transparent(self) -> None:
        _, (*_, alpha) = read_back(thumb_hash(4, 4, bytes(64)))

        assert alpha == 0

    @pytest.mark.parametrize(("width", "height", "length"), [(0, 1, 0), (101, 1, 404), (1, 101, 404), (2, 2, 15)])
    def test_refuses_what_the_format_does_not_take(self, width: int, height: int, length: int) -> None:
        with pytest.raises(ValueError, match="1 to 100"):
            thumb_hash(width, height, bytes(length))

    @given(st.integers(1, 12), st.integers(1, 12), st.data())
    def test_stays_small_whatever_the_picture(self, width: int, height: int, data: st.DataObject) -> None:
        rgba = data.draw(st.binary(min_size=width * height * 4, max_size=width * height * 4))

        assert 5 <= len(thumb_hash(width, height, rgba)) <= 26
