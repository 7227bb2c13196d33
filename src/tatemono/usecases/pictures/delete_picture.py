"""A person deletes a picture."""

from uuid import UUID

from tatemono.domain.pictures.picture import NoSuchPicture
from tatemono.usecases.pictures.ports import Pictures, PicturesDatabase, PictureStore

_BATCH = 100


async def delete_picture(pictures: Pictures, *, user_id: UUID, picture_id: UUID) -> None:
    """Make it invisible at once; `erase_deleted_pictures` removes the bytes soon after.

    :raises NoSuchPicture: the user has none with this id
    """
    if not await pictures.mark_deleted(user_id, picture_id):
        raise NoSuchPicture


async def erase_deleted_pictures(db: PicturesDatabase, store: PictureStore) -> int:
    """Remove the objects and then the rows of deleted pictures, up to 100.

    The rows stay locked and in place until their objects are gone, so that a crash in between only repeats the work.

    :returns: how many
    """
    async with db.transaction() as tx:
        deleted = await tx.pictures.lock_deleted(_BATCH)
        if deleted:
            await store.delete([key for picture in deleted for key in (picture.object_key, picture.thumbnail_key)])
            await tx.pictures.erase([picture.id for picture in deleted])
    return len(deleted)
