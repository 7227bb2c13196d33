"""A worker builds the archive of everything that is a user's."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from tatemono.domain.mail.message import Mail, MailKind
from tatemono.domain.privacy.exports import ExportClaim, ExportedPicture, Profile
from tatemono.usecases.ports import OUTBOX_CHANNEL
from tatemono.usecases.privacy.ports import Archive, ExportStore, PrivacyDatabase, Upload

#: PrivacyRows that are in memory at a time.
_PAGE = 500
_README = {
    "README.ja.txt": """Tatemono からのエクスポート
作成日時: {moment} (UTC)

pictures/         画像 {pictures} 枚。フォルダーは作成日、ファイル名は「生成リクエストの ID-番号」です。
prompts.json      生成リクエスト: プロンプト、設定、結果。id が画像のファイル名の先頭と一致します。
credits.json      クレジットの履歴。
profile.json      プロフィールと端末。
{missing_ja}
削除した画像は含まれません。時刻はすべて UTC です。
""",
    "README.en.txt": """Your export from Tatemono
Made: {moment} (UTC)

pictures/         {pictures} pictures, by the day they were made. A file is named by its generation's id and a number.
prompts.json      What you asked for: prompts, settings, outcome. The ids are those that the pictures' names begin with.
credits.json      The history of your credits.
profile.json      Your profile and your devices.
{missing_en}
Pictures that you have deleted are not among them. All times are UTC.
""",
}
_MISSING = (
    "見つからなかった画像: {count} 枚",
    "Pictures whose file could not be found: {count}",
)


@dataclass(frozen=True, slots=True)
class Builder:
    """
    :ivar open_archive: an archive that goes into an upload
    :ivar link: the signed URL of an object's path, good until then
    :ivar keep: how long an archive stays
    """

    store: ExportStore
    open_archive: Callable[[Upload], Archive]
    link: Callable[[str, datetime], str]
    keep: timedelta


async def build_export(db: PrivacyDatabase, builder: Builder, claim: ExportClaim) -> bool:
    """Write the archive piece by piece, and tell a member where it is.

    A builder that comes back after another one has taken over removes nothing of that one's: both write the same
    object, and only the one that holds the claim says that it is there.

    :returns: whether it is ready; if not, the account is being deleted, or another builder has taken over
    """
    profile = await db.exports.profile(claim.user_id)
    if profile is None:
        return False
    await builder.store.abort_uploads(claim.object_key)
    now = await db.deletions.now()
    upload = await builder.store.upload(
        claim.object_key, content_type="application/zip", file_name=f"tatemono-{now:%Y-%m-%d}.zip"
    )
    try:
        archive = builder.open_archive(upload)
        pictures = await _fill(db, builder.store, profile, archive, now)
        await archive.close()
        await upload.finish()
    except BaseException:
        await upload.abort()
        raise
    async with db.transaction() as rows:
        expires_at = await rows.exports.finish(
            claim, size_bytes=archive.size_bytes, pictures=pictures, keep=builder.keep
        )
        if expires_at is not None and profile.email is not None:
            facts = {
                "url": builder.link(f"/{claim.object_key}", expires_at),
                "expires_at": expires_at.isoformat(),
                "pictures": pictures,
                "size_bytes": archive.size_bytes,
            }
            cause = f"export-ready:{claim.id}"
            await rows.mails.put(Mail(cause, MailKind.EXPORT_READY, profile.email, claim.language, facts))
    db.notifier.notify(OUTBOX_CHANNEL)
    return expires_at is not None


async def _fill(db: PrivacyDatabase, store: ExportStore, profile: Profile, archive: Archive, now: datetime) -> int:
    """:returns: how many pictures are in it"""
    user_id, exports = profile.user_id, db.exports
    await archive.begin("profile.json", now, compressed=True)
    await archive.write(_json(asdict(profile)))
    await archive.begin("prompts.json", now, compressed=True)
    await _write_list(archive, _pages(lambda last: exports.generations(user_id, after=last and last.id, limit=_PAGE)))
    await archive.begin("credits.json", now, compressed=True)
    await _write_list(
        archive,
        _pages(lambda last: exports.credits(user_id, after=last.number if last else 0, limit=_PAGE)),
        without="number",
    )
    there = missing = 0
    async for page in _pages(lambda last: exports.pictures(user_id, after=last and last.id, limit=_PAGE)):
        for picture in page:
            if await _write_picture(archive, store, picture):
                there += 1
            else:
                missing += 1
    told = [text.format(count=missing) + "\n" if missing else "" for text in _MISSING]
    for name, text in _README.items():
        await archive.begin(name, now, compressed=True)
        filled = text.format(moment=f"{now:%Y-%m-%d %H:%M}", pictures=there, missing_ja=told[0], missing_en=told[1])
        await archive.write(filled.encode())
    return there


async def _write_picture(archive: Archive, store: ExportStore, picture: ExportedPicture) -> bool:
    """:returns: whether its object is there; it may be deleted at this moment"""
    begun = False
    async for piece in store.read(picture.object_key):
        if not begun:
            await archive.begin(picture.file_name, picture.created_at, size_bytes=picture.size_bytes)
            begun = True
        await archive.write(piece)
    return begun


async def _pages(read: Callable[[Any], Awaitable[Sequence[Any]]]) -> AsyncIterator[Sequence[Any]]:
    """:param read: the page after this row; the first if none"""
    last: Any = None
    while page := await read(last):
        yield page
        last = page[-1]


async def _write_list(archive: Archive, pages: AsyncIterator[Sequence[Any]], *, without: str = "") -> None:
    separator = b"[\n"
    async for page in pages:
        lines = [_json({name: value for name, value in asdict(row).items() if name != without}) for row in page]
        await archive.write(separator + b",\n".join(lines))
        separator = b",\n"
    await archive.write(b"[]\n" if separator == b"[\n" else b"\n]\n")


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, default=_text).encode()


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
