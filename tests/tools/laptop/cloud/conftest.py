"""The embedded cloud, started for real on a free port."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tatemono_tools.laptop.cloud import cloud_command, cloud_ready
from tatemono_tools.laptop.process.ports import choose

ACCOUNT_ID = "482913650174"
SECRET = "test-secret/+= of this cloud"
REGION = "ap-northeast-1"
PICTURES = "pictures-of-the-test"

SESSION = get_session()  # it keeps the service models, which are slow to read


@dataclass
class RunningCloud:
    """A cloud with its own state folder; it can be killed and started again."""

    state_dir: Path
    port: int
    picture_key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    process: asyncio.subprocess.Process | None = None
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.state_dir.parent / "cloud.log"
        public = self.picture_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (self.state_dir.parent / "keys.json").write_text(json.dumps({"KEYOFTEST": public.decode()}))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, **settings: str) -> None:
        argv, environment = cloud_command(
            self.state_dir,
            self.port,
            account_id=ACCOUNT_ID,
            secret_access_key=SECRET,
            region=REGION,
            pictures_bucket=PICTURES,
            picture_keys=self.state_dir.parent / "keys.json",
            inherited={"PATH": os.environ["PATH"]},
        )
        environment |= settings
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(*argv, env=environment, stdout=log, stderr=log)
        async with asyncio.timeout(30):
            while not await cloud_ready(self.port):
                assert self.process.returncode is None, self.log.read_text()
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            async with asyncio.timeout(10):
                await self.process.wait()

    async def kept(self) -> None:
        """Wait until the snapshot that the last request asked for must have been written."""
        # A second in between, and what a busy machine takes longer.
        await asyncio.sleep(3)

    def client(
        self, service: str, *, key: str = ACCOUNT_ID, secret: str = SECRET, **config: Any
    ) -> AbstractAsyncContextManager[Any]:
        client: AbstractAsyncContextManager[Any] = SESSION.create_client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=AioConfig(retries={"total_max_attempts": 1}, **config),
        )
        return client


@pytest.fixture(scope="session")
def new_cloud(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], RunningCloud]:
    def new() -> RunningCloud:
        ports, _ = choose(remembered={}, preferred={"cloud": 0}, asked={})
        return RunningCloud(state_dir=tmp_path_factory.mktemp("cloud") / "state", port=ports["cloud"])

    return new


@pytest.fixture(scope="session")
async def cloud(new_cloud: Callable[[], RunningCloud]) -> AsyncIterator[RunningCloud]:
    """One cloud for the tests that do not hurt it."""
    running = new_cloud()
    await running.start()
    async with running.client("s3") as s3:
        await s3.create_bucket(Bucket=PICTURES, CreateBucketConfiguration={"LocationConstraint": REGION})
    yield running
    await running.stop()
