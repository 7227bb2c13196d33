"""A person does not want to have an account any more."""

from datetime import timedelta

from tatemono.domain.identity.devices import Principal, Proof, TokenRejected
from tatemono.domain.identity.members import Password, SignInRefused
from tatemono.domain.mail.message import Mail, MailKind
from tatemono.domain.privacy.account_deletion import Deletion, PasswordNeeded
from tatemono.usecases.identity.constant_time import constant_time
from tatemono.usecases.identity.member_pool_ports import MemberPool
from tatemono.usecases.identity.retry_on_conflict import retry_on_conflict
from tatemono.usecases.ports import CANCEL_CHANNEL, EVENTS_CHANNEL, OUTBOX_CHANNEL, REVOCATIONS_CHANNEL
from tatemono.usecases.privacy.ports import PrivacyDatabase


async def request_deletion(
    db: PrivacyDatabase,
    pool: MemberPool,
    *,
    caller: Principal,
    proof: Proof,
    password: Password | None,
    totp_code: str | None,
    grace: timedelta,
    language: str,
    even_seconds: float,
) -> Deletion:
    """Sign the user out everywhere at once, for good, and have everything erased after `grace`.

    Live access tokens are refused within seconds, transfer codes are void, what waits is cancelled and its credits come
    back, and what is painted is let go. `undo_deletion` takes it back until the erasure begins.

    :param password: the member's, once more; a guest has none
    :param language: of the mails and of nothing else
    :raises ProofRejected: the proof was used before
    :raises TokenRejected: the device is not (any more) the user's, or has another key
    :raises PasswordNeeded: the caller is a member
    :raises SignInRefused: the password is wrong
    """
    await db.proofs.use(proof.digest)
    email = await db.members.email_of(caller.user_id)
    if email is not None:
        if password is None:
            raise PasswordNeeded
        async with constant_time(even_seconds, only=SignInRefused):
            await pool.sign_in(email, password, totp_code)

    async def attempt() -> tuple[Deletion, list[str]]:
        async with db.transaction() as rows:
            await rows.merges.lock_users(caller.user_id)
            account = await rows.merges.side(caller.user_id)
            if account is None:
                raise TokenRejected
            account.check_open()
            if not await rows.merges.lock_device(caller.device_id, caller.user_id, proof.thumbprint):
                raise TokenRejected
            cancelled = await rows.deletions.cancel_generations(caller.user_id)
            deletion = await rows.deletions.request(caller.user_id, grace=grace, language=language)
            if email is not None:
                facts = {
                    "deletes_at": deletion.erase_at.isoformat(),
                    "pictures": account.pictures,
                    "credits": account.credits_available + account.credits_held,
                }
                cause = f"account-deletion-scheduled:{deletion.id}"
                kind = MailKind.ACCOUNT_DELETION_SCHEDULED
                await rows.mails.put(Mail(cause, kind, email, language, facts))
        return deletion, [str(each) for each in cancelled]

    deletion, cancelled = await retry_on_conflict(attempt)
    db.notifier.notify(REVOCATIONS_CHANNEL, str(caller.user_id))
    db.notifier.notify(OUTBOX_CHANNEL)
    for generation_id in cancelled:
        db.notifier.notify(CANCEL_CHANNEL, generation_id)
        db.notifier.notify(EVENTS_CHANNEL, generation_id)
    return deletion
