"""Taking everything along: asked for once, built with everything that is one's own, told, and gone in time."""

import asyncio
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from factories import submitted
from house import House
from tatemono.adapters.cloudfront.signed_urls import CloudFrontSignedUrls
from tatemono.adapters.s3.folders import PART_BYTES, S3Folders
from tatemono.adapters.s3.pictures import S3Pictures
from tatemono.adapters.zip_archive import ZipArchive
from tatemono.domain.privacy.exports import LEASE, MAX_ATTEMPTS, ExportClaim, ExportState
from tatemono.usecases.privacy.build_export import Builder, build_export
from tatemono.usecases.privacy.expire_exports import expire_exports
from tatemono.usecases.privacy.request_export import request_export
from tatemono_tools.laptop.secret_values import private_key_pem

pytest_plugins = ["members", "leaving"]

KEEP = timedelta(days=7)


def builder(house: House) -> Builder:
    urls = CloudFrontSignedUrls("https://pictures.example.jp", "KTEST", private_key_pem())
    return Builder(S3Folders(house.cloud.s3, house.bucket), ZipArchive, urls.sign, KEEP)


async def claimed(house: House, user_id: UUID, *, language: str = "ja") -> ExportClaim:
    export = await request_export(house.api, user_id=user_id, language=language)
    claim = await house.worker.exports.claim(export.id, lease=LEASE)
    assert claim is not None
    return claim


async def unpacked(house: House, key: str) -> zipfile.ZipFile:
    data = await S3Pictures(house.cloud.s3, house.bucket).get(key)
    assert data is not None
    return zipfile.ZipFile(io.BytesIO(data))


def read_json(archive: zipfile.ZipFile, name: str) -> Any:
    return json.loads(archive.read(name))


class TestRequestExport:
    async def test_is_one_at_a_time(self, house: House) -> None:
        phone, other = await house.phone(), await house.phone()
        asked = [request_export(house.api, user_id=phone.user_id, language="ja") for _ in range(5)]
        assert len({export.id for export in await asyncio.gather(*asked)}) == 1
        await request_export(house.api, user_id=other.user_id, language="ja")
        tickets = await house.owner.fetch("select body from outbox where queue = 'exports'")
        assert len(tickets) == 2


class TestBuildExport:
    async def test_holds_pictures_prompts_profile_and_credits(self, house: House) -> None:
        phone, other = await house.member(), await house.phone()
        keys = await house.painted(phone.user_id)
        await house.painted(other.user_id)
        await submitted(house.api, phone.user_id)
        claim = await claimed(house, phone.user_id)
        assert await build_export(house.worker, builder(house), claim)
        export = await house.api.exports.newest(phone.user_id)
        assert export is not None
        assert (export.state, export.pictures) == (ExportState.READY, 1)
        with await unpacked(house, export.object_key) as archive:
            assert archive.testzip() is None
            names = archive.namelist()
            prompts, credits_, profile = (
                read_json(archive, f"{name}.json") for name in ("prompts", "credits", "profile")
            )
            text = b"".join(archive.read(name) for name in names if not name.startswith("pictures/")).decode()
            readme = archive.read("README.ja.txt").decode()
        (picture,) = [name for name in names if name.startswith("pictures/")]
        assert prompts[0]["prompt"] == "A fox under the moon"
        assert picture.endswith(f"{prompts[0]['id']}-1.png")
        assert [entry["credits"] for entry in credits_] == [500, 8, 8, 8]
        assert (profile["email"], profile["credits_available"]) == (house.addresses[phone.user_id], 484)
        assert len(profile["devices"]) == 1
        assert "画像 1 枚" in readme
        foreign = [str(other.user_id), phone.thumbprint, keys[0], str(claim.id), '"number"']
        assert [word for word in foreign if word in text] == []
        size = (await house.cloud.s3.head_object(Bucket=house.bucket, Key=export.object_key))["ContentLength"]
        assert size == export.size_bytes

    async def test_tells_members_by_mail_and_guests_by_the_api(self, house: House) -> None:
        member, guest = await house.member(), await house.phone()
        for phone in (member, guest):
            assert await build_export(house.worker, builder(house), await claimed(house, phone.user_id))
        address = house.addresses[member.user_id]
        assert await house.mails() == [("export_ready", address, "ja")]
        facts = await house.owner.fetchval("select facts from mails")
        url = json.loads(facts)["url"]
        assert url.startswith(f"https://pictures.example.jp/exports/{member.user_id}/")
        export = await house.api.exports.newest(member.user_id)
        assert export is not None
        assert export.expires_at is not None
        assert f"Expires={int(export.expires_at.timestamp())}&" in url

    async def test_says_how_many_pictures_could_not_be_found(self, house: House) -> None:
        phone = await house.phone()
        keys = await house.painted(phone.user_id)
        await house.painted(phone.user_id)
        await house.store.delete(keys)
        claim = await claimed(house, phone.user_id)
        assert await build_export(house.worker, builder(house), claim)
        with await unpacked(house, claim.object_key) as archive:
            assert "could not be found: 1" in archive.read("README.en.txt").decode()

    async def test_goes_through_the_store_in_parts(self, house: House) -> None:
        phone = await house.phone()
        for _ in range(3):
            large = (await house.painted(phone.user_id))[0]
            await house.cloud.s3.put_object(Bucket=house.bucket, Key=large, Body=b"p" * (PART_BYTES // 2 + 1))
        claim = await claimed(house, phone.user_id)
        assert await build_export(house.worker, builder(house), claim)
        found = await house.cloud.s3.head_object(Bucket=house.bucket, Key=claim.object_key)
        assert found["ETag"].strip('"').endswith("-2")
        assert "attachment" in found["ContentDisposition"]
        with await unpacked(house, claim.object_key) as archive:
            assert archive.testzip() is None

    async def test_is_begun_anew_when_its_builder_vanishes(self, house: House) -> None:
        phone = await house.phone()
        await house.painted(phone.user_id)
        lost = await claimed(house, phone.user_id)
        # It died in the middle of an upload.
        await house.store.upload(lost.object_key, content_type="application/zip", file_name="x.zip")
        assert await house.worker.exports.claim(lost.id, lease=LEASE) is None
        await house.owner.execute(
            "update exports set lease_expires_at = now(), ticketed_at = now() - interval '1 hour'"
        )
        assert await house.relay.exports.reissue_lost(older_than=LEASE, limit=10) == 1
        claim = await house.worker.exports.claim(lost.id, lease=LEASE)
        assert claim is not None
        assert await build_export(house.worker, builder(house), claim)
        assert not await house.worker.exports.extend(lost, lease=LEASE)
        uploads = await house.cloud.s3.list_multipart_uploads(Bucket=house.bucket)
        assert uploads.get("Uploads", []) == []

    async def test_is_left_to_the_builder_that_has_it(self, house: House) -> None:
        phone = await house.phone()
        export = await request_export(house.api, user_id=phone.user_id, language="ja")
        reissue = house.relay.exports.reissue_lost
        # Its ticket is young.
        assert await reissue(older_than=LEASE, limit=10) == 0
        await house.owner.execute("update exports set ticketed_at = now() - interval '1 hour'")
        assert await reissue(older_than=LEASE, limit=10) == 1
        assert await reissue(older_than=LEASE, limit=10) == 0
        claim = await house.worker.exports.claim(export.id, lease=LEASE)
        assert claim is not None
        await house.owner.execute("update exports set ticketed_at = now() - interval '1 hour'")
        assert await reissue(older_than=LEASE, limit=10) == 0
        assert await house.worker.exports.extend(claim, lease=timedelta(hours=1))
        left = await house.owner.fetchval("select lease_expires_at - now() from exports")
        assert left > timedelta(minutes=59)
        assert await build_export(house.worker, builder(house), claim)
        # Nor is one that is ready built again.
        assert await house.worker.exports.claim(export.id, lease=LEASE) is None
        assert await reissue(older_than=LEASE, limit=10) == 0

    async def test_fails_for_good_when_every_builder_vanishes(self, house: House) -> None:
        phone = await house.phone()
        claim = await claimed(house, phone.user_id)
        for _ in range(MAX_ATTEMPTS):
            await house.owner.execute("update exports set lease_expires_at = now() where lease_expires_at is not null")
            await house.worker.exports.claim(claim.id, lease=LEASE)
        export = await house.api.exports.newest(phone.user_id)
        assert export is not None
        assert export.state is ExportState.FAILED
        assert (await request_export(house.api, user_id=phone.user_id, language="ja")).id != claim.id

    async def test_leaves_no_upload_behind_when_it_breaks_off(self, house: House) -> None:
        phone = await house.phone()
        await house.painted(phone.user_id)
        claim = await claimed(house, phone.user_id)
        working = builder(house)

        def broken(_upload: Any) -> Any:
            raise OSError("the disk of nobody is full")

        with pytest.raises(OSError, match="full"):
            await build_export(house.worker, Builder(working.store, broken, working.link, KEEP), claim)
        uploads = await house.cloud.s3.list_multipart_uploads(Bucket=house.bucket)
        assert uploads.get("Uploads", []) == []

    async def test_is_not_ready_any_more_when_its_user_leaves_meanwhile(self, house: House) -> None:
        phone = await house.phone()
        user_id = phone.user_id
        await house.painted(user_id)
        claim = await claimed(house, user_id)
        await house.leave(phone, grace=timedelta(0))
        assert not await house.worker.exports.extend(claim, lease=LEASE)
        assert not await build_export(house.worker, builder(house), claim)
        await house.erase()
        assert await house.objects() == set()
        assert await house.mentions(user_id) == {}
        # Somebody who has not noticed yet finds nobody to build it for.
        assert not await build_export(house.worker, builder(house), claim)


class TestExpireExports:
    async def test_removes_archives_whose_time_is_over(self, house: House) -> None:
        phone = await house.phone()
        claim = await claimed(house, phone.user_id)
        assert await build_export(house.worker, builder(house), claim)
        assert await expire_exports(house.relay, house.store) == 0
        export = await house.api.exports.newest(phone.user_id)
        assert export is not None
        assert export.ready_at is not None
        assert export.expires_at == export.ready_at + KEEP
        assert export.created_at < datetime.now(UTC)
        await house.owner.execute("update exports set expires_at = now()")
        assert await expire_exports(house.relay, house.store) == 1
        assert await house.objects() == set()
        assert await house.api.exports.newest(phone.user_id) is None
        assert await house.worker.exports.claim(uuid4(), lease=LEASE) is None
