"""Change records of a service of the user's own: one documented question and answer (docs/guides/change-records.md)."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reconciler.changes.client import Answer, ChangeClient, ChangeCredentials, Unavailable, direct_auth
from reconciler.codec import json_line, plain
from reconciler.model.change_record import (
    ChangeNote,
    ChangeQuestion,
    ChangeRecord,
    ChangeSystem,
    LookupFailure,
    NoChangeRecord,
)
from reconciler.ports import Clock

SIGNATURE = "X-Reconciler-Signature"
"""Header with `sha256=` and the HMAC of the request's body, when CHANGE_RECORDS_SECRET is set."""
_VERSION = 1


@dataclass(slots=True, repr=False)
class Service:
    """Asks one question for all changes of a run. Implements ports.ChangeRecords."""

    system: ChangeSystem
    client: ChangeClient
    clock: Clock
    target: str
    purpose: str
    run: str
    secret: str | None

    def lookup(self, questions: Sequence[ChangeQuestion]) -> Mapping[str, ChangeRecord | NoChangeRecord]:
        """Return a record, or why there is none, for each id that is asked for."""
        if not questions:
            return {}
        asked = [question.id for question in questions]
        try:
            answer = self.post(self.run, self.purpose, [plain(question) for question in questions])
            return self._records(asked, answer.members)
        except Unavailable as error:
            return {each: NoChangeRecord(each, LookupFailure.UNAVAILABLE, error.why, error.hint) for each in asked}

    def post(self, run: str, purpose: str, changes: Sequence[Mapping[str, Any]]) -> Answer:
        """Send one documented request. A repetition has the same key. Raises Unavailable."""
        document = {
            "version": _VERSION,
            "run": run,
            "purpose": purpose,
            "target": self.target,
            "changes": list(changes),
        }
        body = json_line(document).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": hashlib.sha256(body).hexdigest()}
        if self.secret:
            headers[SIGNATURE] = "sha256=" + hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        return self.client.post(self.system.url, body, headers)

    def _records(self, asked: Sequence[str], members: Mapping[str, Any]) -> Mapping[str, ChangeRecord | NoChangeRecord]:
        """Raises Unavailable for an answer that is not of the documented form as a whole."""
        rows = members.get("changes")
        if members.get("version") != _VERSION or not isinstance(rows, list):
            raise Unavailable("its answer is not of the documented form", "see docs/guides/change-records.md")
        found: dict[str, ChangeRecord | NoChangeRecord] = {}
        for row in rows:
            each = row.get("id") if isinstance(row, dict) else None
            if not isinstance(each, str) or each not in asked or each in found:
                raise Unavailable(
                    "it answered for a change that nobody asked for, or twice for one", "mend the service"
                )
            found[each] = self._record(each, row)
        missing = {
            each: NoChangeRecord(
                each, LookupFailure.UNAVAILABLE, "it gave no answer for this change", "mend the service"
            )
            for each in asked
            if each not in found
        }
        return found | missing

    def _record(self, asked: str, row: Mapping[str, Any]) -> ChangeRecord | NoChangeRecord:
        allowed = row.get("allowed")
        if not isinstance(allowed, bool):
            why = "its answer does not say `allowed` as true or false"
            return NoChangeRecord(asked, LookupFailure.UNAVAILABLE, why, "mend the service")
        reason = _text(row, "reason")
        if not allowed and row.get("code") == LookupFailure.NOT_FOUND:
            return NoChangeRecord(asked, LookupFailure.NOT_FOUND, reason or "the service does not know it")
        try:
            start, stop = _instant(row, "start"), _instant(row, "stop")
        except ValueError:
            why = "its planned window has no times with an offset"
            return NoChangeRecord(asked, LookupFailure.UNAVAILABLE, why, "mend the service")
        return ChangeRecord(
            id=asked,
            seen_at=self.clock.now(),
            state=_text(row, "state").lower(),
            start=start,
            stop=stop,
            url=_text(row, "url"),
            title=_text(row, "title"),
            allowed=allowed,
            reason=reason,
        )


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What a service is told of a run: its id, whether it plans or applies, and the TPP that it is about."""

    run: str
    name: str
    target: str


def service(system: ChangeSystem, credentials: ChangeCredentials, clock: Clock, purpose: RunInfo) -> Service:
    """Return a client of the user's own service, which may do without a credential."""
    client = ChangeClient(system, direct_auth(credentials), clock, credentials.redact)
    return Service(system, client, clock, purpose.target, purpose.name, purpose.run, credentials.get("SECRET"))


@dataclass(slots=True, repr=False)
class ServiceNotes:
    """Tells a service of the user's own. Implements ports.ChangeNotes."""

    service: Service

    def tell(self, notes: Sequence[ChangeNote]) -> Mapping[str, str]:
        """Send all notes of a run with one request; a repetition has the same Idempotency-Key."""
        changes = [{"id": each.id, "ledger_head": each.ledger_head, "outcomes": plain(each.outcomes)} for each in notes]
        try:
            if notes:
                self.service.post(notes[0].run, "report", changes)
        except Unavailable as error:
            return {note.id: error.why for note in notes}
        return {}


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _instant(row: Mapping[str, Any], name: str) -> datetime | None:
    """Raises ValueError."""
    text = row.get(name)
    if text in (None, ""):
        return None
    instant = datetime.fromisoformat(str(text))
    if instant.tzinfo is None:
        raise ValueError("no offset")
    return instant.astimezone(UTC)
