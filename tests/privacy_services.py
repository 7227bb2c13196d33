"""Account deletion, export and reconciliation, done by the roles that do it in production, in the real cloud."""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from factories import USAGE, kept, submitted
from merging import IDENTIFIERS, Handset, claim_next
from tatemono.adapters.cognito.directory import CognitoDirectory
from tatemono.adapters.cognito.identities import CognitoIdentities
from tatemono.adapters.cognito.members import CognitoMembers
from tatemono.adapters.postgres.database import Database
from tatemono.adapters.s3.folders import S3Folders
from tatemono.domain.identity.devices import Platform
from tatemono.domain.identity.members import Password, PoolMember
from tatemono.domain.privacy.account_deletion import Deletion
from tatemono.usecases.privacy.erase_accounts import Eraser, erase_accounts
from tatemono.usecases.privacy.reconcile import Reconciler
from tatemono.usecases.privacy.request_deletion import request_deletion
from tatemono.usecases.privacy.undo_deletion import MemberWords, undo_deletion
from tatemono_tools.laptop.provision.cloud_resources import Cloud

PASSWORD = "horse on the roof"
RECEIPT_KEY = b"keys receipts"
GRACE = timedelta(days=14)


@dataclass
class PrivacyServices:
    """What the use cases of privacy work with.

    :ivar api: what the mobile API may do; `relay`: what the relay may; `worker`: what the image worker may
    """

    owner: Any
    api: Database
    relay: Database
    worker: Database
    cloud: Cloud
    bucket: str
    store: S3Folders
    pool: CognitoMembers
    pool_id: str
    directory: CognitoDirectory
    identities: CognitoIdentities
    identity_pool: str
    addresses: dict[UUID, str] = field(default_factory=dict)

    @property
    def eraser(self) -> Eraser:
        return Eraser(self.store, self.directory, self.identities, RECEIPT_KEY)

    def reconciler(self, margin: timedelta = timedelta(hours=-1)) -> Reconciler:
        """With a margin below nothing, so that what a test has just planted is old enough."""
        return Reconciler(self.store, self.directory, self.identities, margin)

    async def phone(self) -> Handset:
        """Of a new guest, with an identity."""
        phone = await Handset().sign_in(self.api)
        await self.relay.guests.attach_identity(phone.user_id, await self.identities.create())
        return phone

    async def member(self) -> Handset:
        """A guest that has registered."""
        phone = await self.phone()
        address = f"aki-{secrets.token_hex(6)}@example.com"
        member = await self.pool_member(address, phone.user_id)
        await self.api.members.confirm(member)
        self.addresses[phone.user_id] = address
        await phone.sign_in(self.api)
        return phone

    async def pool_member(self, address: str, user_id: UUID, *, confirmed: bool = True) -> PoolMember:
        """A member of the user pool who is not in the database yet."""
        await self.pool.sign_up(address, Password(PASSWORD), user_id)
        found = await self.cloud.cognito_idp.admin_get_user(UserPoolId=self.pool_id, Username=address)
        sub = next(each["Value"] for each in found["UserAttributes"] if each["Name"] == "sub")
        if confirmed:
            await self.cloud.cognito_idp.admin_confirm_sign_up(UserPoolId=self.pool_id, Username=address)
        return PoolMember(UUID(sub), address, user_id)

    async def painted(self, user_id: UUID) -> list[str]:
        """A picture. :returns: its objects"""
        await submitted(self.api, user_id)
        claim = await claim_next(self.worker)
        assert claim is not None
        picture = kept(claim)
        for key in (picture.object_key, picture.thumbnail_key):
            await self.put(key)
        assert await self.worker.generations.succeed(claim, [picture], USAGE, None)
        return [picture.object_key, picture.thumbnail_key]

    async def put(self, key: str) -> None:
        await self.cloud.s3.put_object(Bucket=self.bucket, Key=key, Body=b"x" * 100)

    async def objects(self) -> set[str]:
        return {each.key for each in await self.store.listed("")}

    async def leave(self, phone: Handset, *, grace: timedelta = GRACE) -> Deletion:
        return await request_deletion(
            self.api,
            self.pool,
            caller=phone.principal,
            proof=phone.proof(),
            password=Password(PASSWORD) if phone.user_id in self.addresses else None,
            totp_code=None,
            grace=grace,
            language="ja",
            even_seconds=0,
        )

    async def come_back(self, phone: Handset, address: str | None = None) -> None:
        await undo_deletion(
            self.api,
            self.pool,
            platform=Platform.IOS,
            identifier_hashes=IDENTIFIERS.hashes(phone.identifier, now=0),
            proof=phone.proof(),
            member=MemberWords(address, Password(PASSWORD), None) if address else None,
            even_seconds=0,
        )

    async def time_is_up(self) -> None:
        await self.owner.execute("update deletions set erase_at = now() - interval '1 second'")
        await self.owner.execute("update users set erase_at = now() - interval '1 second' where erase_at is not null")

    async def erase(self) -> int:
        """All rounds. :returns: how many are gone"""
        gone = 0
        while await self.owner.fetchval(
            "select exists (select from deletions where erased_at is null and erase_at <= now())"
        ):
            _, done = await erase_accounts(self.relay, self.eraser)
            gone += done
        return gone

    async def mails(self) -> list[tuple[str, str, str]]:
        rows = await self.owner.fetch("select kind, recipient, language from mails order by id")
        return [tuple(row) for row in rows]

    async def mentions(self, *user_ids: UUID) -> dict[str, int]:
        return await mentions(self.owner, *user_ids)


async def mentions(owner: Any, *user_ids: UUID) -> dict[str, int]:
    """In which columns of the whole database one of these ids stands, as it is or within text."""
    columns = await owner.fetch(
        "select table_name, column_name from information_schema.columns"
        " where table_schema = 'public' and data_type in ('uuid', 'text', 'jsonb') and table_name <> 'erased_users'"
    )
    found = {}
    for table, column in columns:
        count = await owner.fetchval(
            f'select count(*) from "{table}" where "{column}"::text like any($1::text[])',
            [f"%{user_id}%" for user_id in user_ids],
        )
        if count:
            found[f"{table}.{column}"] = count
    return found


#: Of all users that are and that were: the pots sum to zero, and what was erased is remembered as a sum.
LEDGER = """
select pot, sum(credits)::int from (
    select into_pot as pot, credits from credit_transfers union all
    select out_of, -credits from credit_transfers union all
    select into_pot, credits from erased_credits union all
    select out_of, -credits from erased_credits) as entries group by pot order by pot
"""
