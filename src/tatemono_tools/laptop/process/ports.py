"""Which TCP ports the building takes: the ones it had, or free ones, and who holds one that is busy."""

import contextlib
import errno
import secrets
import socket
from collections.abc import Collection, Mapping

import psutil

HOST = "127.0.0.1"
# Below the range from which Linux (32768) and macOS (49152) take the near end of outgoing connections.
_CHOICE = range(20_000, 32_000)


class PortTaken(Exception):
    """A port that was asked for cannot be had; the message says who holds it."""


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback address.

    :raises PortTaken: the port is reserved for root
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            raise PortTaken(f"port {port} is reserved for root: choose one from 1024 up with --port") from None
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    # macOS lets a program bind to an address although another one listens on all of them.
    with socket.socket() as caller:
        caller.settimeout(0.2)
        return caller.connect_ex((HOST, port)) != 0


def hold(port: int) -> socket.socket | None:
    """Keep others from choosing a port until the socket is closed, which is when its server starts.

    None where the system keeps the port for earlier connections; no other program gets it then either.
    """
    keeper = socket.socket()
    try:
        keeper.bind((HOST, port))
    except OSError:
        keeper.close()
        return None
    return keeper


def holder(port: int) -> str:
    """The program that listens on a port, as `name (pid 123)`; `another program` where the system does not say."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            for connection in process.net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                    return f"{process.name()} (pid {process.pid})"
    return "another program"


def choose(
    *, remembered: Mapping[str, int], preferred: Mapping[str, int], asked: Mapping[str, int]
) -> tuple[dict[str, int], list[str]]:
    """A free port for every name in `preferred`: the one asked for, else the remembered, else the preferred, else any.

    A preferred port of 0 leaves the choice open.

    :returns: the ports, and a sentence for each one that had to move
    :raises PortTaken: a port that was asked for is busy
    """
    ports: dict[str, int] = {}
    moved: list[str] = []
    for name in sorted(preferred, key=lambda name: name not in asked):
        wanted = asked.get(name) or remembered.get(name) or preferred[name]
        if wanted and wanted not in ports.values() and is_free(wanted):
            ports[name] = wanted
        elif name in asked:
            raise PortTaken(f"port {wanted} is held by {holder(wanted)}: stop it, or choose another --port")
        else:
            ports[name] = _any_free(avoid=ports.values())
            if wanted:
                moved.append(f"port {wanted} is held by {holder(wanted)}: {name} takes {ports[name]}")
    return ports, moved


def _any_free(avoid: Collection[int]) -> int:
    while (port := secrets.choice(_CHOICE)) in avoid or not is_free(port):
        pass
    return port
