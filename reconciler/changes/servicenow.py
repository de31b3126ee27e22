"""Change records of ServiceNow, by its Table API (table change_request).

Sources: ServiceNow's reference of the Table API and its pages on change states. Three traps of it are met here: rights
filter rows after the query; a condition with an unknown field is dropped, so that other rows come back; and a caret in
a value starts a new condition. References are read by their names (dot-walked fields). A record has one configuration
item of its own and a list of affected ones, the table task_ci ("Associated CIs on a change request").

The one thing that is ever written is a work note (PATCH of a record; "Journal fields": ITIL users may write them). Read
back, a journal field is empty text unless display values are on, and the table sys_journal_field has rights of its own
(github.com/rbw/pysnow/issues/112, rapid7/insightconnect-plugins/pull/4064).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from reconciler.changes.client import ChangeClient, ChangeCredentials, Unavailable, bearer, direct_auth
from reconciler.errors import CredentialsRefused
from reconciler.model.change_record import (
    ChangeNote,
    ChangeQuestion,
    ChangeRecord,
    ChangeSystem,
    LookupFailure,
    NoChangeRecord,
)
from reconciler.ports import Clock

_AT_ONCE = 50
"""Records that one call asks for."""
_MOST_PAGES = 100
_NUMBER = re.compile(r"[A-Z]{2,10}[0-9]{1,20}")
_TABLE = "/api/now/table/change_request"
_ITEMS = "/api/now/table/task_ci"
_MOST_ITEMS = 10_000
_FIELDS = (
    "number,state,approval,type,start_date,end_date,on_hold,active,"
    "short_description,assignment_group.name,cmdb_ci.name,requested_by.user_name,requested_by.email"
)
_STATES = {
    "-5": "new",
    "-4": "assess",
    "-3": "authorize",
    "-2": "scheduled",
    "-1": "implement",
    "0": "review",
    "3": "closed",
    "4": "canceled",
}
"""The states of the default change model, by their stored values; `states` of the configuration adds others."""
_CLOSED = frozenset({"closed", "canceled"})
_ABSENT = "it is absent, or this account may not see it"


@dataclass(slots=True)
class ServiceNow:
    """Looks change records up, fifty with one call. Implements ports.ChangeRecords.

    `affected` asks for the lists of affected items, too, which is one call more.
    """

    system: ChangeSystem
    client: ChangeClient
    clock: Clock
    affected: bool = False

    def lookup(self, questions: Sequence[ChangeQuestion]) -> Mapping[str, ChangeRecord | NoChangeRecord]:
        """Return a record, or why there is none, for each id that is asked for."""
        found: dict[str, ChangeRecord | NoChangeRecord] = {}
        numbers: dict[str, list[str]] = {}
        for asked in dict.fromkeys(question.id for question in questions):
            number = asked.strip().upper()
            if _NUMBER.fullmatch(number):
                numbers.setdefault(number, []).append(asked)
            else:
                found[asked] = NoChangeRecord(asked, LookupFailure.NOT_FOUND, "this is no number of a change record")
        for part in _parts(sorted(numbers), _AT_ONCE):
            for number, record in self._part(part).items():
                found |= dict.fromkeys(numbers[number], record)
        return found

    def _part(self, numbers: Sequence[str]) -> dict[str, ChangeRecord | NoChangeRecord]:
        try:
            rows = self._rows(_TABLE, "number", numbers, _FIELDS)
            items = self._rows(_ITEMS, "task.number", numbers, "task.number,ci_item.name") if self.affected else {}
        except Unavailable as error:
            return {
                number: NoChangeRecord(number, LookupFailure.UNAVAILABLE, error.why, error.hint) for number in numbers
            }
        seen_at = self.clock.now()
        return {
            number: self._record(number, rows.get(number, []), items.get(number, []), seen_at) for number in numbers
        }

    def _rows(self, table: str, key: str, numbers: Sequence[str], fields: str) -> dict[str, list[Mapping[str, Any]]]:
        """Ask for the rows of all numbers at once.

        Raises Unavailable, also when a row comes back that nobody asked for.
        """
        limit, offset = 2 * len(numbers) + 1 if table == _TABLE else _MOST_ITEMS, 0
        rows: dict[str, list[Mapping[str, Any]]] = {}
        for _ in range(_MOST_PAGES):
            query: dict[str, str | int] = {
                "sysparm_query": f"{key}IN{','.join(numbers)}" if len(numbers) > 1 else f"{key}={numbers[0]}",
                "sysparm_fields": fields,
                "sysparm_limit": limit,
                "sysparm_display_value": "false",
                "sysparm_exclude_reference_link": "true",
            }
            answer = self.client.get(table, query | ({"sysparm_offset": offset} if offset else {}))
            result = answer.members.get("result")
            if not isinstance(result, list):
                raise Unavailable("its answer has no list of records", "check change_records.url")
            for row in result:
                number = row.get(key) if isinstance(row, dict) else None
                if not isinstance(number, str) or number.upper() not in numbers:
                    raise Unavailable(
                        "it returned a record that nobody asked for, so it did not take the query as it was meant",
                        "an administrator checks the account's rights on the field number of change_request",
                    )
                rows.setdefault(number.upper(), []).append(row)
            following = _offset(answer.next_page)
            if following <= offset:
                return rows
            offset = following
        raise Unavailable(f"its list does not end after {_MOST_PAGES} pages", "check change_records.url")

    def _record(
        self, number: str, rows: Sequence[Mapping[str, Any]], items: Sequence[Mapping[str, Any]], seen_at: datetime
    ) -> ChangeRecord | NoChangeRecord:
        if not rows:
            hint = "check the number, and that the account may read change_request"
            return NoChangeRecord(number, LookupFailure.NOT_FOUND, _ABSENT, hint)
        if len(rows) > 1:
            return NoChangeRecord(
                number, LookupFailure.UNAVAILABLE, f"{len(rows)} records have this number", "ask its administrator"
            )
        row = rows[0]
        stored = _text(row, "state")
        state = self.system.states.get(stored, _STATES.get(stored, stored)).lower()
        try:
            start, stop = _instant(_text(row, "start_date")), _instant(_text(row, "end_date"))
        except ValueError as error:
            return NoChangeRecord(
                number, LookupFailure.UNAVAILABLE, f"its planned window can't be read: {error}", "ask its administrator"
            )
        return ChangeRecord(
            id=number,
            seen_at=seen_at,
            state=state,
            approval=_text(row, "approval").lower(),
            type=_text(row, "type").lower(),
            start=start,
            stop=stop,
            on_hold=_text(row, "on_hold") == "true",
            closed=state in _CLOSED or _text(row, "active") == "false",
            url=f"{self.system.url.rstrip('/')}/nav_to.do?uri=change_request.do%3Fsysparm_query%3Dnumber%3D{quote(number)}",
            title=_text(row, "short_description"),
            group=_text(row, "assignment_group.name"),
            requester=_text(row, "requested_by.user_name") or _text(row, "requested_by.email"),
            affected=tuple(
                filter(None, [_text(row, "cmdb_ci.name"), *(_text(each, "ci_item.name") for each in items)])
            ),
        )


def servicenow(
    system: ChangeSystem, credentials: ChangeCredentials, clock: Clock, *, affected: bool = False
) -> ServiceNow:
    """Sign in as the credentials say. Raises CredentialsRefused."""
    auth = direct_auth(credentials)
    if auth is None and credentials.get("CLIENT_ID") and credentials.get("CLIENT_SECRET"):
        token = _token(system, credentials, clock)
        auth, credentials = bearer(token), credentials.also("ACCESS_TOKEN", token)
    if auth is None:
        raise CredentialsRefused(
            "there is no credential for the change records",
            "set CHANGE_RECORDS_TOKEN, CHANGE_RECORDS_API_KEY, CHANGE_RECORDS_USERNAME with CHANGE_RECORDS_PASSWORD, "
            "or CHANGE_RECORDS_CLIENT_ID with CHANGE_RECORDS_CLIENT_SECRET",
        )
    return ServiceNow(system, ChangeClient(system, auth, clock, credentials.redact), clock, affected)


def _token(system: ChangeSystem, credentials: ChangeCredentials, clock: Clock) -> str:
    """Take a token: client credentials, or the password grant where a name and a password are given as well."""
    client = ChangeClient(system, None, clock, credentials.redact)
    names = {"client_id": "CLIENT_ID", "client_secret": "CLIENT_SECRET"}
    grant = "client_credentials"
    if credentials.get("USERNAME") and credentials.get("PASSWORD"):
        grant, names = "password", names | {"username": "USERNAME", "password": "PASSWORD"}
    form = {member: credentials.get(name) or "" for member, name in names.items()}
    try:
        token = client.form("/oauth_token.do", {"grant_type": grant, **form}).members.get("access_token")
    except Unavailable as error:
        raise CredentialsRefused(f"no token for the change records: {error.why}", error.hint) from None
    if not isinstance(token, str) or not token:
        raise CredentialsRefused("no token for the change records: the answer has none", "check change_records.url")
    return token


def _parts(numbers: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    """Return the numbers in parts that one call takes."""
    return (numbers[begin : begin + size] for begin in range(0, len(numbers), size))


def _offset(url: str) -> int:
    """Return where the next page begins, 0 when there is none."""
    text = parse_qs(urlsplit(url).query).get("sysparm_offset", ["0"])[0]
    return int(text) if text.isascii() and text.isdigit() else 0


def _text(row: Mapping[str, Any], name: str) -> str:
    """Return a stored value. All are text, and empty text means not set; a reference can come as {link, value}."""
    value = row.get(name)
    if isinstance(value, dict):
        value = value.get("value")
    return value.strip() if isinstance(value, str) else ""


def _instant(text: str) -> datetime | None:
    """Read `YYYY-MM-DD HH:MM:SS`, which is UTC with display values off, though nothing says so. Raises ValueError."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) if text else None


_NO_RECORD = "no record has this number, or this account may not see it"


@dataclass(slots=True, repr=False)
class ServiceNowNotes:
    """Writes work notes. Implements ports.ChangeNotes."""

    client: ChangeClient

    def tell(self, notes: Sequence[ChangeNote]) -> Mapping[str, str]:
        """Leave each note that is not there yet; return, by id, why one could not be left."""
        failed = {note.id: "this is no number of a change record" for note in notes if not _number(note)}
        writable = [note for note in notes if note.id not in failed]
        for part in _parts(sorted({_number(note) for note in writable}), _AT_ONCE):
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
            rows = self.client.get(_TABLE, query).members.get("result")
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
            self.client.send("PATCH", f"{_TABLE}/{sys_id}?sysparm_fields=number", {"work_notes": note.text})
        except Unavailable as error:
            now, _ = self._journals([number])  # it may have been written, and only its answer be lost
            return "" if note.run in now.get(number, ("", ""))[1] else error.why
        return ""


def _number(note: ChangeNote) -> str:
    number = note.id.strip().upper()
    return number if _NUMBER.fullmatch(number) else ""


def _both(row: Any, name: str) -> tuple[str, str]:  # noqa: ANN401
    """Return the stored and the shown value of a field."""
    pair = row.get(name) if isinstance(row, dict) else None
    stored, shown = (pair.get("value"), pair.get("display_value")) if isinstance(pair, dict) else ("", "")
    return str(stored or ""), str(shown or "")
