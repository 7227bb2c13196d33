from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatemono.adapters.openai.event_stream import event_data


async def in_chunks(stream: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(stream), size):
        yield stream[start : start + size]


async def read(stream: bytes, size: int = 1_000) -> list[bytes]:
    return [data async for data in event_data(in_chunks(stream, size))]


class TestEventData:
    @pytest.mark.parametrize(
        ("stream", "events"),
        [
            (b"event: a\ndata: 1\n\nevent: b\ndata: 2\n\n", [b" 1", b" 2"]),
            (b"data: 1\r\n\r\ndata: 2\r\n\r\n", [b" 1", b" 2"]),
            (b"data: 1\r\rdata: 2\r\r", [b" 1", b" 2"]),
            (b"data:1\ndata:2\n\n", [b"1\n2"]),
            (b": still here\n\nid: 7\nretry: 1\n\ndata: 1\n\n", [b" 1"]),
            (b"data: 1\n\ndata: the end is miss", [b" 1", b" the end is miss"]),
            (b"data: 1\n", [b" 1"]),
            (b"data: 1", [b" 1"]),
            (b"", []),
        ],
    )
    async def test_is_told_by_event_however_the_lines_end(self, stream: bytes, events: list[bytes]) -> None:
        assert await read(stream) == events

    @given(
        st.lists(st.sampled_from([b"data: 1", b"data:", b"event: e", b": c", b"", b"data: " + b"x" * 40]), max_size=12),
        st.sampled_from([b"\n", b"\r\n", b"\r"]),
        st.integers(1, 50),
    )
    async def test_does_not_depend_on_where_chunks_end(self, lines: list[bytes], end: bytes, size: int) -> None:
        stream = b"".join(line + end for line in lines)
        assert await read(stream, size) == await read(stream.replace(end, b"\n"), len(stream) + 1)
