"""Change records as Jira issues, in Cloud (REST API 3) or Data Center (REST API 2).

Sources: Atlassian's REST reference. An issue that the account may not see answers 404 like one that is absent, and so
does a credential that is not accepted, because the call falls back to anonymous: `myself` tells the two apart.

The one thing that is ever written is a comment (REST API 2: `GET` and `POST issue/{key}/comment`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from reconciler.changes.client import ChangeClient, ChangeCredentials, Unavailable, direct_auth
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

_KEY = re.compile(r"[A-Z][A-Z0-9_]{1,30}-[0-9]{1,18}")
_STATES = {
    "awaiting implementation": "scheduled",
    "implementing": "implement",
    "authorize": "authorize",
    "planning": "assess",
    "declined": "canceled",
    "canceled": "canceled",
}
"""The statuses of Jira Service Management's change workflow; `states` of the configuration adds a site's own."""


@dataclass(slots=True)
class Jira:
    """Looks change records up, one call each. Implements ports.ChangeRecords."""

    system: ChangeSystem
    client: ChangeClient
    clock: Clock

    def lookup(self, questions: Sequence[ChangeQuestion]) -> Mapping[str, ChangeRecord | NoChangeRecord]:
        """Return a record, or why there is none, for each id that is asked for."""
        asked = list(dict.fromkeys(question.id for question in questions))
        try:
            if asked:
                self.client.get(f"/rest/api/{self._version}/myself")
        except Unavailable as error:
            return {key: NoChangeRecord(key, LookupFailure.UNAVAILABLE, error.why, error.hint) for key in asked}
        return {key: self._one(key) for key in asked}

    @property
    def _version(self) -> int:
        return 3 if (urlsplit(self.system.url).hostname or "").endswith(".atlassian.net") else 2

    def _one(self, asked: str) -> ChangeRecord | NoChangeRecord:
        key = asked.strip().upper()
        if not _KEY.fullmatch(key):
            return NoChangeRecord(asked, LookupFailure.NOT_FOUND, "this is no key of an issue", "write it like CHG-123")
        wanted = ["status", "summary", "issuetype", "assignee", "reporter", "components", *self.system.fields.values()]
        try:
            members = self.client.get(
                f"/rest/api/{self._version}/issue/{quote(key)}", {"fields": ",".join(wanted)}
            ).members
            return self._record(asked, key, members)
        except Unavailable as error:
            if error.status == 404:
                hint = "check the key, and that the account may browse the project"
                return NoChangeRecord(
                    asked, LookupFailure.NOT_FOUND, "it is absent, or this account may not see it", hint
                )
            return NoChangeRecord(asked, LookupFailure.UNAVAILABLE, error.why, error.hint)

    def _record(self, asked: str, key: str, members: Mapping[str, Any]) -> ChangeRecord | NoChangeRecord:
        """Raises Unavailable for an answer that is no issue."""
        fields, moved = members.get("fields"), members.get("key")
        if not isinstance(fields, dict) or not isinstance(moved, str):
            raise Unavailable("its answer is no issue", "check change_records.url")
        if moved.upper() != key:
            return NoChangeRecord(asked, LookupFailure.NOT_FOUND, f"it was moved to {moved[:50]}", "name the new key")
        name = _named(fields, "status")
        mapping = {label.lower(): word for label, word in self.system.states.items()}
        state = mapping.get(name.lower(), _STATES.get(name.lower(), name.lower()))
        status = fields.get("status")
        category = status.get("statusCategory") if isinstance(status, dict) else None
        return ChangeRecord(
            id=key,
            seen_at=self.clock.now(),
            state=state,
            approval=_plain(fields, self.system.fields.get("approval", "")).lower(),
            type=_named(fields, "issuetype").lower(),
            start=_instant(fields, self.system.fields.get("start", "")),
            stop=_instant(fields, self.system.fields.get("stop", "")),
            closed=isinstance(category, dict) and category.get("key") == "done",
            url=f"{self.system.url.rstrip('/')}/browse/{quote(key)}",
            title=_plain(fields, "summary"),
            requester=_person(fields, "reporter"),
            affected=tuple(_component_names(fields)),
        )


def jira(system: ChangeSystem, credentials: ChangeCredentials, clock: Clock) -> Jira:
    """Sign in: a personal access token (Data Center), or address and API token (Cloud). Raises CredentialsRefused."""
    auth = direct_auth(credentials)
    if auth is None:
        raise CredentialsRefused(
            "there is no credential for the change records",
            "set CHANGE_RECORDS_TOKEN (Data Center), or CHANGE_RECORDS_USERNAME with CHANGE_RECORDS_PASSWORD "
            "(Cloud: address and API token)",
        )
    return Jira(system, ChangeClient(system, auth, clock, credentials.redact), clock)


def _plain(fields: Mapping[str, Any], name: str) -> str:
    """Return the text of a field; of a choice its value."""
    value = fields.get(name)
    if isinstance(value, dict):
        value = value.get("value", value.get("name"))
    return value.strip() if isinstance(value, str) else ""


def _named(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    found = value.get("name") if isinstance(value, dict) else None
    return found.strip() if isinstance(found, str) else ""


def _person(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    names = (value.get(key) for key in ("emailAddress", "name", "displayName")) if isinstance(value, dict) else ()
    return next((each for each in names if isinstance(each, str)), "")


def _component_names(fields: Mapping[str, Any]) -> list[str]:
    components = fields.get("components")
    found = [each.get("name") for each in components if isinstance(each, dict)] if isinstance(components, list) else []
    return [each for each in found if isinstance(each, str)]


def _instant(fields: Mapping[str, Any], name: str) -> datetime | None:
    """Read a time such as 2026-03-01T22:00:00.000+0100. Raises Unavailable for one that can't be read."""
    text = fields.get(name) if name else None
    if text in (None, ""):
        return None
    try:
        instant = datetime.fromisoformat(str(text))
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise Unavailable(
            f"the field {name} has no time with an offset", "name date-time fields in change_records.fields"
        )
    return instant.astimezone(UTC)


_LATEST = 100


@dataclass(slots=True, repr=False)
class JiraNotes:
    """Writes comments. Implements ports.ChangeNotes."""

    client: ChangeClient

    def tell(self, notes: Sequence[ChangeNote]) -> Mapping[str, str]:
        """Leave each note that is not there yet; return, by id, why one could not be left."""
        return {note.id: why for note in notes if (why := self._one(note))}

    def _one(self, note: ChangeNote) -> str:
        key = note.id.strip().upper()
        if not _KEY.fullmatch(key):
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


def _comments(key: str) -> str:
    return f"/rest/api/2/issue/{quote(key)}/comment"
