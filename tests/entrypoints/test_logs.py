import json
import subprocess
import sys

_PROGRAM = """
import logging, structlog
from tatemono.entrypoints.logs import start_logging
start_logging("image-worker", "info")
log = structlog.get_logger()
def fail(password):
    raise ValueError("no good")
try:
    fail("hunter" + "2")
except ValueError:
    log.exception("step_failed", step="fail")
    logging.getLogger("a.library").exception("it failed")
log.info("done", seconds=1)
log.debug("chatter")
logging.getLogger("a.library").info("chatter")
"""


class TestStartLogging:
    def test_writes_json_lines_without_the_values_of_variables(self) -> None:
        done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert [line["event"] for line in lines] == ["step_failed", "it failed", "done"]
        assert all(line["service"] == "image-worker" and line["time"].endswith("Z") for line in lines)
        assert lines[0]["exception"][0]["exc_value"] == "no good"
        assert "hunter2" not in done.stdout
        assert done.stderr == ""
