"""`infra/building.yaml`: the faults of a wrong plan, and where they are."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tatemono.domain.identity.members import MIN_PASSWORD_CHARACTERS
from tatemono.entrypoints.mobile_api.generations.streams import HEARTBEAT_SECONDS
from tatemono_tools.plan.building import PLAN_FILE, Plan, Variable, WrongPlan, read_plan

PLAN = PLAN_FILE.read_text(encoding="utf-8")


def faults_of(text: str, folder: Path) -> list[str]:
    """The faults of the plan, without the name of its file."""
    file = folder / "building.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(WrongPlan) as raised:
        read_plan(file)
    return [line.removeprefix(f"{file}:") for line in str(raised.value).splitlines()]


def edited(before: str, after: str) -> tuple[str, int]:
    """The plan with the first `before` replaced, and the line of what replaced it."""
    assert before in PLAN, f"the plan no longer says {before!r}: edit the test"
    start = PLAN.index(before)
    return PLAN[:start] + after + PLAN[start + len(before) :], PLAN.count("\n", 0, start) + 1


class TestReadPlan:
    def test_reads_the_plan_of_the_repository(self) -> None:
        plan = read_plan()
        assert plan.services["mobile-api"].environment["DATABASE_URL"] == Variable(secret="database-mobile-api")
        assert {behavior.path_prefix for behavior in plan.edge.behaviors} >= {"/", "/v1/api/"}

    def test_names_a_parameter_by_environment_and_plan(self) -> None:
        assert read_plan().parameter_name("stg", "public-url") == "/stg/tatemono/public-url"

    def test_wants_the_passwords_that_the_domain_wants(self) -> None:
        pool = read_plan().identity.user_pools["members"]
        assert pool.password_min_characters == MIN_PASSWORD_CHARACTERS

    def test_cannot_be_changed_afterwards(self) -> None:
        with pytest.raises(ValueError, match="frozen"):
            read_plan().name = "other"

    @pytest.mark.parametrize(
        ("before", "after", "field", "message"),
        [
            ("name: tatemono", "name: Tatemono", "name", "String should match pattern"),
            ("region: ap-northeast-1", "region: tokyo", "region", "String should match pattern"),
            (
                "  sign-in: [{by: ip, requests: 300,",
                "  sign-in: [{by: ip, requests: 0,",
                "limits.sign-in.0.requests",
                "greater than",
            ),
            ("  sign-in: [{by: ip,", "  sign-in: [{by: name,", "limits.sign-in.0.by", "Input should be 'ip', 'device'"),
            ("kind: http", "kind: web", "services.mobile-api.kind", "Input should be 'http' or 'background'"),
            ("port: 8100", "port: 80", "services.mobile-api.port", "greater than or equal to 1024"),
            ("port: 8100", "prot: 8100", "services.mobile-api.prot", "Extra inputs are not permitted"),
            ("health_path: /healthz", "health_path: healthz", "services.mobile-api.health_path", "match pattern"),
            ("cpu: 512", "cpu: 500", "services.mobile-api.size.cpu", "Input should be 256, 512"),
            ("memory_mib: 1024", "memory_mib: 1 GB", "services.mobile-api.size.memory_mib", "valid integer"),
            ("{min: 2, max: 20}", "{min: 2, max: 1}", "services.mobile-api.scaling", "min is larger than max"),
            (
                "stop_timeout_seconds: 120",
                "stop_timeout_seconds: 121",
                "services.image-worker.stop_timeout_seconds",
                "120",
            ),
            (
                '{value: "8"}',
                '{value: "8", secret: origin-verify}',
                "services.image-worker.environment.CONCURRENCY",
                "exactly one of value, parameter, secret",
            ),
            (
                '{value: "8"}',
                "{}",
                "services.image-worker.environment.CONCURRENCY",
                "exactly one of value, parameter, secret",
            ),
            ("CONCURRENCY:", "concurrency:", "services.image-worker.environment.concurrency", "match pattern"),
            (
                "visibility_timeout_seconds: 75",
                "visibility_timeout_seconds: 43201",
                "queues.image-jobs.visibility_timeout_seconds",
                "less than or equal to 43200",
            ),
            (
                "backlog_per_task: 8",
                "backlog_per_task: 0",
                "services.image-worker.scaling.backlog_per_task",
                "greater than or equal to 1",
            ),
            ("[AdminDeleteUser,", '["Admin*",', "services.mobile-api.user_pools.members.0", "match pattern"),
            (
                "heartbeat_seconds: 15, read_timeout_seconds: 60",
                "heartbeat_seconds: 15, read_timeout_seconds: 29",
                "edge.event_streams",
                "less than two heartbeats",
            ),
            ("read_timeout_seconds: 60", "read_timeout_seconds: 61", "edge.event_streams.read_timeout_seconds", "60"),
            ("    pages: >-", "    site: >-", "edge.content_security_policy.site", "'pages', 'api' or 'pictures'"),
            ("sign_up: open", "sign_up: maybe", "identity.user_pools.members.sign_up", "'open' or 'closed'"),
            (
                "password_min_characters: 8",
                "password_min_characters: 6",
                "identity.user_pools.members.password_min_characters",
                "equal to 8",
            ),
            (
                "      domain: true\n",
                "",
                "identity.user_pools.operators",
                "domain and the client's callback_path belong together",
            ),
            (
                "timeout_seconds: 5\n",
                "timeout_seconds: 6\n",
                "identity.functions.confirmation.timeout_seconds",
                "equal to 5",
            ),
            ("receive_wait_seconds: 20", "receive_wait_seconds: 21", "queues.image-jobs.receive_wait_seconds", "20"),
            ("max_receive_count: 5", "max_receive_count: 0", "queues.image-jobs.max_receive_count", "equal to 1"),
            ("versioned: false", "versioned: perhaps", "buckets.pictures.versioned", "valid boolean"),
            ("max_body_bytes: 65536", "max_body_bytes: 1", "edge.max_body_bytes", "equal to 1024"),
            ("window_seconds: 300", "window_seconds: 301", "edge.rate_limit.window_seconds", "60, 120, 300 or 600"),
            ("status: 429", "status: 500", "edge.rate_limit.status", "403 or 429"),
            ("127.0.0.1/32", "127.0.0.1/33", "edge.ip_sets", "'127.0.0.1/33' does not appear to be an IPv4 or IPv6"),
            ('"<script"', '"<script("', "edge.blocked_patterns", "'<script(' is no regular expression"),
            ("https-only", "http-only", "edge.behaviors.0.viewer_protocol_policy", "redirect-to-https"),
            ("path_prefix: /pictures/", "path_prefix: /pictures", "edge.behaviors.2.path_prefix", "match pattern"),
            ("generate: ec-p256-pem", "generate: rsa", "secrets.picture-url-key.generate", "Input should be 'random'"),
            (
                "origin-verify: {generate: random}",
                "origin-verify: {generate: random, role: mobile-api}",
                "secrets.origin-verify",
                "role belongs to generate: database-url, and only there",
            ),
            (
                "{generate: database-url, role: mobile-api}",
                "{generate: database-url}",
                "secrets.database-mobile-api",
                "role belongs to generate: database-url, and only there",
            ),
        ],
    )
    def test_refuses_a_wrong_value_with_its_line_and_field(
        self, tmp_path: Path, before: str, after: str, field: str, message: str
    ) -> None:
        text, line = edited(before, after)
        faults = faults_of(text, tmp_path)
        assert any(
            re.match(rf"\d+: {re.escape(field)}(\.\[key\])?: ", fault) and message in fault for fault in faults
        ), faults
        # A fault of a whole group is shown at the key that begins it, which may stand some lines above.
        lines = [int(fault.split(":")[0]) for fault in faults]
        assert min(abs(line - found) for found in lines) <= 2

    @pytest.mark.parametrize(
        ("before", "after", "field", "message"),
        [
            ("service: mobile-api", "service: shop", "edge.behaviors.1.service", "no http service is called 'shop'"),
            (
                "service: mobile-api",
                "service: image-worker",
                "edge.behaviors.1.service",
                "no http service is called 'image-worker'; there are: admin-api, mobile-api, web",
            ),
            (
                "consumes: [image-jobs, exports]",
                "consumes: [pictures]",
                "services.image-worker.consumes.pictures",
                "no queue is called 'pictures'; there are: exports, image-jobs",
            ),
            (
                "      members: [AdminDeleteUser",
                "      people: [AdminDeleteUser",
                "services.mobile-api.user_pools.people",
                "no user pool is called 'people'; there are: members, operators",
            ),
            (
                "      guests: [ListIdentities",
                "      visitors: [ListIdentities",
                "services.outbox-relay.identity_pools.visitors",
                "no identity pool is called 'visitors'; there are: guests",
            ),
            ("bucket: pictures", "bucket: photos", "edge.behaviors.2.bucket", "no bucket is called 'photos'"),
            (
                "{ip_set: operators}",
                "{ip_set: office}",
                "services.admin-api.environment.ALLOWED_ADDRESSES.ip_set",
                "no ip_set is called 'office'",
            ),
            (
                "      ip_set: operators",
                "      ip_set: office",
                "edge.behaviors.0.ip_set",
                "no ip_set is called 'office'",
            ),
            (
                "{parameter: welcome-credits}",
                "{parameter: credits}",
                "services.mobile-api.environment.WELCOME_CREDITS.parameter",
                "no parameter is called 'credits'",
            ),
            (
                "{secret: origin-verify}",
                "{secret: origin}",
                "services.mobile-api.environment.ORIGIN_VERIFY.secret",
                "no secret is called 'origin'",
            ),
            (
                "post_confirmation: confirmation",
                "post_confirmation: greeting",
                "identity.user_pools.members.post_confirmation",
                "no function is called 'greeting'; there are: confirmation",
            ),
            (
                "{secret: members-client-secret, flows",
                "{secret: origin-verify, flows",
                "identity.user_pools.members.client.secret",
                "no secret with generate: user-pool-client is called 'origin-verify'",
            ),
            (
                "DATABASE_SECRET_ARN: database-cognito-trigger",
                "DATABASE_SECRET_ARN: database",
                "identity.functions.confirmation.secrets.DATABASE_SECRET_ARN",
                "no secret is called 'database'",
            ),
            (
                "generate: database-url, role: outbox-relay",
                "generate: database-url, role: relay",
                "secrets.database-outbox-relay.role",
                "no database role is called 'relay'",
            ),
        ],
    )
    def test_refuses_a_name_that_nothing_has_with_its_line_and_field(
        self, tmp_path: Path, before: str, after: str, field: str, message: str
    ) -> None:
        text, line = edited(before, after)
        faults = faults_of(text, tmp_path)
        assert any(fault.startswith(f"{line}: {field}: {message}") for fault in faults), faults

    def test_refuses_a_port_used_twice(self, tmp_path: Path) -> None:
        second = """
  second-api:
    kind: http
    command: [python]
    port: 8100
    health_path: /healthz
    size: {cpu: 256, memory_mib: 512}
    scaling: {min: 1, max: 1}
    stop_timeout_seconds: 30
    environment: {}
"""
        text, line = edited("\n  image-worker:\n    kind:", f"{second}\n  image-worker:\n    kind:")
        assert faults_of(text, tmp_path) == [
            f"{line + 4}: services.second-api.port: 8100 is the port of mobile-api already"
        ]

    def test_refuses_an_http_service_without_a_port(self, tmp_path: Path) -> None:
        text, _ = edited("    port: 8100\n", "")
        assert faults_of(text, tmp_path) == ["8: services.mobile-api: an http service needs port and health_path"]

    def test_refuses_a_background_service_with_a_port(self, tmp_path: Path) -> None:
        text, line = edited("    kind: background\n", "    kind: background\n    port: 8101\n")
        fault = f"{line - 1}: services.image-worker: a background service has no port and no health_path"
        assert faults_of(text, tmp_path) == [fault]

    def test_refuses_a_plan_without_services(self, tmp_path: Path) -> None:
        start, end = PLAN.index("services:\n"), PLAN.index("queues:\n")
        faults = faults_of(PLAN[:start] + "services: {}\n" + PLAN[end:], tmp_path)
        assert faults[0].startswith(f"{PLAN.count(chr(10), 0, start) + 1}: services: Dictionary should have at least 1")

    def test_refuses_a_missing_field(self, tmp_path: Path) -> None:
        text, _ = edited("region: ap-northeast-1\n", "")
        assert faults_of(text, tmp_path) == ["1: region: Field required"]

    def test_refuses_a_backlog_without_a_queue(self, tmp_path: Path) -> None:
        text, _ = edited("    consumes: [image-jobs, exports]\n", "")
        (fault,) = faults_of(text, tmp_path)
        assert fault.endswith(": services.image-worker: consumes and scaling.backlog_per_task belong together")

    def test_refuses_an_http_service_that_consumes_a_queue(self, tmp_path: Path) -> None:
        text, line = edited("{min: 2, max: 20}", "{min: 2, max: 20, backlog_per_task: 8}\n    consumes: [image-jobs]")
        (fault,) = faults_of(text, tmp_path)
        assert fault == "8: services.mobile-api: only a background service consumes a queue"
        assert line > 8

    def test_refuses_a_kind_of_behavior_without_a_content_security_policy(self, tmp_path: Path) -> None:
        text, _ = edited("    pictures: default-src 'none'; base-uri 'none'; frame-ancestors 'none'\n", "")
        faults = faults_of(text, tmp_path)
        assert [line.partition(": ")[2] for line in faults] == [
            f"edge.behaviors.{index}.kind: no content_security_policy is called 'pictures'; there are: api, pages"
            for index in (2, 3)
        ]

    def test_refuses_a_bucket_whose_name_a_service_has_and_may_do_nothing_with(self, tmp_path: Path) -> None:
        text, _ = edited("      uploads: [GetObject, DeleteObject, ListBucket]\n", "")
        (fault,) = faults_of(text, tmp_path)
        assert fault.endswith(
            ": services.image-worker.buckets: says nothing of uploads, though the service has its name"
        )

    def test_names_the_heartbeat_that_the_mobile_api_has(self) -> None:
        assert read_plan().edge.event_streams.heartbeat_seconds == HEARTBEAT_SECONDS

    def test_refuses_a_path_prefix_used_twice(self, tmp_path: Path) -> None:
        text, line = edited("path_prefix: /pictures/", "path_prefix: /v1/api/")
        fault = f"{line}: edge.behaviors.2.path_prefix: /v1/api/ stands in an earlier behavior already"
        assert faults_of(text, tmp_path) == [fault]

    def test_refuses_a_gate_without_a_default(self, tmp_path: Path) -> None:
        text, _ = edited("{path_prefix: /, kind", "{path_prefix: /site/, kind")
        faults = faults_of(text, tmp_path)
        line = PLAN[: PLAN.index("  behaviors:")].count("\n") + 1
        assert faults == [f"{line}: edge.behaviors: no behavior has the path_prefix /, the default"]

    def test_refuses_a_secret_and_a_parameter_of_one_name(self, tmp_path: Path) -> None:
        text, line = edited("  openai-api-key: {", "  image-model: {generate: random}\n  openai-api-key: {")
        fault = f"{line}: secrets.image-model: is also the name of a parameter; the secret's ARN needs it"
        assert faults_of(text, tmp_path) == [fault]

    def test_refuses_a_key_that_stands_twice(self, tmp_path: Path) -> None:
        text, line = edited("    port: 8100\n", "    port: 8100\n    port: 8109\n")
        assert faults_of(text, tmp_path) == [f"{line + 1}: services.mobile-api.port: stands here twice"]

    def test_shows_all_faults_at_once(self, tmp_path: Path) -> None:
        text = PLAN.replace("service: mobile-api", "service: shop").replace("bucket: pictures", "bucket: photos", 1)
        assert len(faults_of(text, tmp_path)) == 2

    def test_says_where_a_file_is_no_yaml(self, tmp_path: Path) -> None:
        text, line = edited("size: {cpu: 512,", "size: {cpu: 512]")
        (fault,) = faults_of(text, tmp_path)
        assert fault.startswith(f"{line}: is no YAML: ")

    @pytest.mark.parametrize("text", ["", "- services", "tatemono", "1"])
    def test_refuses_what_is_no_plan_at_all(self, tmp_path: Path, text: str) -> None:
        (fault,) = faults_of(text, tmp_path)
        assert fault.startswith("1: plan: ")

    def test_names_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(WrongPlan, match=r"nowhere\.yaml: cannot be read: No such file"):
            read_plan(tmp_path / "nowhere.yaml")

    def test_names_a_file_that_is_not_utf_8(self, tmp_path: Path) -> None:
        file = tmp_path / "building.yaml"
        file.write_bytes("name: 建物".encode("shift_jis"))
        with pytest.raises(WrongPlan, match=r"building\.yaml: is no UTF-8: .* at byte 6"):
            read_plan(file)

    @pytest.mark.parametrize(
        "value", ["2026-13-45", "!!int many", "0x_", "&itself [*itself]", "? [a]\n", "{[a]: 1}", "{{a: b}: 1}"]
    )
    def test_refuses_what_only_yaml_would_think_of(self, tmp_path: Path, value: str) -> None:
        assert faults_of(f"name: {value}", tmp_path)

    @settings(deadline=None)
    @given(line=st.integers(0, PLAN.count("\n")), column=st.integers(0, 80), junk=st.text(max_size=6))
    def test_answers_every_slip_of_the_hand(
        self, tmp_path_factory: pytest.TempPathFactory, line: int, column: int, junk: str
    ) -> None:
        lines = PLAN.splitlines()
        lines[line - 1] = lines[line - 1][:column] + junk + lines[line - 1][column + 1 :]
        self.reads_or_tells("\n".join(lines), tmp_path_factory.getbasetemp() / "slip.yaml")

    @settings(deadline=None)
    @given(gone=st.integers(0, PLAN.count("\n") - 1))
    def test_answers_every_line_that_is_missing(self, tmp_path_factory: pytest.TempPathFactory, gone: int) -> None:
        lines = PLAN.splitlines()
        del lines[gone]
        self.reads_or_tells("\n".join(lines), tmp_path_factory.getbasetemp() / "gap.yaml")

    @staticmethod
    def reads_or_tells(text: str, file: Path) -> None:
        file.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
        try:
            plan = read_plan(file)
        except WrongPlan as wrong:
            for line in str(wrong).splitlines():
                assert re.match(rf"{re.escape(str(file))}:(\d+:)? ", line), line
        else:
            assert isinstance(plan, Plan)
