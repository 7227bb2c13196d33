"""Provisioning, against the embedded cloud and PostgreSQL."""

import asyncio
import json
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from conftest import CloudEndpoint, PostgresServer, free_port
from tatemono_tools.laptop.cloud import cloud_command, cloud_ready
from tatemono_tools.laptop.postgres.database_roles import newest_migration
from tatemono_tools.laptop.provision.cloud_resources import Cloud, open_cloud
from tatemono_tools.laptop.provision.provision import (
    LaptopFacts,
    Unprovisioned,
    bucket_name,
    provision,
    read_secret,
    resolve_environment,
)
from tatemono_tools.laptop.secret_values import OFFLINE_API_KEY, database_role
from tatemono_tools.plan.building import Plan

GIVEN = {
    "public-url": "https://localhost:8443",
    "distribution-id": "none",
    "openai-base-url": "http://127.0.0.1:9100/v1",
    "admin-api-url": "http://127.0.0.1:8101",
    "uploads-url": "https://localhost:8443/uploads/",
}


def unlike_any_other(plan: Plan) -> Plan:
    """The plan with names of its own: the tests of a run share one cloud and one server."""
    suffix = secrets.token_hex(4)
    text = json.dumps(plan.model_dump(mode="json"))
    for role in plan.database.roles:
        # In JSON a role stands alone between quotes; so does the service of that name.
        text = text.replace(f'"{role}"', f'"{role}-{suffix}"')
    for queue in plan.queues:
        text = text.replace(f'"{queue}-queue-url"', f'"{queue}-{suffix}-queue-url"')
    changed = json.loads(text)
    changed["queues"] = {f"{name}-{suffix}": queue for name, queue in changed["queues"].items()}
    changed["mail"]["events_queue"] += f"-{suffix}"
    changed["name"] = f"tatemono-{suffix}"
    changed["database"]["name"] = f"tatemono_{suffix}"
    changed["services"] = {name.removesuffix(f"-{suffix}"): service for name, service in changed["services"].items()}
    return Plan.model_validate(changed)


@asynccontextmanager
async def facts_of(plan: Plan, server: PostgresServer, folder: Path) -> AsyncIterator[LaptopFacts]:
    """A laptop whose server has the roles that the migrations know, and for the time being what the plan adds."""
    yield LaptopFacts(
        database_url=server.url(), parameters=GIVEN, picture_keys_file=folder / f"{plan.name}-picture-keys.json"
    )
    superuser = await asyncpg.connect(server.url())
    await superuser.execute(f"DROP DATABASE IF EXISTS {plan.database.name} WITH (FORCE)")
    for role in (f"{plan.database.name}_owner", *map(database_role, plan.database.roles)):
        await superuser.execute(f"DROP ROLE IF EXISTS {role}")
    await superuser.close()


@pytest.fixture(scope="module")
async def opened(cloud: CloudEndpoint) -> AsyncIterator[Cloud]:
    async with open_cloud(
        cloud.endpoint_url,
        region=cloud.region,
        access_key_id=cloud.access_key_id,
        secret_access_key=cloud.secret_access_key,
    ) as clients:
        yield clients


@pytest.fixture
def own_plan(plan: Plan) -> Plan:
    return unlike_any_other(plan)


@pytest.fixture
async def facts(
    postgres_server: PostgresServer, migrated_template: str, own_plan: Plan, tmp_path: Path
) -> AsyncIterator[LaptopFacts]:
    """A laptop for `own_plan`, with nothing provisioned yet."""
    async with facts_of(own_plan, postgres_server, tmp_path) as empty:
        yield empty


@dataclass(frozen=True)
class Finished:
    """A plan and its laptop, provisioned once for all tests that only read."""

    plan: Plan
    facts: LaptopFacts


@pytest.fixture(scope="module")
async def finished(
    postgres_server: PostgresServer,
    migrated_template: str,
    plan: Plan,
    opened: Cloud,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Finished]:
    own = unlike_any_other(plan)
    async with facts_of(own, postgres_server, tmp_path_factory.mktemp("laptop")) as facts:
        await provision(own, facts, opened)
        yield Finished(own, facts)


async def parameter_versions(plan: Plan, cloud: Cloud) -> dict[str, int]:
    pages = cloud.ssm.get_paginator("get_parameters_by_path").paginate(Path=plan.parameter_name("laptop", ""))
    return {entry["Name"]: entry["Version"] async for page in pages for entry in page["Parameters"]}


async def secret_versions(plan: Plan, cloud: Cloud) -> dict[str, str]:
    names = [plan.parameter_name("laptop", name).removeprefix("/") for name in plan.secrets]
    answer = await cloud.secretsmanager.batch_get_secret_value(SecretIdList=names)
    return {entry["Name"]: entry["VersionId"] for entry in answer["SecretValues"]}


class TestProvision:
    async def test_makes_what_the_plan_says_and_changes_nothing_the_second_time(
        self, own_plan: Plan, facts: LaptopFacts, opened: Cloud
    ) -> None:
        async def state() -> list[Any]:
            queue_url = (await resolve_environment(own_plan, "outbox-relay", opened))["IMAGE_JOBS_QUEUE_URL"]
            queue = await opened.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])
            return [
                await parameter_versions(own_plan, opened),
                await secret_versions(own_plan, opened),
                queue["Attributes"],
                facts.picture_keys_file.stat().st_mtime_ns,
            ]

        await provision(own_plan, facts, opened)
        first = await state()
        assert set(first[0].values()) == {1}
        assert len(first[0]) == len(own_plan.parameters) + len(own_plan.secrets)
        await provision(own_plan, facts, opened)
        assert await state() == first

    async def test_makes_private_buckets(self, finished: Finished, opened: Cloud) -> None:
        name = bucket_name(finished.plan, "pictures")
        answer = await opened.s3.get_public_access_block(Bucket=name)
        assert set(answer["PublicAccessBlockConfiguration"].values()) == {True}
        assert "Status" not in await opened.s3.get_bucket_versioning(Bucket=name)

    async def test_gives_a_bucket_versions_when_the_plan_does(
        self, own_plan: Plan, facts: LaptopFacts, opened: Cloud
    ) -> None:
        pictures = own_plan.buckets["pictures"].model_copy(update={"versioned": True})
        versioned = own_plan.model_copy(update={"buckets": own_plan.buckets | {"pictures": pictures}})
        for plan, status in ((own_plan, None), (versioned, "Enabled"), (own_plan, "Suspended")):
            await provision(plan, facts, opened)
            answer = await opened.s3.get_bucket_versioning(Bucket=bucket_name(own_plan, "pictures"))
            assert answer.get("Status") == status

    async def test_gives_queues_the_plans_numbers_and_a_dead_letter_queue(
        self, finished: Finished, opened: Cloud
    ) -> None:
        for name, queue in finished.plan.queues.items():
            urls = [(await opened.sqs.get_queue_url(QueueName=each))["QueueUrl"] for each in (name, f"{name}-dead")]
            found, dead = [
                (await opened.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]))["Attributes"]
                for url in urls
            ]
            assert found["VisibilityTimeout"] == str(queue.visibility_timeout_seconds)
            assert found["MessageRetentionPeriod"] == str(queue.retention_seconds)
            assert found["ReceiveMessageWaitTimeSeconds"] == str(queue.receive_wait_seconds)
            assert json.loads(found["RedrivePolicy"]) == {
                "deadLetterTargetArn": dead["QueueArn"],
                "maxReceiveCount": queue.max_receive_count,
            }
            assert json.loads(dead["RedriveAllowPolicy"]) == {
                "redrivePermission": "byQueue",
                "sourceQueueArns": [found["QueueArn"]],
            }

    async def test_follows_a_plan_that_changed(self, own_plan: Plan, facts: LaptopFacts, opened: Cloud) -> None:
        await provision(own_plan, facts, opened)
        slower = own_plan.model_copy(
            update={
                "queues": {
                    name: queue.model_copy(update={"visibility_timeout_seconds": 90})
                    for name, queue in own_plan.queues.items()
                }
            }
        )
        moved = replace(facts, parameters=GIVEN | {"public-url": "https://localhost:9443"})
        await provision(slower, moved, opened)
        assert (await resolve_environment(slower, "mobile-api", opened))["PUBLIC_URL"] == "https://localhost:9443"
        url = (await resolve_environment(slower, "outbox-relay", opened))["IMAGE_JOBS_QUEUE_URL"]
        answer = await opened.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
        assert answer["Attributes"] == {"VisibilityTimeout": "90"}

    async def test_makes_each_secret_as_the_plan_says(self, finished: Finished, opened: Cloud) -> None:
        assert len(await read_secret(finished.plan, "origin-verify", opened)) == 43
        assert json.loads(await read_secret(finished.plan, "token-signing-keys", opened))["keys"][0]["alg"] == "ES256"
        assert "BEGIN PRIVATE KEY" in await read_secret(finished.plan, "picture-url-key", opened)
        assert await read_secret(finished.plan, "openai-api-key", opened) == OFFLINE_API_KEY
        assert (await read_secret(finished.plan, "database-mobile-api", opened)).startswith("postgresql://mobile_api_")

    async def test_keeps_a_secret_that_a_person_put_in(self, own_plan: Plan, facts: LaptopFacts, opened: Cloud) -> None:
        await provision(own_plan, facts, opened)
        name = own_plan.parameter_name("laptop", "openai-api-key").removeprefix("/")
        await opened.secretsmanager.put_secret_value(SecretId=name, SecretString="sk-mine")
        await provision(own_plan, facts, opened)
        assert (await resolve_environment(own_plan, "image-worker", opened))["OPENAI_API_KEY"] == "sk-mine"

    async def test_gives_the_cloud_the_public_half_of_the_key_that_signs_pictures(
        self, finished: Finished, opened: Cloud
    ) -> None:
        environment = await resolve_environment(finished.plan, "mobile-api", opened)
        keys = json.loads(finished.facts.picture_keys_file.read_text())
        assert list(keys) == [environment["PICTURE_URL_KEY_ID"]]
        assert keys[environment["PICTURE_URL_KEY_ID"]].startswith("-----BEGIN PUBLIC KEY-----")

    async def test_makes_the_pools_and_gives_the_services_their_ids(self, finished: Finished, opened: Cloud) -> None:
        environment = await resolve_environment(finished.plan, "mobile-api", opened)
        pool_id = environment["MEMBERS_POOL_ID"]
        client = await opened.cognito_idp.describe_user_pool_client(
            UserPoolId=pool_id, ClientId=environment["MEMBERS_CLIENT_ID"]
        )
        assert client["UserPoolClient"]["ClientSecret"] == environment["MEMBERS_CLIENT_SECRET"]
        assert client["UserPoolClient"]["PreventUserExistenceErrors"] == "ENABLED"
        pool = (await opened.cognito_idp.describe_user_pool(UserPoolId=pool_id))["UserPool"]
        function = await opened.functions.get_function(FunctionName=pool["LambdaConfig"]["PostConfirmation"])
        assert function["Configuration"]["Handler"] == "tatemono.entrypoints.cognito_trigger.handler"
        own = next(attribute for attribute in pool["SchemaAttributes"] if attribute["Name"] == "custom:user_id")
        assert own["Mutable"] is False

    async def test_makes_operators_show_a_second_factor(self, finished: Finished, opened: Cloud) -> None:
        name = finished.plan.parameter_name("laptop", "operators-pool-id")
        pool_id = (await opened.ssm.get_parameter(Name=name))["Parameter"]["Value"]
        mfa = await opened.cognito_idp.get_user_pool_mfa_config(UserPoolId=pool_id)
        assert (mfa["MfaConfiguration"], mfa["SoftwareTokenMfaConfiguration"]) == ("ON", {"Enabled": True})
        groups = (await opened.cognito_idp.list_groups(UserPoolId=pool_id))["Groups"]
        assert {group["GroupName"] for group in groups} == {"viewer", "support", "admin"}
        pool = (await opened.cognito_idp.describe_user_pool(UserPoolId=pool_id))["UserPool"]
        assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True

    async def test_follows_a_plan_whose_pools_changed(self, own_plan: Plan, facts: LaptopFacts, opened: Cloud) -> None:
        await provision(own_plan, facts, opened)
        before = await resolve_environment(own_plan, "mobile-api", opened)
        members = own_plan.identity.user_pools["members"].model_copy(update={"password_min_characters": 10})
        pools = own_plan.identity.user_pools | {"members": members}
        stricter = own_plan.model_copy(update={"identity": own_plan.identity.model_copy(update={"user_pools": pools})})
        await provision(stricter, facts, opened)
        assert await resolve_environment(stricter, "mobile-api", opened) == before
        pool = await opened.cognito_idp.describe_user_pool(UserPoolId=before["MEMBERS_POOL_ID"])
        assert pool["UserPool"]["Policies"]["PasswordPolicy"]["MinimumLength"] == 10
        assert pool["UserPool"]["LambdaConfig"]["PostConfirmation"]

    async def test_refuses_a_parameter_without_a_value_before_it_makes_anything(
        self, own_plan: Plan, facts: LaptopFacts, opened: Cloud
    ) -> None:
        with pytest.raises(Unprovisioned, match=r"public-url \(Address of the front door, without a path\)"):
            await provision(own_plan, replace(facts, parameters={}), opened)
        assert await parameter_versions(own_plan, opened) == {}

    async def test_makes_roles_that_sign_in_with_their_url_and_may_make_nothing(
        self, finished: Finished, opened: Cloud
    ) -> None:
        for service in finished.plan.services:
            environment = await resolve_environment(finished.plan, service, opened)
            connection = await asyncpg.connect(environment["DATABASE_URL"])
            try:
                assert await connection.fetchval("SELECT current_setting('is_superuser')") == "off"
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute("CREATE TABLE mine (id int)")
            finally:
                await connection.close()

    async def test_runs_the_migrations(self, finished: Finished, opened: Cloud) -> None:
        connection = await asyncpg.connect(finished.facts.database_url, database=finished.plan.database.name)
        assert await connection.fetchval("SELECT version_num FROM schema_versions") == newest_migration()
        await connection.close()

    async def test_gives_a_role_its_password_back(self, own_plan: Plan, facts: LaptopFacts, opened: Cloud) -> None:
        await provision(own_plan, facts, opened)
        url = await read_secret(own_plan, "database-outbox-relay", opened)
        superuser = await asyncpg.connect(facts.database_url)
        role = database_role(next(role for role in own_plan.database.roles if role.startswith("outbox-relay")))
        await superuser.execute(f"ALTER ROLE {role} PASSWORD 'forgotten'")
        await superuser.close()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(url)
        await provision(own_plan, facts, opened)
        await (await asyncpg.connect(url)).close()

    async def test_follows_a_database_that_moved_and_keeps_the_password(
        self, own_plan: Plan, facts: LaptopFacts, opened: Cloud
    ) -> None:
        await provision(own_plan, facts, opened)
        before = await read_secret(own_plan, "database-mobile-api", opened)
        await provision(
            own_plan, replace(facts, database_url=facts.database_url.replace("127.0.0.1", "localhost")), opened
        )
        assert await read_secret(own_plan, "database-mobile-api", opened) == before.replace("127.0.0.1", "localhost")

    async def test_keeps_messages_when_the_cloud_comes_back_at_another_port(
        self, own_plan: Plan, facts: LaptopFacts, cloud: CloudEndpoint, tmp_path: Path
    ) -> None:
        async def at(port: int, folder: Path) -> asyncio.subprocess.Process:
            argv, environment = cloud_command(
                folder, port, account_id=cloud.access_key_id, secret_access_key="s" * 40, region=cloud.region
            )
            process = await asyncio.create_subprocess_exec(*argv, env=environment)
            async with asyncio.timeout(20):
                while not await cloud_ready(port):  # noqa: ASYNC110 - another process gets ready
                    await asyncio.sleep(0.02)
            return process

        urls = []
        for visit in range(2):
            port = free_port()
            process = await at(port, tmp_path / "cloud")
            try:
                async with open_cloud(
                    f"http://127.0.0.1:{port}",
                    region=cloud.region,
                    access_key_id=cloud.access_key_id,
                    secret_access_key="s" * 40,
                ) as moved:
                    await provision(own_plan, facts, moved)
                    url = (await resolve_environment(own_plan, "outbox-relay", moved))["IMAGE_JOBS_QUEUE_URL"]
                    assert url.startswith(f"http://127.0.0.1:{port}/")
                    urls.append(url)
                    if visit == 0:
                        await moved.sqs.send_message(QueueUrl=url, MessageBody="a ticket")
                    else:
                        answer = await moved.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)
                        assert [message["Body"] for message in answer["Messages"]] == ["a ticket"]
            finally:
                process.terminate()
                await process.wait()
        assert urls[0] != urls[1]


class TestResolveEnvironment:
    async def test_takes_each_value_from_where_the_plan_says(self, finished: Finished, opened: Cloud) -> None:
        environment = await resolve_environment(finished.plan, "image-worker", opened)
        assert set(finished.plan.services["image-worker"].environment) < set(environment)
        assert environment["CONCURRENCY"] == "8"
        assert environment["OPENAI_BASE_URL"] == GIVEN["openai-base-url"]
        assert environment["IMAGE_MODEL"] == finished.plan.parameters["image-model"].value
        assert environment["PICTURES_BUCKET"] == bucket_name(finished.plan, "pictures")
        assert environment["SAFETY_IDENTIFIER_KEY"] == await read_secret(finished.plan, "safety-identifier-key", opened)

    async def test_adds_the_cloud_and_the_port(self, finished: Finished, opened: Cloud, cloud: CloudEndpoint) -> None:
        environment = await resolve_environment(finished.plan, "mobile-api", opened)
        assert environment.items() > cloud.environment.items()
        assert (environment["PORT"], environment["SERVICE_NAME"]) == ("8100", "mobile-api")
        assert (await resolve_environment(finished.plan, "mobile-api", opened, port=8222))["PORT"] == "8222"
        assert "PORT" not in await resolve_environment(finished.plan, "image-worker", opened)

    async def test_reads_more_values_than_one_call_takes(
        self, own_plan: Plan, facts: LaptopFacts, opened: Cloud
    ) -> None:
        content = own_plan.model_dump(mode="json")
        content["secrets"] |= {f"key-{number}": {"generate": "random"} for number in range(25)}
        content["parameters"] |= {f"number-{n}": {"value": str(n), "description": "a number"} for n in range(25)}
        content["services"]["outbox-relay"]["environment"] |= {
            **{f"KEY_{number}": {"secret": f"key-{number}"} for number in range(25)},
            **{f"NUMBER_{number}": {"parameter": f"number-{number}"} for number in range(25)},
        }
        larger = Plan.model_validate(content)
        await provision(larger, facts, opened)
        environment = await resolve_environment(larger, "outbox-relay", opened)
        assert [environment[f"NUMBER_{number}"] for number in range(25)] == [str(number) for number in range(25)]
        assert len({environment[f"KEY_{number}"] for number in range(25)}) == 25

    async def test_names_a_parameter_that_is_gone(self, own_plan: Plan, facts: LaptopFacts, opened: Cloud) -> None:
        await provision(own_plan, facts, opened)
        name = own_plan.parameter_name("laptop", "welcome-credits")
        await opened.ssm.delete_parameter(Name=name)
        with pytest.raises(Unprovisioned, match=f"mobile-api: Parameter Store lacks {name}$"):
            await resolve_environment(own_plan, "mobile-api", opened)

    async def test_names_a_secret_that_is_gone(self, own_plan: Plan, facts: LaptopFacts, opened: Cloud) -> None:
        await provision(own_plan, facts, opened)
        name = own_plan.parameter_name("laptop", "origin-verify").removeprefix("/")
        await opened.secretsmanager.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        with pytest.raises(Unprovisioned, match=f"mobile-api: Secrets Manager lacks arn:.*{name}"):
            await resolve_environment(own_plan, "mobile-api", opened)
        with pytest.raises(Unprovisioned, match=f"lacks {name}$"):
            await read_secret(own_plan, "origin-verify", opened)


class TestNewestMigration:
    async def test_is_known_without_the_library_that_runs_them(self, finished: Finished, opened: Cloud) -> None:
        program = (
            "import asyncio, sys\n"
            "from tatemono_tools.laptop.postgres.database_roles import prepare_database\n"
            "from tatemono_tools.plan.building import Database\n"
            "database = Database(engine_version='18', name=sys.argv[1], roles=())\n"
            "asyncio.run(prepare_database(database, sys.argv[2], {}))\n"
            "print(sorted({'alembic', 'sqlalchemy'} & sys.modules.keys()))\n"
        )
        words = [sys.executable, "-c", program, finished.plan.database.name, finished.facts.database_url]
        ran = subprocess.run(words, capture_output=True, text=True, check=True)  # noqa: ASYNC221 - nothing else runs
        assert ran.stdout == "[]\n"
