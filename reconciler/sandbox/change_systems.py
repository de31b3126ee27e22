"""A ServiceNow table and a Jira for tests and demos, as odd as the public descriptions say (`sandbox --changes FILE`).

Sources: ServiceNow, "Table API" (sysparm parameters, stored and shown values, paging headers, a condition with an
unknown field is dropped, rights filter rows after the query), KB3047115; error bodies as client test data show them.
Atlassian, REST API 2 and 3 (an issue that is absent or hidden answers 404, and so does an unknown credential; `myself`
answers 401). Notes: a work note is written with PATCH and read back only as a shown value (rbw/pysnow#112,
rapid7/insightconnect-plugins#4064); comments of an issue by `issue/{key}/comment`.
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from reconciler.codec import Json, decode, json_line
from reconciler.sandbox.conversion import Conversion
from reconciler.sandbox.wire import Response

PATHS = ("/api/now/", "/oauth_token.do", "/rest/api/")
"""Where the systems live, in lower case."""
_KNOWN_FIELDS = frozenset(
    {
        "number",
        "sys_id",
        "state",
        "approval",
        "type",
        "start_date",
        "end_date",
        "active",
        "on_hold",
        "short_description",
        "assignment_group",
        "cmdb_ci",
        "requested_by",
        "conflict_status",
        "work_notes",
        "assignment_group.name",
        "cmdb_ci.name",
        "requested_by.user_name",
        "requested_by.email",
    }
)
_REFERENCES = frozenset({"assignment_group", "cmdb_ci", "requested_by"})


class Account(Struct, frozen=True):
    """What signs in. Every member may be left out; then that way is closed."""

    username: str = "svc-reconciler"
    password: str = ""
    token: str = ""
    api_key: str = ""
    client_id: str = ""
    client_secret: str = ""


class TableRow(Struct, frozen=True):
    """One change request. `fields` are stored values: text, empty where nothing is set, times in UTC without a zone.

    A reference is stored as a sys_id; dotted names (`cmdb_ci.name`) give fields of what it refers to. `hidden` is one
    that the account may not see; `shown` are display values where they differ; `items` are the affected items, the
    rows of the table task_ci.
    """

    number: str
    fields: dict[str, str] = {}
    shown: dict[str, str] = {}
    hidden: bool = False
    items: tuple[str, ...] = ()


class Issue(Struct, frozen=True):
    """One Jira issue with its fields as the interface spells them. `moved_to` is the key under which it answers now."""

    key: str
    fields: dict[str, object] = {}
    moved_to: str = ""
    hidden: bool = False


class ChangeSystems(Struct, frozen=True):
    """Both systems. `asleep` answers 200 with a page, as an instance that hibernates does; `page` bounds the rows.

    `asked` has every request. `notes` are what was written to records, by number or key, newest first. `read_only`
    refuses to write; with `loses_answers` a note is written and the answer is an error; `echoes` has refusals repeat
    the credential.
    """

    account: Account = Account()
    changes: tuple[TableRow, ...] = ()
    issues: tuple[Issue, ...] = ()
    asleep: bool = False
    page: int = 10_000
    asked: list[str] = []
    notes: dict[str, list[str]] = {}
    echoes: bool = False
    read_only: bool = False
    loses_answers: bool = False


def decode_change_systems(value: Json, path: str) -> ChangeSystems:
    """Return the systems that a file describes. Raises InvalidInput with every fault of the file."""
    conversion = Conversion(path, "sandbox/changes")
    systems = conversion.read(value, ChangeSystems, "")
    conversion.check()
    assert isinstance(systems, ChangeSystems)  # noqa: S101 - without problems it is
    return systems


def answer(
    systems: ChangeSystems, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
) -> Response:
    """Answer one request; `path` as it was asked for."""
    systems.asked.append(f"{method} {path}")
    if systems.asleep:
        return Response(200, b"<html><body>Your instance is hibernating</body></html>", "text/html;charset=utf-8")
    if path == "/oauth_token.do":
        return _token(systems.account, body)
    if path.startswith("/rest/api/"):
        return _jira(systems, method, path, headers, body)
    note = re.fullmatch(r"/api/now/(?:v2/)?table/change_request/([0-9a-f]{32})", path)
    if method == "PATCH" and note and _signed_in(systems.account, headers):
        return _work_note(systems, note[1], body)
    table = path.removeprefix("/api/now/").removeprefix("v2/").removeprefix("table/")
    if method != "GET" or table not in ("change_request", "task_ci"):
        return _failure(404, "Requested URI does not represent any resource", path)
    if not _signed_in(systems.account, headers):
        sent = (headers.get(name, "") for name in ("Authorization", "x-sn-apikey"))
        message = ", ".join(sent) if systems.echoes else ""
        return _failure(401, "User Not Authenticated", message or "Required to provide Auth information")
    return _table(systems, query) if table == "change_request" else _items(systems, query)


def _signed_in(account: Account, headers: Mapping[str, str]) -> bool:
    basic = base64.b64encode(f"{account.username}:{account.password}".encode()).decode()
    return (
        (bool(account.password) and headers.get("Authorization") == f"Basic {basic}")
        or (bool(account.token) and headers.get("Authorization") == f"Bearer {account.token}")
        or (bool(account.api_key) and headers.get("x-sn-apikey") == account.api_key)
    )


def _failure(status: int, message: str, detail: str | None) -> Response:
    return _json({"error": {"message": message, "detail": detail}, "status": "failure"}, status)


def _json(document: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status, json_line(document).encode(), "application/json;charset=UTF-8", headers or {})


def _token(account: Account, body: bytes) -> Response:
    given = dict(part.partition("=")[::2] for part in body.decode("latin-1").split("&"))
    right = (given.get("client_id"), given.get("client_secret")) == (account.client_id, account.client_secret)
    if not account.client_id or not right or given.get("grant_type") not in ("client_credentials", "password"):
        return _json({"error": "server_error", "error_description": "access_denied"}, 401)
    return _json({"access_token": account.token, "scope": "useraccount", "token_type": "Bearer", "expires_in": 1799})


def _table(systems: ChangeSystems, query: Mapping[str, str]) -> Response:
    matching = _selected(systems.changes, query.get("sysparm_query", ""))
    limit = min(int(query.get("sysparm_limit", "10000")), systems.page)
    offset = int(query.get("sysparm_offset", "0"))
    rows = [row for row in matching[offset : offset + limit] if not row.hidden]  # rights filter after the query
    headers = {"X-Total-Count": str(len(matching))}
    if offset + limit < len(matching):
        headers["Link"] = (
            f'<https://instance.example.test/api/now/table/change_request?sysparm_offset={offset + limit}>;rel="next"'
        )
    names = [name for name in query.get("sysparm_fields", "").split(",") if name in _KNOWN_FIELDS] or sorted(
        _KNOWN_FIELDS
    )
    return _json({"result": [_row(systems, row, names, query) for row in rows]}, headers=headers)


def _items(systems: ChangeSystems, query: Mapping[str, str]) -> Response:
    """The affected items of records that the account may see."""
    wanted = query.get("sysparm_query", "").replace("task.", "")
    rows = [row for row in _selected(systems.changes, wanted) if not row.hidden]
    found = [{"task.number": row.number, "ci_item.name": item} for row in rows for item in row.items]
    return _json({"result": found}, headers={"X-Total-Count": str(len(found))})


def _selected(rows: Sequence[TableRow], query: str) -> list[TableRow]:
    """Apply an encoded query. A condition with an unknown field is dropped, so that it selects everything."""
    found = list(rows)
    for condition in query.split("^"):
        if one := re.fullmatch(r"number=(.*)", condition):
            found = [row for row in found if row.number == one[1]]
        elif many := re.fullmatch(r"numberIN(.*)", condition):
            found = [row for row in found if row.number in many[1].split(",")]
    return found


def _sys_id(number: str) -> str:
    return hashlib.sha256(number.encode()).hexdigest()[:32]


def _work_note(systems: ChangeSystems, sys_id: str, body: bytes) -> Response:
    row = next((each for each in systems.changes if _sys_id(each.number) == sys_id and not each.hidden), None)
    if row is None:
        return _failure(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")
    if systems.read_only:
        return _failure(403, "Operation Failed", "ACL Exception Update Failed due to security constraints")
    return _noted(systems, row.number, str(decode(body, dict)["work_notes"]), 200)


def _noted(systems: ChangeSystems, record: str, text: str, status: int) -> Response:
    systems.notes.setdefault(record, []).insert(0, text)
    if systems.loses_answers:
        return _failure(500, "Transaction cancelled: maximum execution time exceeded", None)
    return _json({"result": {"number": record}}, status)


def _row(systems: ChangeSystems, row: TableRow, names: Sequence[str], query: Mapping[str, str]) -> Json:
    display = query.get("sysparm_display_value", "false")
    bare = query.get("sysparm_exclude_reference_link") == "true"
    values = {"number": row.number, "sys_id": _sys_id(row.number), **row.fields}
    journal = "\n\n".join(
        f"{systems.account.username} (Work notes)\n{each}" for each in systems.notes.get(row.number, ())
    )

    def spelled(name: str) -> Json:
        stored = values.get(name, "")
        shown = journal if name == "work_notes" else row.shown.get(name, stored)
        if display == "all":
            return {"display_value": shown, "value": stored}
        text = shown if display == "true" else stored
        if name in _REFERENCES and text and not bare:
            return {"link": f"https://instance.example.test/api/now/table/x/{stored}", "value": text}
        return text

    return {name: spelled(name) for name in names}


def _jira(systems: ChangeSystems, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
    known = _signed_in(systems.account, headers)
    rest = re.sub(r"^/rest/api/[23]/", "", path)
    if rest == "myself":
        return (
            _json({"name": systems.account.username})
            if known
            else Response(401, b"Client must be authenticated", "text/plain")
        )
    key, _, part = rest.removeprefix("issue/").partition("/")
    issue = (
        next((each for each in systems.issues if each.key == key.upper() and not each.hidden), None) if known else None
    )
    if issue is None:
        message = "Issue does not exist or you do not have permission to see it."
        return _json({"errorMessages": [message], "errors": {}}, 404)
    if part == "comment" and method == "POST":
        if systems.read_only:
            return _json({"errorMessages": ["You do not have the permission to comment on this issue."]}, 403)
        return _noted(systems, issue.key, str(decode(body, dict)["body"]), 201)
    if part == "comment":
        return _json({"comments": [{"body": each} for each in systems.notes.get(issue.key, ())]})
    fields: dict[str, Json] = dict(issue.fields)  # type: ignore[arg-type]
    return _json({"id": "10001", "key": issue.moved_to or issue.key, "fields": fields})
