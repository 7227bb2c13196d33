"""The front door for real: nginx on free ports, before a small upstream that answers with what it was sent."""

import asyncio
import json
import os
import signal
import socket
import ssl
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tatemono_tools.laptop.door.certificates import Certificates, ensure_certificates
from tatemono_tools.laptop.door.nginx import (
    CannotOpenDoor,
    DoorFacts,
    door_command,
    door_ready,
    render_configuration,
    write_configuration,
)
from tatemono_tools.plan.building import Plan, read_plan
from tatemono_tools.plan.edge import Behavior, PathRateLimit, RateLimit

SECRET = "the-secret-between-door-and-service"
API = "/v1/api/generations"
ADMIN = "/v1/api/admin/people"
# Less than an HTTP/2 client may send before the server has answered.
LARGEST = 4096
MANY = RateLimit(requests=2_000_000, window_seconds=60, status=429)


@dataclass
class Upstream:
    """Stands for every service and the cloud: answers with what it was sent, in JSON."""

    port: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._answer(head.decode("latin-1"), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *lines = head.strip().split("\r\n")
        method, target, _ = line.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (entry.partition(":") for entry in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        request = {"method": method, "target": target, "headers": headers, "body_bytes": len(body)}
        self.requests.append(request)
        if target.endswith("/events"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            writer.write(b"9\r\ndata: 1\n\n\r\n")
            await self.go_on.wait()
            writer.write(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")
            return
        if "/hang-up" in target:
            writer.close()
            return
        text = json.dumps(request).encode()
        status = "422 Unprocessable Content" if target.endswith("/refuse") else "200 OK"
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n"
            "X-Frame-Options: ALLOWALL\r\nX-Request-Id: of-the-service\r\nSet-Cookie: a=b\r\n"
            "Cache-Control: max-age=60\r\nX-Accel-Redirect: /v1/api/admin/people\r\n\r\n".encode()
            + (b"" if method == "HEAD" else text)
        )


@dataclass(frozen=True)
class OpenDoor:
    facts: DoorFacts
    certificates: Certificates
    upstream: Upstream

    @property
    def https(self) -> str:
        return f"https://localhost:{self.facts.https_port}"

    @property
    def http(self) -> str:
        return f"http://localhost:{self.facts.http_port}"

    def client(self, *, http2: bool = False) -> httpx2.AsyncClient:
        verify = ssl.create_default_context(cafile=self.certificates.authority)
        return httpx2.AsyncClient(base_url=self.https, verify=verify, http2=http2, trust_env=False)

    async def raw(self, request: str, *, tls: bool = True) -> str:
        """What comes back for exactly these bytes."""
        context = ssl.create_default_context(cafile=self.certificates.authority) if tls else None
        port = self.facts.https_port if tls else self.facts.http_port
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname="localhost" if tls else None
        )
        writer.write(request.encode("latin-1"))
        answer = await asyncio.wait_for(reader.read(), 8)
        writer.close()
        return answer.decode()

    async def ask_path(self, path: str, *, tls: bool = True) -> tuple[int, str]:
        answer = await self.raw(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", tls=tls)
        return int(answer.split(" ", 2)[1]), answer


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(server.getsockname()[1]) for server in sockets]
    for server in sockets:
        server.close()
    return ports


def house(**edge: object) -> Plan:
    """The plan, with a service behind every prefix, and without the limits that a suite would run into."""
    plan = read_plan()
    behaviors = tuple(
        behavior if behavior.bucket else behavior.model_copy(update={"service": "mobile-api"})
        for behavior in plan.edge.behaviors
    )
    changes = {"behaviors": behaviors, "rate_limit": MANY, "rate_limits": (), **edge}
    return plan.model_copy(update={"edge": plan.edge.model_copy(update=changes)})


def deserted() -> tuple[Behavior, ...]:
    """The plan's behaviors, with no service behind any prefix."""
    return tuple(behavior.model_copy(update={"service": None}) for behavior in read_plan().edge.behaviors)


@asynccontextmanager
async def opened(plan: Plan, folder: Path) -> AsyncIterator[OpenDoor]:
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    upstream.port = server.sockets[0].getsockname()[1]
    certificates = ensure_certificates(folder / "certificates", names=(), host="test", now=datetime.now(UTC))
    http_port, https_port = free_ports(2)
    facts = DoorFacts(
        folder=folder / "it's a door",
        http_port=http_port,
        https_port=https_port,
        service_ports={"mobile-api": upstream.port, "admin-api": upstream.port, "web": upstream.port},
        cloud_port=upstream.port,
        certificate=certificates.certificate,
        certificate_key=certificates.key,
        origin_verify=SECRET,
    )
    write_configuration(plan, facts)
    process = await asyncio.create_subprocess_exec(*door_command(facts.folder), start_new_session=True)
    try:
        async with asyncio.timeout(10):
            while not await door_ready(https_port, certificates.authority):
                assert process.returncode is None
                await asyncio.sleep(0.02)
        yield OpenDoor(facts, certificates, upstream)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()
        upstream.go_on.set()
        server.close()


@pytest.fixture(scope="session")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OpenDoor]:
    async with opened(house(max_body_bytes=LARGEST), tmp_path_factory.mktemp("door")) as open_door:
        yield open_door


@pytest.fixture(scope="session")
async def closed_door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OpenDoor]:
    """We are none of the operators here."""
    plan = house(ip_sets={"operators": ("192.0.2.1/32", "2001:db8::/32")})
    async with opened(plan, tmp_path_factory.mktemp("closed")) as open_door:
        yield open_door


@pytest.fixture
async def client(door: OpenDoor) -> AsyncIterator[httpx2.AsyncClient]:
    async with door.client() as client:
        yield client


def assert_problem(response: httpx2.Response, status: int, code: str) -> None:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert set(problem) == {"type", "title", "status", "detail", "code", "request_id"}
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["request_id"] == response.headers["x-request-id"]
    assert problem["title"]
    assert problem["detail"]


class TestRouting:
    async def test_passes_a_request_on_as_it_came(self, client: httpx2.AsyncClient) -> None:
        response = await client.post(f"{API}?q=%E5%B1%B1&a=1", json={"prompt": "<script>../etc/passwd ${jndi:"})
        assert response.json()["target"] == f"{API}?q=%E5%B1%B1&a=1"
        assert response.json()["method"] == "POST"
        assert response.json()["body_bytes"] > 0

    async def test_hands_forms_with_uploads_to_the_bucket(self, door: OpenDoor, client: httpx2.AsyncClient) -> None:
        # More than the API may be sent.
        answer = await client.post("/uploads/", files={"file": ("photo", b"x" * 200_000)}, headers={"cookie": "a=b"})
        seen = answer.json()
        assert answer.status_code == 200, answer.text
        assert (seen["method"], seen["target"]) == ("POST", "/tatemono-laptop-uploads")
        assert seen["body_bytes"] > 200_000
        assert seen["headers"]["content-type"].startswith("multipart/form-data; boundary=")
        assert "cookie" not in seen["headers"]

    async def test_takes_nothing_else_there(self, client: httpx2.AsyncClient) -> None:
        assert (await client.get("/uploads/")).json()["code"] == "method_not_allowed"

    async def test_leaves_a_service_s_own_refusal_alone(self, client: httpx2.AsyncClient) -> None:
        response = await client.get("/v1/api/refuse")
        assert response.status_code == 422
        assert response.json()["target"] == "/v1/api/refuse"

    async def test_speaks_http2(self, door: OpenDoor) -> None:
        async with door.client(http2=True) as client:
            response = await client.get(API)
        assert response.http_version == "HTTP/2"
        assert response.json()["headers"]["host"] == f"localhost:{door.facts.https_port}"

    async def test_answers_not_found_where_no_service_is(self, tmp_path: Path) -> None:
        plan = house(behaviors=deserted())
        async with opened(plan, tmp_path) as door, door.client() as client:
            assert_problem(await client.get(ADMIN), 404, "not_found")
            page = await client.get("/people", headers={"Accept-Language": "ja"})
            assert page.status_code == 404
            assert page.headers["content-type"] == "text/html; charset=utf-8"
            assert '<html lang="ja">' in page.text
            assert "見つかりません" in page.text
            assert door.upstream.requests == []

    async def test_answers_bad_gateway_when_the_service_is_away(self, client: httpx2.AsyncClient) -> None:
        assert_problem(await client.get("/v1/api/hang-up"), 502, "bad_gateway")

    async def test_never_sends_a_post_twice(self, door: OpenDoor, client: httpx2.AsyncClient) -> None:
        before = len(door.upstream.requests)
        assert_problem(await client.post("/v1/api/hang-up"), 502, "bad_gateway")
        assert len(door.upstream.requests) == before + 1


class TestOperatorsOnly:
    async def test_lets_operators_in(self, client: httpx2.AsyncClient) -> None:
        assert (await client.get(ADMIN)).status_code == 200
        assert (await client.get("/")).status_code == 200

    async def test_keeps_all_other_addresses_out(self, closed_door: OpenDoor) -> None:
        async with closed_door.client() as client:
            assert_problem(await client.get(ADMIN), 403, "forbidden")
            assert (await client.get("/")).status_code == 403
            assert (await client.get(API)).status_code == 200

    async def test_answers_so_even_where_no_service_is(self, tmp_path: Path) -> None:
        plan = house(ip_sets={"operators": ("192.0.2.1/32",)}, behaviors=deserted())
        async with opened(plan, tmp_path) as door, door.client() as client:
            assert_problem(await client.get(ADMIN), 403, "forbidden")

    async def test_is_not_impressed_by_forged_addresses(self, closed_door: OpenDoor) -> None:
        names = ["X-Forwarded-For", "X-Real-IP", "X-Client-IP", "True-Client-IP", "CloudFront-Viewer-Address"]
        forged = dict.fromkeys(names, "192.0.2.1") | {"Forwarded": "for=192.0.2.1"}
        async with closed_door.client() as client:
            assert (await client.get(ADMIN, headers=forged)).status_code == 403

    @pytest.mark.parametrize(
        "path",
        [
            "//v1/api/admin/people",
            "/v1//api/admin/people",
            "/v1/api//admin/people",
            "/v1/./api/admin/people",
            "/v1/api/./admin/people",
            "/v1/api/x/../admin/people",
            "/v1/api/auth/..;/admin/people",
            "/v1/api/;/admin/people",
            "/v1/api/;x=1/admin/people",
            "/v1/api/%61dmin/people",
            "/v1/api/%41DMIN/people",
            "/v1/api%2fadmin/people",
            "/v1/api/%2fadmin/people",
            "/v1/api/x/%2e%2e/admin/people",
            "/v1/api/x/%2E%2E%2Fadmin/people",
            "/v1/api/x/..%2fadmin/people",
            "/v1/api/%252e%252e/admin/people",
            "/v1/api/admin%2fpeople",
            "/v1/api/x\\..\\admin/people",
            "/v1/api/%5cadmin/people",
            "/v1/api/#/../admin/people",
            "/v1/api/admin%00/people",
            "/v1/api/admin%0a/people",
            "/v1/api/.",
            "/v1/api/..",
            "/v1/api/admin/people",
            "https://localhost/v1/api/admin/people",
            "https://localhost//v1/api/admin/people",
            "/V1/API/ADMIN/people",
            "/v1/api/../api/admin/people?x=/v1/api/generations",
        ],
    )
    async def test_is_reached_by_no_detour(self, closed_door: OpenDoor, path: str) -> None:
        before = len(closed_door.upstream.requests)
        status, _ = await closed_door.ask_path(path)
        assert status in (400, 403)
        assert len(closed_door.upstream.requests) == before

    async def test_ends_exactly_at_the_prefix(self, closed_door: OpenDoor) -> None:
        # Neither is below /v1/api/, so both are pages, which are the operators' too.
        for path in ("/v1/api", "/v1/apix/generations"):
            status, answer = await closed_door.ask_path(path)
            assert status == 403
            assert "text/html" in answer
        # Not below /v1/api/admin/, so the phone's.
        for path in ("/v1/api/admin", "/v1/api/administrators"):
            assert (await closed_door.ask_path(path))[0] == 200

    async def test_cannot_ask_for_the_door_s_own_answers(self, client: httpx2.AsyncClient) -> None:
        for form in ("problem", "page"):
            assert_problem(await client.get(f"/.door/{form}?code=forbidden"), 404, "not_found")


class TestAmbiguousPath:
    async def test_says_what_is_wrong(self, client: httpx2.AsyncClient) -> None:
        assert_problem(await client.get("/v1/api//generations"), 400, "path_not_canonical")

    @pytest.mark.parametrize(
        "path", ["/v1/api/a.b/c-d_e~f", "/v1/api/%E5%B1%B1", "/v1/api/a%20b", "/v1/api/...", "/v1/api/a:b@c,d+e"]
    )
    async def test_does_not_mean_ordinary_ones(self, door: OpenDoor, path: str) -> None:
        assert (await door.ask_path(path))[0] == 200
        assert door.upstream.requests[-1]["target"] == path


class TestHttpListener:
    async def test_sends_pages_to_https(self, door: OpenDoor) -> None:
        async with door.client() as client:
            response = await client.get(f"{door.http}/people?page=2")
            posted = await client.post(f"{door.http}/people")
        assert (response.status_code, posted.status_code) == (301, 307)
        assert response.headers["location"] == f"{door.https}/people?page=2"
        assert posted.headers["location"] == f"{door.https}/people"

    @pytest.mark.parametrize("path", [API, ADMIN, "/pictures/a.png"])
    async def test_refuses_the_api_and_pictures(self, door: OpenDoor, client: httpx2.AsyncClient, path: str) -> None:
        before = len(door.upstream.requests)
        assert_problem(await client.get(f"{door.http}{path}"), 403, "https_required")
        assert len(door.upstream.requests) == before

    async def test_explains_plain_http_on_the_tls_port(self, door: OpenDoor, client: httpx2.AsyncClient) -> None:
        response = await client.get(f"http://localhost:{door.facts.https_port}{API}")
        assert_problem(response, 400, "plain_http_on_tls_port")


class TestTls:
    async def test_is_refused_by_who_does_not_trust_the_authority(self, door: OpenDoor) -> None:
        async with httpx2.AsyncClient(trust_env=False) as client:
            with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await client.get(door.https)
        assert await door_ready(door.facts.https_port, door.certificates.authority)

    async def test_is_not_ready_before_it_listens(self, door: OpenDoor) -> None:
        assert not await door_ready(free_ports(1)[0], door.certificates.authority)

    @pytest.mark.parametrize(
        ("version", "accepted"),
        [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)],
    )
    @pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
    async def test_takes_tls_1_2_and_newer(self, door: OpenDoor, version: ssl.TLSVersion, accepted: bool) -> None:
        context = ssl.create_default_context(cafile=door.certificates.authority)
        context.minimum_version = context.maximum_version = version
        # Today's OpenSSL offers TLS 1.1 at this level only.
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        connecting = asyncio.open_connection(
            "127.0.0.1", door.facts.https_port, ssl=context, server_hostname="localhost"
        )
        if accepted:
            _, writer = await connecting
            writer.transport.abort()
        else:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await connecting


class TestHeadersToTheService:
    async def test_replace_what_the_caller_claims(self, door: OpenDoor, client: httpx2.AsyncClient) -> None:
        dropped = ["Forwarded", "X-Original-URL", "X-Client-IP", "True-Client-IP", "CloudFront-Viewer-Address", "Proxy"]
        claims = ["X-Forwarded-For", "X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Origin-Verify", *dropped]
        forged = dict.fromkeys(claims, "forged") | {"X_Forwarded_For": "forged", "X_Origin_Verify": "forged"}
        sent = (await client.get(API, headers=forged)).json()["headers"]
        assert "forged" not in sent.values()
        assert not {name.lower() for name in dropped} & sent.keys()
        assert sent["x-forwarded-for"] == sent["x-real-ip"] == "127.0.0.1"
        assert sent["x-forwarded-host"] == sent["host"] == f"localhost:{door.facts.https_port}"
        assert sent["x-forwarded-proto"] == "https"
        assert sent["x-origin-verify"] == SECRET

    async def test_keep_what_is_the_caller_s(self, client: httpx2.AsyncClient) -> None:
        own = {"authorization": "DPoP t", "dpop": "proof", "idempotency-key": "k", "accept-language": "ja"}
        own |= {"last-event-id": "7", "cookie": "a=b"}
        sent = (await client.get(API, headers=own)).json()["headers"]
        assert own.items() <= sent.items()

    async def test_carry_the_caller_s_request_id(self, client: httpx2.AsyncClient) -> None:
        response = await client.get(API, headers={"X-Request-Id": "0f2c-phone.1"})
        assert response.headers.get_list("x-request-id") == ["0f2c-phone.1"]
        assert response.json()["headers"]["x-request-id"] == "0f2c-phone.1"

    @pytest.mark.parametrize("unfit", ["", "short", 'a","status":200,"b":"', "x" * 65, "a b c d e f g"])
    async def test_carry_a_new_one_for_an_unfit_one(self, client: httpx2.AsyncClient, unfit: str) -> None:
        response = await client.get(API, headers={"X-Request-Id": unfit})
        made = response.headers["x-request-id"]
        assert len(bytes.fromhex(made)) == 16
        assert response.json()["headers"]["x-request-id"] == made


class TestHeadersToTheCaller:
    async def test_override_the_service_s(self, client: httpx2.AsyncClient) -> None:
        for path in (API, "/", ADMIN, "/v1/api/refuse"):
            headers = (await client.get(path)).headers
            assert headers.get_list("x-frame-options") == ["DENY"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "strict-origin-when-cross-origin"

    async def test_bind_browsers_to_https_but_not_on_localhost(
        self, door: OpenDoor, client: httpx2.AsyncClient
    ) -> None:
        assert (await client.get(API)).headers["strict-transport-security"] == "max-age=0"
        elsewhere = await client.get(API, headers={"Host": "studio-mac.local"})
        assert elsewhere.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
        assert "strict-transport-security" not in (await client.get(f"{door.http}{API}")).headers

    async def test_do_not_let_a_service_steer_the_door(self, client: httpx2.AsyncClient) -> None:
        assert (await client.get(API)).json()["target"] == API


class TestLanguage:
    @pytest.mark.parametrize(
        ("accepted", "title"),
        [
            ("ja", "リクエストを遮断しました"),
            ("ja-JP,en;q=0.8", "リクエストを遮断しました"),
            ("fr, ja;q=0.5", "リクエストを遮断しました"),
            ("en-US,ja;q=0.5", "Request blocked"),
            ("ja;q=0", "Request blocked"),
            ("jam", "Request blocked"),
            ("", "Request blocked"),
        ],
    )
    async def test_is_the_caller_s(self, client: httpx2.AsyncClient, accepted: str, title: str) -> None:
        response = await client.get("/v1/api/.env", headers={"Accept-Language": accepted})
        assert response.json()["title"] == title


class TestBlockedPatterns:
    @pytest.mark.parametrize(
        "target",
        [
            "/.env",
            "/v1/api/.git/config",
            "/wp-login.php",
            "/v1/api/x?q=<script>alert(1)</script>",
            "/v1/api/x?q=%3Cscript%3E",
            "/v1/api/x?q=%3cSCRIPT",
            "/v1/api/x?q=%253Cscript%253E",
            "/v1/api/x?q=%3C%73cript",
            "/v1/api/x?next=javascript:alert(1)",
            "/v1/api/x?file=../../etc/hosts",
            "/v1/api/x?file=..%2f..%2fetc",
            "/v1/api/x?file=%2Fetc%2Fpasswd",
            "/v1/api/x?q=${jndi:ldap://x}",
            "/v1/api/x?q=%24%7Bjndi%3Aldap",
            "/v1/api/%2e%2e/%2e%2e/etc/hosts",
        ],
    )
    async def test_stop_at_the_door(self, door: OpenDoor, target: str) -> None:
        before = len(door.upstream.requests)
        for tls in (True, False):
            assert (await door.ask_path(target, tls=tls))[0] == 403
        assert len(door.upstream.requests) == before

    @pytest.mark.parametrize("header", ["User-Agent", "Referer", "Cookie", "X-Forwarded-For", "Accept-Language"])
    async def test_stop_in_headers_too(self, client: httpx2.AsyncClient, header: str) -> None:
        response = await client.get(API, headers={header: "${jndi:ldap://x/a}"})
        assert_problem(response, 403, "request_blocked")

    @pytest.mark.parametrize(
        "query", ["cursor=eyJhIjoxfQ%3D%3D", "q=50%25+off", "q=cat..dog", "q=a%26b%3Dc;d", "q=100%"]
    )
    async def test_leave_ordinary_queries_alone(self, door: OpenDoor, query: str) -> None:
        assert (await door.ask_path(f"{API}?{query}"))[0] == 200


class TestSizes:
    async def test_let_the_largest_body_through(self, client: httpx2.AsyncClient) -> None:
        response = await client.post(API, content=b"x" * LARGEST)
        assert response.json()["body_bytes"] == LARGEST

    @pytest.mark.parametrize("http2", [False, True])
    @pytest.mark.parametrize("chunked", [False, True])
    async def test_refuse_one_byte_more(self, door: OpenDoor, chunked: bool, http2: bool) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"x" * LARGEST
            yield b"x"

        before = len(door.upstream.requests)
        content = pieces() if chunked else b"x" * (LARGEST + 1)
        async with door.client(http2=http2) as client:
            assert_problem(await client.post(API, content=content), 413, "body_too_large")
        assert len(door.upstream.requests) == before

    async def test_refuse_long_addresses_and_headers(self, client: httpx2.AsyncClient) -> None:
        assert_problem(await client.get(f"{API}?{'x' * 9000}"), 414, "uri_too_long")
        assert_problem(await client.get(API, headers={"X-Long": "x" * 9000}), 400, "headers_too_large")

    async def test_give_up_on_who_sends_headers_drop_by_drop(self, door: OpenDoor) -> None:
        try:
            answer = await door.raw(f"GET {API} HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        except ConnectionResetError:
            return
        assert answer == ""


class TestStreams:
    @pytest.mark.parametrize("http2", [False, True])
    async def test_are_not_held_back(self, door: OpenDoor, http2: bool) -> None:
        door.upstream.go_on.clear()
        async with (
            door.client(http2=http2) as client,
            client.stream("GET", "/v1/api/generations/1/events") as response,
            asyncio.timeout(5),
        ):
            pieces = response.aiter_text()
            assert await anext(pieces) == "data: 1\n\n"
            door.upstream.go_on.set()
            assert await anext(pieces) == "data: 2\n\n"


class TestPictures:
    SIGNED = "/pictures/2026/a.png?Expires=1&Signature=s~-_&Key-Pair-Id=K"

    async def test_are_asked_of_the_cloud_with_the_address_as_it_was(
        self, door: OpenDoor, client: httpx2.AsyncClient
    ) -> None:
        response = await client.get(self.SIGNED)
        sent = response.json()
        assert sent["target"] == f"/_edge{self.SIGNED}"
        assert sent["headers"]["x-original-url"] == f"{door.https}/pictures/2026/a.png"
        assert response.headers["cache-control"] == "max-age=60"

    async def test_take_no_credentials_along_and_bring_none_back(self, client: httpx2.AsyncClient) -> None:
        headers = {"Authorization": "Bearer t", "Cookie": "a=b", "Range": "bytes=0-9", "If-None-Match": '"e"'}
        response = await client.get(self.SIGNED, headers=headers | {"X-Original-URL": "https://elsewhere/"})
        sent = response.json()["headers"]
        assert not {"authorization", "cookie", "x-origin-verify"} & sent.keys()
        assert (sent["range"], sent["if-none-match"]) == ("bytes=0-9", '"e"')
        assert sent["x-original-url"].startswith("https://localhost")
        assert "set-cookie" not in response.headers

    async def test_may_be_read_only(self, client: httpx2.AsyncClient) -> None:
        assert (await client.head(self.SIGNED)).status_code == 200
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            assert_problem(await client.request(method, self.SIGNED), 403, "method_not_allowed")


class TestRateLimit:
    async def test_lets_the_plan_s_number_pass_and_refuses_the_next(self, tmp_path: Path) -> None:
        limits = {
            "rate_limit": RateLimit(requests=40, window_seconds=600, status=403),
            "rate_limits": (PathRateLimit(path_prefix="/v1/api/auth/", requests=10, window_seconds=600, status=429),),
        }
        async with opened(house(**limits), tmp_path) as door, door.client() as client:
            sign_ins = [await client.post("/v1/api/auth/device") for _ in range(10)]
            assert {response.status_code for response in sign_ins} == {200}
            one_more = await client.post("/v1/api/auth/device", headers={"X-Forwarded-For": "192.0.2.77"})
            assert_problem(one_more, 429, "too_many_requests")
            assert one_more.headers["retry-after"] == "60"
            # The rule over everything counted the ten as well.
            others = [await client.get(API) for _ in range(30)]
            assert {response.status_code for response in others} == {200}
            assert {(await client.get(API)).status_code for _ in range(3)} == {403}
            assert_problem(await client.get(API), 403, "too_many_requests")
            page = await client.get("/")
            assert page.status_code == 403
            assert "Too many requests" in page.text


class TestLogs:
    async def test_have_a_line_of_json_without_secrets(self, tmp_path: Path) -> None:
        async with opened(house(), tmp_path) as door, door.client() as client:
            for path in (API, "/pictures/a.png", "/v1/api/hang-up", "/v1/api/.env"):
                secrets = {"Authorization": "Bearer t-secret", "Cookie": "c-secret", "User-Agent": 'quo"te'}
                await client.get(f"{path}?Signature=s-secret", headers=secrets)
            folder = door.facts.folder / "logs"
        lines = [json.loads(line) for line in (folder / "access.log").read_text().splitlines()]
        asked = [line for line in lines if line["user_agent"] == 'quo"te']
        assert [line["path"] for line in asked] == [API, "/pictures/a.png", "/v1/api/hang-up", "/v1/api/.env"]
        assert [line["status"] for line in asked] == [200, 200, 502, 403]
        assert [line["refusal"] for line in asked] == ["", "", "bad_gateway", "request_blocked"]
        assert asked[-1]["blocked_by"] == "known-bad-inputs"
        for log in folder.iterdir():
            assert "secret" not in log.read_text()


class TestConfiguration:
    FACTS = DoorFacts(
        folder=Path("/nowhere"),
        http_port=80,
        https_port=443,
        service_ports={"mobile-api": 8100, "admin-api": 8101, "web": 8102},
        cloud_port=8200,
        certificate=Path("/nowhere/door.pem"),
        certificate_key=Path("/nowhere/door.key"),
        origin_verify=SECRET,
    )

    def changed(self, **facts: Any) -> DoorFacts:
        values = {name: getattr(self.FACTS, name) for name in DoorFacts.__dataclass_fields__}
        return DoorFacts(**values | facts)

    async def test_is_accepted_by_nginx(self, door: OpenDoor) -> None:
        check = await asyncio.create_subprocess_exec(*door_command(door.facts.folder), "-t", "-q")
        assert await check.wait() == 0

    async def test_is_read_by_its_owner_only(self, door: OpenDoor) -> None:
        assert stat.S_IMODE((door.facts.folder / "nginx.conf").stat().st_mode) == 0o600
        assert SECRET not in repr(door.facts)

    async def test_is_all_that_nginx_writes_beside_its_logs(self, door: OpenDoor) -> None:
        assert {path.name for path in door.facts.folder.iterdir()} == {"nginx.conf", "nginx.pid", "logs", "temp"}

    def test_says_which_service_has_no_port(self) -> None:
        with pytest.raises(CannotOpenDoor, match="mobile-api"):
            render_configuration(read_plan(), self.changed(service_ports={}))

    @pytest.mark.parametrize("secret", ["", "a$b", "a\nb"])
    def test_refuses_what_nginx_cannot_take(self, secret: str) -> None:
        with pytest.raises(CannotOpenDoor, match="origin-verify"):
            render_configuration(read_plan(), self.changed(origin_verify=secret))

    def test_leaves_the_standard_port_out_of_redirects(self) -> None:
        assert "https://$host$request_uri" in render_configuration(read_plan(), self.FACTS)

    def test_listens_at_the_given_address(self) -> None:
        everywhere = self.changed(listen_address="0.0.0.0")  # noqa: S104 - nothing is opened here
        assert "listen 0.0.0.0:443 ssl" in render_configuration(read_plan(), everywhere)
        assert "listen [::1]:443 ssl" in render_configuration(read_plan(), self.changed(listen_address="::1"))

    def test_puts_the_longest_prefix_first(self) -> None:
        plan = read_plan()
        backwards = plan.model_copy(
            update={"edge": plan.edge.model_copy(update={"behaviors": plan.edge.behaviors[::-1]})}
        )
        text = render_configuration(backwards, self.FACTS)
        assert text.index("^/v1/api/admin/") < text.index('"(?-i)^/v1/api/"') < text.index('"(?-i)^/"')

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root may give its rights up")
    def test_gives_the_rights_of_root_up(self) -> None:
        assert 'user "nobody"' in render_configuration(read_plan(), self.FACTS)


def test_a_behavior_is_what_this_suite_thinks() -> None:
    """The tests above name prefixes; they mean these."""
    prefixes = {behavior.path_prefix: behavior for behavior in read_plan().edge.behaviors}
    assert isinstance(prefixes["/"], Behavior)
    assert {"/", "/v1/api/", "/v1/api/admin/", "/pictures/"} <= prefixes.keys()
