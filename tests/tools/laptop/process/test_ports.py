import contextlib
import os
import socket
from collections.abc import Iterator

import pytest

from tatemono_tools.laptop.process.ports import PortTaken, choose, holder, is_free


@pytest.fixture
def busy() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def free_port() -> int:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


class TestIsFree:
    def test_sees_a_server(self, busy: int) -> None:
        assert not is_free(busy)

    def test_sees_a_server_on_all_addresses(self) -> None:
        with socket.create_server(("0.0.0.0", 0)) as server:  # noqa: S104 - on purpose, for a moment
            assert not is_free(server.getsockname()[1])

    def test_sees_a_free_port(self) -> None:
        assert is_free(free_port())

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may have any port")
    def test_says_that_a_low_port_is_for_root(self) -> None:
        with pytest.raises(PortTaken, match="reserved for root"):
            is_free(80)


class TestHolder:
    def test_names_the_program_and_its_pid(self, busy: int) -> None:
        assert holder(busy).endswith(f"(pid {os.getpid()})")


class TestChoose:
    def test_takes_the_preferred_port(self) -> None:
        port = free_port()
        assert choose(remembered={}, preferred={"https": port}, asked={}) == ({"https": port}, [])

    def test_prefers_the_remembered_port(self) -> None:
        port = free_port()
        assert choose(remembered={"https": port}, preferred={"https": 8443}, asked={})[0] == {"https": port}

    def test_prefers_the_port_that_was_asked_for(self) -> None:
        port, other = free_port(), free_port()
        assert choose(remembered={"https": other}, preferred={"https": 8443}, asked={"https": port})[0] == {
            "https": port
        }

    def test_takes_another_one_for_a_busy_port_and_says_so(self, busy: int) -> None:
        chosen, moved = choose(remembered={"https": busy}, preferred={"https": 8443}, asked={})
        assert is_free(chosen["https"])
        assert len(moved) == 1
        assert str(busy) in moved[0]
        assert f"(pid {os.getpid()})" in moved[0]
        assert str(chosen["https"]) in moved[0]

    def test_refuses_a_busy_port_that_was_asked_for_and_names_its_holder(self, busy: int) -> None:
        with pytest.raises(PortTaken, match=rf"port {busy} is held by .* \(pid {os.getpid()}\)"):
            choose(remembered={}, preferred={"https": 8443}, asked={"https": busy})

    def test_gives_every_name_a_port_of_its_own(self) -> None:
        port = free_port()
        chosen, _ = choose(
            remembered={"http": port}, preferred=dict.fromkeys(("http", "https", "cloud"), 0), asked={"https": port}
        )
        assert chosen["https"] == port
        assert len(set(chosen.values())) == 3

    def test_says_nothing_when_any_port_will_do(self) -> None:
        assert choose(remembered={}, preferred={"cloud": 0}, asked={})[1] == []
