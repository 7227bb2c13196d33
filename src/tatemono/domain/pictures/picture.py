"""Pictures that came out, and where their bytes are kept."""

from typing import ClassVar
from uuid import UUID

from tatemono.domain.errors import NotFound

#: The gate serves this folder of the bucket and that of the exports, and nothing else of it.
FOLDER = "pictures"
#: Folder, user, generation, file.
_KEY_PARTS = 4


class NoSuchPicture(NotFound):
    code = "no_such_picture"
    texts: ClassVar[dict[str, str]] = {
        "en": "There is no such picture among yours.",
        "ja": "その画像は見つかりません。",
    }


def object_key(user_id: UUID, generation_id: UUID, fence: int, position: int, extension: str) -> str:
    """The key of a picture's object. It carries the fence, so that a worker that lost its lease overwrites nothing."""
    return f"{FOLDER}/{user_id}/{generation_id}/{fence}-{position}.{extension}"


def thumbnail_key(key: str) -> str:
    return f"{key.rpartition('.')[0]}-thumbnail.webp"


def generation_of_key(key: str) -> UUID | None:
    """The generation that a picture's object, or its thumbnail, came from; none if the key is no picture's."""
    parts = key.split("/")
    if len(parts) != _KEY_PARTS or parts[0] != FOLDER:
        return None
    try:
        return UUID(parts[2])
    except ValueError:
        return None


def keys_of_attempt(stem: str, pictures: int, extension: str) -> list[str]:
    """Every key that an attempt may have put an object under.

    :param stem: how they begin, up to and with the fence
    """
    keys = [f"{stem}-{position}.{extension}" for position in range(pictures)]
    return [each for key in keys for each in (key, thumbnail_key(key))]


def may_belong_to(key: str) -> list[str]:
    """The keys of pictures that an object may belong to: its own, or that of which it is the thumbnail."""
    stem, _, _ = key.rpartition("-thumbnail.webp")
    return [f"{stem}.{extension}" for extension in ("png", "jpeg", "webp")] if stem else [key]
