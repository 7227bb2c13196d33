"""A message that is sent reaches the receiver that waits for it."""

import asyncio
from typing import Any

import pytest


@pytest.fixture
async def queue(cloud: Any, request: pytest.FixtureRequest) -> str:
    async with cloud.client("sqs") as sqs:
        name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)[:80]
        url: str = (await sqs.create_queue(QueueName=name))["QueueUrl"]
    return url


class TestLongPolling:
    @pytest.mark.parametrize("receivers", [1, 5])
    async def test_hands_each_message_to_one_receiver(self, cloud: Any, queue: str, receivers: int) -> None:
        async with cloud.client("sqs") as sqs:
            waiting = [
                asyncio.create_task(sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)) for _ in range(receivers)
            ]
            await asyncio.sleep(0.2)
            for number in range(receivers):
                await sqs.send_message(QueueUrl=queue, MessageBody=str(number))
            received = [message["Body"] for answer in await asyncio.gather(*waiting) for message in answer["Messages"]]
        assert sorted(received) == [str(number) for number in range(receivers)]

    async def test_hands_over_a_message_that_was_given_back(self, cloud: Any, queue: str) -> None:
        async with cloud.client("sqs") as sqs:
            await sqs.send_message(QueueUrl=queue, MessageBody="again")
            [first] = (await sqs.receive_message(QueueUrl=queue, VisibilityTimeout=600))["Messages"]
            waiting = asyncio.create_task(sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10))
            await asyncio.sleep(0.2)
            await sqs.change_message_visibility(
                QueueUrl=queue, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0
            )
            [second] = (await waiting)["Messages"]
        assert second["MessageId"] == first["MessageId"]

    async def test_answers_nothing_when_the_wait_is_over(self, cloud: Any, queue: str) -> None:
        async with cloud.client("sqs") as sqs:
            assert "Messages" not in await sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1)
