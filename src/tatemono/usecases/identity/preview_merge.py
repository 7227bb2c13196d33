"""Before two accounts become one, the person sees what would come of it."""

from tatemono.domain.identity.merges import MergeGrant, MergePreview, NotMergeable
from tatemono.usecases.identity.ports import Merges


async def preview_merge(merges: Merges, *, grant: MergeGrant) -> MergePreview:
    """Both accounts as they stand; nothing is kept of it.

    :raises NotMergeable: it is too late for that
    :raises AccountSuspended: either of them is
    """
    leaving = await merges.side(grant.from_user_id)
    staying = await merges.side(grant.into_user_id)
    if leaving is None or staying is None:
        raise NotMergeable
    preview = MergePreview(leaving, staying)
    preview.check()
    return preview
