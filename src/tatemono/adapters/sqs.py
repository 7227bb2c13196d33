"""Tickets in SQS: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/"""

import asyncio
import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tatemono.usecases.generations.ports import Ticket

BATCH_LIMIT = 10
"""The most messages that one call of SQS takes or gives."""

_LONGEST_DELAY_SECONDS = 900
_LONGEST_VISIBILITY_SECONDS = 43_200


_log = logging.getLogger(__name__)


class QueueFailed(Exception):
    """SQS took the call, and failed to do it for some of the messages."""


class SqsQueue:
    """One queue. How long `receive` waits, and when a ticket comes back, is configured in the queue itself.

    Every call may be cancelled. SQS does not notice that a caller hung up: it gives the next messages to the abandoned
    call, which hides them from all consumers until their visibility timeout passes. So a cancelled `receive` goes on
    behind the scenes, and what it brings is handed back; `close` waits for that.
    """

    def __init__(self, client: Any, url: str) -> None:
        """:param client: of `sqs`, see `aws_clients`"""
        self._client = client
        self._url = url
        self._abandoned: set[asyncio.Task[None]] = set()

    async def close(self, *, within_seconds: float = 20) -> None:
        """Wait for the calls of `receive` that were cancelled, and give up those that take longer."""
        if not self._abandoned:
            return
        _, late = await asyncio.wait(self._abandoned, timeout=within_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def send(self, bodies: Sequence[str], *, delay_seconds: int = 0) -> list[int]:
        """:raises ValueError: there are more than 10, or the delay is not within 0 to 900 seconds"""
        if len(bodies) > BATCH_LIMIT:
            raise ValueError(f"{len(bodies)} messages: SQS takes at most {BATCH_LIMIT} in one call")
        if not 0 <= delay_seconds <= _LONGEST_DELAY_SECONDS:
            raise ValueError(f"a delay of {delay_seconds} seconds is not within 0 to {_LONGEST_DELAY_SECONDS}")
        if not bodies:
            return []
        answer = await self._client.send_message_batch(
            QueueUrl=self._url,
            Entries=[
                {"Id": str(index), "MessageBody": body, "DelaySeconds": delay_seconds}
                for index, body in enumerate(bodies)
            ],
        )
        taken = {int(entry["Id"]) for entry in answer.get("Successful", [])}
        return [index for index in range(len(bodies)) if index not in taken]

    async def receive(self, limit: int) -> list[Ticket]:
        call = asyncio.create_task(self._receive(limit))
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            task = asyncio.create_task(self._hand_back(call))
            self._abandoned.add(task)
            task.add_done_callback(self._abandoned.discard)
            raise

    async def _receive(self, limit: int) -> list[Ticket]:
        answer = await self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=limit,
            MessageSystemAttributeNames=[
                "ApproximateReceiveCount",
                "ApproximateFirstReceiveTimestamp",
                "SentTimestamp",
            ],
        )
        return [
            Ticket(
                receipt=message["ReceiptHandle"],
                body=message["Body"],
                received_count=int(message["Attributes"]["ApproximateReceiveCount"]),
                message_id=message["MessageId"],
                sent_at=_moment(message, "SentTimestamp"),
                first_received_at=_moment(message, "ApproximateFirstReceiveTimestamp"),
            )
            for message in answer.get("Messages", [])
        ]

    async def _hand_back(self, call: asyncio.Task[list[Ticket]]) -> None:
        try:
            await self.extend(await call, 0)
        except (QueueFailed, BotoCoreError, ClientError):
            _log.exception("tickets may stay hidden until their visibility timeout passes")

    async def delete(self, tickets: Sequence[Ticket]) -> None:
        """:raises QueueFailed: SQS says that it failed; the tickets come back"""
        await self._batches(self._client.delete_message_batch, tickets)

    async def extend(self, tickets: Sequence[Ticket], visibility_seconds: int) -> None:
        """:raises ValueError: `visibility_seconds` is not within 0 to 43,200
        :raises QueueFailed: SQS says that it failed
        """
        if not 0 <= visibility_seconds <= _LONGEST_VISIBILITY_SECONDS:
            raise ValueError(f"{visibility_seconds} seconds are not within 0 to {_LONGEST_VISIBILITY_SECONDS}")
        await self._batches(self._client.change_message_visibility_batch, tickets, VisibilityTimeout=visibility_seconds)

    async def dead_letters(self) -> "SqsQueue | None":
        """The queue that messages go to when this one has handed them out too often; none if there is none."""
        answer = await self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["RedrivePolicy"])
        policy = answer.get("Attributes", {}).get("RedrivePolicy")
        if policy is None:
            return None
        # The two are neighbours: same region, same account.
        name = json.loads(policy)["deadLetterTargetArn"].rpartition(":")[2]
        return SqsQueue(self._client, f"{self._url.rpartition('/')[0]}/{name}")

    async def check(self) -> None:
        """One cheap call that succeeds only where the queue is and we may use it."""
        await self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])

    async def _batches(self, call: Any, tickets: Sequence[Ticket], **fields: int) -> None:
        failed = []
        for start in range(0, len(tickets), BATCH_LIMIT):
            entries = [
                {"Id": str(index), "ReceiptHandle": ticket.receipt, **fields}
                for index, ticket in enumerate(tickets[start : start + BATCH_LIMIT])
            ]
            answer = await call(QueueUrl=self._url, Entries=entries)
            # The sender's fault is a receipt that expired: everything else in an entry was checked before.
            failed += [entry["Code"] for entry in answer.get("Failed", []) if not entry["SenderFault"]]
        if failed:
            raise QueueFailed(
                f"SQS failed for {len(failed)} of {len(tickets)} tickets: {', '.join(sorted(set(failed)))}"
            )


def _moment(message: Any, name: str) -> datetime | None:
    """An attribute that SQS gives in milliseconds since 1970."""
    value = message["Attributes"].get(name)
    return None if value is None else datetime.fromtimestamp(int(value) / 1000, UTC)
