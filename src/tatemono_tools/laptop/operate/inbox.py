"""The mail that the building has sent: on a laptop it goes nowhere but here."""

import json
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import httpx2
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tatemono_tools.invocation import typed
from tatemono_tools.laptop.operate.running import running_cloud
from tatemono_tools.laptop.process.state import NotRunning, StateFolder
from tatemono_tools.plan.building import read_plan

_CODE = re.compile(r"\b\d{6}\b")
_TIMEOUT_SECONDS = 5


@dataclass(frozen=True)
class Mail:
    sent_at: datetime
    to: list[str]
    subject: str
    text: str

    @property
    def code(self) -> str | None:
        """The six digits in it, if it is one of Cognito's."""
        found = _CODE.search(self.text)
        return found[0] if found else None


def read_inbox(cloud_url: str, secret_access_key: str, address: str | None = None) -> list[Mail]:
    """All mail that was sent, or that to one address, the oldest first.

    :raises httpx2.HTTPError: the embedded cloud does not answer, or knows another secret
    """
    bearer = {"Authorization": f"Bearer {secret_access_key}"}
    response = httpx2.get(f"{cloud_url}/_ministack/ses/messages", headers=bearer, timeout=_TIMEOUT_SECONDS)
    response.raise_for_status()
    found = [
        Mail(
            datetime.fromtimestamp(mail["Timestamp"], UTC),
            list(mail["To"]),
            mail["Subject"],
            mail["BodyText"] or mail["BodyHtml"],
        )
        for mails in response.json()["messages"].values()
        for mail in mails
    ]
    wanted = [mail for mail in found if address is None or address.lower() in map(str.lower, mail.to)]
    return sorted(wanted, key=lambda mail: mail.sent_at)


def show_inbox(state: StateFolder, console: Console, *, address: str | None, as_json: bool) -> int:
    """What the command does.

    :returns: the exit code
    :raises NotRunning: no building is up in this folder
    """
    cloud = running_cloud(read_plan(), state)
    try:
        mails = read_inbox(cloud["endpoint_url"], cloud["secret_access_key"], address)
    except httpx2.HTTPError as error:
        raise NotRunning(f"the embedded cloud does not answer ({error}): `{typed()} status` says how it is") from error
    if as_json:
        rows = [asdict(mail) | {"sent_at": mail.sent_at.isoformat(), "code": mail.code} for mail in mails]
        text = json.dumps(rows, ensure_ascii=False)
        console.print(Text(text), soft_wrap=True)
        return 0
    table = Table("sent", "to", "subject", "code")
    for mail in mails:
        table.add_row(
            f"{mail.sent_at.astimezone():%Y-%m-%d %H:%M:%S}",
            Text(", ".join(mail.to)),
            Text(mail.subject),
            mail.code or "",
        )
    console.print(table if mails else "No mail was sent yet.")
    return 0
