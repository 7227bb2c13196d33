"""The emulators of a rehearsal: as the shims expect them, and gone when it is over."""

import re
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest

from tatemono_tools.terraform.rehearsal import patches
from tatemono_tools.terraform.rehearsal.emulators import MINISTACK_SERVICES, EmulatorFailed, running_emulators
from tatemono_tools.terraform.rehearsal.setup import client
from tatemono_tools.terraform.rehearsal.stub import StubState

ACCOUNT = "333333333333"


class TestPatches:
    def test_fit_the_emulators(self) -> None:
        patches.check_moto()
        patches.check_ministack()
        assert (version("moto"), version("ministack")) == (patches.MOTO_VERSION, patches.MINISTACK_VERSION)

    def test_refuse_another_version(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(patches, "MOTO_VERSION", "5.2.6")
        with pytest.raises(patches.PatchTargetChanged, match=r"5\.2\.5 is installed, the shims were made for 5\.2\.6"):
            patches.check_moto()

    @pytest.mark.parametrize(
        ("place", "parameters", "message"),
        [
            ("moto.rds.models:DBInstance.nothing", "", "is gone"),
            ("moto.guardduty.models:Detector.update", "self, feature", "takes"),
        ],
    )
    def test_notice_what_has_changed(
        self, monkeypatch: pytest.MonkeyPatch, place: str, parameters: str, message: str
    ) -> None:
        monkeypatch.setitem(patches._MOTO, place, parameters)
        with pytest.raises(patches.PatchTargetChanged, match=message):
            patches.check_moto()


class TestEmulators:
    def test_serve_one_account_and_end_by_their_ids(self, tmp_path: Path) -> None:
        with running_emulators(tmp_path, account=ACCOUNT, region="ap-northeast-1") as emulators:
            mine = [child.pid for child in psutil.Process().children() if "rehearsal" in " ".join(child.cmdline())]
            assert len(mine) == 3
            assert client(emulators, "sts").get_caller_identity()["Account"] == ACCOUNT
            zone = client(emulators, "route53").create_hosted_zone(Name="example.com", CallerReference="one")
            assert re.fullmatch(r"/hostedzone/Z[A-Z0-9]+", zone["HostedZone"]["Id"])
            queue = client(emulators, "sqs").create_queue(QueueName="jobs")["QueueUrl"]
            assert ACCOUNT in queue
            variables = emulators.environment()
            assert {variables[f"AWS_ENDPOINT_URL_{name}"] for name in MINISTACK_SERVICES} == {emulators.ministack}
            for name, value in variables.items():
                assert not name.startswith("AWS_ENDPOINT_URL") or value.startswith("http://127.0.0.1:")
        assert [pid for pid in mine if psutil.pid_exists(pid)] == []

    def test_say_where_the_log_is_when_one_does_not_start(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "executable", "/bin/false")
        with (
            pytest.raises(EmulatorFailed, match=r"moto_process ended while it started: it wrote nothing \(.*\.log\)"),
            running_emulators(tmp_path, account=ACCOUNT, region="ap-northeast-1"),
        ):
            pass

    def test_end_when_the_rehearsal_is_asked_to(self, tmp_path: Path) -> None:
        program = (
            "import sys, signal, time, pathlib\n"
            "from tatemono_tools.terraform.rehearsal.emulators import running_emulators\n"
            "from tatemono_tools.terraform.rehearsal.rehearse import interruptible\n"
            "folder = pathlib.Path(sys.argv[1])\n"
            "with interruptible(), running_emulators(folder, account='333333333333', region='ap-northeast-1'):\n"
            "    (folder / 'ready').touch()\n"
            "    time.sleep(600)\n"
        )
        process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stderr=subprocess.DEVNULL)
        try:
            while not (tmp_path / "ready").exists():
                assert process.poll() is None
                time.sleep(0.05)
            children = [child.pid for child in psutil.Process(process.pid).children()]
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) != 0
        finally:
            process.kill()
        assert len(children) == 3
        assert [pid for pid in children if psutil.pid_exists(pid)] == []


class TestStubState:
    def test_keeps_what_it_is_given(self) -> None:
        state = StubState(ACCOUNT)
        request = {
            "AnomalyMonitor": {"MonitorName": "this", "MonitorType": "DIMENSIONAL"},
            "ResourceTags": [{"Key": "a"}],
        }
        made = state.answer("CreateAnomalyMonitor", request)
        assert made is not None
        arn = made["MonitorArn"]
        found = state.answer("GetAnomalyMonitors", {"MonitorArnList": [arn]})
        assert found is not None
        assert [monitor["MonitorName"] for monitor in found["AnomalyMonitors"]] == ["this"]
        assert state.answer("ListTagsForResource", {"ResourceArn": arn}) == {"ResourceTags": [{"Key": "a"}]}

    def test_answers_nothing_that_it_does_not_know(self) -> None:
        assert StubState(ACCOUNT).answer("GET /analyzer/unknown", {}) is None
        assert StubState(ACCOUNT).answer("DeleteEverything", {}) is None


class TestShims:
    def test_let_what_was_written_be_read_back(self, tmp_path: Path) -> None:
        with running_emulators(tmp_path, account=ACCOUNT, region="ap-northeast-1") as emulators:
            ecs = client(emulators, "ecs")
            cluster = ecs.create_cluster(clusterName="building")["cluster"]["clusterArn"]
            definition = ecs.register_task_definition(
                family="web", containerDefinitions=[{"name": "web", "image": "web"}], cpu="256", memory="512"
            )["taskDefinition"]["taskDefinitionArn"]
            ecs.create_service(
                cluster=cluster,
                serviceName="web",
                taskDefinition=definition,
                desiredCount=0,
                availabilityZoneRebalancing="ENABLED",
            )
            service = ecs.describe_services(cluster=cluster, services=["web"])["services"][0]
            assert service["availabilityZoneRebalancing"] == "ENABLED"

            watch = client(emulators, "cloudwatch")
            suppressor = {"ActionsSuppressor": "other", "ActionsSuppressorWaitPeriod": 60}
            watch.put_composite_alarm(
                AlarmName="all", AlarmRule='ALARM("one")', ActionsSuppressorExtensionPeriod=120, **suppressor
            )
            alarms = watch.describe_alarms(AlarmNames=["all"], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
            assert [alarm | suppressor for alarm in alarms] == alarms
            assert alarms[0]["AlarmRule"] == 'ALARM("one")'

            s3 = client(emulators, "s3")
            s3.create_bucket(Bucket="pictures", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
            kept = {"NoncurrentDays": 365, "NewerNoncurrentVersions": 20}
            rule = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "NoncurrentVersionExpiration": kept}
            s3.put_bucket_lifecycle_configuration(Bucket="pictures", LifecycleConfiguration={"Rules": [rule]})
            rules = s3.get_bucket_lifecycle_configuration(Bucket="pictures")["Rules"]
            assert [found["NoncurrentVersionExpiration"] for found in rules] == [kept]
