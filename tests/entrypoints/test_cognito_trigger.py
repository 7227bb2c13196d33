"""The function that Cognito calls when a person has confirmed an address."""

import io
import json
import secrets
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from conftest import CloudEndpoint
from mailbox_of import PASSWORD, Mailbox
from tatemono.adapters.cognito.members import cognito_members
from tatemono.adapters.postgres.database import Database
from tatemono.adapters.postgres.identity.members import Members
from tatemono.domain.identity.members import AccountErased, Password, PoolMember
from tatemono.entrypoints.cognito_trigger import member_of
from tatemono_tools.laptop.cloud.sign_up import post_confirmation_event
from tatemono_tools.laptop.provision.cloud_resources import Cloud
from tatemono_tools.laptop.provision.identity_resources import ensure_functions, ensure_pools
from tatemono_tools.plan.building import Plan
from tatemono_tools.release.functions_zip import zip_of_modules, zip_with_driver

pytest_plugins = ["members"]

PROGRAM = """
import json, sys, time
sys.path[:0] = [sys.argv[1]]
began = time.perf_counter()
from tatemono.entrypoints.cognito_trigger import handler
import asyncpg, tatemono
assert asyncpg.__file__.startswith(sys.argv[1]) and tatemono.__file__.startswith(sys.argv[1])
for _ in range(3):
    handler(json.load(open(sys.argv[2])), None)
    print("seconds", time.perf_counter() - began, file=sys.stderr)
"""


def event(member: PoolMember, source: str = "PostConfirmation_ConfirmSignUp") -> dict[str, Any]:
    attributes = {"sub": str(member.sub), "email": member.email, "email_verified": "true"}
    return post_confirmation_event(
        trigger_source=source,
        region="ap-northeast-1",
        pool_id="ap-northeast-1_test",
        client_id="test",
        username=str(member.sub),
        attributes=attributes | ({"custom:user_id": str(member.user_id)} if member.user_id else {}),
        client_metadata=None,
    )


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def trigger(service_database_url: Callable[[str], str]) -> AsyncIterator[Members]:
    """What the function does, with the rights that it has."""
    async with await Database.connect(service_database_url("cognito-trigger"), service="test") as db:
        yield db.members


async def guest(owner: Any) -> UUID:
    user_id: UUID = await owner.fetchval("insert into users default values returning id")
    await owner.execute("insert into accounts (user_id, available) values ($1, 500)", user_id)
    return user_id


async def users(owner: Any) -> list[tuple[UUID, str, str | None]]:
    rows = await owner.fetch("select id, kind::text, email from users order by id")
    return [tuple(row) for row in rows]


class TestMemberOf:
    def test_reads_whom_an_event_is_about(self) -> None:
        for member in (PoolMember(uuid4(), "aki@example.com", uuid4()), PoolMember(uuid4(), "aki@example.com", None)):
            assert member_of(event(member)) == member


class TestConfirm:
    async def test_makes_the_guest_a_member_once_however_often_it_is_called(self, owner: Any, trigger: Members) -> None:
        user_id = await guest(owner)
        member = PoolMember(uuid4(), "aki@example.com", user_id)
        assert [await trigger.confirm(member) for _ in range(3)] == [user_id] * 3
        assert await users(owner) == [(user_id, "member", "aki@example.com")]
        assert await owner.fetchval("select available from accounts") == 500

    async def test_makes_the_user_when_the_guest_was_deleted_meanwhile(self, owner: Any, trigger: Members) -> None:
        member = PoolMember(uuid4(), "aki@example.com", uuid4())
        assert [await trigger.confirm(member) for _ in range(2)] == [member.user_id] * 2
        assert await users(owner) == [(member.user_id, "member", "aki@example.com")]
        assert await owner.fetchval("select count(*) from accounts where user_id = $1", member.user_id) == 1

    async def test_brings_nobody_back_whose_erasure_has_begun(self, owner: Any, trigger: Members) -> None:
        member = PoolMember(uuid4(), "aki@example.com", uuid4())
        await owner.execute("insert into erased_users values ($1, $2)", member.user_id, member.sub)
        with pytest.raises(AccountErased):
            await trigger.confirm(member)
        assert await users(owner) == []
        # A person who registers anew with what the phone remembers of the guest is another user.
        fresh = await trigger.confirm(PoolMember(uuid4(), "aki@example.com", member.user_id))
        assert [user_id for user_id, *_ in await users(owner)] == [fresh]
        assert fresh != member.user_id

    async def test_begins_anew_when_the_guest_was_merged_meanwhile(self, owner: Any, trigger: Members) -> None:
        other, merged = await guest(owner), await guest(owner)
        await owner.execute("update users set merged_into = $1 where id = $2", other, merged)
        member = PoolMember(uuid4(), "aki@example.com", merged)
        fresh = await trigger.confirm(member)
        assert fresh not in {other, merged}
        assert await trigger.confirm(member) == fresh
        assert len(await users(owner)) == 3

    async def test_leaves_another_members_user_alone(self, owner: Any, trigger: Members) -> None:
        user_id = await guest(owner)
        await trigger.confirm(PoolMember(uuid4(), "first@example.com", user_id))
        second = await trigger.confirm(PoolMember(uuid4(), "second@example.com", user_id))
        assert second != user_id
        assert (user_id, "member", "first@example.com") in await users(owner)

    async def test_takes_an_address_from_whoever_had_it_before(self, owner: Any, trigger: Members) -> None:
        old = await trigger.confirm(PoolMember(uuid4(), "aki@example.com", None))
        new = await trigger.confirm(PoolMember(uuid4(), "aki@example.com", None))
        assert set(await users(owner)) == {(old, "member", None), (new, "member", "aki@example.com")}


class TestZip:
    async def test_is_all_that_lambda_needs(
        self,
        owner: Any,
        opened_cloud: Cloud,
        aws_environment: CloudEndpoint,
        service_database_url: Callable[[str], str],
        tmp_path: Path,
    ) -> None:
        site_packages = Path(asyncpg.__file__).parents[1]
        with zipfile.ZipFile(io.BytesIO(zip_with_driver(site_packages))) as archive:
            archive.extractall(tmp_path / "code")
        secret = await opened_cloud.secretsmanager.create_secret(
            Name=f"test-{secrets.token_hex(4)}", SecretString=service_database_url("cognito-trigger")
        )
        user_id = await guest(owner)
        member = PoolMember(uuid4(), "aki@example.com", user_id)
        (tmp_path / "event.json").write_text(json.dumps(event(member, "PostConfirmation_ConfirmForgotPassword")))
        environment = aws_environment.environment | {"DATABASE_SECRET_ARN": secret["ARN"]}
        words = [sys.executable, "-I", "-c", PROGRAM, str(tmp_path / "code"), str(tmp_path / "event.json")]
        ran = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)  # noqa: ASYNC221 - nothing else runs
        assert ran.returncode == 0, ran.stderr
        lines = [json.loads(line) for line in ran.stdout.splitlines()]
        assert {line["user_id"] for line in lines} == {str(user_id)}
        assert "aki@example.com" not in ran.stdout
        assert await users(owner) == [(user_id, "member", "aki@example.com")]

    def test_has_the_same_bytes_each_time(self) -> None:
        assert zip_of_modules() == zip_of_modules()


class TestFunction:
    async def test_is_called_by_cognito(
        self,
        *,
        owner: Any,
        opened_cloud: Cloud,
        aws_environment: CloudEndpoint,
        service_database_url: Callable[[str], str],
        plan: Plan,
        mailbox: Mailbox,
    ) -> None:
        prefix = f"test-{secrets.token_hex(4)}-"
        pools = await ensure_pools(
            opened_cloud, plan.identity, prefix=prefix, public_url="https://example.jp", stored={}
        )
        secret = await opened_cloud.secretsmanager.create_secret(
            Name=f"{prefix}database", SecretString=service_database_url("cognito-trigger")
        )
        for _ in range(2):
            await ensure_functions(
                opened_cloud,
                plan.identity,
                pools,
                prefix=prefix,
                code=zip_of_modules(),
                secret_arns={"database-cognito-trigger": secret["ARN"]},
            )
        user_id, facts = await guest(owner), pools.parameters
        client_secret = pools.client_secrets["members-client-secret"]
        async with cognito_members(facts["members-pool-id"], facts["members-client-id"], client_secret) as members:
            await members.sign_up(mailbox.address, Password(PASSWORD), user_id)
            assert await users(owner) == [(user_id, "guest", None)]
            await members.confirm(mailbox.address, mailbox.codes()[-1], user_id)
            assert await users(owner) == [(user_id, "member", mailbox.address)]
            await owner.execute("update users set email = null")
            await members.forgot(mailbox.address)
            await members.reset(mailbox.address, mailbox.codes()[-1], Password(PASSWORD))
            assert await users(owner) == [(user_id, "member", mailbox.address)]
