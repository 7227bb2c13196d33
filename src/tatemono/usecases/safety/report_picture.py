"""A user reports a picture."""

from uuid import UUID

from tatemono.domain.pictures.picture import NoSuchPicture
from tatemono.domain.safety.reports import Origin, ReportReason
from tatemono.usecases.safety.ports import Reports


async def report_picture(
    reports: Reports, *, user_id: UUID, picture_id: UUID, reason: ReportReason, note: str | None
) -> None:
    """Put one of one's own pictures before an operator. Until it is decided, to report it again adds nothing.

    :raises NoSuchPicture: the user has none with this id
    """
    known = await reports.add(
        picture_id=picture_id, object_key=None, reporter_id=user_id, origin=Origin.OWNER, reason=reason, note=note
    )
    if not known:
        raise NoSuchPicture
