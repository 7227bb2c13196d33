"""An operator has uploaded the sample picture of a style."""

from hashlib import sha256
from uuid import UUID

from tatemono.domain.pictures.references import CleanPicture, NotUploaded
from tatemono.domain.pictures.styles import SAMPLE_SIDE_PIXELS, sample_key, sample_upload_key
from tatemono.usecases.pictures.ports import PictureStore, ReferenceCleaner, ReferenceStore


async def complete_style_sample(
    uploads: ReferenceStore, pictures: PictureStore, cleaner: ReferenceCleaner, *, style_id: str, upload_id: UUID
) -> str:
    """Check the upload by its content and keep a small clean copy where the front door serves it. :returns: its key

    :raises NotUploaded: there is nothing yet
    :raises NotAPicture: what was uploaded is none; it is erased
    :raises PictureTooLarge: it has too many pixels, or too few; it is erased
    """
    upload = sample_upload_key(style_id, upload_id)
    data = await uploads.get(upload)
    if data is None:
        raise NotUploaded
    try:
        clean: CleanPicture = await cleaner.clean(data, longest_side=SAMPLE_SIDE_PIXELS)
        key = sample_key(style_id, upload_id, clean.extension)
        await pictures.put(key, clean.data, content_type=clean.content_type, sha256=sha256(clean.data).digest())
    finally:
        await uploads.delete([upload])
    return key
