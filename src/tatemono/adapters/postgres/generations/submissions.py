"""Requests for pictures become generations: the hold of credits and money, the row, the ticket, in one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from typing import Any
from uuid import UUID

import asyncpg

from tatemono.adapters.postgres.generations import submissions_sql as sql
from tatemono.adapters.postgres.outbox import IMAGE_JOBS
from tatemono.domain.generations.budgets import BUDGET_SHARDS, Account, Cost, Terms, shards_from
from tatemono.domain.generations.generation import (
    AccountBusy,
    Background,
    Generation,
    KeyInFlight,
    NoSuchStyle,
    OutputFormat,
    PictureRequest,
    Quality,
    Size,
    State,
    Submitted,
    rejection_reason,
)
from tatemono.domain.pictures.references import NoSuchReference

#: How often to look again when the same account is changed at the same moment.
_TRIES = 10
_REFERENCE_KEY = "generations_reference_id_fkey"


def generation_of(row: Any) -> Generation:
    request = PictureRequest(
        prompt=row["prompt"],
        style=row["style"],
        size=Size(row["size"]),
        quality=Quality(row["quality"]),
        output_format=OutputFormat(row["output_format"]),
        background=Background(row["background"]),
        n=row["n"],
        seed=row["seed"],
        negative_prompt=row["negative_prompt"],
        reference_id=row["reference_id"],
    )
    return Generation(
        id=row["id"],
        user_id=row["user_id"],
        request=request,
        state=State(row["state"]),
        price=row["price"],
        failure_code=row["failure_code"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        expected_micros=row["expected_micros"],
    )


def account_of(row: Any) -> Account:
    """What an account has on the day of the row; what it had on the day of its last use may be over."""
    new_day = row["account_day"] != row["day"]
    return Account(
        available=row["available"] or 0,
        free_credits=row["fill_up"] or 0 if new_day else 0,
        waiting=row["waiting"] or 0,
        spent_micros=0 if new_day else row["day_micros"],
        environment_room_micros=row["room_micros"] or 0,
    )


@dataclass(frozen=True, slots=True)
class Submission:
    """A request of a user under a key, with what is to be set aside for it."""

    user_id: UUID
    request: PictureRequest
    idempotency_key: str
    cost: Cost

    @property
    def shards(self) -> Sequence[int]:
        """The rows of the environment's budget, in the order in which to look at them."""
        return shards_from(sha256(f"{self.user_id}{self.idempotency_key}".encode()).digest())

    @property
    def values(self) -> dict[str, Any]:
        """By the names that the statements have for them."""
        asked = self.request
        return {
            "user_id": self.user_id,
            "idempotency_key": self.idempotency_key,
            "price": asked.price,
            "prompt": asked.prompt,
            "style": asked.style,
            "size": asked.size,
            "quality": asked.quality,
            "output_format": asked.output_format,
            "background": asked.background,
            "n": asked.n,
            "fingerprint": asked.fingerprint,
            "seed": asked.seed,
            "negative_prompt": asked.negative_prompt,
            "reference_id": asked.reference_id,
            "expected_micros": self.cost.expected,
            "reserved_micros": self.cost.reserved,
        }

    def became(self, row: Any) -> Submitted:
        """:param row: id and time of the new generation"""
        generation = Generation(
            id=row["id"],
            user_id=self.user_id,
            request=self.request,
            state=State.QUEUED,
            price=self.request.price,
            failure_code=None,
            created_at=row["created_at"],
            started_at=None,
            finished_at=None,
            expected_micros=self.cost.expected,
        )
        return Submitted(generation, self.request.fingerprint, new=True, account=Account(0, 0, 0, 0, 0))


def _terms(terms: Terms) -> dict[str, Any]:
    """What the statements hold a submission to, and the queue of its ticket."""
    return {
        "time_zone": terms.time_zone,
        "max_waiting": terms.max_waiting,
        "daily_credits": terms.daily_credits,
        "user_day_micros": terms.user_day_micros,
        "shard_micros": terms.shard_micros,
        "queue": IMAGE_JOBS,
    }


def _rows(submission: Submission, terms: Terms) -> list[int]:
    """Those of the environment's budget that are in use, in the order in which to look at them."""
    return [shard for shard in submission.shards if shard < terms.shards]


class Submissions:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def submit_together(self, submissions: Sequence[Submission], terms: Terms) -> Mapping[UUID, Submitted]:
        """Accept those of different users for whom all is well.

        :returns: by user; for a user who is missing nothing was done, and `submit` says why
        :raises asyncpg.IntegrityConstraintViolationError: nothing was done; another with one of the keys was under way,
            or a style or reference went away
        """
        asked = [submission.values for submission in submissions]
        together = {name: [values[name] for values in asked] for name in asked[0]}
        rows = await self._executor.fetch(
            *sql.SUBMIT_TOGETHER.bind(**together, **_terms(terms), shard=_rows(submissions[0], terms)[0])
        )
        created = {row["user_id"]: row for row in rows}
        return {
            submission.user_id: submission.became(created[submission.user_id])
            for submission in submissions
            if submission.user_id in created
        }

    async def submit(
        self, user_id: UUID, request: PictureRequest, *, idempotency_key: str, cost: Cost, terms: Terms
    ) -> Submitted:
        submission = Submission(user_id, request, idempotency_key, cost)
        values = submission.values | _terms(terms) | {"rows": terms.shards}
        for turn in range(_TRIES):
            # One row of the budget is enough nearly always. When it is full, the others are looked at.
            shards = _rows(submission, terms)[: 1 if turn == 0 else None]
            try:
                row = await self._executor.fetchrow(*sql.SUBMIT.bind(**values, shards=shards))
            except asyncpg.UniqueViolationError as error:
                raise KeyInFlight from error  # it was not there when this statement began, and is now
            except asyncpg.ForeignKeyViolationError as error:
                if error.constraint_name == _REFERENCE_KEY:
                    raise NoSuchReference from error
                raise NoSuchStyle(style=request.style) from error
            if row["id"]:
                return Submitted(generation_of(row), row["fingerprint"], new=row["new"], account=account_of(row))
            if row["room_micros"] is None:
                await self.open_day(row["day"])
                continue
            submitted = Submitted(None, None, False, account_of(row), row["reference_ready"])
            # A refusal that this does not explain was decided by a change that is younger than what was read.
            if not submitted.reference_ready or rejection_reason(submitted.account, request, cost.reserved, terms):
                return submitted
        raise AccountBusy

    async def find_accepted(self, user_id: UUID, idempotency_key: str) -> Submitted | None:
        row = await self._executor.fetchrow(
            "select * from generations where user_id = $1 and idempotency_key = $2", user_id, idempotency_key
        )
        return row and Submitted(generation_of(row), row["fingerprint"], new=False, account=Account(0, 0, 0, 0, 0))

    async def open_day(self, day: date) -> None:
        """Make the rows of the environment's budget for that day; those that are there stay as they are."""
        await self._executor.execute(sql.OPEN_DAY, day, BUDGET_SHARDS)

    async def account(self, user_id: UUID, terms: Terms) -> Account | None:
        statement = sql.ACCOUNT.bind(
            user_id=user_id,
            time_zone=terms.time_zone,
            daily_credits=terms.daily_credits,
            shard_micros=terms.shard_micros,
            rows=terms.shards,
        )
        row = await self._executor.fetchrow(*statement)
        if row is None:
            return None
        account = account_of(row)
        # No user has asked for anything today yet.
        return (
            account if row["room_micros"] is not None else replace(account, environment_room_micros=terms.shard_micros)
        )
