"""What of the embedded cloud's state is gone, looked at before it starts: what it makes anew is not what was lost."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tatemono_tools.laptop.cloud.snapshot_files import Damaged, SnapshotFiles, read_snapshot

_CANNOT_BE_MADE_AGAIN = {
    "secretsmanager": "the keys are gone: every phone comes back as a new guest, without its pictures and credits; "
    "everyone is signed out, and links in mails and to pictures end",
    "cognito": "the members' and operators' addresses and passwords are gone: none of them can sign in any more",
    "s3": "what the buckets are is gone, and so may be pictures",
    "sqs": "mails that wait to be sent are gone; pictures that wait are asked for again",
    "ses_outbox": "the mails on the inbox page are gone",
}
"""What it means that the state of a service is lost. The others' is made again from the plan, as it was."""


@dataclass(frozen=True)
class Loss:
    """:ivar older: the state before is there, so that only the last changes are lost"""

    service: str
    reason: str
    older: bool = False

    def __str__(self) -> str:
        if self.older:
            return f"the newest state of {self.service} cannot be used ({self.reason}); the one before it is used"
        meaning = _CANNOT_BE_MADE_AGAIN.get(self.service, "it is made again from the plan, as it was")
        return f"the state of {self.service} is lost ({self.reason}): {meaning}"

    @property
    def final(self) -> bool:
        """Whether something is gone that nothing can make again."""
        return not self.older and self.service in _CANNOT_BE_MADE_AGAIN


def find_losses(state_dir: Path, expected: Sequence[str]) -> list[Loss]:
    """What is lost of the cloud in `state_dir`.

    :param expected: the services whose state was there before
    """
    files = SnapshotFiles(state_dir / "services")
    return [loss for service in sorted({*expected, *files.kept()}) for loss in _losses_of(files, service)]


def _losses_of(files: SnapshotFiles, service: str) -> Iterator[Loss]:
    reasons = []
    for path in files.candidates(service):
        try:
            read_snapshot(path)
        except FileNotFoundError:
            reasons.append(f"{path} is missing")
        except (Damaged, OSError) as damage:
            reasons.append(f"{path}: {damage}")
        else:
            # Between two renames there is no newest one, and nothing is wrong.
            if reasons and "is missing" not in reasons[0]:
                yield Loss(service, reasons[0], older=True)
            return
    yield Loss(service, reasons[0])


def kept_services(state_dir: Path) -> list[str]:
    """The services whose state is on the disk, to be expected at the next start."""
    return sorted(SnapshotFiles(state_dir / "services").kept())


def account_of(state_dir: Path) -> str | None:
    """The account that the cloud's objects belong to; None if there are none, or those of several."""
    folder = state_dir / "s3"
    found = [path.name for path in folder.glob("*") if re.fullmatch(r"\d{12}", path.name)] if folder.is_dir() else []
    return found[0] if len(found) == 1 else None
