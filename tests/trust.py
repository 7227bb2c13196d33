"""Whom the clients of tests trust: one authority instead of all the machine's.

Nobody in a test is far away, and to read some 140 certificates takes 40 ms for each client that is made: a tenth of the
processor time of all tests.
"""

import json
import os
from pathlib import Path

import certifi

_VARIABLES = ("SSL_CERT_FILE", "AWS_CA_BUNDLE")
_BEFORE = "TATEMONO_TEST_TRUST_BEFORE"
_END = "-----END CERTIFICATE-----\n"


def trust_one_authority(folder: Path) -> None:
    """From here on, also in what is started."""
    # A run that a test of another run starts leaves what was before that.
    os.environ.setdefault(_BEFORE, json.dumps({name: os.environ[name] for name in _VARIABLES if name in os.environ}))
    first = folder / "authority.pem"
    first.write_text(Path(certifi.where()).read_text(encoding="utf-8").partition(_END)[0] + _END, encoding="utf-8")
    os.environ.update(dict.fromkeys(_VARIABLES, str(first)))


def environment_before() -> dict[str, str]:
    """The environment as it was, for what really goes out."""
    before: dict[str, str] = json.loads(os.environ[_BEFORE])
    return {name: value for name, value in os.environ.items() if name not in {*_VARIABLES, _BEFORE}} | before
