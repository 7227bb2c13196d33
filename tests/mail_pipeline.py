"""The way of a mail, as production has it: relay and mail worker as processes, PostgreSQL, SQS, and SES.

Between the worker and SES stands a server that misbehaves when it is told to.
"""

import asyncio
import json
import os
import secrets
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from conftest import CloudEndpoint, free_port
from required_settings import required_settings
from tatemono.adapters.aws import aws_clients
from tatemono.adapters.postgres.database import Database
from tatemono.domain.mail.message import Mail

LEASE_SECONDS = 4
SENDER = "Tatemono <no-reply@tatemono.example>"
_SEND = "/v2/email/outbound-emails"


@dataclass
class DifficultSes:
    """Stands before SES and passes everything on, but for what `faults` says about the next calls of SendEmail.

    `throttle`, `quota`, `not_verified`, `paused`, `bad_address`, `500`, `503` answer without passing on; `cut` passes
    on and hangs up; `applied_500` passes on and says that it failed; `hang` passes on and never answers.
    """

    upstream: str
    faults: list[str] = field(default_factory=list)
    calls: int = 0
    port: int = field(default_factory=free_port)
    _open: set[asyncio.Task[Any]] = field(default_factory=set)

    _ANSWERS = {  # noqa: RUF012 - nobody changes it
        "throttle": (429, "TooManyRequestsException", "Maximum sending rate exceeded."),
        "quota": (429, "TooManyRequestsException", "Daily message quota exceeded."),
        "not_verified": (400, "MessageRejected", "Email address is not verified. The following identities failed …"),
        "paused": (400, "SendingPausedException", "Email sending is disabled for the account."),
        "bad_address": (400, "BadRequestException", "Illegal address"),
        "500": (500, "InternalFailure", "An internal failure occurred."),
        "503": (503, "ServiceUnavailable", "Try later."),
        "applied_500": (500, "InternalFailure", "An internal failure occurred."),
    }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        try:
            yield
        finally:
            server.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").split("\r\n")
                method, path, _ = lines[0].split(" ")
                headers = dict(line.split(": ", 1) for line in lines[1:] if line)
                length = int(next((v for k, v in headers.items() if k.lower() == "content-length"), 0))
                body = await reader.readexactly(length) if length else b""
                if not await self._answer(method, path, headers, body, writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._open.discard(task)
            writer.close()

    async def _answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter
    ) -> bool:
        fault = ""
        if path == _SEND:
            self.calls += 1
            fault = self.faults.pop(0) if self.faults else ""
        status, kind, answer = 200, "", b""
        if fault in {"", "cut", "applied_500", "hang"}:
            status, kind, answer = await self._passed_on(method, path, headers, body)
        if fault == "hang":
            await asyncio.Event().wait()
        if fault == "cut":
            return False
        if fault in self._ANSWERS:
            status, kind, message = self._ANSWERS[fault]
            answer = json.dumps({"message": message}).encode()
        lines = [f"HTTP/1.1 {status} X", f"content-length: {len(answer)}", "content-type: application/json"]
        lines += [f"x-amzn-errortype: {kind}"] if kind else []
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + answer)
        await writer.drain()
        return True

    async def _passed_on(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        # The signature is over the name that the caller called.
        async with httpx2.AsyncClient() as client:
            passed = await client.request(method, self.upstream + path, headers=headers, content=body)
        return passed.status_code, passed.headers.get("x-amzn-errortype", ""), passed.content


@dataclass
class MailPipeline:
    """What tests know of the way of a mail."""

    db: Database
    ses: DifficultSes
    sqs: Any
    cloud: CloudEndpoint
    environment: dict[str, str]
    #: What the processes log.
    log: Path

    @asynccontextmanager
    async def running(self, service: str, **variables: str) -> AsyncIterator[Process]:
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", f"tatemono.entrypoints.{service.replace('-', '_')}"),
                env=self.environment
                | {"SERVICE_NAME": service, "DATABASE_URL": self.environment[service], "PATH": os.environ["PATH"]}
                | variables,
                stdout=log,
            )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def put(self, mail: Mail) -> UUID:
        assert await self.db.mails.put(mail)
        return await self.id_of(mail)

    async def id_of(self, mail: Mail) -> UUID:
        found: UUID = await self.db._pool.fetchval("select id from mails where cause = $1", mail.cause)
        return found

    async def reaches(self, mail: Mail, state: str, *, within_seconds: float = 30, **more: str) -> dict[str, Any]:
        """Wait until the mail's row is in that state, and its other columns are as told."""
        wanted = {"state": state, **more}
        async with asyncio.timeout(within_seconds):
            while True:
                row = await self.db._pool.fetchrow("select * from mails where cause = $1", mail.cause)
                if all(row[name] == value for name, value in wanted.items()):
                    return dict(row)
                await asyncio.sleep(0.05)

    async def outcomes(self, mail: Mail) -> list[tuple[str | None, str | None]]:
        rows = await self.db._pool.fetch(
            """select outcome, mail_attempts.failure from mail_attempts join mails on mails.id = mail_id
               where cause = $1 order by mail_attempts.fence""",
            mail.cause,
        )
        return [tuple(row) for row in rows]

    async def arrived(self, address: str) -> list[dict[str, Any]]:
        """The mail that SES has taken for an address."""
        bearer = {"Authorization": f"Bearer {self.cloud.secret_access_key}"}
        async with httpx2.AsyncClient() as client:
            answer = await client.get(f"{self.cloud.endpoint_url}/_tatemono/mail", headers=bearer)
        return [mail for mail in answer.json()["mails"] if address in mail["To"]]

    async def took(self, address: str) -> bool:
        return bool(await self.arrived(address))

    async def was_called(self) -> bool:
        return bool(self.ses.calls)

    async def messages_in(self, variable: str) -> int:
        """How many messages are in a queue, seen or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = await self.sqs.get_queue_attributes(QueueUrl=self.environment[variable], AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    async def dead_events(self, count: int) -> set[str]:
        """Wait until so many different messages about events are dead letters, at most a minute.

        They are in their queue, or where the relay has brought them, for operators to see.
        """
        url, bodies = self.environment["MAIL_EVENTS_DEAD"], set[str]()
        with suppress(TimeoutError):
            async with asyncio.timeout(60):
                while len(bodies) < count:
                    answer = await self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0)
                    bodies |= {message["Body"] for message in answer.get("Messages", [])}
                    rows = await self.db._pool.fetch("select body from dead_letters where queue = 'mail-events'")
                    bodies |= {row["body"] for row in rows}
                    await asyncio.sleep(0.1)
        return bodies


async def until(probe: Callable[[], Awaitable[bool]], *, within_seconds: float = 30) -> None:
    async with asyncio.timeout(within_seconds):
        while not await probe():  # noqa: ASYNC110 - other processes give no sign
            await asyncio.sleep(0.05)


@pytest.fixture
async def mail_pipeline(
    database_url: str, service_database_url: Callable[[str], str], aws_environment: CloudEndpoint, tmp_path: Path
) -> AsyncIterator[MailPipeline]:
    name = f"test-{secrets.token_hex(6)}"
    ses = DifficultSes(aws_environment.endpoint_url)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(ses.serving())
        db = await stack.enter_async_context(await Database.connect(database_url, service="test"))
        sqs, sesv2, s3 = await stack.enter_async_context(aws_clients("sqs", "sesv2", "s3"))
        dead = await _queue(sqs, f"{name}-events-dead")
        redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead["QueueArn"], "maxReceiveCount": 3})}
        events = await _queue(sqs, f"{name}-events", VisibilityTimeout="1", **redrive)
        mail = await _queue(sqs, name, VisibilityTimeout=str(LEASE_SECONDS + 1))
        await sesv2.create_configuration_set(ConfigurationSetName=name)
        await sesv2.create_configuration_set_event_destination(
            ConfigurationSetName=name,
            EventDestinationName="events",
            EventDestination={
                "Enabled": True,
                "MatchingEventTypes": ["SEND", "DELIVERY", "BOUNCE", "COMPLAINT"],
                "SnsDestination": {"TopicArn": f"arn:aws:sns:{aws_environment.region}:1:{name}-events"},
            },
        )
        with suppress(sesv2.exceptions.AlreadyExistsException):
            await sesv2.create_email_identity(EmailIdentity="tatemono.example")
        bucket = {"CreateBucketConfiguration": {"LocationConstraint": aws_environment.region}}
        await s3.create_bucket(Bucket=name, **bucket)
        environment = (
            aws_environment.environment
            | await required_settings(sqs, name)
            | {
                "mail-worker": service_database_url("mail-worker"),
                "outbox-relay": service_database_url("outbox-relay"),
                "AWS_ENDPOINT_URL_SESV2": ses.url,
                "IMAGE_JOBS_QUEUE_URL": mail["url"],
                "MAIL_QUEUE_URL": mail["url"],
                "MAIL_EVENTS_QUEUE_URL": events["url"],
                "MAIL_EVENTS_DEAD": dead["url"],
                "MAIL_SENDER": SENDER,
                "MAIL_CONFIGURATION_SET": name,
                "UNSUBSCRIBE_KEY": "a key for tests",
                "PUBLIC_URL": "https://tatemono.example",
                "LEASE_SECONDS": str(LEASE_SECONDS),
                "LOST_TICKET_SECONDS": "2",
                "STOP_TIMEOUT_SECONDS": "8",
            }
        )
        mail_pipeline = MailPipeline(db, ses, sqs, aws_environment, environment, tmp_path / "log")
        try:
            yield mail_pipeline
        finally:
            # pytest shows it where a test failed.
            sys.stdout.write(mail_pipeline.log.read_text() if mail_pipeline.log.exists() else "nothing was logged")


async def _queue(sqs: Any, name: str, **attributes: str) -> dict[str, str]:
    waiting = {"ReceiveMessageWaitTimeSeconds": "5"}
    url = (await sqs.create_queue(QueueName=name, Attributes=waiting | attributes))["QueueUrl"]
    found = await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return {"url": url, "QueueArn": found["Attributes"]["QueueArn"]}
