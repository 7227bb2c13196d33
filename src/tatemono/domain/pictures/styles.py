"""Style presets: what is added to a prompt, under a name that people choose it by."""

from typing import ClassVar
from uuid import UUID

from tatemono.domain.errors import Conflict, NotFound
from tatemono.domain.pictures.picture import FOLDER

#: The longest side of a sample picture.
SAMPLE_SIDE_PIXELS = 512


class StyleExists(Conflict):
    code = "style_exists"
    texts: ClassVar[dict[str, str]] = {
        "en": "There is a style {style!r} already, perhaps a retired one. Change that one, or take another id.",
        "ja": "スタイル {style!r} はすでにあります(廃止済みの場合もあります)。変更するか、別の ID にしてください。",
    }


class NoSuchPreset(NotFound):
    code = "no_such_preset"
    texts: ClassVar[dict[str, str]] = {
        "en": "There is no style {style!r}.",
        "ja": "スタイル {style!r} はありません。",
    }


def sample_upload_key(style_id: str, upload_id: UUID) -> str:
    """Where an operator's form puts a sample, until it is checked."""
    return f"incoming/styles/{style_id}/{upload_id}"


def sample_key(style_id: str, upload_id: UUID, extension: str) -> str:
    """Where the checked copy is: the front door serves it, by signed URL as all pictures."""
    return f"{FOLDER}/styles/{style_id}/{upload_id}.{extension}"
