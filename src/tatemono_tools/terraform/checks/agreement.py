"""The plan and what is built from it agree: nothing is missing, and nothing stands that the plan does not know."""

from collections.abc import Collection, Iterator

from tatemono_tools.plan.building import Plan, Service
from tatemono_tools.terraform.checks.stack import Finding, Stack, as_list, json_of

_CHECK = "agreement"
_OWN_VARIABLES = {
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED",
    "PGSSLMODE",
    "SERVICE_NAME",
    "STOP_TIMEOUT_SECONDS",
    "HOST",
    "PORT",
}
"""Variables that Terraform gives every container besides the plan."""


def check_agreement(stack: Stack, plan: Plan) -> Iterator[Finding]:
    """Services, queues, buckets, parameters, secrets, behaviours."""
    named = {
        "services": (plan.services, _indexes(stack, "aws_ecs_service")),
        "target groups": (
            {name for name, service in plan.services.items() if service.kind == "http"},
            _indexes(stack, "aws_lb_target_group"),
        ),
        "queues": (plan.queues, _indexes(stack, "aws_sqs_queue", "this")),
        "dead-letter queues": (plan.queues, _indexes(stack, "aws_sqs_queue", "dead")),
        "buckets": (plan.buckets, _indexes(stack, "aws_s3_bucket", "this") - {"logs"}),
        "parameters": (plan.parameters, _indexes(stack, "aws_ssm_parameter", "plain")),
        "secrets": (plan.secrets, _indexes(stack, "aws_secretsmanager_secret")),
        "user pools": (plan.identity.user_pools, _indexes(stack, "aws_cognito_user_pool")),
        "functions": (plan.identity.functions, _indexes(stack, "aws_lambda_function")),
        "behaviours": ({behavior.path_prefix for behavior in plan.edge.behaviors}, _behaviors(stack)),
    }
    for kind, (wanted, there) in named.items():
        yield from _differences(kind, wanted, there)
    yield from _tasks(stack, plan)
    yield from _queues(stack, plan)


def _indexes(stack: Stack, type_: str, name: str | None = None) -> set[str]:
    return {str(found.index) for found in stack.all(type_) if name in {None, found.name}}


def _behaviors(stack: Stack) -> set[str]:
    found = [*stack.all("aws_cloudfront_distribution")]
    ordered = {
        str(behavior["path_pattern"]).removesuffix("*")
        for distribution in found
        for behavior in as_list(distribution.get("ordered_cache_behavior"))
    }
    return ordered | {"/"}


def _differences(kind: str, wanted: Collection[str], there: Collection[str]) -> Iterator[Finding]:
    for name in sorted(set(wanted) - set(there)):
        yield Finding(check=_CHECK, where=kind, what=f"{name} is in the plan and is not built")
    for name in sorted(set(there) - set(wanted)):
        yield Finding(check=_CHECK, where=kind, what=f"{name} is built and is not in the plan")


def _tasks(stack: Stack, plan: Plan) -> Iterator[Finding]:
    for definition in stack.all("aws_ecs_task_definition"):
        service = plan.services.get(str(definition.index))
        if service is None:
            continue
        if (definition.get("cpu"), definition.get("memory")) != (str(service.size.cpu), str(service.size.memory_mib)):
            yield Finding(
                check=_CHECK,
                where=definition.address,
                what=f"has another size than the plan: {definition.get('cpu')}, {definition.get('memory')}",
            )
        containers = as_list(json_of(definition.get("container_definitions")))
        if not containers:
            yield Finding(check=_CHECK, where=definition.address, what="has no container")
            continue
        yield from _container(definition.address, containers[0], service)


def _container(where: str, container: dict[str, object], service: Service) -> Iterator[Finding]:
    if as_list(container.get("command")) != list(service.command):
        yield Finding(check=_CHECK, where=where, what=f"runs {container.get('command')}")
    given = {str(found["name"]) for key in ("environment", "secrets") for found in as_list(container.get(key))}
    yield from _differences(
        f"{where} variables", set(service.environment), given - (_OWN_VARIABLES - set(service.environment))
    )
    if container.get("readonlyRootFilesystem") is not True or container.get("user") in {None, "", "root", "0"}:
        yield Finding(check=_CHECK, where=where, what="may write its own files, or is root")


def _queues(stack: Stack, plan: Plan) -> Iterator[Finding]:
    consumed = {queue for service in plan.services.values() for queue in service.consumes}
    for name in sorted(plan.queues.keys() - consumed):
        yield Finding(check=_CHECK, where=f"queue {name}", what="no service consumes it, so no role may read it")
    for queue in stack.all("aws_sqs_queue"):
        planned = plan.queues.get(str(queue.index))
        if queue.name != "this" or planned is None:
            continue
        wanted = (planned.visibility_timeout_seconds, planned.retention_seconds, planned.receive_wait_seconds)
        there = tuple(
            queue.get(key)
            for key in ("visibility_timeout_seconds", "message_retention_seconds", "receive_wait_time_seconds")
        )
        if there != wanted:
            yield Finding(check=_CHECK, where=queue.address, what=f"is built with {there}, the plan says {wanted}")
