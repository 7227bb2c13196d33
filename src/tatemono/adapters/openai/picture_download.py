"""Fetches a picture that a server gives by its address: it is painted and paid, so this alone is tried again."""

import logging

import httpx2

from tatemono.adapters.openai.bounded import TooLong, read_bounded

_TRIES = 3
_TIMEOUT_SECONDS = 30
_MOST_BYTES = 25 * 2**20

_log = logging.getLogger(__name__)


class PictureDownload:
    """Only over HTTPS, or from the very server that painted; without its key, and without redirects.

    So an answer cannot make the worker ask for what lies inside its network.
    """

    def __init__(self, base_url: str) -> None:
        self._origin = _origin(httpx2.URL(base_url))
        self._client = httpx2.AsyncClient(timeout=_TIMEOUT_SECONDS, follow_redirects=False)

    async def close(self) -> None:
        await self._client.aclose()

    async def get(self, url: str) -> bytes | None:
        """The bytes; none if they cannot be had."""
        try:
            address = httpx2.URL(url)
        except httpx2.InvalidURL:
            return None
        if address.scheme != "https" and _origin(address) != self._origin:
            _log.warning("a picture's address is neither HTTPS nor of the painter's server: it is not fetched")
            return None
        for _ in range(_TRIES):
            try:
                return await self._read(address)
            except (httpx2.HTTPError, ValueError) as error:
                # The address may hold a signature.
                _log.warning("a picture could not be fetched from its address (%s)", type(error).__name__)
                if isinstance(error, TooLong):
                    break  # it is no shorter the next time
        return None

    async def _read(self, address: httpx2.URL) -> bytes:
        async with self._client.stream("GET", address) as answer:
            answer.raise_for_status()
            return await read_bounded(answer.aiter_bytes(), _MOST_BYTES)


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
