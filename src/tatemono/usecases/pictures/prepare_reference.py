"""A person wants to bring a picture along."""

from uuid import UUID

from tatemono.domain.pictures.references import (
    MAX_REFERENCES,
    MAX_UPLOAD_BYTES,
    UPLOAD_SECONDS,
    Reference,
    UploadForm,
    incoming_key,
)
from tatemono.usecases.pictures.ports import References, ReferenceStore


async def prepare_reference(
    references: References, store: ReferenceStore, *, user_id: UUID, content_type: str
) -> tuple[Reference, UploadForm]:
    """A form that uploads one picture, straight to the store; to be completed afterwards.

    :raises TooManyReferences: the user has as many as may be
    """
    reference = await references.add(user_id, at_most=MAX_REFERENCES)
    key = incoming_key(user_id, reference.id)
    form = await store.form(key, content_type=content_type, max_bytes=MAX_UPLOAD_BYTES, seconds=UPLOAD_SECONDS)
    return reference, form
