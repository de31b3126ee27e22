"""Systems of change records over HTTP, each with one account."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import pytest

from reconciler.changes.backends import open_change_records
from reconciler.changes.service import RunInfo
from reconciler.model.change_record import ChangeKind, ChangeQuestion, ChangeRecord, ChangeSystem, NoChangeRecord
from reconciler.sandbox.change_systems import ChangeSystems
from reconciler.sandbox.running import Listening, running_sandbox
from tests.fakes import FakeClock

PURPOSE = RunInfo("20261126T120000Z-0a0b0c", "plan", "https://tpp.example.com")
Found = Mapping[str, ChangeRecord | NoChangeRecord]
Lookup = Callable[..., Found]


@pytest.fixture
def serve() -> Iterator[Callable[[ChangeSystems], str]]:
    with ExitStack() as stack:

        def start(systems: ChangeSystems) -> str:
            return stack.enter_context(running_sandbox(listening=Listening(changes=systems))).url

        yield start


def look_up(
    url: str,
    *ids: str,
    kind: ChangeKind = ChangeKind.SERVICENOW,
    environ: Mapping[str, str],
    clock: FakeClock | None = None,
    **more: object,
) -> Found:
    system = ChangeSystem(kind, url, **more)  # type: ignore[arg-type]
    records = open_change_records(system, clock or FakeClock(), PURPOSE, environ)
    return records.lookup([ChangeQuestion(each) for each in ids])
