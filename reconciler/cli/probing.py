"""Everything that `doctor` looks at, in the order in which one thing needs the other."""

import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from reconciler.cli.clock import SystemClock
from reconciler.cli.options import Invocation
from reconciler.cli.wiring import id_token_source
from reconciler.errors import InvalidInput, LockHeld, ReconcilerError, ServerFailure
from reconciler.ledger.chain import check
from reconciler.ledger.lock import hold_lock, this_process
from reconciler.manifests.load import load_desired
from reconciler.model.instant import format_instant
from reconciler.model.settings import Settings
from reconciler.rendering.words import counted
from reconciler.tpp.checks import Health, Probe, probe_session, probe_way
from reconciler.tpp.secrets import read_secrets
from reconciler.tpp.session import open_session

_HEARTBEAT_WORKFLOW = "reconcile.yml"
_HEARTBEAT_LIMIT = timedelta(hours=26)


def probe_all(invocation: Invocation) -> Iterator[Probe]:
    """Look at configuration, manifests, ledger, server and token. Nothing is changed anywhere."""
    clock = SystemClock()
    try:
        settings = invocation.settings()
    except InvalidInput as invalid:
        yield _invalid("configuration", invalid)
        return
    yield Probe("configuration", Health.OK, settings.path or "no file; the environment and defaults")
    yield _manifests(settings, clock)
    yield from _ledger(settings, clock)
    yield from _heartbeat(clock)
    failed = False
    for probe in probe_way(settings, clock):
        failed = failed or (probe.health is Health.FAIL and probe.name != "clock")
        yield probe
    if failed:
        yield Probe("token", Health.SKIP, "the server can't be asked")
        return
    yield from _session(settings, clock)


def _heartbeat(clock: SystemClock) -> Iterator[Probe]:
    """Say, on GitHub, when the schedule that keeps both sides together last succeeded."""
    from reconciler.github.event import read_event
    from reconciler.github.heartbeat import last_success, overdue
    from reconciler.github.provenance import client_from

    try:
        event = read_event(os.environ)
        github = client_from(os.environ, event, clock) if event else None
        if event is None or github is None:
            return
        last = last_success(github, _HEARTBEAT_WORKFLOW, event.branch or "main")
    except ReconcilerError as error:
        yield Probe("heartbeat", Health.WARN, error.message, error.hint)
        return
    late = overdue(last, clock.now(), _HEARTBEAT_LIMIT)
    says = late or f"{_HEARTBEAT_WORKFLOW} last succeeded at {format_instant(last)}" if last else late or ""
    yield Probe("heartbeat", Health.WARN if late else Health.OK, says)


def _session(settings: Settings, clock: SystemClock) -> Iterator[Probe]:
    try:
        secrets = read_secrets(os.environ, sys.stdin.read)
        with open_session(settings, secrets, clock, id_token=id_token_source(settings, clock)) as session:
            yield from probe_session(session)
    except ServerFailure as failure:
        yield Probe("token", Health.FAIL, failure.message, failure.hint)


def _manifests(settings: Settings, clock: SystemClock) -> Probe:
    try:
        desired = load_desired(settings.tickets, windows=settings.windows, now=clock.now())
    except InvalidInput as invalid:
        return _invalid("manifests", invalid)
    return Probe(
        "manifests",
        Health.OK,
        f"{counted(len(desired.decisions), 'decision')} in {counted(len(desired.files), 'file')}",
    )


def _invalid(name: str, invalid: InvalidInput) -> Probe:
    first, more = invalid.problems[0], len(invalid.problems) - 1
    says = f"{first.source}: {first.message}" + (f" (and {more:,} more)" if more else "")
    return Probe(name, Health.FAIL, says, "run: reconciler validate")


def _ledger(settings: Settings, clock: SystemClock) -> Iterator[Probe]:
    folder = Path(settings.ledger)
    if not folder.exists():
        yield Probe("ledger", Health.OK, f"{folder} is made by the first apply")
        return
    try:
        chain = check(folder)
        if chain.faults:
            fault = chain.faults[0]
            says = f"{fault.source}: {fault.message}"
            yield Probe("ledger", Health.FAIL, says, "run: reconciler ledger verify")
        else:
            yield Probe("ledger", Health.OK, f"{counted(chain.lines, 'line')} in {counted(chain.files, 'file')}")
        with hold_lock(folder, this_process("doctor", clock.now())):
            yield Probe("lock", Health.OK, "free")
    except LockHeld as held:
        yield Probe("lock", Health.WARN, held.message, held.hint)
    except ReconcilerError as error:
        yield Probe("ledger", Health.FAIL, error.message, error.hint)
