"""Removes what identity has kept for long enough, a few at a time.

Ids are of version 7 and begin with the time, so what is old is found by the primary key.
"""

from datetime import timedelta
from typing import Any

from tatemono.domain.privacy.retention import Retained

_BY_ID = """
with gone as (
    delete from {0} where id in (select id from {0} where id < uuidv7(-$1::interval) order by id limit $2) returning id
)
select count(*) from gone
"""
# Their sessions and transfer codes go with the devices.
_BY_END = """
with gone as (
    delete from {0} where id in (
        select id from {0} where revoked_at < now() - $1::interval order by revoked_at limit $2)
    returning id
)
select count(*) from gone
"""
# A row that is being used again at this moment is left alone.
_BY_DIGEST = """
with gone as (
    delete from {0} where digest = any(array(
        select digest from {0} where {1} < now() - $1::interval order by {1} limit $2)) and {1} < now() - $1::interval
    returning digest
)
select count(*) from gone
"""
_STATEMENTS = {
    Retained.ENDED_SESSIONS: _BY_END.format("sessions"),
    Retained.REVOKED_DEVICES: _BY_END.format("devices"),
    Retained.SECURITY_EVENTS: _BY_ID.format("security_events"),
    Retained.TRANSFER_CODES: _BY_ID.format("transfer_codes"),
    Retained.MERGES: _BY_ID.format("account_merges"),
    Retained.LIMIT_COUNTERS: _BY_DIGEST.format("limit_counters", "ends_at"),
    Retained.USED_PROOFS: _BY_DIGEST.format("dpop_proofs", "expires_at"),
}


class Retention:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def prune(self, what: Retained, *, age: timedelta, limit: int) -> int:
        if what is Retained.AUDIT_RECORDS:
            count: int = await self._executor.fetchval("select forget_audit_records($1)", limit)
        else:
            count = await self._executor.fetchval(_STATEMENTS[what], age, limit)
        return count
