"""Phones that sign in, change accounts and merge, against the use cases."""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from factories import NO_ATTESTATION
from tatemono.adapters.identifier_keys import IdentifierKeys
from tatemono.adapters.postgres.database import Database
from tatemono.domain.generations.attempts import Claim
from tatemono.domain.identity.devices import Platform, Principal, Proof, SignedInDevice
from tatemono.domain.identity.merges import Merged, MergeGrant
from tatemono.domain.identity.transfers import IssuedTransferCode
from tatemono.usecases.identity.confirm_merge import confirm_merge
from tatemono.usecases.identity.issue_transfer_code import issue_transfer_code
from tatemono.usecases.identity.redeem_transfer_code import redeem_transfer_code
from tatemono.usecases.identity.sign_in_device import sign_in_device

CODE_KEY = b"keys codes"
IDENTIFIERS = IdentifierKeys("keys identifiers")


@dataclass
class Handset:
    """A phone, by what the use cases know of it."""

    identifier: str = field(default_factory=lambda: secrets.token_hex(8))
    thumbprint: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    device: SignedInDevice | None = None

    @property
    def user_id(self) -> UUID:
        assert self.device is not None
        return self.device.user_id

    @property
    def principal(self) -> Principal:
        assert self.device is not None
        return Principal(self.device.user_id, self.device.user_kind, self.device.device_id, self.device.session_id)

    def proof(self) -> Proof:
        return Proof(self.thumbprint, secrets.token_bytes(32))

    async def sign_in(self, db: Database, *, welcome: int = 500) -> "Handset":
        self.device, _ = await sign_in_device(
            db,
            platform=Platform.IOS,
            identifier_hashes=IDENTIFIERS.hashes(self.identifier, now=0),
            proof=self.proof(),
            terms=NO_ATTESTATION,
            welcome_credits=welcome,
            random_bits=secrets.token_bytes(32),
        )
        return self

    async def issue(
        self, db: Database, *, sign_out: bool = False, lifetime: timedelta = timedelta(minutes=10)
    ) -> IssuedTransferCode:
        return await issue_transfer_code(
            db.transfers,
            caller=self.principal,
            sign_out_old_device=sign_out,
            key=CODE_KEY,
            lifetime=lifetime,
            random_bits=secrets.token_bytes(10),
        )

    async def redeem(self, db: Database, typed: str) -> MergeGrant | None:
        """:returns: none if the phone is in the account now"""
        outcome = await redeem_transfer_code(
            db,
            typed=typed,
            platform=Platform.IOS,
            identifier_hashes=IDENTIFIERS.hashes(self.identifier, now=0),
            proof=self.proof(),
            code_key=CODE_KEY,
            random_bits=secrets.token_bytes(32),
        )
        if isinstance(outcome, MergeGrant):
            return outcome
        self.device, _ = outcome
        return None

    async def merge_into(self, db: Database, user_id: UUID) -> Merged:
        """As after a member's sign-in on this phone."""
        assert self.device is not None
        return await self.confirm(db, MergeGrant(self.device.user_id, user_id, self.device.device_id))

    async def confirm(self, db: Database, grant: MergeGrant) -> Merged:
        merged, self.device, _ = await confirm_merge(
            db, grant=grant, proof=self.proof(), random_bits=secrets.token_bytes(32)
        )
        return merged


async def claim_next(db: Database, *, lease: timedelta = timedelta(minutes=1)) -> Claim | None:
    return await db.generations.claim(lease=lease, max_running=4, model="m")


async def account_of(owner: Any, user_id: UUID) -> dict[str, int]:
    row = await owner.fetchrow(
        "select available, held, spent, queued, running from accounts where user_id = $1", user_id
    )
    return dict(row)


#: Whatever happens, none of these finds a row.
_WRONG = {
    "a picture is not where its generation is": """
        select p.id from pictures p join generations g on g.id = p.generation_id
        where p.deleted_at is null and p.user_id <> g.user_id""",
    "somebody who is merged has something": """
        select u.id from users u join accounts a on a.user_id = u.id where u.merged_into is not null and (
            a.available + a.held + a.queued + a.running > 0
            or exists (select from generations g where g.user_id = u.id)
            or exists (select from strikes s where s.user_id = u.id)
            or exists (select from devices d where d.user_id = u.id and d.revoked_at is null)
            or exists (select from sessions s where s.user_id = u.id and s.revoked_at is null))""",
    "what was taken down is not its generation's user's": """
        select t.picture_id from takedowns t join generations g on g.id = t.generation_id
        where t.user_id <> g.user_id""",
    "nobody can reach a user": """
        select u.id from users u where u.merged_into is null and u.kind = 'guest'
            and not exists (select from devices d where d.user_id = u.id and d.revoked_at is null)""",
    "a session is not its device's user's": """
        select s.id from sessions s join devices d on d.id = s.device_id
        where s.revoked_at is null and (s.user_id <> d.user_id or d.revoked_at is not null)""",
    "an account does not agree with its transfers": """
        select a.user_id from accounts a left join (
            select user_id, coalesce(sum(credits) filter (where into_pot = 'available'), 0)
                - coalesce(sum(credits) filter (where out_of = 'available'), 0) as available,
                coalesce(sum(credits) filter (where into_pot = 'held'), 0)
                - coalesce(sum(credits) filter (where out_of = 'held'), 0) as held,
                coalesce(sum(credits) filter (where into_pot = 'spent'), 0)
                - coalesce(sum(credits) filter (where out_of = 'spent'), 0) as spent
            from credit_transfers group by user_id) t on t.user_id = a.user_id
        where (a.available, a.held, a.spent)
            <> (coalesce(t.available, 0), coalesce(t.held, 0), coalesce(t.spent, 0))""",
    "credits got lost between users": """
        select 1 from (
            select out_of, into_pot, credits from credit_transfers union all
            select out_of, into_pot, credits from erased_credits) as moves where 'moved' in (out_of, into_pot)
        having sum(case into_pot when 'moved' then credits else -credits end) <> 0""",
    "an account does not agree with what its generations of the day cost": """
        select a.user_id from accounts a left join generations g on g.user_id = a.user_id and g.budget_day = a.day
        group by a.user_id, a.day_micros having a.day_micros <> coalesce(sum(
            case when g.state in ('queued', 'running') then g.reserved_micros else (
                select coalesce(sum(a.cost_micros + a.possible_micros), 0) from attempts a where a.generation_id = g.id
            ) end), 0)""",
    "an account does not agree with its generations": """
        select a.user_id from accounts a left join (
            select user_id, count(*) filter (where state = 'queued') as queued,
                count(*) filter (where state = 'running') as running,
                coalesce(sum(price) filter (where state in ('queued', 'running')), 0) as held
            from generations group by user_id) g on g.user_id = a.user_id
        where (a.queued, a.running, a.held)
            <> (coalesce(g.queued, 0), coalesce(g.running, 0), coalesce(g.held, 0))""",
}
#: In one statement: it runs after every step of a long test.
_ALL_WRONG = " union all ".join(
    f"select $${what}$$ as what, found.id::text from ({query}) as found (id)" for what, query in _WRONG.items()
)


async def assert_nothing_is_wrong(owner: Any) -> None:
    assert [tuple(row) for row in await owner.fetch(_ALL_WRONG)] == []
