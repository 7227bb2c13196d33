"""The command line: each option is an environment variable, written shorter."""

import argparse
from collections.abc import Sequence

from tatemono_studio.settings import MEGABYTE, StudioSettings

DESCRIPTION = """
A local server that speaks OpenAI's images and moderations API: the unmodified openai SDK paints without a key and
without the internet. Give the SDK base_url="http://127.0.0.1:8050/v1" and any key that is not empty.
"""
EPILOG = """
Each option may be given as an environment variable instead, --calls-kept as STUDIO_CALLS_KEPT for example; an option
wins over its variable. A latency is 2s, 300ms, uniform(1s,3s) or lognormal(p50=2s,p99=8s). Faults are written like
"429,p=0.1;hang=30s,count=2"; the README of the package lists them.
"""


def read_options(arguments: Sequence[str]) -> dict[str, str]:
    """The given options, by the names of their environment variables.

    :raises SystemExit: the help was asked for (0), or there is no such option (2)
    """
    usual = StudioSettings()
    parser = argparse.ArgumentParser(
        prog="python -m tatemono_studio", description=DESCRIPTION, epilog=EPILOG, allow_abbrev=False
    )
    for name, metavar, meaning in (
        ("host", "ADDRESS", f"where it listens; default {usual.host}"),
        ("port", "PORT", f"the TCP port; default {usual.port}"),
        ("latency", "LATENCY", f"how long a picture takes, 0 is at once; default {usual.latency}"),
        ("faults", "FAULTS", "how it misbehaves from the start; by default it does not"),
        ("seed", "NUMBER", f"of every random decision about latency and faults; default {usual.seed}"),
        ("cache-megabytes", "NUMBER", f"how much of what was painted is kept; default {usual.cache_bytes // MEGABYTE}"),
        ("painters", "NUMBER", f"pictures painted at the same time; default {usual.painters}"),
        ("calls-kept", "NUMBER", f"calls that its log keeps; default {usual.calls_kept}"),
    ):
        parser.add_argument(f"--{name}", metavar=metavar, help=meaning, dest="STUDIO_" + name.replace("-", "_").upper())
    return {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
