"""Tickets, against the embedded cloud."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest

from conftest import CloudEndpoint
from tatemono.adapters.aws import aws_clients
from tatemono.adapters.sqs import SqsQueue
from tatemono.usecases.generations.ports import Ticket


@pytest.fixture(scope="module")
async def client(aws_environment: CloudEndpoint) -> AsyncIterator[Any]:
    async with aws_clients("sqs") as (sqs,):
        yield sqs


@pytest.fixture
async def url(client: Any) -> str:
    """A queue that does not wait and gives a message back after 30 seconds."""
    made = await client.create_queue(
        QueueName=f"test-{secrets.token_hex(6)}",
        Attributes={"VisibilityTimeout": "30", "ReceiveMessageWaitTimeSeconds": "0"},
    )
    url: str = made["QueueUrl"]
    return url


@pytest.fixture
async def queue(client: Any, url: str) -> AsyncIterator[SqsQueue]:
    queue = SqsQueue(client, url)
    yield queue
    await queue.close(within_seconds=0)


async def received(queue: SqsQueue, count: int) -> list[Ticket]:
    """SQS may give fewer than there are: ask until all came."""
    tickets: list[Ticket] = []
    async with asyncio.timeout(10):
        while len(tickets) < count:
            tickets += await queue.receive(10)
    return tickets


class TestSend:
    async def test_puts_messages_into_the_queue(self, queue: SqsQueue) -> None:
        bodies = [json.dumps({"n": n, "word": "山と海"}, ensure_ascii=False) for n in range(10)]

        assert await queue.send(bodies) == []

        assert sorted(ticket.body for ticket in await received(queue, 10)) == sorted(bodies)

    async def test_names_the_messages_that_the_queue_did_not_take(self, queue: SqsQueue) -> None:
        assert await queue.send(["good", "", "also good"]) == [1]

        assert sorted(ticket.body for ticket in await received(queue, 2)) == ["also good", "good"]

    async def test_holds_messages_back_for_the_delay(self, queue: SqsQueue) -> None:
        await queue.send(["late"], delay_seconds=1)

        assert await queue.receive(1) == []
        assert [ticket.body for ticket in await received(queue, 1)] == ["late"]

    async def test_sends_nothing_without_a_call(self, client: Any) -> None:
        assert await SqsQueue(client, "http://127.0.0.1:9/nowhere").send([]) == []

    async def test_refuses_more_messages_than_fit_into_one_call(self, queue: SqsQueue) -> None:
        with pytest.raises(ValueError, match="at most 10"):
            await queue.send(["x"] * 11)

    @pytest.mark.parametrize("seconds", [-1, 901])
    async def test_refuses_a_delay_that_sqs_does_not_know(self, queue: SqsQueue, seconds: int) -> None:
        with pytest.raises(ValueError, match="0 to 900"):
            await queue.send(["x"], delay_seconds=seconds)


class TestReceive:
    async def test_gives_no_more_than_asked_for(self, queue: SqsQueue) -> None:
        await queue.send(["a", "b", "c"])

        assert len(await queue.receive(2)) == 2

    async def test_counts_how_often_a_message_was_handed_out(self, queue: SqsQueue) -> None:
        await queue.send(["again"])
        first = await received(queue, 1)
        await queue.extend(first, 0)
        second = await received(queue, 1)

        assert [first[0].received_count, second[0].received_count] == [1, 2]

    async def test_waits_as_long_as_the_queue_is_configured_to(self, client: Any, url: str, queue: SqsQueue) -> None:
        await client.set_queue_attributes(QueueUrl=url, Attributes={"ReceiveMessageWaitTimeSeconds": "20"})
        waiting = asyncio.create_task(queue.receive(1))
        await asyncio.sleep(0.2)
        assert not waiting.done()

        await queue.send(["at last"])

        async with asyncio.timeout(5):
            assert [ticket.body for ticket in await waiting] == ["at last"]

    async def test_can_be_cancelled_while_it_waits(self, client: Any, url: str, queue: SqsQueue) -> None:
        await client.set_queue_attributes(QueueUrl=url, Attributes={"ReceiveMessageWaitTimeSeconds": "20"})
        waiting = asyncio.create_task(queue.receive(1))
        await asyncio.sleep(0.2)

        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

        await queue.send(["for whoever stays"])
        assert [ticket.body for ticket in await received(queue, 1)] == ["for whoever stays"]

    async def test_gives_up_waiting_when_it_is_closed(self, client: Any, url: str) -> None:
        await client.set_queue_attributes(QueueUrl=url, Attributes={"ReceiveMessageWaitTimeSeconds": "20"})
        queue = SqsQueue(client, url)
        waiting = asyncio.create_task(queue.receive(1))
        await asyncio.sleep(0.1)
        waiting.cancel()

        async with asyncio.timeout(5):
            await queue.close(within_seconds=0.1)


class TestDelete:
    async def test_removes_more_messages_than_fit_into_one_call(self, queue: SqsQueue) -> None:
        await queue.send(["x"] * 10)
        await queue.send(["y"] * 2)
        tickets = await received(queue, 12)

        await queue.delete(tickets)
        await queue.extend(tickets, 0)

        assert await queue.receive(10) == []

    async def test_does_not_mind_messages_that_are_gone(self, queue: SqsQueue) -> None:
        await queue.send(["x"])
        tickets = await received(queue, 1)

        await queue.delete(tickets)
        await queue.delete(tickets)

    async def test_does_not_mind_receipts_that_mean_nothing(self, queue: SqsQueue) -> None:
        await queue.delete([Ticket(receipt="expired-long-ago", body="", received_count=1)])


class TestExtend:
    async def test_hands_messages_back_at_once_with_zero(self, queue: SqsQueue) -> None:
        await queue.send(["x"])
        await queue.extend(await received(queue, 1), 0)

        assert [ticket.body for ticket in await received(queue, 1)] == ["x"]

    async def test_keeps_messages_invisible_from_now(self, client: Any, url: str, queue: SqsQueue) -> None:
        await client.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
        await queue.send(["x"])

        await queue.extend(await received(queue, 1), 60)
        await asyncio.sleep(1.5)

        assert await queue.receive(1) == []

    async def test_does_not_mind_messages_that_are_gone(self, queue: SqsQueue) -> None:
        await queue.send(["x"])
        tickets = await received(queue, 1)
        await queue.delete(tickets)

        await queue.extend(tickets, 30)

    @pytest.mark.parametrize("seconds", [-1, 43_201])
    async def test_refuses_a_time_that_sqs_does_not_know(self, queue: SqsQueue, seconds: int) -> None:
        with pytest.raises(ValueError, match="0 to 43200"):
            await queue.extend([], seconds)


class TestCheck:
    async def test_passes_where_the_queue_is(self, queue: SqsQueue) -> None:
        await queue.check()

    async def test_fails_where_it_is_not(self, client: Any, url: str) -> None:
        with pytest.raises(client.exceptions.QueueDoesNotExist):
            await SqsQueue(client, url + "-not").check()
