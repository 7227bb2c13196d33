"""A person is about to change phones: the old one shows a code for the new one."""

from datetime import timedelta

from tatemono.domain.identity.devices import Principal, TokenRejected
from tatemono.domain.identity.transfers import IssuedTransferCode, TransferCode
from tatemono.usecases.identity.ports import Transfers


async def issue_transfer_code(
    transfers: Transfers,
    *,
    caller: Principal,
    sign_out_old_device: bool,
    key: bytes,
    lifetime: timedelta,
    random_bits: bytes,
) -> IssuedTransferCode:
    """Make a code that opens the caller's account to one other device, once. Older codes of the account are void.

    :param sign_out_old_device: the caller's device leaves the account when the code is redeemed
    :param key: keys the hash that is kept
    :param random_bits: `transfers.RANDOM_BYTES` bytes
    :raises TokenRejected: the device is not the user's any more
    """
    code = TransferCode.made_of(random_bits)
    issued = await transfers.issue(
        caller.user_id,
        caller.device_id,
        code,
        code.digest(key),
        sign_out_old_device=sign_out_old_device,
        lifetime=lifetime,
    )
    if issued is None:
        raise TokenRejected
    return issued
