"""Protection of a task from being stopped by a deploy or by scaling in, while it works.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html
"""

import httpx2
import structlog

_TIMEOUT_SECONDS = 5.0

log = structlog.get_logger()


class EcsTaskProtection:
    """Asks the ECS agent of this task. Without an agent (`uri` is empty) there is nothing to ask for.

    :param expires_minutes: a task that dies without a word is protected no longer than that
    """

    def __init__(self, uri: str, *, expires_minutes: int = 30) -> None:
        self._url = f"{uri.rstrip('/')}/task-protection/v1/state" if uri else ""
        self.expires_minutes = expires_minutes

    async def set(self, *, protected: bool) -> bool:
        """Ask for protection from now on, or give it up. What the agent refuses is logged: work goes on without.

        :returns: whether it is as asked
        """
        if not self._url:
            return True
        wanted: dict[str, object] = {"ProtectionEnabled": protected}
        if protected:
            wanted["ExpiresInMinutes"] = self.expires_minutes
        try:
            async with httpx2.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False) as client:
                answer = await client.put(self._url, json=wanted)
            told = answer.json()
            if answer.is_success and told.get("protection", {}).get("ProtectionEnabled") is protected:
                return True
            # `failure` and `error` say why, e.g. that a deployment is blocked for too long.
            log.warning(
                "task_protection_refused", protected=protected, status=answer.status_code, answer=str(told)[:500]
            )
        except (httpx2.HTTPError, ValueError) as error:
            log.warning("task_protection_not_asked", protected=protected, error=repr(error))
        return False
