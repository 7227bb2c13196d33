"""Moderation by OpenAI: https://platform.openai.com/docs/guides/moderation

Any server that speaks it will do. What is asked about stays out of logs and errors.
"""

import logging
from types import TracebackType
from typing import Any, Self

import httpx2
import pybase64
from openai import AsyncOpenAI, OpenAIError

from tatemono.usecases.safety.ports import Judgement, ModerationUnavailable


class OpenAIModeration:
    """Judges through one connection pool; use it as a context manager. The SDK's own retries are off."""

    def __init__(self, *, api_key: str, base_url: str, model: str, timeout_seconds: float = 10) -> None:
        """:param base_url: ends in `/v1`"""
        # At DEBUG the SDK logs whole requests, which hold the prompt.
        logging.getLogger("openai").setLevel(logging.WARNING)
        self._model = model
        self._client = AsyncOpenAI(
            api_key=api_key, base_url=base_url, max_retries=0, timeout=httpx2.Timeout(timeout_seconds, connect=3)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    async def judge(
        self, *, text: str | None = None, picture: bytes | None = None, client_request_id: str
    ) -> Judgement:
        parts: list[Any] = []
        if text is not None:
            parts.append({"type": "text", "text": text})
        if picture is not None:
            parts.append({"type": "image_url", "image_url": {"url": _data_url(picture)}})
        try:
            answer = await self._client.moderations.create(
                model=self._model, input=parts, extra_headers={"X-Client-Request-Id": client_request_id}
            )
            results = [result.to_dict() for result in answer.results]
            flagged = {name for result in results for name, yes in _categories(result).items() if yes}
        except (OpenAIError, httpx2.RequestError, ValueError, TypeError, KeyError, AttributeError) as error:
            # Not `from error`: its message may quote what was asked about.
            raise ModerationUnavailable(type(error).__name__) from None
        if not results:
            raise ModerationUnavailable("the answer judges nothing")
        if not flagged and any(result.get("flagged") for result in results):
            flagged = {"flagged"}  # for a reason that has no name yet
        return Judgement(tuple(sorted(flagged)), answer.id)


def _categories(result: dict[str, Any]) -> dict[str, bool]:
    categories: dict[str, bool] = result["categories"]
    return categories


def _data_url(picture: bytes) -> str:
    kind = "png" if picture.startswith(b"\x89PNG") else "webp" if picture[8:12] == b"WEBP" else "jpeg"
    return f"data:image/{kind};base64,{pybase64.b64encode(picture).decode()}"
