"""`python -m tatemono_tools.laptop.provision`: make the plan's resources, and answer with each service's environment.

With `only_read` in the request they are there already. A process of its own: the AWS SDK takes more memory than the
whole supervisor and is needed for a second only. The request comes as JSON on stdin and the answer goes as JSON to
stdout, since both hold secrets.
"""

import asyncio
import json
import sys
import traceback
from pathlib import Path
from typing import Any

from tatemono_tools.laptop.provision.cloud_resources import open_cloud
from tatemono_tools.laptop.provision.provision import (
    LaptopFacts,
    Unprovisioned,
    provision,
    read_secret,
    resolve_environment,
)
from tatemono_tools.plan.building import read_plan


async def provision_and_resolve(request: dict[str, Any]) -> dict[str, Any]:
    """:raises Unprovisioned: a value that the plan asks for exists nowhere"""
    plan = read_plan()
    facts = LaptopFacts(
        database_url=request["database_url"],
        parameters=request["parameters"],
        secrets=request["secrets"],
        picture_keys_file=Path(request["picture_keys_file"]),
    )
    async with open_cloud(**request["cloud"]) as cloud:
        # The SDK is loaded by now; the next line comes when cloud and database take calls.
        await asyncio.to_thread(sys.stdin.readline)
        if not request["only_read"]:
            await provision(plan, facts, cloud)
        ports = request["service_ports"]
        resolved = await asyncio.gather(
            *(resolve_environment(plan, name, cloud, port=ports.get(name)) for name in plan.services)
        )
        return {
            "services": dict(zip(plan.services, resolved, strict=True)),
            "origin_verify": await read_secret(plan, "origin-verify", cloud),
        }


def main() -> int:
    request = json.loads(sys.stdin.readline())
    try:
        answer = asyncio.run(provision_and_resolve(request))
    except Unprovisioned as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except Exception as error:  # noqa: BLE001 - the last line of the log is what the person is shown
        traceback.print_exc()
        reason = next(iter(str(error).splitlines()), "")
        sys.stderr.write(f"{type(error).__name__}: {reason}\n")
        return 1
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
