"""Every environment passes every check, and every check finds the fault that it is there for."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from buildings import ENVIRONMENTS, INFRA, Buildings, Json
from environment_differences import differences
from tatemono_tools.plan.building import read_plan
from tatemono_tools.terraform.checks.all import CHECKS, Applications, check_stack
from tatemono_tools.terraform.checks.app_routes import app_routes, heartbeats
from tatemono_tools.terraform.checks.policies import check_policies, check_sources, reasons
from tatemono_tools.terraform.checks.stack import Finding, Stack

PLAN = read_plan()
APPLICATIONS = Applications(routes=app_routes(), heartbeats=heartbeats(PLAN))
VALUE = "b3VyLW93bi1yYW5kb20tdmFsdWUtZm9yLXRlc3Rz"


def findings(document: Json) -> dict[str, list[str]]:
    checked = check_stack(Stack.read(document), PLAN, APPLICATIONS, INFRA, [VALUE])
    return {name: [str(finding) for finding in found] for name, found in checked}


class Building:
    """A plan that a test can break."""

    def __init__(self, document: Json) -> None:
        self.document = copy.deepcopy(document)

    def values(self, address: str) -> Json:
        changes = {change["address"]: change for change in self.document["resource_changes"]}
        after: Json = changes[address]["change"]["after"]
        return after

    def add(self, type_: str, index: str | None = None, /, **values: Any) -> None:
        change = {"address": f"{type_}.planted", "type": type_, "name": "planted", "index": index, "mode": "managed"}
        self.document["resource_changes"].append(
            change | {"change": {"after": {"id": "planted", "arn": "arn:aws:planted"} | values}}
        )

    def remove(self, address: str) -> None:
        left = [change for change in self.document["resource_changes"] if change["address"] != address]
        assert len(left) < len(self.document["resource_changes"])
        self.document["resource_changes"] = left

    def group(self, name: str) -> str:
        return str(self.values(f'module.network.aws_security_group.this["{name}"]')["id"])


Fault = Callable[[Building], None]
FAULTS: dict[tuple[str, str], Fault] = {}


def fault(check: str, message: str) -> Callable[[Fault], Fault]:
    """Register a fault: which check must find it, and a part of what it must say."""

    def keep(plant: Fault) -> Fault:
        FAULTS[check, message] = plant
        return plant

    return keep


def _rule(building: Building, direction: str, group: str, port: int, **peer: str) -> None:
    building.add(
        f"aws_vpc_security_group_{direction}_rule",
        security_group_id=building.group(group),
        ip_protocol="tcp",
        from_port=port,
        to_port=port,
        **peer,
    )


@fault("reachability", "lets 0.0.0.0/0 from outside to load-balancer:443")
def _open_to_all(building: Building) -> None:
    _rule(building, "ingress", "load-balancer", 443, cidr_ipv4="0.0.0.0/0")


@fault("reachability", "lets ::/0 from outside to load-balancer:443")
def _open_to_all_by_ipv6(building: Building) -> None:
    _rule(building, "ingress", "load-balancer", 443, cidr_ipv6="::/0")


@fault("reachability", "load-balancer -> database:5432: is open")
def _balancer_asks_database(building: Building) -> None:
    _rule(building, "egress", "load-balancer", 5432, referenced_security_group_id=building.group("database"))
    _rule(building, "ingress", "database", 5432, cidr_ipv4="10.30.0.0/16")
    for tier in ("isolated", "public"):
        for egress in (False, True):
            _let_everything_through(building, tier, egress=egress)


def _let_everything_through(building: Building, tier: str, *, egress: bool) -> None:
    acl = building.values(f'module.network.aws_network_acl.this["{tier}"]')["id"]
    rule = {"rule_number": 1, "protocol": "-1", "rule_action": "allow", "cidr_block": "0.0.0.0/0"}
    building.add("aws_network_acl_rule", network_acl_id=acl, egress=egress, **rule)


@fault("reachability", "service/image-worker -> database:3389: is open")
def _database_listens_at_other_ports(building: Building) -> None:
    for rule in ("ingress", "egress"):
        values = building.values(
            f'module.network.aws_vpc_security_group_{rule}_rule.between_groups["services-to-database"]'
        )
        values["from_port"] = 22
    for number in range(3):
        building.values(f'module.network.aws_network_acl_rule.this["isolated-ingress-{number}"]')["from_port"] = 1


@fault("reachability", "service/mobile-api -> database:5432: is closed")
def _acl_forgets_the_database(building: Building) -> None:
    for number in range(3):
        building.values(f'module.network.aws_network_acl_rule.this["isolated-ingress-{number}"]')["rule_action"] = (
            "deny"
        )


@fault("reachability", "function/confirmation: reaches the internet at port 443")
def _function_goes_out(building: Building) -> None:
    _rule(building, "egress", "functions", 443, cidr_ipv4="0.0.0.0/0")


@fault("reachability", "is the database's and leads out by")
def _isolated_subnet_has_a_route_out(building: Building) -> None:
    table = building.values("module.network.aws_route_table.isolated")["id"]
    gateway = building.values('module.network.aws_nat_gateway.this["0"]')["id"]
    building.add("aws_route", route_table_id=table, destination_cidr_block="0.0.0.0/0", nat_gateway_id=gateway)


@fault("reachability", "lets the database start connections")
def _database_calls(building: Building) -> None:
    _rule(building, "egress", "database", 443, cidr_ipv4="0.0.0.0/0")


@fault("reachability", "has a public address")
def _database_is_public(building: Building) -> None:
    building.values("module.database.aws_db_instance.this")["publicly_accessible"] = True


@fault("reachability", "the default group has rules")
def _default_group_is_used(building: Building) -> None:
    group = building.values("module.network.aws_default_security_group.empty")
    group["ingress"] = [{"cidr_blocks": ["0.0.0.0/0"], "protocol": "-1", "from_port": 0, "to_port": 0}]


@fault("reachability", "lets 0.0.0.0/0 from outside to bastion:22")
def _bastion_has_an_open_port(building: Building) -> None:
    _rule(building, "ingress", "bastion", 22, cidr_ipv4="0.0.0.0/0")
    values = building.values("module.bastion.aws_instance.this")
    values["subnet_id"] = building.values('module.network.aws_subnet.this["public-0"]')["id"]
    values["associate_public_ip_address"] = True
    _let_everything_through(building, "public", egress=False)


@fault("reachability", "does not reach the painter")
def _no_way_to_the_painter(building: Building) -> None:
    building.remove("module.network.aws_vpc_security_group_egress_rule.services_to_internet")


@fault("routing", "goes to mobile-api, and admin-api serves it")
def _wrong_order_at_the_balancer(building: Building) -> None:
    building.values('module.edge.aws_lb_listener_rule.this["/v1/api/admin/"]')["priority"] = 99


@fault("routing", "goes to mobile-api, and web serves it")
def _wrong_target(building: Building) -> None:
    group = building.values('module.edge.aws_lb_target_group.this["mobile-api"]')["arn"]
    building.values('module.edge.aws_lb_listener_rule.this["/"]')["action"][0]["target_group_arn"] = group


@fault("routing", "without CloudFront's header")
def _rule_without_header(building: Building) -> None:
    rule = building.values('module.edge.aws_lb_listener_rule.this["/v1/api/"]')
    rule["condition"] = [condition for condition in rule["condition"] if not condition["http_header"]]


@fault("routing", "goes to 200 without CloudFront's header")
def _friendly_default(building: Building) -> None:
    building.values("module.edge.aws_lb_listener.https")["default_action"][0]["fixed_response"][0]["status_code"] = (
        "200"
    )


@fault("routing", "CloudFront sends it to a bucket")
def _behavior_takes_too_much(building: Building) -> None:
    behaviors = building.values("module.edge.aws_cloudfront_distribution.this")["ordered_cache_behavior"]
    pictures = next(behavior for behavior in behaviors if behavior["path_pattern"] == "/pictures/*")
    behaviors.insert(0, pictures | {"path_pattern": "/v1/*/pictures*"})


@fault("routing", "does not let this method through")
def _no_post(building: Building) -> None:
    for behavior in building.values("module.edge.aws_cloudfront_distribution.this")["ordered_cache_behavior"]:
        behavior["allowed_methods"] = ["GET", "HEAD"]


@fault("routing", "the plan says https-only")
def _plain_http(building: Building) -> None:
    for behavior in building.values("module.edge.aws_cloudfront_distribution.this")["ordered_cache_behavior"]:
        behavior["viewer_protocol_policy"] = "allow-all"


@fault("routing", "no key group checks the URL")
def _pictures_without_signature(building: Building) -> None:
    for behavior in building.values("module.edge.aws_cloudfront_distribution.this")["ordered_cache_behavior"]:
        behavior["trusted_key_groups"] = []


@fault("firewall", "outside of the set operators")
def _admin_only_counted(building: Building) -> None:
    for rule in building.values("module.edge.aws_wafv2_rule_group.ip_rules[0]")["rule"]:
        rule["action"] = [{"count": [{}], "block": [], "allow": []}]


@fault("firewall", "/v1/x/../api/admin/")
def _firewall_reads_paths_as_sent(building: Building) -> None:
    def forget(statement: Any) -> None:
        if isinstance(statement, list):
            for found in statement:
                forget(found)
        elif isinstance(statement, dict):
            if "text_transformation" in statement:
                statement["text_transformation"] = [{"priority": 0, "type": "NONE"}]
            for found in statement.values():
                forget(found)

    forget(building.values("module.edge.aws_wafv2_rule_group.ip_rules[0]")["rule"])
    # The rule of the pages would still block it.
    rules = building.values("module.edge.aws_wafv2_rule_group.ip_rules[0]")["rule"]
    rules[:] = [rule for rule in rules if "admin" in rule["name"]]


@fault("firewall", "is closed to phones")
def _all_addresses_blocked(building: Building) -> None:
    building.values("module.edge.aws_wafv2_web_acl.this")["default_action"] = [{"allow": [], "block": [{}]}]


@fault("firewall", "no network is in the set operators")
def _empty_set(building: Building) -> None:
    for version in ("IPV4", "IPV6"):
        building.values(f'module.edge.aws_wafv2_ip_set.this["operators-{version}"]')["addresses"] = []


@fault("firewall", "is not behind the firewall")
def _distribution_without_firewall(building: Building) -> None:
    building.values("module.edge.aws_cloudfront_distribution.this")["web_acl_id"] = None


@fault("firewall", "limited to (5, 300)")
def _another_rate(building: Building) -> None:
    rules = building.values("module.edge.aws_wafv2_web_acl.this")["rule"]
    next(rule for rule in rules if rule["name"] == "rate")["statement"][0]["rate_based_statement"][0]["limit"] = 5


def _container(building: Building, service: str) -> Iterator[Json]:
    definition = building.values(f'module.services.aws_ecs_task_definition.service["{service}"]')
    containers = json.loads(definition["container_definitions"])
    yield containers[0]
    definition["container_definitions"] = json.dumps(containers)


@fault("secrets", "REFRESH_ROTATION_KEY is a plain value")
def _secret_as_value(building: Building) -> None:
    for container in _container(building, "mobile-api"):
        container["environment"].append({"name": "REFRESH_ROTATION_KEY", "value": "plain"})


@fault("secrets", "holds the value of a secret")
def _value_in_state(building: Building) -> None:
    building.values('aws_ssm_parameter.plain["image-model"]')["description"] = f"it is {VALUE}"


@fault("secrets", "looks random and is named like a secret")
def _unknown_password(building: Building) -> None:
    building.values("module.database.aws_db_instance.this")["password"] = "kP3xVq9ZtB7mWc2RfLs8YhNd"


@fault("secrets", "looks like a secret")
def _key_in_a_task(building: Building) -> None:
    for container in _container(building, "image-worker"):
        container["environment"].append({"name": "OTHER", "value": "sk-proj-0123456789abcdefghij"})


@fault("secrets", "holds something other than the ARN of a secret")
def _parameter_with_value(building: Building) -> None:
    building.values('aws_ssm_parameter.secret_arn["origin-verify"]')["value"] = "open-sesame"


@fault("secrets", "is the ARN of no secret")
def _foreign_secret(building: Building) -> None:
    for container in _container(building, "mobile-api"):
        container["secrets"][0]["valueFrom"] = "arn:aws:secretsmanager:ap-northeast-1:999999999999:secret:theirs"
        container["secrets"] = [
            found | {"valueFrom": "arn:aws:secretsmanager:x:9:secret:theirs"} for found in container["secrets"]
        ]


@fault("queues", "has no queue for dead letters")
def _no_dead_letters(building: Building) -> None:
    building.values('module.messaging.aws_sqs_queue.this["image-jobs"]')["redrive_policy"] = None


@fault("queues", "less than 6 heartbeats of 10 s")
def _too_little_time(building: Building) -> None:
    building.values('module.messaging.aws_sqs_queue.this["image-jobs"]')["visibility_timeout_seconds"] = 59


@fault("queues", "whether there are dead letters")
def _no_alarms(building: Building) -> None:
    for change in building.document["resource_changes"]:
        if change["type"] == "aws_cloudwatch_metric_alarm":
            change["change"]["after"]["dimensions"] = {}


@fault("queues", "takes dead letters from other queues")
def _dead_letters_of_all(building: Building) -> None:
    policy = building.values('module.messaging.aws_sqs_queue_redrive_allow_policy.dead["image-jobs"]')
    policy["redrive_allow_policy"] = json.dumps({"redrivePermission": "allowAll"})


@fault("policies", "allows s3:*")
def _every_action(building: Building) -> None:
    _policy(building, "s3:*", "arn:aws:s3:::one")


@fault("policies", "allows s3:GetObject on every resource")
def _every_resource(building: Building) -> None:
    _policy(building, "s3:GetObject", "*")


@fault("policies", "any principal may assume this role")
def _role_for_any_principal(building: Building) -> None:
    trust = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}]}
    building.add("aws_iam_role", assume_role_policy=json.dumps(trust))


def _policy(building: Building, action: str, resource: str) -> None:
    policy = {"Statement": [{"Effect": "Allow", "Action": [action], "Resource": resource}]}
    building.add("aws_iam_role_policy", policy=json.dumps(policy))


@fault("agreement", "services: web is in the plan and is not built")
def _service_forgotten(building: Building) -> None:
    building.remove('module.services.aws_ecs_service.this["web"]')


@fault("agreement", "queues: old-jobs is built and is not in the plan")
def _queue_too_many(building: Building) -> None:
    change = {"address": "planted", "type": "aws_sqs_queue", "name": "this", "index": "old-jobs", "mode": "managed"}
    building.document["resource_changes"].append(change | {"change": {"after": {"arn": "arn:aws:sqs:planted"}}})


@fault("agreement", "may write its own files, or is root")
def _root(building: Building) -> None:
    for container in _container(building, "web"):
        container["user"] = "root"


@fault("agreement", "has another size than the plan")
def _another_size(building: Building) -> None:
    building.values('module.services.aws_ecs_task_definition.service["web"]')["cpu"] = "4096"


@fault("agreement", "variables: SURPRISE is built")
def _another_variable(building: Building) -> None:
    for container in _container(building, "web"):
        container["environment"].append({"name": "SURPRISE", "value": "1"})


class TestStackChecks:
    @pytest.mark.parametrize("environment", ENVIRONMENTS)
    def test_find_nothing_in_an_environment(self, buildings: Buildings, environment: str) -> None:
        assert findings(buildings.plan(environment)) == {check: [] for check in CHECKS}

    @pytest.mark.parametrize(
        ("check", "message"), list(FAULTS), ids=[plant.__name__.strip("_") for plant in FAULTS.values()]
    )
    def test_find_the_fault(self, buildings: Buildings, check: str, message: str) -> None:
        building = Building(buildings.plan("prod"))
        FAULTS[check, message](building)
        found = findings(building.document)[check]
        assert any(message in line for line in found), found

    def test_know_every_application(self) -> None:
        assert {route.service for route in APPLICATIONS.routes} == {
            name for name, service in PLAN.services.items() if service.kind == "http"
        }
        assert APPLICATIONS.heartbeats.keys() == PLAN.queues.keys()


class TestPolicySources:
    def test_allow_no_more_than_they_give_reasons_for(self) -> None:
        assert list(check_sources(INFRA)) == []
        assert "ecr:GetAuthorizationToken" in reasons(INFRA)

    def test_are_read_as_terraform_does(self, tmp_path: Any) -> None:
        module = tmp_path / "modules" / "one"
        module.mkdir(parents=True)
        statement = 'statement {\n    actions   = ["s3:*"]\n    resources = ["*"]\n  }'
        text = f'data "aws_iam_policy_document" "this" {{\n  {statement}\n}}\n'
        (module / "main.tf").write_text(text)
        assert [found.what for found in check_sources(tmp_path)] == [
            "allows s3:*",
            "is for every resource, and the line does not say why",
        ]


class TestDifferences:
    def test_are_those_that_are_allowed(self, buildings: Buildings) -> None:
        stacks = {environment: Stack.read(buildings.plan(environment)) for environment in ENVIRONMENTS}
        assert [str(found) for found in differences(stacks)] == []

    def test_are_found(self, buildings: Buildings) -> None:
        prod = Building(buildings.plan("prod"))
        prod.values("module.edge.aws_lb.this")["drop_invalid_header_fields"] = False
        prod.values('module.services.aws_ecs_task_definition.service["web"]')["memory"] = "4096"
        prod.remove('module.storage.aws_s3_bucket_public_access_block.this["pictures"]')
        found = list(differences({"dev": Stack.read(buildings.plan("dev")), "prod": Stack.read(prod.document)}))
        assert {(finding.where.rpartition(".")[2], finding.what.partition(" ")[0]) for finding in found} == {
            ('this["pictures"]', "is"),
            ("this", "drop_invalid_header_fields"),
            ('service["web"]', "memory"),
        }


def test_finding_reads_as_a_sentence() -> None:
    assert str(Finding(check="queues", where="one", what="is full")) == "queues: one: is full"


def test_policies_of_an_applied_role_are_read() -> None:
    statement = {"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": ["*"]}
    values = {
        "root_module": {"resources": [_applied("aws_iam_role_policy", policy=json.dumps({"Statement": statement}))]}
    }
    assert [found.where for found in check_policies(Stack.read({"values": values}), set())] == [
        "aws_iam_role_policy.this"
    ]


def _applied(type_: str, **values: Any) -> Json:
    return {"address": f"{type_}.this", "type": type_, "name": "this", "mode": "managed", "values": values}
