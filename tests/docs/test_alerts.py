"""The alert rules of the monitoring guide: about metrics that exist, and firing when they should."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.docs.pages import ROOT

RULES = ROOT / "examples" / "monitoring" / "alerts.yml"
_NAME = re.compile(r"tpp_reconciler_(\w+)")


def test_every_metric_of_the_rules_is_in_the_table_of_the_guide() -> None:
    guide = (ROOT / "docs" / "guides" / "monitoring.md").read_text().partition("## Alerts")[0]
    table = set(re.findall(r"^\| `(\w+)", guide, re.MULTILINE))
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    assert {name for rule in rules for name in _NAME.findall(rule["expr"])} <= table
    written = (ROOT / "reconciler" / "cli" / "metrics.py").read_text()
    assert {name for name in table if f'"{name}"' not in written} == {
        "token_expiry_timestamp_seconds",
        "grant_expiry_timestamp_seconds",
        "certificate_expiry_timestamp_seconds",
    }, "the three whose names are made from what ends"


@pytest.mark.slow
def test_each_alert_fires_when_it_should_and_only_then(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt install prometheus); .ci/run installs it")
    shutil.copy(RULES, tmp_path)
    shutil.copy(Path(__file__).parent / "alerts_test.yml", tmp_path)
    command = [promtool, "test", "rules", "alerts_test.yml"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
