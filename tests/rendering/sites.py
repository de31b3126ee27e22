"""The report that the tests of the site look at."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from reconciler.model.plan import Plan
from reconciler.model.value import replace
from reconciler.rendering.html.page import Frame
from reconciler.rendering.html.site import Report
from tests import builders
from tests.rendering import ledgers
from tests.rendering.plans import PLANS


def _plan() -> Plan:
    first, second = PLANS["irreversible-first"], PLANS["schedules"]
    moved = (builders.altered(step, guid=builders.guid(20 + number)) for number, step in enumerate(second.steps))
    return replace(first, steps=(*first.steps, *moved))


FRAME = Frame(
    "Approvals",
    builders.NOW,
    subtitle="prod",
    zone=ZoneInfo("Europe/Berlin"),
    repository="https://github.example/team/approvals",
    tool="tpp-reconciler 1.0.0",
)
REPORT = Report(FRAME, _plan(), ledgers.lines(), chain=ledgers.CHAIN, heartbeat=builders.NOW - timedelta(hours=3))


def written(files: Mapping[str, str], folder: Path) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return folder
