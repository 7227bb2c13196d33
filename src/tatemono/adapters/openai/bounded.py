"""Reads no more of an answer than it may have."""

from collections.abc import AsyncIterator


class TooLong(ValueError):
    """It has more bytes than it may."""


async def bounded(chunks: AsyncIterator[bytes], most_bytes: int) -> AsyncIterator[bytes]:
    """:raises TooLong: there are more than `most_bytes`"""
    count = 0
    async for chunk in chunks:
        count += len(chunk)
        if count > most_bytes:
            raise TooLong(f"the answer has more than {most_bytes} bytes")
        yield chunk


async def read_bounded(chunks: AsyncIterator[bytes], most_bytes: int) -> bytes:
    """All of them; raises as `bounded`."""
    return b"".join([chunk async for chunk in bounded(chunks, most_bytes)])
