"""AWS on the laptop: MiniStack in one process, on 127.0.0.1, with the checks that it lacks.

`docs/reference/embedded-cloud.md` says what it does and what only AWS proves.
"""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

_HEALTH_REQUEST = b"GET /_ministack/health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


def cloud_command(
    state_dir: Path,
    port: int,
    *,
    account_id: str,
    secret_access_key: str,
    region: str,
    pictures_bucket: str = "",
    picture_keys: Path | None = None,
    inherited: Mapping[str, str] | None = None,
) -> tuple[list[str], dict[str, str]]:
    """The command that runs the embedded cloud in the foreground, and its whole environment.

    Clients sign with access key `account_id` (12 digits) and `secret_access_key`, which is never among the words of the
    command. `picture_keys` names a JSON file (key id → public key as PEM) that CloudFront's trusted key group stands
    for here. `inherited` is what Lambda functions see besides (`PATH` and the like). SIGTERM stops it.
    """
    environment = dict(inherited or {}) | {
        "CLOUD_PORT": str(port),
        "CLOUD_STATE_DIR": str(state_dir),
        "CLOUD_ACCOUNT_ID": account_id,
        "CLOUD_SECRET_ACCESS_KEY": secret_access_key,
        "CLOUD_REGION": region,
        "CLOUD_PICTURES_BUCKET": pictures_bucket,
        "CLOUD_PICTURE_KEYS": str(picture_keys or ""),
    }
    return [sys.executable, "-m", "tatemono_tools.laptop.cloud"], environment


async def cloud_ready(port: int) -> bool:
    """Whether the embedded cloud answers on 127.0.0.1:`port`, its state restored."""
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(_HEALTH_REQUEST)
            status = await reader.readline()
            writer.close()
            await writer.wait_closed()
    except (OSError, TimeoutError):
        return False
    return b" 200 " in status
