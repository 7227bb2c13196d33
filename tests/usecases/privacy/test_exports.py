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
from privacy_services import PrivacyServices
from tatemono.adapters.cloudfront.signed_urls import CloudFrontSignedUrls
from tatemono.adapters.s3.folders import PART_BYTES, S3Folders
from tatemono.adapters.s3.pictures import S3Pictures
from tatemono.adapters.zip_archive import ZipArchive
from tatemono.domain.privacy.exports import LEASE, MAX_ATTEMPTS, ExportClaim, ExportState
from tatemono.usecases.privacy.build_export import Builder, build_export
from tatemono.usecases.privacy.expire_exports import expire_exports
from tatemono.usecases.privacy.request_export import request_export
from tatemono_tools.laptop.secret_values import private_key_pem

pytest_plugins = ["members", "privacy_fixture"]

KEEP = timedelta(days=7)


def builder(privacy: PrivacyServices) -> Builder:
    urls = CloudFrontSignedUrls("https://pictures.example.jp", "KTEST", private_key_pem())
    return Builder(S3Folders(privacy.cloud.s3, privacy.bucket), ZipArchive, urls.sign, KEEP)


async def claimed(privacy: PrivacyServices, user_id: UUID, *, language: str = "ja") -> ExportClaim:
    export = await request_export(privacy.api, user_id=user_id, language=language)
    claim = await privacy.worker.exports.claim(export.id, lease=LEASE)
    assert claim is not None
    return claim


async def unpacked(privacy: PrivacyServices, key: str) -> zipfile.ZipFile:
    data = await S3Pictures(privacy.cloud.s3, privacy.bucket).get(key)
    assert data is not None
    return zipfile.ZipFile(io.BytesIO(data))


def read_json(archive: zipfile.ZipFile, name: str) -> Any:
    return json.loads(archive.read(name))


class TestRequestExport:
    async def test_is_one_at_a_time(self, privacy: PrivacyServices) -> None:
        phone, other = await privacy.phone(), await privacy.phone()
        asked = [request_export(privacy.api, user_id=phone.user_id, language="ja") for _ in range(5)]
        assert len({export.id for export in await asyncio.gather(*asked)}) == 1
        await request_export(privacy.api, user_id=other.user_id, language="ja")
        tickets = await privacy.owner.fetch("select body from outbox where queue = 'exports'")
        assert len(tickets) == 2


class TestBuildExport:
    async def test_holds_pictures_prompts_profile_and_credits(self, privacy: PrivacyServices) -> None:
        phone, other = await privacy.member(), await privacy.phone()
        keys = await privacy.painted(phone.user_id)
        await privacy.painted(other.user_id)
        await submitted(privacy.api, phone.user_id)
        claim = await claimed(privacy, phone.user_id)
        assert await build_export(privacy.worker, builder(privacy), claim)
        export = await privacy.api.exports.newest(phone.user_id)
        assert export is not None
        assert (export.state, export.pictures) == (ExportState.READY, 1)
        with await unpacked(privacy, export.object_key) as archive:
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
        assert (profile["email"], profile["credits_available"]) == (privacy.addresses[phone.user_id], 484)
        assert len(profile["devices"]) == 1
        assert "画像 1 枚" in readme
        foreign = [str(other.user_id), phone.thumbprint, keys[0], str(claim.id), '"number"']
        assert [word for word in foreign if word in text] == []
        size = (await privacy.cloud.s3.head_object(Bucket=privacy.bucket, Key=export.object_key))["ContentLength"]
        assert size == export.size_bytes

    async def test_tells_members_by_mail_and_guests_by_the_api(self, privacy: PrivacyServices) -> None:
        member, guest = await privacy.member(), await privacy.phone()
        for phone in (member, guest):
            assert await build_export(privacy.worker, builder(privacy), await claimed(privacy, phone.user_id))
        address = privacy.addresses[member.user_id]
        assert await privacy.mails() == [("export_ready", address, "ja")]
        facts = await privacy.owner.fetchval("select facts from mails")
        url = json.loads(facts)["url"]
        assert url.startswith(f"https://pictures.example.jp/exports/{member.user_id}/")
        export = await privacy.api.exports.newest(member.user_id)
        assert export is not None
        assert export.expires_at is not None
        assert f"Expires={int(export.expires_at.timestamp())}&" in url

    async def test_says_how_many_pictures_could_not_be_found(self, privacy: PrivacyServices) -> None:
        phone = await privacy.phone()
        keys = await privacy.painted(phone.user_id)
        await privacy.painted(phone.user_id)
        await privacy.store.delete(keys)
        claim = await claimed(privacy, phone.user_id)
        assert await build_export(privacy.worker, builder(privacy), claim)
        with await unpacked(privacy, claim.object_key) as archive:
            assert "could not be found: 1" in archive.read("README.en.txt").decode()

    async def test_goes_through_the_store_in_parts(self, privacy: PrivacyServices) -> None:
        phone = await privacy.phone()
        for _ in range(3):
            large = (await privacy.painted(phone.user_id))[0]
            await privacy.cloud.s3.put_object(Bucket=privacy.bucket, Key=large, Body=b"p" * (PART_BYTES // 2 + 1))
        claim = await claimed(privacy, phone.user_id)
        assert await build_export(privacy.worker, builder(privacy), claim)
        found = await privacy.cloud.s3.head_object(Bucket=privacy.bucket, Key=claim.object_key)
        assert found["ETag"].strip('"').endswith("-2")
        assert "attachment" in found["ContentDisposition"]
        with await unpacked(privacy, claim.object_key) as archive:
            assert archive.testzip() is None

    async def test_is_begun_anew_when_its_builder_vanishes(self, privacy: PrivacyServices) -> None:
        phone = await privacy.phone()
        await privacy.painted(phone.user_id)
        lost = await claimed(privacy, phone.user_id)
        # It died in the middle of an upload.
        await privacy.store.upload(lost.object_key, content_type="application/zip", file_name="x.zip")
        assert await privacy.worker.exports.claim(lost.id, lease=LEASE) is None
        await privacy.owner.execute(
            "update exports set lease_expires_at = now(), ticketed_at = now() - interval '1 hour'"
        )
        assert await privacy.relay.exports.reissue_lost(older_than=LEASE, limit=10) == 1
        claim = await privacy.worker.exports.claim(lost.id, lease=LEASE)
        assert claim is not None
        assert await build_export(privacy.worker, builder(privacy), claim)
        assert not await privacy.worker.exports.extend(lost, lease=LEASE)
        uploads = await privacy.cloud.s3.list_multipart_uploads(Bucket=privacy.bucket)
        assert uploads.get("Uploads", []) == []

    async def test_is_left_to_the_builder_that_has_it(self, privacy: PrivacyServices) -> None:
        phone = await privacy.phone()
        export = await request_export(privacy.api, user_id=phone.user_id, language="ja")
        reissue = privacy.relay.exports.reissue_lost
        # Its ticket is young.
        assert await reissue(older_than=LEASE, limit=10) == 0
        await privacy.owner.execute("update exports set ticketed_at = now() - interval '1 hour'")
        assert await reissue(older_than=LEASE, limit=10) == 1
        assert await reissue(older_than=LEASE, limit=10) == 0
        claim = await privacy.worker.exports.claim(export.id, lease=LEASE)
        assert claim is not None
        await privacy.owner.execute("update exports set ticketed_at = now() - interval '1 hour'")
        assert await reissue(older_than=LEASE, limit=10) == 0
        assert await privacy.worker.exports.extend(claim, lease=timedelta(hours=1))
        left = await privacy.owner.fetchval("select lease_expires_at - now() from exports")
        assert left > timedelta(minutes=59)
        assert await build_export(privacy.worker, builder(privacy), claim)
        # Nor is one that is ready built again.
        assert await privacy.worker.exports.claim(export.id, lease=LEASE) is None
        assert await reissue(older_than=LEASE, limit=10) == 0

    async def test_fails_for_good_when_every_builder_vanishes(self, privacy: PrivacyServices) -> None:
        phone = await privacy.phone()
        claim = await claimed(privacy, phone.user_id)
        for _ in range(MAX_ATTEMPTS):
            await privacy.owner.execute(
                "update exports set lease_expires_at = now() where lease_expires_at is not null"
            )
            await privacy.worker.exports.claim(claim.id, lease=LEASE)
        export = await privacy.api.exports.newest(phone.user_id)
        assert export is not None
        assert export.state is ExportState.FAILED
        assert (await request_export(privacy.api, user_id=phone.user_id, language="ja")).id != claim.id

    async def test_leaves_no_upload_behind_when_it_breaks_off(self, privacy: PrivacyServices) -> None:
        phone = await privacy.phone()
        await privacy.painted(phone.user_id)
        claim = await claimed(privacy, phone.user_id)
        working = builder(privacy)

        def broken(_upload: Any) -> Any:
            raise OSError("the disk of nobody is full")

        with pytest.raises(OSError, match="full"):
            await build_export(privacy.worker, Builder(working.store, broken, working.link, KEEP), claim)
        uploads = await privacy.cloud.s3.list_multipart_uploads(Bucket=privacy.bucket)
        assert uploads.get("Uploads", []) == []

    async def test_is_not_ready_any_more_when_its_user_leaves_meanwhile(self, privacy: PrivacyServices) -> None:
        phone = await privacy.phone()
        user_id = phone.user_id
        await privacy.painted(user_id)
        claim = await claimed(privacy, user_id)
        await privacy.leave(phone, grace=timedelta(0))
        assert not await privacy.worker.exports.extend(claim, lease=LEASE)
        assert not await build_export(privacy.worker, builder(privacy), claim)
        await privacy.erase()
        assert await privacy.objects() == set()
        assert await privacy.mentions(user_id) == {}
        # Somebody who has not noticed yet finds nobody to build it for.
        assert not await build_export(privacy.worker, builder(privacy), claim)


class TestExpireExports:
    async def test_removes_archives_whose_time_is_over(self, privacy: PrivacyServices) -> None:
        phone = await privacy.phone()
        claim = await claimed(privacy, phone.user_id)
        assert await build_export(privacy.worker, builder(privacy), claim)
        assert await expire_exports(privacy.relay, privacy.store) == 0
        export = await privacy.api.exports.newest(phone.user_id)
        assert export is not None
        assert export.ready_at is not None
        assert export.expires_at == export.ready_at + KEEP
        assert export.created_at < datetime.now(UTC)
        await privacy.owner.execute("update exports set expires_at = now()")
        assert await expire_exports(privacy.relay, privacy.store) == 1
        assert await privacy.objects() == set()
        assert await privacy.api.exports.newest(phone.user_id) is None
        assert await privacy.worker.exports.claim(uuid4(), lease=LEASE) is None
