"""The admin API, asked on behalf of an operator, past the front door."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import httpx2
import structlog

from tatemono.domain.errors import Unavailable

log = structlog.get_logger()


class AdminApiUnavailable(Unavailable):
    code = "admin_api_away"
    texts: ClassVar[dict[str, str]] = {
        "en": "The admin API does not answer. Try again in a moment.",
        "ja": "管理 API が応答しません。しばらくしてからもう一度お試しください。",
    }


@dataclass(frozen=True, slots=True)
class OnBehalf:
    """Who asks: the operator's access token, and what the front door said about the browser's request.

    :ivar address: of the operator, which the admin API checks and writes down
    """

    access_token: str = field(repr=False)
    address: str
    request_id: str
    language: str


@dataclass(frozen=True, slots=True)
class AdminAnswer:
    """:ivar body: JSON; a problem (RFC 9457) unless the status is 2xx"""

    status: int
    body: dict[str, Any]

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP's


class AdminApi:
    def __init__(self, client: httpx2.AsyncClient, origin_verify: str) -> None:
        """:param client: its base URL is where the admin API answers"""
        self._client = client
        self._origin_verify = origin_verify

    async def get(self, path: str, on_behalf: OnBehalf, **query: str) -> AdminAnswer:
        """:raises AdminApiUnavailable: it does not answer, or says that it cannot"""
        headers = {
            "authorization": f"Bearer {on_behalf.access_token}",
            "x-origin-verify": self._origin_verify,
            "x-forwarded-for": on_behalf.address,
            "x-request-id": on_behalf.request_id,
            "accept-language": on_behalf.language,
        }
        try:
            response = await self._client.get(f"/v1/api/admin/{path}", params=query, headers=headers)
            if response.is_server_error:
                raise AdminApiUnavailable
            return AdminAnswer(response.status_code, response.json())
        except (httpx2.HTTPError, ValueError) as error:
            log.warning("admin_api_away", path=path, error=repr(error))
            raise AdminApiUnavailable from error
