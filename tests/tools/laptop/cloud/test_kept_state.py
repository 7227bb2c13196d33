"""What is said when something is gone of what a building keeps of its cloud."""

from pathlib import Path

import pytest

from tatemono_tools.laptop.cloud.kept_state import KeptCloud
from tatemono_tools.laptop.cloud.snapshot_files import digest_of
from tatemono_tools.laptop.process.part import PartFailed
from tatemono_tools.laptop.process.state import StateFolder

ACCOUNT = "482913650174"


class Kept:
    """A building's folder as it is left after a run; `begin` is the next one."""

    def __init__(self, folder: Path) -> None:
        self.state = StateFolder(folder)
        self.state.prepare()
        self.services = folder / "cloud" / "services"
        self.services.mkdir(parents=True)
        (folder / "cloud" / "s3" / ACCOUNT).mkdir(parents=True)
        for service in ("secretsmanager", "cognito", "ssm"):
            self.write(f"{service}.json")
            self.write(f"{service}.previous.json")
        self.state.write_json("cloud-credentials.json", {"account_id": ACCOUNT, "secret_access_key": "s"})
        self.told: list[str] = []
        self.begin().refuse_losses()

    def write(self, name: str, *, damaged: bool = False) -> None:
        body = b"{}"
        digest = digest_of(b"another" if damaged else body).encode()
        (self.services / name).write_bytes(digest + b"\n" + body)

    def begin(self, *, accept_loss: bool = False) -> KeptCloud:
        return KeptCloud(self.state, accept_loss, self.told.append)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "building")


class TestLosses:
    def test_are_none_as_a_rule(self, kept: Kept) -> None:
        kept.begin().refuse_losses()
        assert kept.told == []

    def test_are_none_at_the_first_start(self, tmp_path: Path) -> None:
        state = StateFolder(tmp_path)
        state.prepare()
        told: list[str] = []
        KeptCloud(state, accept_loss=False, tell=told.append).refuse_losses()
        assert told == []

    def test_are_none_between_two_renames(self, kept: Kept) -> None:
        (kept.services / "secretsmanager.json").unlink()
        kept.begin().refuse_losses()
        assert kept.told == []

    def test_of_the_last_changes_are_told(self, kept: Kept) -> None:
        kept.write("secretsmanager.json", damaged=True)
        kept.begin().refuse_losses()
        assert len(kept.told) == 1
        assert kept.told[0].startswith("the newest state of secretsmanager cannot be used")

    @pytest.mark.parametrize("how", ["files", "folder", "damage"])
    def test_of_secrets_stop_the_start_and_say_what_they_mean(self, kept: Kept, how: str) -> None:
        for name in ("secretsmanager.json", "secretsmanager.previous.json"):
            if how == "damage":
                kept.write(name, damaged=True)
            else:
                (kept.services / name).unlink()
        if how == "folder":
            for path in kept.services.iterdir():
                path.unlink()
            kept.services.rmdir()
        refusing = kept.begin()
        with pytest.raises(PartFailed, match="every phone comes back as a new guest") as refused:
            refusing.refuse_losses()
        refusing.remember()
        assert "up --accept-loss" in str(refused.value)
        # As often as it is tried: nothing was made in its place.
        with pytest.raises(PartFailed):
            kept.begin().refuse_losses()

    def test_may_be_accepted_and_are_told_all_the_same(self, kept: Kept) -> None:
        for name in ("cognito.json", "cognito.previous.json"):
            (kept.services / name).unlink()
        kept.begin(accept_loss=True).refuse_losses()
        assert "none of them can sign in" in kept.told[0]
        kept.begin().refuse_losses()

    def test_of_what_the_plan_says_are_told_only(self, kept: Kept) -> None:
        for name in ("ssm.json", "ssm.previous.json"):
            (kept.services / name).unlink()
        kept.begin().refuse_losses()
        assert "made again from the plan" in kept.told[0]


class TestCredentials:
    def test_stay(self, kept: Kept) -> None:
        assert kept.begin().credentials == {"account_id": ACCOUNT, "secret_access_key": "s"}

    @pytest.mark.parametrize("content", [None, "", "{", "[]", '{"account_id": 1}'])
    def test_that_are_lost_keep_the_account(self, kept: Kept, content: str | None) -> None:
        file = kept.state.path / "cloud-credentials.json"
        file.unlink()
        if content is not None:
            file.write_text(content)
        found = kept.begin().credentials
        assert found["account_id"] == ACCOUNT
        assert found["secret_access_key"] not in {"", "s"}
        assert kept.begin().credentials == found
        assert len(kept.told) == 1

    def test_that_are_lost_with_the_account_stop_the_start(self, kept: Kept) -> None:
        (kept.state.path / "cloud-credentials.json").unlink()
        (kept.state.path / "cloud" / "s3" / ACCOUNT).rmdir()
        with pytest.raises(PartFailed, match="put the file back, or start over with"):
            _ = kept.begin().credentials

    def test_of_a_first_start_are_made(self, tmp_path: Path) -> None:
        state = StateFolder(tmp_path)
        state.prepare()
        told: list[str] = []
        assert len(KeptCloud(state, accept_loss=False, tell=told.append).credentials["account_id"]) == 12
        assert told == []
