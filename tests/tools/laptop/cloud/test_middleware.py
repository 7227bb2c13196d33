"""Who is let in."""

import stat
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import psutil
import pytest
from botocore.exceptions import ClientError

CALLS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "s3": lambda s3: s3.list_buckets(),
    "sqs": lambda sqs: sqs.list_queues(),
    "secretsmanager": lambda secretsmanager: secretsmanager.list_secrets(),
    "ssm": lambda ssm: ssm.describe_parameters(),
    "cognito-idp": lambda cognito: cognito.list_user_pools(MaxResults=1),
    "iam": lambda iam: iam.list_users(),
    "lambda": lambda functions: functions.list_functions(),
    "kms": lambda kms: kms.list_keys(),
    "sesv2": lambda ses: ses.get_account(),
    "sts": lambda sts: sts.get_caller_identity(),
}


class TestSignatures:
    @pytest.mark.parametrize("service", CALLS)
    async def test_of_the_installation_are_accepted(self, cloud: Any, service: str) -> None:
        async with cloud.client(service) as client:
            answer = await CALLS[service](client)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200

    @pytest.mark.parametrize("service", CALLS)
    @pytest.mark.parametrize(
        ("key", "secret"),
        [
            ("482913650174", "another secret"),
            ("test", "test"),
            ("000000000000", "test-secret/+= of this cloud"),
            ("AKIAIOSFODNN7EXAMPLE", "test-secret/+= of this cloud"),
        ],
        ids=["wrong secret", "test", "another account", "unknown key"],
    )
    async def test_of_others_are_refused(self, cloud: Any, service: str, key: str, secret: str) -> None:
        async with cloud.client(service, key=key, secret=secret) as client:
            with pytest.raises(ClientError) as refusal:
                await CALLS[service](client)
        assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] in {400, 403}

    @pytest.mark.parametrize("tampering", ["", "&X-Amz-Expires=9", "0"], ids=["none", "longer", "signature"])
    async def test_of_presigned_urls_are_checked(self, cloud: Any, tampering: str) -> None:
        async with cloud.client("s3", signature_version="s3v4") as s3:
            await s3.put_object(Bucket="pictures-of-the-test", Key="a b/ü.txt", Body=b"hello")
            url = await s3.generate_presigned_url(
                "get_object", Params={"Bucket": "pictures-of-the-test", "Key": "a b/ü.txt"}
            )
        async with httpx2.AsyncClient() as browser:
            answer = await browser.get(url + tampering)
        assert (answer.status_code, answer.content == b"hello") == ((200, True) if not tampering else (403, False))


class TestUnsignedRequests:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/"),
            ("GET", "/pictures-of-the-test"),
            ("PUT", "/a-bucket"),
            ("POST", "/?Action=ListUsers"),
            ("GET", "/2015-03-31/functions/"),
            ("POST", "/v2/email/outbound-emails"),
            ("POST", "/_ministack/reset"),
            ("GET", "/_ministack/ses/messages"),
            ("GET", "/_ministack/sqs/messages"),
            ("POST", "/_ministack/config"),
            ("OPTIONS", "/pictures-of-the-test"),
        ],
    )
    async def test_are_refused(self, cloud: Any, method: str, path: str) -> None:
        async with httpx2.AsyncClient(base_url=cloud.url) as stranger:
            answer = await stranger.request(method, path)
        assert answer.status_code == 403

    async def test_may_sign_up_like_on_aws(self, cloud: Any) -> None:
        target = {"X-Amz-Target": "AWSCognitoIdentityProviderService.SignUp"}
        async with httpx2.AsyncClient(base_url=cloud.url) as phone:
            answer = await phone.post("/", json={"ClientId": "unknown", "Username": "u"}, headers=target)
        assert (answer.status_code, answer.json()["__type"]) == (400, "ResourceNotFoundException")

    async def test_may_not_administer_users(self, cloud: Any) -> None:
        target = {"X-Amz-Target": "AWSCognitoIdentityProviderService.AdminGetUser"}
        async with httpx2.AsyncClient(base_url=cloud.url) as phone:
            answer = await phone.post("/", json={"UserPoolId": "ap-northeast-1_x", "Username": "u"}, headers=target)
        assert (answer.status_code, answer.json()["__type"]) == (400, "MissingAuthenticationTokenException")

    async def test_under_a_foreign_name_are_refused(self, cloud: Any) -> None:
        async with httpx2.AsyncClient(base_url=cloud.url) as page:
            answer = await page.get("/_ministack/health", headers={"Host": "rebound.example.com"})
        assert answer.status_code == 403


class TestOutbox:
    async def test_shows_the_mail_to_callers_with_the_secret(self, cloud: Any) -> None:
        async with cloud.client("sesv2") as ses:
            await ses.create_email_identity(EmailIdentity="hello@example.com")
            await ses.send_email(
                FromEmailAddress="hello@example.com",
                Destination={"ToAddresses": ["aki@example.com"]},
                Content={"Simple": {"Subject": {"Data": "Good morning"}, "Body": {"Text": {"Data": "おはよう"}}}},
            )
        bearer = {"Authorization": "Bearer test-secret/+= of this cloud"}
        async with httpx2.AsyncClient(base_url=cloud.url, headers=bearer) as operator:
            outbox = (await operator.get("/_ministack/ses/messages")).json()
        mail = outbox["messages"]["482913650174"][-1]
        assert (mail["To"], mail["Subject"], mail["BodyText"]) == (["aki@example.com"], "Good morning", "おはよう")


class TestProcess:
    def test_listens_on_loopback_alone(self, cloud: Any) -> None:
        listening = {
            connection.laddr
            for connection in psutil.Process(cloud.process.pid).net_connections("all")
            if connection.status == psutil.CONN_LISTEN
        }
        assert listening == {("127.0.0.1", cloud.port)}

    async def test_keeps_everything_in_a_folder_closed_to_others(self, cloud: Any) -> None:
        async with cloud.client("s3") as s3:
            await s3.put_object(Bucket="pictures-of-the-test", Key="deep/down/secret", Body=b"x")
        await cloud.kept()
        assert stat.S_IMODE(cloud.state_dir.stat().st_mode) == 0o700
        written = [path for path in cloud.state_dir.rglob("*") if path.name == "secret"]
        assert len(written) == 1
        assert not [path for path in cloud.state_dir.rglob("*") if stat.S_IMODE(path.stat().st_mode) & 0o077]

    def test_does_not_show_its_secret_among_its_words(self, cloud: Any) -> None:
        assert not [word for word in psutil.Process(cloud.process.pid).cmdline() if "secret" in word]
