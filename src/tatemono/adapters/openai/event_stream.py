"""Reads server-sent events (HTML standard, section 9.2.6) whose data is megabytes long.

The SDK's own reader looks at every byte with a regular expression, which for a picture takes half as long as decoding
its PNG.
"""

from collections.abc import AsyncIterator


async def event_data(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The data of each event, as it ends. Names, ids and comments are passed over.

    The last one counts without the blank line that ends it, which the standard demands: its JSON tells whether it is
    whole.
    """
    data: list[bytes] = []
    async for line in _lines(chunks):
        if line.startswith(b"data:"):
            data.append(line[5:])
        elif not line and data:
            yield b"\n".join(data)
            data = []
    if data:
        yield b"\n".join(data)


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Lines end with LF, CRLF or CR. A CR at the end of a chunk waits for the next, which may begin with its LF."""
    begun: list[bytes] = []
    held = b""
    async for chunk in chunks:
        whole = chunk
        if held or b"\r" in chunk:
            whole = held + chunk
            held = whole[-1:] if whole.endswith(b"\r") else b""
            whole = whole.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        first, *others = whole.split(b"\n")
        begun.append(first)
        for line in others:
            yield b"".join(begun)
            begun = [line]
    if held or begun != [b""]:
        yield b"".join(begun)
