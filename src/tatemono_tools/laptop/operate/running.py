"""The building that runs in a state folder, for commands that talk to its cloud."""

from tatemono_tools.laptop.process.readiness import not_running
from tatemono_tools.laptop.process.state import StateFolder
from tatemono_tools.plan.building import Plan


def running_cloud(plan: Plan, state: StateFolder) -> dict[str, str]:
    """The arguments of `open_cloud` for the cloud of the building that runs here.

    :raises NotRunning: no building is up in this folder
    """
    ports, credentials = state.read_json("ports.json"), state.read_json("cloud-credentials.json")
    if state.running_pid() is None or not credentials:
        raise not_running(state)
    return {
        "endpoint_url": f"http://127.0.0.1:{ports['cloud']}",
        "region": plan.region,
        "access_key_id": credentials["account_id"],
        "secret_access_key": credentials["secret_access_key"],
    }
