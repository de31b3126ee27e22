"""Notes on change records: what a run did, said once. Nothing else is ever written to a system of change records.

Sources: ServiceNow, Table API (PATCH of a record; `work_notes` takes text) and "Journal fields" (ITIL users may write
work notes). Read back, a journal field is empty text unless display values are on, and the table sys_journal_field has
rights of its own (github.com/rbw/pysnow/issues/112, rapid7/insightconnect-plugins/pull/4064). Atlassian, REST API 2:
`GET` and `POST issue/{key}/comment`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from reconciler.changes.client import ChangeClient, Unavailable
from reconciler.changes.jira import KEY
from reconciler.changes.service import Service
from reconciler.changes.servicenow import AT_ONCE, NUMBER, TABLE, parts
from reconciler.codec import plain
from reconciler.model.change_record import ChangeNote

_NO_RECORD = "no record has this number, or this account may not see it"
_LATEST = 100


@dataclass(slots=True, repr=False)
class ServiceNowNotes:
    """Writes work notes. Implements ports.ChangeNotes."""

    client: ChangeClient

    def tell(self, notes: Sequence[ChangeNote]) -> Mapping[str, str]:
        """Leave each note that is not there yet; return, by id, why one could not be left."""
        failed = {note.id: "this is no number of a change record" for note in notes if not _number(note)}
        writable = [note for note in notes if note.id not in failed]
        for part in parts(sorted({_number(note) for note in writable}), AT_ONCE):
            journals, why = self._journals(part)
            for note in writable:
                if _number(note) in part and (fault := why or self._one(note, journals)):
                    failed[note.id] = fault
        return failed

    def _journals(self, numbers: Sequence[str]) -> tuple[Mapping[str, tuple[str, str]], str]:
        """Return the sys_id and the work notes of each record, or why they can't be read."""
        query: Mapping[str, str | int] = {
            "sysparm_query": f"numberIN{','.join(numbers)}",
            "sysparm_fields": "number,sys_id,work_notes",
            "sysparm_limit": 2 * len(numbers) + 1,
            "sysparm_display_value": "all",
        }
        try:
            rows = self.client.get(TABLE, query).members.get("result")
        except Unavailable as error:
            return {}, error.why
        found = {}
        for row in rows if isinstance(rows, list) else ():
            number, sys_id = _both(row, "number")[0].upper(), _both(row, "sys_id")[0]
            if number in found or number not in numbers or len(sys_id) != 32 or not sys_id.isalnum():
                return {}, "its answer is not what was asked for"
            found[number] = (sys_id, _both(row, "work_notes")[1])
        return found, ""

    def _one(self, note: ChangeNote, journals: Mapping[str, tuple[str, str]]) -> str:
        """Return why the note is not there; empty when it is."""
        if (number := _number(note)) not in journals:
            return _NO_RECORD
        sys_id, journal = journals[number]
        if note.run in journal:
            return ""
        try:
            self.client.send("PATCH", f"{TABLE}/{sys_id}?sysparm_fields=number", {"work_notes": note.text})
        except Unavailable as error:
            now, _ = self._journals([number])  # it may have been written, and only its answer be lost
            return "" if note.run in now.get(number, ("", ""))[1] else error.why
        return ""


@dataclass(slots=True, repr=False)
class JiraNotes:
    """Writes comments. Implements ports.ChangeNotes."""

    client: ChangeClient

    def tell(self, notes: Sequence[ChangeNote]) -> Mapping[str, str]:
        """Leave each note that is not there yet; return, by id, why one could not be left."""
        return {note.id: why for note in notes if (why := self._one(note))}

    def _one(self, note: ChangeNote) -> str:
        key = note.id.strip().upper()
        if not KEY.fullmatch(key):
            return "this is no key of an issue"
        try:
            if self._is_there(key, note.run):
                return ""
            self.client.send("POST", _comments(key), {"body": note.text})
        except Unavailable as error:
            return "" if self._is_there_after_all(key, note.run) else error.why
        return ""

    def _is_there(self, key: str, run: str) -> bool:
        """Look among the latest comments. Raises Unavailable."""
        query: Mapping[str, str | int] = {"orderBy": "-created", "maxResults": _LATEST}
        comments = self.client.get(_comments(key), query).members.get("comments")
        if not isinstance(comments, list):
            raise Unavailable("its answer has no list of comments")
        return any(run in str(each.get("body", "")) for each in comments if isinstance(each, dict))

    def _is_there_after_all(self, key: str, run: str) -> bool:
        try:
            return self._is_there(key, run)
        except Unavailable:
            return False


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


def _number(note: ChangeNote) -> str:
    number = note.id.strip().upper()
    return number if NUMBER.fullmatch(number) else ""


def _comments(key: str) -> str:
    return f"/rest/api/2/issue/{quote(key)}/comment"


def _both(row: Any, name: str) -> tuple[str, str]:  # noqa: ANN401
    """Return the stored and the shown value of a field."""
    pair = row.get(name) if isinstance(row, dict) else None
    stored, shown = (pair.get("value"), pair.get("display_value")) if isinstance(pair, dict) else ("", "")
    return str(stored or ""), str(shown or "")
