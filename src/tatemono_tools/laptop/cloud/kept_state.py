"""What a building keeps of its cloud from one start to the next, and what it says when some of it is gone."""

import contextlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tatemono_tools.invocation import typed
from tatemono_tools.laptop.cloud.losses import account_of, find_losses, kept_services
from tatemono_tools.laptop.process.part import PartFailed
from tatemono_tools.laptop.process.state import StateFolder

_CREDENTIALS = "cloud-credentials.json"
_SNAPSHOTS = "cloud-snapshots.json"


@dataclass
class KeptCloud:
    """
    :ivar accept_loss: begin although a part of the state is lost for good
    :ivar tell: shows the person a sentence
    """

    state: StateFolder
    accept_loss: bool
    tell: Callable[[str], None]
    _begun: bool = False

    @property
    def folder(self) -> Path:
        return self.state.path / "cloud"

    @cached_property
    def credentials(self) -> dict[str, str]:
        """`account_id` and `secret_access_key`; made once for each building.

        :raises PartFailed: they are lost, and with them which account the state belongs to
        """
        known = self.state.read_json(_CREDENTIALS)
        if re.fullmatch(r"\d{12}", str(known.get("account_id"))) and known.get("secret_access_key"):
            return known
        kept = account_of(self.folder)
        if kept is None and kept_services(self.folder):
            lost = f"has lost {_CREDENTIALS}, and with it the account that its state belongs to"
            raise PartFailed("cloud", f"{lost}: put the file back, or start over with `{typed()} up --fresh`")
        if kept is not None:
            self.tell(f"the cloud's credentials were lost ({_CREDENTIALS}): its account has a new key now")
        account = kept or str(100_000_000_000 + secrets.randbelow(900_000_000_000))
        known = {"account_id": account, "secret_access_key": secrets.token_urlsafe(30)}
        self.state.write_json(_CREDENTIALS, known)
        return known

    def refuse_losses(self) -> None:
        """Tell what is lost, before anything is made in its place.

        :raises PartFailed: something is lost for good, and the person has not accepted that
        """
        losses = find_losses(self.folder, self.state.read_json(_SNAPSHOTS).get("services", []))
        final = "; ".join(str(loss) for loss in losses if loss.final)
        if final and not self.accept_loss:
            way_out = f"put the files back from a copy, or go on without them: `{typed()} up --accept-loss`"
            raise PartFailed("cloud", f"cannot go on as it was: {final}. Nothing was changed: {way_out}")
        for loss in losses:
            self.tell(str(loss))
        self._begun = True
        self.remember()

    def remember(self) -> None:
        """Write down which state is on the disk, so that the next start notices what is missing.

        A start that was refused remembers what it missed.
        """
        if not self._begun:
            return
        with contextlib.suppress(OSError):  # On a full disk less is noticed.
            self.state.write_json(_SNAPSHOTS, {"services": kept_services(self.folder)})
