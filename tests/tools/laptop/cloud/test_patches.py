"""A new MiniStack that moved what the launcher holds on to is noticed before anything is served."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHANGES = {
    "gone": ("del cognito._run_idp_handler", "cognito:_run_idp_handler is gone"),
    "renamed": ("sqs._act_receive_message = lambda data, url: None", "sqs:_act_receive_message takes (data, url)"),
    "widened": ("sqs._act_receive_message = lambda data, qurl, more=None: None", ""),
    "other version": ("patches.VERSION = '0.0.1'", "is installed, the launcher was made for 0.0.1"),
    "nothing": ("pass", ""),
}

IMPORTS = "from tatemono_tools.laptop.cloud import patches; from ministack.services import cognito, sqs"


class TestCheckPatches:
    @pytest.mark.parametrize("change", CHANGES)
    def test_names_what_moved(self, change: str, tmp_path: Path) -> None:
        statement, complaint = CHANGES[change]
        # In a process of its own: MiniStack keeps files where its environment says, from its import on.
        checked = subprocess.run(
            [
                sys.executable,
                "-c",
                f"{IMPORTS}; {statement}; patches.check_patches()",
            ],
            env={"PATH": os.environ["PATH"], "STATE_DIR": str(tmp_path), "TMPDIR": str(tmp_path), "LOG_LEVEL": "ERROR"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (checked.returncode == 0) == (not complaint), checked.stderr
        assert complaint in checked.stderr


class TestSettings:
    @pytest.mark.parametrize(
        ("name", "value", "complaint"),
        [
            ("CLOUD_ACCOUNT_ID", "12", "CLOUD_ACCOUNT_ID must have 12 digits"),
            ("CLOUD_PORT", "http", "CLOUD_PORT must be a number"),
            ("CLOUD_SECRET_ACCESS_KEY", "", "CLOUD_SECRET_ACCESS_KEY is not set"),
        ],
    )
    def test_name_the_variable_that_is_wrong(self, name: str, value: str, complaint: str, tmp_path: Path) -> None:
        environment = {
            "CLOUD_PORT": "1",
            "CLOUD_STATE_DIR": str(tmp_path),
            "CLOUD_ACCOUNT_ID": "482913650174",
            "CLOUD_SECRET_ACCESS_KEY": "s",
            "CLOUD_REGION": "ap-northeast-1",
        }
        started = subprocess.run(
            [sys.executable, "-m", "tatemono_tools.laptop.cloud"],
            env=environment | {name: value},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (started.returncode, started.stderr.strip()) == (1, f"embedded cloud: {complaint}")
