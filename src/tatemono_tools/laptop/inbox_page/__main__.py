"""Serve the inbox: `python -m tatemono_tools.laptop.inbox_page`.

Its environment: INBOX_PORT, CLOUD_URL, CLOUD_SECRET, PUBLIC_URL.
"""

import asyncio
import os
import signal
import sys

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from tatemono_tools.laptop.inbox_page.app import Mailbox, make_app

# A page that waits for mail gets this long after a stop before the process leaves anyway.
_GRACE_SECONDS = 0.5


async def serve(port: int, mailbox: Mailbox, public_url: str) -> None:
    """Serve until SIGTERM or SIGINT."""
    server = Server(
        make_app(mailbox, public_url=public_url),
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGINL,
        log_level=LogLevels.error,
        websockets=False,
    )
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.stop()  # type: ignore[no-untyped-call]
        loop.call_later(_GRACE_SECONDS, os._exit, 0)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    await server.serve()


async def _main() -> None:
    mailbox = Mailbox(os.environ["CLOUD_URL"], os.environ["CLOUD_SECRET"])
    try:
        await serve(int(os.environ["INBOX_PORT"]), mailbox, os.environ["PUBLIC_URL"])
    finally:
        await mailbox.close()


if __name__ == "__main__":
    asyncio.run(_main())
    sys.stdout.flush()
