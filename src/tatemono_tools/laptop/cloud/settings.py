"""The settings of the launcher, from its environment, and those of MiniStack, which it gets in the same way."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tatemono_tools.laptop.process.disk import RESERVED_BYTES

SERVICES = (
    "cognito-identity",
    "cognito-idp",
    "iam",
    "kms",
    "lambda",
    "logs",
    "s3",
    "secretsmanager",
    "ses",
    "sqs",
    "ssm",
    "sts",
)
"""What the building uses. MiniStack refuses calls to all others, and never imports them."""


class SettingsError(Exception):
    """A variable of the launcher is missing or unusable; the message names it."""


@dataclass(frozen=True, kw_only=True)
class CloudSettings:
    """`picture_keys` is None where no signed picture URL is to be accepted.

    :ivar reserved_bytes: with less room on the disk nothing new begins
    """

    port: int
    state_dir: Path
    account_id: str
    secret_access_key: str
    region: str
    pictures_bucket: str
    picture_keys: Path | None
    reserved_bytes: int = RESERVED_BYTES

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "CloudSettings":
        """:raises SettingsError: a variable is missing or unusable"""
        account_id = _required(environment, "CLOUD_ACCOUNT_ID")
        if not re.fullmatch(r"\d{12}", account_id):
            raise SettingsError("CLOUD_ACCOUNT_ID must have 12 digits")
        port = _required(environment, "CLOUD_PORT")
        if not port.isdigit():
            raise SettingsError("CLOUD_PORT must be a number")
        reserved = environment.get("CLOUD_RESERVED_BYTES", str(RESERVED_BYTES))
        if not reserved.isdigit():
            raise SettingsError("CLOUD_RESERVED_BYTES must be a number")
        keys = environment.get("CLOUD_PICTURE_KEYS", "")
        return cls(
            port=int(port),
            state_dir=Path(_required(environment, "CLOUD_STATE_DIR")).resolve(),
            account_id=account_id,
            secret_access_key=_required(environment, "CLOUD_SECRET_ACCESS_KEY"),
            region=_required(environment, "CLOUD_REGION"),
            pictures_bucket=environment.get("CLOUD_PICTURES_BUCKET", ""),
            picture_keys=Path(keys) if keys else None,
            reserved_bytes=int(reserved),
        )

    def for_ministack(self) -> dict[str, str]:
        """MiniStack reads its configuration from the environment, most of it while its modules are imported."""
        state = self.state_dir
        return {
            "AUTH": "true",
            "AWS_ACCESS_KEY_ID": self.account_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_ENABLED": "0",
            "LAMBDA_EXECUTOR": "local",
            "LOG_LEVEL": "WARNING",
            "MINISTACK_ACCOUNT_ID": self.account_id,
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": self.region,
            "S3_DATA_DIR": str(state / "s3"),
            "S3_PERSIST": "1",
            "SERVICES": ",".join(SERVICES),
            "SFTP_ENABLED": "0",
            "STATE_DIR": str(state / "services"),
            "TMPDIR": str(state / "tmp"),
        }


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name} is not set")
    return value
