"""Which kind of change records is asked how, and told what: the one table of backends."""

from collections.abc import Mapping

from reconciler.changes.client import read_credentials
from reconciler.changes.jira import JiraNotes, jira
from reconciler.changes.service import RunInfo, ServiceNotes, service
from reconciler.changes.servicenow import ServiceNowNotes, servicenow
from reconciler.model.change_record import ChangeKind, ChangeSystem
from reconciler.ports import ChangeNotes, ChangeRecords, Clock


def open_change_records(
    system: ChangeSystem,
    clock: Clock,
    purpose: RunInfo,
    environ: Mapping[str, str] | None = None,
    *,
    affected: bool = False,
) -> ChangeRecords:
    """Return what looks change records up, with the lists of affected items where asked. Raises CredentialsRefused."""
    credentials = read_credentials(environ)
    match system.kind:
        case ChangeKind.SERVICENOW:
            return servicenow(system, credentials, clock, affected=affected)
        case ChangeKind.JIRA:
            return jira(system, credentials, clock)
        case ChangeKind.HTTP:
            return service(system, credentials, clock, purpose)


def open_change_notes(
    system: ChangeSystem, clock: Clock, purpose: RunInfo, environ: Mapping[str, str] | None = None
) -> ChangeNotes:
    """Return what leaves notes on change records: the only writer. Raises CredentialsRefused."""
    credentials = read_credentials(environ)
    match system.kind:
        case ChangeKind.SERVICENOW:
            return ServiceNowNotes(servicenow(system, credentials, clock).client)
        case ChangeKind.JIRA:
            return JiraNotes(jira(system, credentials, clock).client)
        case ChangeKind.HTTP:
            return ServiceNotes(service(system, credentials, clock, purpose))
