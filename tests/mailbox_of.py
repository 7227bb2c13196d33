"""The mail of one person, as the embedded cloud has it."""

from dataclasses import dataclass

from conftest import CloudEndpoint
from tatemono_tools.laptop.operate.inbox import read_inbox

PASSWORD = "horse on the roof"


@dataclass(frozen=True)
class Mailbox:
    """Somebody's address, which nobody else has."""

    cloud: CloudEndpoint
    address: str

    def codes(self) -> list[str]:
        mails = read_inbox(self.cloud.endpoint_url, self.cloud.secret_access_key, self.address)
        return [mail.code for mail in mails if mail.code]
