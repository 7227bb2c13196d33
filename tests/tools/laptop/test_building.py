import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tatemono_tools.laptop.building import Building, UnknownService, check_services, clean_environment, preferred_ports
from tatemono_tools.laptop.process.part import PartFailed
from tatemono_tools.laptop.process.ports import choose, is_free
from tatemono_tools.laptop.process.state import StateFolder
from tatemono_tools.laptop.provision.provision import bucket_name
from tatemono_tools.plan.building import read_plan

PLAN = read_plan()


@pytest.fixture
def building(tmp_path: Path) -> Iterator[Building]:
    state = StateFolder(tmp_path / "building")
    state.prepare()
    ports, _ = choose(remembered={}, preferred=dict.fromkeys(preferred_ports(PLAN), 0), asked={})
    with closing(Building(PLAN, state, ports)) as made:
        yield made


class TestBuilding:
    def test_has_a_part_for_every_service_of_the_plan(self, building: Building) -> None:
        names = [part.name for part in building.parts()]
        assert names == ["postgres", "cloud", "studio", "inbox", "provision", *PLAN.services, "door"]

    def test_has_only_the_services_that_were_asked_for(self, building: Building) -> None:
        one = Building(PLAN, building.state, {**building.ports}, only=("outbox-relay",))
        assert [part.name for part in one.parts()][5:-1] == ["outbox-relay"]
        one.close()

    def test_closes_the_way_in_first_and_the_database_last(self, building: Building) -> None:
        order = {part.name: part.stop_order for part in building.parts() if part.name != "provision"}
        names = ["door", "mobile-api", "image-worker", "inbox", "cloud", "postgres"]
        assert sorted(names, key=order.__getitem__) == names
        assert order["image-worker"] == order["outbox-relay"]

    def test_gives_a_service_the_time_to_stop_that_the_plan_says(self, building: Building) -> None:
        given = {part.name: part.stop_timeout_seconds for part in building.parts()}
        assert all(given[name] == service.stop_timeout_seconds for name, service in PLAN.services.items())

    async def test_names_the_bucket_of_pictures_as_provisioning_does(self, building: Building) -> None:
        launch = await building._launch_cloud()
        assert launch.environment["CLOUD_PICTURES_BUCKET"] == bucket_name(PLAN, "pictures")

    def test_keeps_its_ports_from_others_until_its_servers_start(self, building: Building) -> None:
        assert not is_free(building.ports["studio"])
        building._take_port("studio", "studio")
        assert is_free(building.ports["studio"])

    def test_names_who_took_a_port_meanwhile(self, building: Building) -> None:
        port = building._take_port("studio", "studio")
        taken = rf"cannot have port {port}: it is held by .* \(pid {os.getpid()}\)"
        with socket.create_server(("127.0.0.1", port)), pytest.raises(PartFailed, match=taken):
            building._take_port("studio", "studio")


class TestCheckServices:
    def test_lists_the_services_there_are(self) -> None:
        with pytest.raises(
            UnknownService, match=r"no service reception; it has: mobile-api, admin-api, web, image-worker"
        ):
            check_services(PLAN, ["mobile-api", "reception"])


class TestCleanEnvironment:
    def test_leaves_out_what_the_person_has_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_PROFILE", "OPENAI_API_KEY", "PYTHONPATH", "DATABASE_URL", "PGPASSWORD"):
            monkeypatch.setenv(name, "of the person")
        assert set(clean_environment()) <= {"PATH", "HOME", "LANG", "TMPDIR", "PYTHONUNBUFFERED", "PYTHONUTF8"}
