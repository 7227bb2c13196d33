"""What the painter says about its models: https://platform.openai.com/docs/api-reference/models/list

Asked with a plain HTTP client: the SDK would cost half a second and 60 MB for one question a day.
"""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

import httpx2

_TIMEOUT_SECONDS = 10
_MAX_BYTES = 2**20


class ModelsNotTold(Exception):
    """The painter did not say which models it has; the message never holds the key."""


async def announced_models(
    base_url: str, api_key: str, names: Mapping[str, str] = MappingProxyType({})
) -> dict[str, date | None]:
    """The models that answer, each with the day it ends, if that is announced.

    :param base_url: ends in `/v1`
    :param names: what the painter calls our models; they are told under our names as well
    :raises ModelsNotTold: no answer, or one that is not understood
    """
    try:
        async with httpx2.AsyncClient(timeout=_TIMEOUT_SECONDS) as client:
            answer = await client.get(f"{base_url}/models", headers={"authorization": f"Bearer {api_key}"})
        answer.raise_for_status()
        if len(answer.content) > _MAX_BYTES:
            raise ModelsNotTold(f"the list has {len(answer.content)} bytes")
        listed: list[dict[str, Any]] = answer.json()["data"]
        found = {
            str(model["id"]): date.fromisoformat(told) if (told := model.get("shutdown_date")) else None
            for model in listed
        }
        return found | {ours: found[theirs] for ours, theirs in names.items() if theirs in found}
    except (httpx2.HTTPError, KeyError, TypeError, ValueError) as error:
        raise ModelsNotTold(f"the list of models is not readable ({type(error).__name__})") from None
