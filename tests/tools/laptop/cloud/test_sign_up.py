"""Cognito's sign-up: codes by mail, the verified address, the PostConfirmation function."""

import io
import json
import re
import zipfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from botocore.exceptions import ClientError

RECORDING_FUNCTION = """
import json, os

def handler(event, context):
    if event["request"].get("clientMetadata", {}).get("fail"):
        raise RuntimeError("the database is away")
    with open(os.environ["EVENTS"], "a") as events:
        events.write(json.dumps(event) + "\\n")
    return event
"""


@dataclass
class Members:
    """A user pool with a PostConfirmation function that stores the events that it gets."""

    cloud: Any
    cognito: Any
    pool: str
    client: str
    events: Path

    async def sign_up(self, address: str) -> None:
        await self.cognito.sign_up(
            ClientId=self.client,
            Username=address,
            Password="Correct-horse-9",
            UserAttributes=[{"Name": "email", "Value": address}],
        )

    async def code(self, address: str) -> str:
        bearer = {"Authorization": "Bearer test-secret/+= of this cloud"}
        async with httpx2.AsyncClient(base_url=self.cloud.url, headers=bearer) as operator:
            outbox = (await operator.get("/_ministack/ses/messages")).json()["messages"]
        mails = [mail for mails in outbox.values() for mail in mails if mail["To"] == [address]]
        code = re.search(r"\b\d{6}\b", mails[-1]["BodyText"])
        assert code is not None
        return code[0]

    async def attributes(self, address: str) -> dict[str, str]:
        user = await self.cognito.admin_get_user(UserPoolId=self.pool, Username=address)
        return {attribute["Name"]: attribute["Value"] for attribute in user["UserAttributes"]} | {
            "status": user["UserStatus"]
        }

    def events_of(self, address: str) -> list[dict[str, Any]]:
        lines = self.events.read_text().splitlines() if self.events.exists() else []
        events: list[dict[str, Any]] = [json.loads(line) for line in lines]
        return [event for event in events if event["request"]["userAttributes"].get("email") == address]


@pytest.fixture(scope="module")
async def members(cloud: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Members]:
    events = tmp_path_factory.mktemp("lambda") / "events"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("trigger.py", RECORDING_FUNCTION)
    async with cloud.client("iam") as iam, cloud.client("lambda") as functions, cloud.client("cognito-idp") as cognito:
        role = await iam.create_role(RoleName="trigger", AssumeRolePolicyDocument="{}")
        function = await functions.create_function(
            FunctionName="post-confirmation",
            Runtime="python3.13",
            Role=role["Role"]["Arn"],
            Handler="trigger.handler",
            Code={"ZipFile": archive.getvalue()},
            Environment={"Variables": {"EVENTS": str(events)}},
        )
        pool = await cognito.create_user_pool(
            PoolName="members",
            UsernameAttributes=["email"],
            AutoVerifiedAttributes=["email"],
            LambdaConfig={"PostConfirmation": function["FunctionArn"]},
        )
        client = await cognito.create_user_pool_client(
            UserPoolId=pool["UserPool"]["Id"], ClientName="app", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
        )
        yield Members(cloud, cognito, pool["UserPool"]["Id"], client["UserPoolClient"]["ClientId"], events)


class TestCodes:
    async def test_differ_between_people(self, members: Members) -> None:
        addresses = [f"person{number}@example.com" for number in range(4)]
        for address in addresses:
            await members.sign_up(address)
        codes = [await members.code(address) for address in addresses]
        assert len(set(codes)) > 1
        assert "123456" not in codes

    async def test_differ_when_sent_again_and_only_the_last_one_holds(self, members: Members) -> None:
        await members.sign_up("again@example.com")
        seen = [await members.code("again@example.com")]
        while len(set(seen)) == 1:
            await members.cognito.resend_confirmation_code(ClientId=members.client, Username="again@example.com")
            seen.append(await members.code("again@example.com"))
        confirm = {"ClientId": members.client, "Username": "again@example.com"}
        with pytest.raises(members.cognito.exceptions.CodeMismatchException):
            await members.cognito.confirm_sign_up(ConfirmationCode=seen[0], **confirm)
        await members.cognito.confirm_sign_up(ConfirmationCode=seen[-1], **confirm)

    async def test_are_checked_for_a_new_password(self, members: Members) -> None:
        await members.sign_up("forgetful@example.com")
        person = {"ClientId": members.client, "Username": "forgetful@example.com"}
        await members.cognito.confirm_sign_up(ConfirmationCode=await members.code("forgetful@example.com"), **person)
        await members.cognito.forgot_password(**person)
        code = await members.code("forgetful@example.com")
        wrong = f"{(int(code) + 1) % 1_000_000:06}"
        with pytest.raises(members.cognito.exceptions.CodeMismatchException):
            await members.cognito.confirm_forgot_password(ConfirmationCode=wrong, Password="New-horse-10", **person)
        await members.cognito.confirm_forgot_password(ConfirmationCode=code, Password="New-horse-10", **person)
        triggers = [event["triggerSource"] for event in members.events_of("forgetful@example.com")]
        assert triggers == ["PostConfirmation_ConfirmSignUp", "PostConfirmation_ConfirmForgotPassword"]
        signed_in = await members.cognito.initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=members.client,
            AuthParameters={"USERNAME": "forgetful@example.com", "PASSWORD": "New-horse-10"},
        )
        assert signed_in["AuthenticationResult"]["IdToken"]

    @pytest.mark.parametrize("hidden", [False, True])
    async def test_for_a_new_password_go_to_a_verified_address_only(self, members: Members, hidden: bool) -> None:
        address = f"unread-{hidden}@example.com"
        client = await members.cognito.create_user_pool_client(
            UserPoolId=members.pool, ClientName=address, PreventUserExistenceErrors="ENABLED" if hidden else "LEGACY"
        )
        await members.sign_up(address)
        sent = await members.code(address)
        person = {"ClientId": client["UserPoolClient"]["ClientId"], "Username": address}
        if hidden:
            known = await members.cognito.forgot_password(**person)
            unknown = await members.cognito.forgot_password(**person | {"Username": "unreal-True@example.com"})
            assert known["CodeDeliveryDetails"] == unknown["CodeDeliveryDetails"]
        else:
            with pytest.raises(members.cognito.exceptions.InvalidParameterException, match="no registered/verified"):
                await members.cognito.forgot_password(**person)
        assert await members.code(address) == sent
        with pytest.raises(members.cognito.exceptions.ExpiredCodeException):
            await members.cognito.confirm_forgot_password(ConfirmationCode=sent, Password="New-horse-10", **person)

    async def test_for_a_new_password_are_not_for_a_user_who_has_a_temporary_one(self, members: Members) -> None:
        address = "invited@example.com"
        await members.cognito.admin_create_user(
            UserPoolId=members.pool,
            Username=address,
            UserAttributes=[{"Name": "email", "Value": address}, {"Name": "email_verified", "Value": "true"}],
            MessageAction="SUPPRESS",
        )
        with pytest.raises(members.cognito.exceptions.NotAuthorizedException, match="current state"):
            await members.cognito.forgot_password(ClientId=members.client, Username=address)

    async def test_to_confirm_are_not_for_a_confirmed_user(self, members: Members) -> None:
        person = {"ClientId": members.client, "Username": "eager@example.com"}
        await members.sign_up(person["Username"])
        await members.cognito.confirm_sign_up(ConfirmationCode=await members.code(person["Username"]), **person)
        with pytest.raises(members.cognito.exceptions.InvalidParameterException, match="already confirmed"):
            await members.cognito.resend_confirmation_code(**person)

    async def test_are_not_the_same_for_all_who_have_no_address(self, members: Members) -> None:
        pool = (await members.cognito.create_user_pool(PoolName="nameless"))["UserPool"]["Id"]
        client = await members.cognito.create_user_pool_client(UserPoolId=pool, ClientName="app")
        person = {"ClientId": client["UserPoolClient"]["ClientId"], "Username": "nameless"}
        await members.cognito.sign_up(Password="Correct-horse-9", **person)
        with pytest.raises(members.cognito.exceptions.ExpiredCodeException):
            await members.cognito.confirm_sign_up(ConfirmationCode="123456", **person)


class TestConfirmSignUp:
    async def test_verifies_the_address_and_calls_the_function(self, members: Members) -> None:
        await members.sign_up("aki@example.com")
        await members.cognito.confirm_sign_up(
            ClientId=members.client,
            Username="aki@example.com",
            ConfirmationCode=await members.code("aki@example.com"),
            ClientMetadata={"guest": "0192"},
        )
        attributes = await members.attributes("aki@example.com")
        assert (attributes["email_verified"], attributes["status"]) == ("true", "CONFIRMED")
        assert members.events_of("aki@example.com") == [
            {
                "version": "1",
                "triggerSource": "PostConfirmation_ConfirmSignUp",
                "region": "ap-northeast-1",
                "userPoolId": members.pool,
                "userName": attributes["sub"],
                "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": members.client},
                "request": {
                    "userAttributes": {
                        "sub": attributes["sub"],
                        "email": "aki@example.com",
                        "email_verified": "true",
                        "cognito:user_status": "CONFIRMED",
                    },
                    "clientMetadata": {"guest": "0192"},
                },
                "response": {},
            }
        ]

    async def test_reports_a_function_that_fails_and_confirms_all_the_same(self, members: Members) -> None:
        await members.sign_up("unlucky@example.com")
        with pytest.raises(ClientError, match="the database is away") as failure:
            await members.cognito.confirm_sign_up(
                ClientId=members.client,
                Username="unlucky@example.com",
                ConfirmationCode=await members.code("unlucky@example.com"),
                ClientMetadata={"fail": "yes"},
            )
        assert failure.value.response["Error"]["Code"] == "UserLambdaValidationException"
        assert (await members.attributes("unlucky@example.com"))["status"] == "CONFIRMED"

    async def test_calls_no_function_for_a_wrong_code(self, members: Members) -> None:
        await members.sign_up("guesser@example.com")
        code = await members.code("guesser@example.com")
        with pytest.raises(members.cognito.exceptions.CodeMismatchException):
            await members.cognito.confirm_sign_up(
                ClientId=members.client,
                Username="guesser@example.com",
                ConfirmationCode=f"{(int(code) + 1) % 1_000_000:06}",
            )
        assert members.events_of("guesser@example.com") == []
        assert "email_verified" not in await members.attributes("guesser@example.com")


class TestAdminConfirmSignUp:
    async def test_calls_the_function_but_verifies_no_address(self, members: Members) -> None:
        await members.sign_up("operator@example.com")
        await members.cognito.admin_confirm_sign_up(UserPoolId=members.pool, Username="operator@example.com")
        [event] = members.events_of("operator@example.com")
        assert event["triggerSource"] == "PostConfirmation_ConfirmSignUp"
        assert "email_verified" not in await members.attributes("operator@example.com")


class TestKeys:
    async def test_are_served_to_every_caller_that_checks_a_token(self, members: Members) -> None:
        async with httpx2.AsyncClient(base_url=members.cloud.url) as checker:
            keys = (await checker.get(f"/{members.pool}/.well-known/jwks.json")).json()["keys"]
        assert {key["kty"] for key in keys} == {"RSA"}


class TestFunctions:
    async def test_end_with_the_cloud(self, new_cloud: Callable[[], Any]) -> None:
        cloud = new_cloud()
        await cloud.start()
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("trigger.py", "def handler(event, context):\n    return event\n")
        async with cloud.client("iam") as iam, cloud.client("lambda") as functions:
            role = await iam.create_role(RoleName="trigger", AssumeRolePolicyDocument="{}")
            await functions.create_function(
                FunctionName="echo",
                Runtime="python3.13",
                Role=role["Role"]["Arn"],
                Handler="trigger.handler",
                Code={"ZipFile": archive.getvalue()},
            )
            answer = await functions.invoke(FunctionName="echo", Payload=b'{"a": 1}')
            assert json.loads(await answer["Payload"].read()) == {"a": 1}
        workers = psutil.Process(cloud.process.pid).children(recursive=True)
        assert workers
        await cloud.kill()
        _gone, alive = psutil.wait_procs(workers, timeout=10)
        assert not alive
