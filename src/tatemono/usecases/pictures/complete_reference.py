"""A person has uploaded the picture."""

from hashlib import sha256
from uuid import UUID

from tatemono.domain.pictures.references import (
    CLEAN_SIDE_PIXELS,
    NoSuchReference,
    NotUploaded,
    Reference,
    clean_key,
    incoming_key,
)
from tatemono.usecases.pictures.ports import ReferenceCleaner, References, ReferenceStore


async def complete_reference(
    references: References, store: ReferenceStore, cleaner: ReferenceCleaner, *, user_id: UUID, reference_id: UUID
) -> Reference:
    """Check the upload by its content, keep a clean copy of it and erase the upload itself.

    Only the copy is ever used, and no form leads to where it is: what is uploaded later changes nothing. To complete it
    again gives the same.

    :raises NoSuchReference: the user has none with this id
    :raises NotUploaded: there is nothing yet
    :raises NotAPicture: what was uploaded is none; it is erased
    :raises PictureTooLarge: it has too many pixels, or too few; it is erased
    """
    reference = await references.find(reference_id, user_id)
    if reference is None:
        raise NoSuchReference
    if reference.ready:
        return reference
    upload = incoming_key(user_id, reference_id)
    data = await store.get(upload)
    if data is None:
        raise NotUploaded
    try:
        clean = await cleaner.clean(data, longest_side=CLEAN_SIDE_PIXELS)
        key = clean_key(user_id, reference_id, clean.extension)
        await store.put(key, clean.data, content_type=clean.content_type, sha256=sha256(clean.data).digest())
    finally:
        await store.delete([upload])
    ready = await references.mark_ready(reference_id, clean_key=key, width=clean.width, height=clean.height)
    # Another request may have completed the same upload at the same moment.
    ready = ready or await references.find(reference_id, user_id)
    if ready is None:
        raise NoSuchReference
    return ready
