"""An operator signs out, in this browser or in another of their own."""

from uuid import UUID

from tatemono.domain.operators.sessions import OperatorTokenSet
from tatemono.usecases.operators.ports import OperatorPool, OperatorSessions, TokenEncryption


async def end_operator_session(
    sessions: OperatorSessions, pool: OperatorPool, seal: TokenEncryption, *, session_id: UUID, operator_id: str
) -> None:
    """End a session, if it is this operator's and not over yet, and the tokens with it."""
    sealed = await sessions.end(session_id, operator_id)
    content = seal.open(sealed, session_id.bytes) if sealed else None
    if content is not None:
        await pool.revoke(OperatorTokenSet.of_content(content))
