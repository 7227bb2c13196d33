"""A disk that is full: nothing is answered with 200 that is not on it, and nothing new begins."""

import resource
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import psutil
import pytest
from botocore.exceptions import ClientError

from tatemono_tools.laptop.process.disk import RESERVED_BYTES, disk_problem

SMALL, LARGE = b"1" * 1_000, b"2" * 500_000
LARGEST_FILE_BYTES = 200_000


@pytest.fixture
async def fresh(new_cloud: Callable[[], Any]) -> AsyncIterator[Any]:
    cloud = new_cloud()
    await cloud.start()
    async with cloud.client("s3") as s3:
        await s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    yield cloud
    await cloud.stop()


def let_writes_fail(cloud: Any, largest_bytes: int = LARGEST_FILE_BYTES) -> None:
    """No file of the running cloud may become larger than this: writing more fails, as on a full disk."""
    limits = (largest_bytes, resource.RLIM_INFINITY)
    psutil.Process(cloud.process.pid).rlimit(resource.RLIMIT_FSIZE, limits)


def let_writes_succeed(cloud: Any) -> None:
    let_writes_fail(cloud, resource.RLIM_INFINITY)


async def body_of(s3: Any, key: str) -> bytes:
    content: bytes = await (await s3.get_object(Bucket="kept", Key=key))["Body"].read()
    return content


@pytest.mark.skipif(not hasattr(psutil.Process, "rlimit"), reason="only Linux limits a process from outside")
class TestWritesThatFail:
    async def test_are_refused_and_leave_what_was_there(self, fresh: Any) -> None:
        async with fresh.client("s3") as s3:
            await s3.put_object(Bucket="kept", Key="old", Body=SMALL)
            let_writes_fail(fresh)
            for key in ("old", "new"):
                with pytest.raises(ClientError) as refused:
                    await s3.put_object(Bucket="kept", Key=key, Body=LARGE)
                assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
            assert await body_of(s3, "old") == SMALL
            with pytest.raises(s3.exceptions.NoSuchKey):
                await body_of(s3, "new")
            # The same, when it has been started again.
            await fresh.kept()
            await fresh.kill()
            await fresh.start()
            assert await body_of(s3, "old") == SMALL
            with pytest.raises(s3.exceptions.NoSuchKey):
                await body_of(s3, "new")
            await s3.put_object(Bucket="kept", Key="new", Body=LARGE)
            assert await body_of(s3, "new") == LARGE

    async def test_leave_the_version_that_was_there(self, fresh: Any) -> None:
        async with fresh.client("s3") as s3:
            enabled = {"Status": "Enabled"}
            await s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration=enabled)
            await s3.put_object(Bucket="kept", Key="old", Body=SMALL)
            let_writes_fail(fresh)
            with pytest.raises(ClientError):
                await s3.put_object(Bucket="kept", Key="old", Body=LARGE)
            versions = (await s3.list_object_versions(Bucket="kept"))["Versions"]
            assert [version["IsLatest"] for version in versions] == [True]
            assert await body_of(s3, "old") == SMALL

    async def test_of_the_state_let_nothing_begin_until_they_succeed(self, fresh: Any) -> None:
        async with fresh.client("sqs") as sqs, fresh.client("ssm") as ssm:
            queue = (await sqs.create_queue(QueueName="q"))["QueueUrl"]
            await sqs.send_message(QueueUrl=queue, MessageBody="kept")
            await fresh.kept()
            let_writes_fail(fresh, 10)
            await ssm.put_parameter(Name="/a", Value="a", Type="String")
            await fresh.kept()
            for call in (
                sqs.send_message(QueueUrl=queue, MessageBody="lost"),
                sqs.receive_message(QueueUrl=queue),
                ssm.put_parameter(Name="/b", Value="b", Type="String"),
            ):
                with pytest.raises(ClientError, match="cannot write this down"):
                    await call
            assert (await ssm.get_parameter(Name="/a"))["Parameter"]["Value"] == "a"
            let_writes_succeed(fresh)
            await fresh.kept()
            assert len((await sqs.receive_message(QueueUrl=queue))["Messages"]) == 1
            await fresh.kill()
            await fresh.start()
            assert (await ssm.get_parameter(Name="/a"))["Parameter"]["Value"] == "a"


class TestReserve:
    async def test_is_for_pictures_that_are_paid_for(self, new_cloud: Callable[[], Any]) -> None:
        cloud = new_cloud()
        await cloud.start()
        async with cloud.client("s3") as s3, cloud.client("sqs") as sqs:
            await s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
            queue = (await sqs.create_queue(QueueName="q"))["QueueUrl"]
            await cloud.stop()
            await cloud.start(CLOUD_RESERVED_BYTES=str(10**18))
            with pytest.raises(ClientError, match="is full"):
                await sqs.receive_message(QueueUrl=queue)
            with pytest.raises(ClientError, match="is full"):
                await sqs.send_message(QueueUrl=queue, MessageBody="new")
            form = await s3.generate_presigned_post("kept", "upload")
            async with httpx2.AsyncClient() as phone:
                posted = await phone.post(form["url"], data=form["fields"], files={"file": b"x"})
            assert posted.status_code == 503
            await s3.put_object(Bucket="kept", Key="picture", Body=LARGE)
            assert await body_of(s3, "picture") == LARGE
            await s3.delete_object(Bucket="kept", Key="picture")
        await cloud.stop()


class TestDiskProblem:
    def test_is_told_in_numbers(self, tmp_path: Any) -> None:
        assert disk_problem(tmp_path / "not made yet") is None
        problem = disk_problem(tmp_path, 10**18)
        assert problem is not None
        assert "is full" in problem
        assert "1000000000000 MB are kept free" in problem

    def test_is_what_the_health_route_goes_by(self) -> None:
        from tatemono.entrypoints.mobile_api.health import LEAST_FREE_BYTES  # noqa: PLC0415 - for this one number

        assert RESERVED_BYTES == LEAST_FREE_BYTES
