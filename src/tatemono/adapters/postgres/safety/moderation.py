"""What moderation found, strikes, and escalations."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tatemono.adapters.postgres.statements import Parameters, Statement
from tatemono.domain.safety.moderation import Escalation, Finding, Stage, Strike

_ESCALATION = """id, created_at, user_id, generation_id, picture_id, stage, categories, found_by, reason, sha256,
    evidence_key"""

_FREEZE = """
update users set suspended_at = now(), suspended_until = null, suspension_reason = $2
where id = $1 and (suspended_at is null or suspended_until is not null) returning id
"""
_SUSPEND = """
update users set suspended_at = now(), suspended_until = $2, suspension_reason = $3
where id = $1 and (suspended_at is null or suspended_until < $2) returning id
"""

p = Parameters("generation_id", "fence", "stage", "by", "outcome", "categories", "request_id")
_RECORD = Statement(
    p,
    f"""
insert into moderations (generation_id, fence, stage, by, outcome, categories, provider_request_id)
values ({p.generation_id}, {p.fence}, {p.stage}, {p.by}, {p.outcome}, {p.categories}, {p.request_id})
""",
)

p = Parameters(
    *("user_id", "generation_id", "picture_id", "stage", "categories", "found_by", "reason", "sha256", "evidence_key"),
)
_ESCALATE = Statement(
    p,
    f"""
insert into escalations
    (user_id, generation_id, picture_id, stage, categories, found_by, reason, sha256, evidence_key)
values ({p.user_id}, {p.generation_id}, {p.picture_id}, {p.stage}, {p.categories}, {p.found_by}, {p.reason}, {p.sha256},
    {p.evidence_key})
""",
)


class Moderations:
    """Each look at a prompt or a picture."""

    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def record(
        self, generation_id: UUID, fence: int, finding: Finding, *, by: str, request_id: str | None, away: bool = False
    ) -> None:
        outcome = "away" if away else "flagged" if finding.flagged else "passed"
        statement = _RECORD.bind(
            generation_id=generation_id,
            fence=fence,
            stage=finding.stage,
            by=by,
            outcome=outcome,
            categories=list(finding.categories),
            request_id=request_id,
        )
        await self._executor.execute(*statement)

    async def is_away(self) -> bool:
        """Whether the provider's moderation did not answer when it was last asked."""
        return bool(
            await self._executor.fetchval(
                "select outcome = 'away' from moderations where by = 'provider' order by id desc limit 1"
            )
        )


class Strikes:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def add(self, user_id: UUID, reason: str, picture_id: UUID | None, *, counts_for: timedelta) -> bool:
        return bool(
            await self._executor.fetchval(
                "insert into strikes (user_id, reason, picture_id, expires_at)"
                " values ($1, $2, $3, now() + $4::interval) on conflict do nothing returning true",
                *(user_id, reason, picture_id, counts_for),
            )
        )

    async def of(self, user_id: UUID) -> list[Strike]:
        rows = await self._executor.fetch(
            "select reason, created_at, expires_at from strikes where user_id = $1 and expires_at > now()"
            " order by created_at desc",
            user_id,
        )
        return [Strike(*row) for row in rows]

    async def remove_of(self, picture_id: UUID) -> None:
        await self._executor.execute("delete from strikes where picture_id = $1", picture_id)

    async def suspend(self, user_id: UUID, *, until: datetime, reason: str) -> bool:
        return await self._executor.fetchval(_SUSPEND, user_id, until, reason) is not None

    async def email_of(self, user_id: UUID) -> str | None:
        email: str | None = await self._executor.fetchval("select email from users where id = $1", user_id)
        return email

    async def freeze(self, user_id: UUID, reason: str) -> bool:
        return await self._executor.fetchval(_FREEZE, user_id, reason) is not None


class Escalations:
    """Only ever added: a trigger of the database refuses all else, to every role."""

    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def add(
        self,
        finding: Finding,
        *,
        user_id: UUID,
        found_by: str,
        reason: str,
        generation_id: UUID | None = None,
        picture_id: UUID | None = None,
        sha256: bytes | None = None,
        evidence_key: str | None = None,
    ) -> None:
        statement = _ESCALATE.bind(
            user_id=user_id,
            generation_id=generation_id,
            picture_id=picture_id,
            stage=finding.stage,
            categories=list(finding.categories),
            found_by=found_by,
            reason=reason,
            sha256=sha256,
            evidence_key=evidence_key,
        )
        await self._executor.execute(*statement)

    async def all(self, *, before: UUID | None, limit: int) -> list[Escalation]:
        """The newest first."""
        rows = await self._executor.fetch(
            f"select {_ESCALATION} from escalations where $1::uuid is null or id < $1 order by id desc limit $2",
            before,
            limit,
        )
        return [_escalation(row) for row in rows]


def _escalation(row: Any) -> Escalation:
    return Escalation(
        id=row["id"],
        created_at=row["created_at"],
        user_id=row["user_id"],
        generation_id=row["generation_id"],
        picture_id=row["picture_id"],
        stage=Stage(row["stage"]),
        categories=tuple(row["categories"]),
        found_by=row["found_by"],
        reason=row["reason"],
        sha256=row["sha256"],
        evidence_key=row["evidence_key"],
    )
