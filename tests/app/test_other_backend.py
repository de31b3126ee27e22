"""Plan and apply through a backend that is no TPP, without any HTTP: what a second product has to bring."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

import reconciler
from reconciler import Request, apply, open_context, plan
from reconciler.app.context import BACKENDS, Product, WorkloadToken
from reconciler.errors import CredentialsRefused, GuardRefused
from reconciler.model.certificate import CertificateContext
from reconciler.model.settings import ContextSettings, Settings
from reconciler.model.ticket import Guid, parse_guid
from reconciler.model.value import replace
from reconciler.model.verdict import Verdict
from reconciler.ports import (
    Backend,
    Caller,
    CertificateReader,
    Deadline,
    LastUpdate,
    Probe,
    Resolution,
    TicketReader,
    TicketWriter,
)
from tests.builders import altered, live
from tests.fakes import FakeTickets

GUID = parse_guid("6ede0e12-f7c0-4068-9977-001076205c84")
MANIFEST = f"""version: 1
change: CHG0041234
tickets:
  - {{guid: {GUID}, status: Approved, explanation: Web tier renewal}}
"""


class NoCertificates:
    """A product that knows nothing of certificates."""

    def read(self, objects: Mapping[str, bool]) -> Mapping[str, CertificateContext]:
        return {dn: CertificateContext(None, "this product has no certificates") for dn in objects}


@dataclass
class InMemory:
    """A server product whose tickets are in a dictionary."""

    tickets: FakeTickets
    may_write: bool = True
    product: str = "in-memory"
    target: str = "memory://here"

    def reader(self) -> TicketReader:
        return self.tickets  # type: ignore[return-value]  # an iterator is enough of a generator

    def find(self, object_dn: str | None = None) -> Iterable[Guid]:
        return [guid for guid, ticket in self.tickets.tickets.items() if object_dn in (None, ticket.object)]

    def caller(self) -> Caller:
        return Caller("robot", "all", self.may_write)

    def identities(self) -> frozenset[str]:
        return frozenset({"robot"})

    def resolve(self, names: Iterable[str]) -> Resolution:
        return Resolution({name: f"id:{name}" for name in names}, {})

    def check_before_writing(self, changes: int) -> Caller:
        if not self.may_write:
            raise CredentialsRefused("robot may not write")
        return self.caller()

    def certificates(self, settings: ContextSettings) -> CertificateReader:
        return NoCertificates()

    def names(self, identities: Iterable[str]) -> Mapping[str, str]:
        return {each: each for each in identities}

    def who_decided(self, guids: Iterable[Guid]) -> Mapping[Guid, LastUpdate]:
        return {}

    def ends(self) -> Mapping[str, datetime]:
        return {}

    def activity(self) -> str:
        return ""

    def notes(self) -> tuple[str, ...]:
        return ()

    def probes(self) -> Iterable[Probe]:
        return ()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> InMemory:
    backend = InMemory(FakeTickets.of(live(guid=GUID)))

    @contextmanager
    def connect(
        _settings: Settings, _environ: Mapping[str, str], _deadline: Deadline, _t: WorkloadToken
    ) -> Iterator[Backend]:
        yield backend

    def writer(_backend: Backend) -> TicketWriter:
        return backend.tickets

    product = Product(connect, writer, lambda _settings, _clock: ())
    monkeypatch.setitem(BACKENDS, "in-memory", lambda: product)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tickets").mkdir()
    (tmp_path / "tickets" / "web.yaml").write_text(MANIFEST, encoding="utf-8")
    return backend


def test_a_plan_is_made_and_applied_once_through_another_product(server: InMemory) -> None:
    with open_context(Settings(), environ={}, product="in-memory") as context:
        proposed = plan(context)
        assert [(step.guid, step.verdict) for step in proposed.steps] == [(GUID, Verdict.APPROVE)]
        assert (proposed.target, server.tickets.updates) == ("memory://here", [])
        ended = apply(context, proposed)
        assert ended.run.counts == {"applied": 1}
        assert [update.guid for update in server.tickets.updates] == [GUID]
        again = apply(context, proposed)
        assert (again.run.receipts, len(server.tickets.updates)) == ((), 1)
        assert [step.verdict for step in plan(context).steps] == [Verdict.IN_SYNC]


def test_a_plan_that_was_changed_in_memory_is_not_applied(server: InMemory) -> None:
    with open_context(Settings(), environ={}, product="in-memory") as context:
        proposed = plan(context, Request())
        forged = replace(proposed, steps=tuple(altered(step, explanation="another") for step in proposed.steps))
        with pytest.raises(GuardRefused, match="digest"):
            apply(context, forged)
    assert server.tickets.updates == []


def test_who_may_not_write_sends_nothing(server: InMemory) -> None:
    server.may_write = False
    with open_context(Settings(), environ={}, product="in-memory") as context, pytest.raises(CredentialsRefused):
        apply(context, plan(context))
    assert server.tickets.updates == []


def test_what_a_plan_is_made_with_has_no_method_that_writes(server: InMemory) -> None:
    with open_context(Settings(), environ={}, product=server.product) as context:
        names = {name for each in (context, Backend, TicketReader) for name in dir(each) if not name.startswith("_")}
    assert {name for name in names if "writ" in name or "update" in name or "send" in name} == {"check_before_writing"}


def test_only_the_table_of_backends_names_a_product() -> None:
    package = Path(reconciler.__file__).parent
    naming = [
        path.relative_to(package).as_posix()
        for folder in ("app", "planning", "applying", "ledger")
        for path in (package / folder).glob("*.py")
        if "reconciler.tpp" in path.read_text(encoding="utf-8")
    ]
    assert naming == ["app/context.py"]
