"""Members: users whose address the user pool knows. The Lambda function brings this file along, and little else."""

from typing import Any
from uuid import UUID

import asyncpg

from tatemono.domain.identity.members import AccountErased, PoolMember

# Only Cognito says to which member an address belongs: the user who had it before has it no more.
_TAKE_ADDRESS = (
    "update users set email = null, email_verified_at = null where email = $1 and cognito_sub is distinct from $2"
)

# The user that registered: a guest as a rule. It may be gone (deleted, unused for too long), or have joined another
# user; then the member begins anew.
_CONFIRM = """
with known as (
    select id from users where cognito_sub = $2
), free as (
    select coalesce(
        (select id from known),
        (select $1::uuid where not exists (
            select from users where id = $1 and (merged_into is not null or cognito_sub is not null))
            and not exists (select from erased_users where user_id = $1)),
        uuidv7()) as id
), member as (
    insert into users (id, kind, email, email_verified_at, cognito_sub) select id, 'member', $3, now(), $2 from free
    on conflict (id) do update set kind = 'member', email = excluded.email, cognito_sub = excluded.cognito_sub,
        email_verified_at = case when users.email = excluded.email then users.email_verified_at else now() end
    returning id
), account as (
    insert into accounts (user_id) select id from member on conflict do nothing
)
select id from member
"""


class Members:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def confirm(self, member: PoolMember) -> UUID:
        for last in (False, True):
            try:
                await self._executor.execute(_TAKE_ADDRESS, member.email, member.sub)
                found: UUID = await self._executor.fetchval(_CONFIRM, member.user_id, member.sub, member.email)
            except asyncpg.UniqueViolationError:
                # The same confirmation came twice at once, and the other was first.
                if last:
                    raise
            except asyncpg.RestrictViolationError as error:
                # The guest that registered may be gone for a moment only; then the member begins anew.
                if last:
                    raise AccountErased from error
            else:
                return found
        raise AssertionError

    async def user_of(self, sub: UUID, email: str) -> UUID | None:
        found: UUID | None = await self._executor.fetchval(
            "select id from users where cognito_sub = $1 and email = $2 and kind = 'member'", sub, email
        )
        return found

    async def email_of(self, user_id: UUID) -> str | None:
        found: str | None = await self._executor.fetchval(
            "select email from users where id = $1 and kind = 'member'", user_id
        )
        return found
