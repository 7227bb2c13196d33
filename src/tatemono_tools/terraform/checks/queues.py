"""Queues: each has a dead-letter queue, alarms, and a visibility timeout that is long enough for its consumer."""

from collections.abc import Iterator, Mapping

from tatemono_tools.plan.building import Plan
from tatemono_tools.terraform.checks.stack import Finding, Resource, Stack, as_list, json_of

_CHECK = "queues"
_HEARTBEATS = 6


def check_queues(stack: Stack, plan: Plan, heartbeats: Mapping[str, float]) -> Iterator[Finding]:
    """:param heartbeats: seconds after which a queue's consumer asks for more time, by the queue's name in the plan"""
    queues = {queue.text("arn"): queue for queue in stack.all("aws_sqs_queue")}
    dead = {target for queue in queues.values() if (target := _dead_letters_of(queue))}
    for arn, queue in queues.items():
        if arn in dead:
            continue
        yield from _redrive(stack, queues, queue, plan)
        yield from _alarms(stack, queues, queue)
        heartbeat = heartbeats.get(str(queue.index))
        visible = int(queue.get("visibility_timeout_seconds") or 0)
        if heartbeat is None:
            yield Finding(
                check=_CHECK, where=queue.address, what="it is not known how often its consumer asks for more time"
            )
        elif visible < _HEARTBEATS * heartbeat:
            yield Finding(
                check=_CHECK,
                where=queue.address,
                what=f"a message comes back after {visible} s, less than {_HEARTBEATS} heartbeats of {heartbeat:g} s",
            )


def _redrive(stack: Stack, queues: Mapping[str, Resource], queue: Resource, plan: Plan) -> Iterator[Finding]:
    target = _dead_letters_of(queue)
    if target not in queues:
        yield Finding(check=_CHECK, where=queue.address, what="has no queue for dead letters")
        return
    policy = json_of(queue.get("redrive_policy")) or {}
    planned = plan.queues.get(str(queue.index))
    if planned is not None and int(policy.get("maxReceiveCount", 0)) != planned.max_receive_count:
        yield Finding(
            check=_CHECK,
            where=queue.address,
            what=f"gives up after {policy.get('maxReceiveCount')} times, the plan says {planned.max_receive_count}",
        )
    allowed = [
        json_of(found.get("redrive_allow_policy")) or {} for found in stack.all("aws_sqs_queue_redrive_allow_policy")
    ]
    if not any(as_list(found.get("sourceQueueArns")) == [queue.get("arn")] for found in allowed):
        yield Finding(
            check=_CHECK, where=queues[str(target)].address, what="takes dead letters from other queues as well"
        )
    if int(queues[str(target)].get("message_retention_seconds") or 0) < int(
        queue.get("message_retention_seconds") or 0
    ):
        yield Finding(
            check=_CHECK, where=queues[str(target)].address, what="forgets dead letters sooner than the queue its own"
        )


def _alarms(stack: Stack, queues: Mapping[str, Resource], queue: Resource) -> Iterator[Finding]:
    dead = queues.get(str(_dead_letters_of(queue)))
    watched = {(metric, name) for alarm in stack.all("aws_cloudwatch_metric_alarm") for metric, name in _metrics(alarm)}
    if ("ApproximateAgeOfOldestMessage", queue.get("name")) not in watched:
        yield Finding(check=_CHECK, where=queue.address, what="no alarm looks at how old its messages are")
    if dead is not None and ("ApproximateNumberOfMessagesVisible", dead.get("name")) not in watched:
        yield Finding(check=_CHECK, where=dead.address, what="no alarm looks at whether there are dead letters")


def _metrics(alarm: Resource) -> Iterator[tuple[str, str]]:
    yield alarm.text("metric_name"), str((alarm.get("dimensions") or {}).get("QueueName"))
    for query in as_list(alarm.get("metric_query")):
        for metric in as_list(query.get("metric")):
            yield str(metric["metric_name"]), str((metric.get("dimensions") or {}).get("QueueName"))


def _dead_letters_of(queue: Resource) -> str | None:
    policy = json_of(queue.get("redrive_policy"))
    return str(policy["deadLetterTargetArn"]) if isinstance(policy, dict) and "deadLetterTargetArn" in policy else None
