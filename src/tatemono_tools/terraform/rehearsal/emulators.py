"""Fresh emulators for one rehearsal, and the environment that leads Terraform and the SDK to them."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tatemono_tools.laptop.process.ports import HOST

MINISTACK_SERVICES = (
    "BACKUP",
    "BUDGETS",
    "CLOUDFRONT",
    "COGNITO_IDENTITY",
    "COGNITO_IDENTITY_PROVIDER",
    "ECS",
    "LAMBDA",
    "SECRETS_MANAGER",
    "SESV2",
    "SQS",
)
"""What MiniStack does better; everything else is moto's. As the SDKs name services in `AWS_ENDPOINT_URL_…`."""
STUB_SERVICES = ("ACCESSANALYZER", "CHATBOT", "COST_EXPLORER")

_START_SECONDS = 60
_STOP_SECONDS = 5


class EmulatorFailed(Exception):
    """An emulator did not start; the message names its log."""


@dataclass(frozen=True, kw_only=True)
class Emulators:
    """Where they listen, for one account."""

    account: str
    region: str
    moto: str
    ministack: str
    stub: str

    def environment(self) -> dict[str, str]:
        """Leads every call to the emulator that does it best, and none to AWS."""
        return {
            # Emulators take the account from here.
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": "rehearsal",
            "AWS_SESSION_TOKEN": "",
            "AWS_PROFILE": "",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": self.moto,
            **{f"AWS_ENDPOINT_URL_{name}": self.ministack for name in MINISTACK_SERVICES},
            **{f"AWS_ENDPOINT_URL_{name}": self.stub for name in STUB_SERVICES},
            # S3 Control puts the account before the host's name, which no DNS knows. Loopback never uses a proxy, so
            # this catches nothing else.
            "HTTP_PROXY": self.moto,
            "HTTPS_PROXY": "",
            "NO_PROXY": "",
        }

    def endpoint(self, service: str) -> str:
        """:param service: as in `AWS_ENDPOINT_URL_…`"""
        if service in MINISTACK_SERVICES:
            return self.ministack
        return self.stub if service in STUB_SERVICES else self.moto


@contextmanager
def running_emulators(folder: Path, *, account: str, region: str) -> Iterator[Emulators]:
    """Start them empty, and end them by their process ids however the rehearsal ends.

    :param folder: where their logs go
    :raises EmulatorFailed: one did not start
    """
    folder.mkdir(parents=True, exist_ok=True)
    ports = _free_ports(3)
    module = "tatemono_tools.terraform.rehearsal"
    own = {"PYTHONUNBUFFERED": "1", "PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder)}
    keys = {"AWS_ACCESS_KEY_ID": account, "AWS_SECRET_ACCESS_KEY": "rehearsal", "AWS_DEFAULT_REGION": region}
    moto = {"MOTO_ACCOUNT_ID": account, "MOTO_IAM_LOAD_MANAGED_POLICIES": "true", "MOTO_PORT": str(ports[0])}
    ministack = {
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(ports[1]),
        "MINISTACK_ACCOUNT_ID": account,
        "MINISTACK_HOST": HOST,
        "MINISTACK_REGION": region,
        "LAMBDA_EXECUTOR": "local",
        "LOG_LEVEL": "WARNING",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "AWS_ENDPOINT_URL": f"http://{HOST}:{ports[1]}",
    }
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                _process(folder, name, [sys.executable, "-m", f"{module}.{name}", *words], own | keys | more)
            )
            for name, words, more in (
                ("moto_process", [str(ports[0])], moto),
                ("ministack_process", [], ministack),
                ("stub", [str(ports[2]), account], {}),
            )
        ]
        for (name, process), port in zip(processes, ports, strict=True):
            _wait_for(folder / f"{name}.log", process, port)
        yield Emulators(
            account=account,
            region=region,
            moto=f"http://{HOST}:{ports[0]}",
            ministack=f"http://{HOST}:{ports[1]}",
            stub=f"http://{HOST}:{ports[2]}",
        )


@contextmanager
def _process(
    folder: Path, name: str, command: list[str], environment: Mapping[str, str]
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with (folder / f"{name}.log").open("wb") as log:
        # Ctrl-C is for us to handle: they end after Terraform, not with it.
        process = subprocess.Popen(
            command, env=dict(environment), cwd=folder, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield name, process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(log: Path, process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise EmulatorFailed(f"{log.stem} ended while it started: {_last_line(log)} ({log})")
        with socket.socket() as caller:
            if caller.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.05)
    raise EmulatorFailed(f"{log.stem} has not answered for {_START_SECONDS} s ({log})")


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it wrote nothing"


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]
