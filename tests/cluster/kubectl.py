"""The kubectl that tests type, where it is new enough."""

import json
import shutil
import subprocess

import pytest

OLDEST = (1, 25)
"""From this version on the server checks fields strictly, in words of its own; 1.20 knows no CronJob of batch/v1."""


def kubectl() -> str:
    """Return where kubectl is; skip the test where there is none that is new enough."""
    found = shutil.which("kubectl")
    if found is None:
        pytest.skip("kubectl is not installed (Debian: apt install kubernetes-client); .ci/run installs it")
    said = subprocess.run([found, "version", "--client", "-o", "json"], capture_output=True, text=True, check=True)
    version = json.loads(said.stdout)["clientVersion"]
    number = (int(version["major"]), int(version["minor"].rstrip("+")))
    if number < OLDEST:
        pytest.skip(f"kubectl is {version['gitVersion']}; these tests type {OLDEST[0]}.{OLDEST[1]} or newer")
    return found
