"""A person from outside reports a picture."""

from urllib.parse import unquote, urlsplit
from uuid import UUID

from tatemono.domain.pictures.picture import FOLDER
from tatemono.domain.safety.reports import Origin, ReportReason
from tatemono.usecases.safety.ports import Reports


async def report_from_outside(reports: Reports, *, picture: str, reason: ReportReason, note: str | None) -> None:
    """Put a picture of any user before an operator. The answer does not tell whether there is such a picture.

    The picture itself is not touched: only an operator's decision does that.

    :param picture: its id, or a URL that opens it, signed or not
    """
    picture_id, object_key = named_picture(picture)
    if picture_id is None and object_key is None:
        return
    await reports.add(
        picture_id=picture_id, object_key=object_key, reporter_id=None, origin=Origin.PUBLIC, reason=reason, note=note
    )


def named_picture(text: str) -> tuple[UUID | None, str | None]:
    """The id, or the key of the object, that a text names; neither if it is no such thing."""
    try:
        return UUID(text.strip()), None
    except ValueError:
        pass
    try:
        path = unquote(urlsplit(text.strip()).path)
    except ValueError:
        return None, None
    return None, path.removeprefix("/") if path.startswith(f"/{FOLDER}/") else None
