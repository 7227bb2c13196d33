"""What can be used in the environment that stands: the services of the emulators that do something."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from tatemono_tools.plan.building import Plan
from tatemono_tools.terraform.rehearsal.emulators import Emulators
from tatemono_tools.terraform.rehearsal.reporting import StepFailed
from tatemono_tools.terraform.rehearsal.setup import client


@dataclass(frozen=True, kw_only=True)
class TrafficProbe:
    """Uses each service of the environment as the building's services would.

    :ivar filled: the values that the secrets were given, by the plan's names
    """

    emulators: Emulators
    plan: Plan
    environment: str
    filled: dict[str, str]

    def probes(self) -> Iterator[tuple[str, Callable[[], str]]]:
        """Each by name; it returns what came out, or raises `StepFailed`."""
        yield "messages", self.messages
        yield "objects", self.objects
        yield "secret values", self.secret_values
        yield "sign-up", self.sign_up
        yield "function calls", self.functions

    def messages(self) -> str:
        """A message is received; one that is not deleted in time becomes a dead letter."""
        sqs = client(self.emulators, "sqs")
        for name, queue in self.plan.queues.items():
            url = self._parameter(f"{name}-queue-url")
            dead = sqs.get_queue_url(QueueName=f"{self.plan.name}-{self.environment}-{name}-dead")["QueueUrl"]
            sqs.send_message(QueueUrl=url, MessageBody="delivered")
            message = self._receive(sqs, url)
            _expect(message is not None and message["Body"] == "delivered", f"{name}: a message was lost")
            assert message is not None
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            sqs.send_message(QueueUrl=url, MessageBody="undeliverable")
            for _ in range(queue.max_receive_count + 2):
                message = self._receive(sqs, url)
                if message is None:
                    break
                sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
            found = self._receive(sqs, dead)
            _expect(found is not None and found["Body"] == "undeliverable", f"{name}: no dead letter")
        return f"{len(self.plan.queues)} queues: sent, read, and after too many tries a dead letter"

    def objects(self) -> str:
        """A request without TLS is refused, as ours are: the emulator has none. So no object can be kept here."""
        s3 = client(self.emulators, "s3")
        for name in self.plan.buckets:
            bucket = self._parameter(f"{name}-bucket")
            _expect(_refuses_object(s3, bucket), f"{bucket}: takes an object without TLS")
            closed = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
            _expect(all(closed.values()), f"{bucket}: is not closed to the public")
            policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
            _expect(
                any(_refuses_plain_text(statement) for statement in policy["Statement"]),
                f"{bucket}: takes requests without TLS",
            )
        return f"{len(self.plan.buckets)} buckets: refuse an object without TLS; closed to the public"

    def secret_values(self) -> str:
        """The chain that every service follows: parameter, ARN, secret, value."""
        manager = client(self.emulators, "secretsmanager")
        for name, value in self.filled.items():
            arn = self._parameter(name)
            _expect(arn.startswith("arn:aws:secretsmanager:"), f"{name}: its parameter holds no ARN")
            _expect(manager.get_secret_value(SecretId=arn)["SecretString"] == value, f"{name}: another value")
        return f"{len(self.filled)} secrets: parameter, ARN, value"

    def sign_up(self) -> str:
        """A person signs up through the client and with the secret that the services are given."""
        pool = next(name for name, found in self.plan.identity.user_pools.items() if found.sign_up == "open")
        cognito = client(self.emulators, "cognito-idp")
        secret = self._secret(self.plan.identity.user_pools[pool].client.secret)
        client_id = self._parameter(f"{pool}-client-id")
        # The emulator asks for characters of each kind where the policy asks for none.
        email, password = "rehearsal@example.com", f"{secrets.token_urlsafe(16)}-aA1"
        digest = hmac.new(secret.encode(), (email + client_id).encode(), hashlib.sha256).digest()
        try:
            made = cognito.sign_up(
                ClientId=client_id,
                SecretHash=base64.b64encode(digest).decode(),
                Username=email,
                Password=password,
                UserAttributes=[{"Name": "email", "Value": email}],
            )
        except cognito.exceptions.ClientError as error:
            raise StepFailed(f"a person cannot sign up: {error}") from error
        _expect(not made["UserConfirmed"], "a new member is confirmed without a code")
        config = cognito.describe_user_pool(UserPoolId=self._parameter(f"{pool}-pool-id"))["UserPool"]["LambdaConfig"]
        _expect("PostConfirmation" in config, "no function is called when an address is confirmed")
        return f"signed up in {pool}; waits for the code, then calls {config['PostConfirmation'].rpartition(':')[2]}"

    def functions(self) -> str:
        """Each function starts, reads its secret, and looks for the database, which is not there in a rehearsal."""
        lambda_client = client(self.emulators, "lambda")
        event = {
            "triggerSource": "PostConfirmation_ConfirmSignUp",
            "userName": "00000000-0000-4000-8000-000000000001",
            "request": {
                "userAttributes": {
                    "sub": "00000000-0000-4000-8000-000000000001",
                    "email": "rehearsal@example.com",
                    "email_verified": "true",
                    "custom:user_id": "00000000-0000-4000-8000-000000000002",
                }
            },
            "response": {},
        }
        for name in self.plan.identity.functions:
            answered = lambda_client.invoke(
                FunctionName=f"{self.plan.name}-{self.environment}-{name}", Payload=json.dumps(event)
            )
            answer = json.loads(answered["Payload"].read() or b"null")
            said = str(answer.get("errorMessage", "")) if isinstance(answer, dict) else ""
            # All but the database is there: an error of the system. A missing module or right says something else.
            _expect(said.startswith("[Errno ") or "timed out" in said, f"{name}: ended with {answer}")
        return f"{len(self.plan.identity.functions)} functions: started, read their secret, and looked for the database"

    def _receive(self, sqs: Any, url: str) -> dict[str, Any] | None:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1, WaitTimeSeconds=0).get("Messages", [])
        return dict(found[0]) if found else None

    def _parameter(self, name: str) -> str:
        ssm = client(self.emulators, "ssm")
        return str(ssm.get_parameter(Name=self.plan.parameter_name(self.environment, name))["Parameter"]["Value"])

    def _secret(self, name: str) -> str:
        manager = client(self.emulators, "secretsmanager")
        return str(manager.get_secret_value(SecretId=self._parameter(name))["SecretString"])


def _refuses_object(s3: Any, bucket: str) -> bool:
    try:
        s3.put_object(Bucket=bucket, Key="rehearsal", Body=b"picture")
    except s3.exceptions.ClientError as error:
        return bool(error.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.FORBIDDEN)
    return False


def _refuses_plain_text(statement: dict[str, Any]) -> bool:
    condition = statement.get("Condition", {}).get("Bool", {})
    return statement["Effect"] == "Deny" and str(condition.get("aws:SecureTransport")).lower() == "false"


def _expect(held: bool, otherwise: str) -> None:
    if not held:
        raise StepFailed(otherwise)
