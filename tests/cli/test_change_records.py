"""The change record decides too: what a plan and an apply make of the record that a decision names."""

import gzip
import html
import json
import re
import socket
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest

from reconciler.sandbox.change_systems import Account, ChangeSystems, Issue, TableRow
from reconciler.sandbox.running import Listening, running_sandbox
from tests.builders import guid
from tests.changes.wire import answering, said
from tests.cli.repo import FIRST, SECOND, Repo

CMDB = "https://cmdb.example.com"
KEY = "key-of-the-change-table"
OPEN = {
    "state": "-2",
    "approval": "approved",
    "type": "normal",
    "start_date": "2020-01-01 00:00:00",
    "end_date": "2040-01-01 00:00:00",
    "active": "true",
}
APPROVE = f"{{guid: {FIRST}, status: Approved, explanation: weekend 48}}"
WINDOW = "schedule: {start: 2036-11-29T22:00:00Z, stop: 2036-11-30T02:00:00Z}"
BETWEEN = f"{{guid: {FIRST}, status: Approved Between, explanation: weekend 48, {WINDOW}}}"


@pytest.fixture
def record(repo: Repo, monkeypatch: pytest.MonkeyPatch):
    """Configure a table with one record, and a policy; return what changes them."""
    monkeypatch.setenv("CHANGE_RECORDS_API_KEY", KEY)
    servers = []

    def configure(
        policy: str = "{}",
        number: str = "CHG0041234",
        system: str = "",
        *,
        asleep: bool = False,
        read_only: bool = False,
        **fields: str,
    ) -> ChangeSystems:
        row = TableRow(number, OPEN | fields)
        systems = ChangeSystems(Account(api_key=KEY), (row,), asleep=asleep, read_only=read_only)
        server = running_sandbox(listening=Listening(changes=systems))
        url = server.__enter__().url
        servers.append(server)
        repo.configure(
            f"change_records: {{kind: servicenow, url: {url}{system}}}\n"
            f"policy: {{change_record: {policy}, overrides: {{longest: 9999d}}}}\n"
        )
        return systems

    yield configure
    for server in servers:
        server.__exit__(None, None, None)


def planned(repo: Repo, entry: str = APPROVE) -> tuple[int, str, str]:
    repo.decide(entry)
    said = repo.run("plan", "--format", "json")
    (step,) = json.loads(said.out)["steps"]
    return said.code, step["reason"], step.get("detail", "")


def test_an_approval_whose_record_allows_it_is_applied(repo: Repo, record) -> None:
    record()
    assert planned(repo)[:2] == (0, "approve/wanted")
    assert repo.run("apply", "--yes").code == 0
    assert len(repo.writes()) == 1


REFUSED = {
    "closed": ({}, {"state": "3"}, APPROVE, "closed: CHG0041234 is closed"),
    "inactive": ({}, {"active": "false"}, APPROVE, "closed: CHG0041234 is scheduled"),
    "on hold": ({}, {"on_hold": "true"}, APPROVE, "on-hold: CHG0041234 is on hold"),
    "state": ({}, {"state": "-4"}, APPROVE, "not-approved: CHG0041234 has state assess, the policy asks for scheduled"),
    "approval": (
        {"approval": ["approved"]},
        {"approval": "requested"},
        APPROVE,
        "not-approved: CHG0041234 has approval requested, the policy asks for approved",
    ),
    "type": ({"type": ["standard"]}, {}, APPROVE, "not-approved: CHG0041234 has type normal"),
    "too early": (
        {},
        {"start_date": "2036-11-29 23:00:00"},
        BETWEEN,
        "outside-window: it would take effect 2036-11-29",
    ),
    "too late": ({}, {"end_date": "2036-11-30 01:59:59"}, BETWEEN, "outside-window: "),
    "now is not then": ({}, {"start_date": "2036-01-01 00:00:00"}, APPROVE, "outside-window: "),
    "no window": ({}, {"start_date": ""}, APPROVE, "outside-window: CHG0041234 has no planned window"),
    "apart": (
        {"window": "overlaps"},
        {"end_date": "2030-01-01 00:00:00"},
        BETWEEN,
        "outside-window: it would take effect 2036-11-29T22:00:00Z to 2036-11-30T02:00:00Z, CHG0041234 is planned for",
    ),
    "items": (
        {"affected": True},
        {"cmdb_ci.name": "other.example.com"},
        APPROVE,
        "not-approved: CHG0041234 does not name",
    ),
    "absent": ({}, {"number": "CHG0000001"}, APPROVE, "not-found: CHG0041234: it is absent, or this account may not"),
}


@pytest.mark.parametrize(("policy", "fields", "entry", "why"), REFUSED.values(), ids=REFUSED)
def test_a_record_that_does_not_allow_it_refuses_and_nothing_is_sent(repo, record, policy, fields, entry, why) -> None:
    record(json.dumps(policy), **fields)
    code, reason, detail = planned(repo, entry)
    assert (code, reason) == (3, "refused/change-record")
    assert detail.startswith(why)
    assert repo.run("apply", "--yes").code == 3
    assert repo.writes() == []


@pytest.mark.parametrize(
    ("policy", "fields", "entry"),
    [
        ({"window": "ignore"}, {"start_date": ""}, APPROVE),
        ({"window": "overlaps"}, {"end_date": "2036-11-29 23:00:00"}, BETWEEN),
        ({"affected": True}, {"cmdb_ci.name": "www.example.com"}, APPROVE),
        ({"state": ["scheduled"], "emergency": {"state": ["assess"]}}, {"state": "-4", "type": "emergency"}, APPROVE),
        ({"objects": [r"\VED\Policy\Other\**"]}, {"state": "3"}, APPROVE),
        ({}, {"state": "3"}, f"{{guid: {FIRST}, status: Rejected, explanation: no}}"),
    ],
)
def test_what_the_rule_does_not_ask_for_is_no_reason_to_refuse(repo, record, policy, fields, entry) -> None:
    record(json.dumps(policy), **fields)
    code, reason, _ = planned(repo, entry)
    assert (code, reason.partition("/")[0]) == (0, reason.partition("/")[0])
    assert not reason.startswith("refused")


def test_a_system_that_sleeps_refuses_unless_a_warning_is_enough(repo: Repo, record) -> None:
    record(asleep=True)
    code, reason, detail = planned(repo)
    assert (code, reason) == (3, "refused/change-record")
    assert detail.startswith(
        "unavailable: CHG0041234 could not be checked: it answered something that is no JSON object"
    )
    record('{"when_unavailable": "warn"}', asleep=True)
    assert planned(repo)[:2] == (0, "approve/wanted")


def test_a_credential_that_is_absent_refuses_and_says_which(repo: Repo, record, monkeypatch) -> None:
    record()
    monkeypatch.delenv("CHANGE_RECORDS_API_KEY")
    code, reason, detail = planned(repo)
    assert (code, reason) == (3, "refused/change-record")
    assert "CHANGE_RECORDS_API_KEY" in detail


def test_a_saved_plan_is_held_against_the_record_as_it_is_now(repo: Repo, record) -> None:
    record()
    repo.decide(APPROVE)
    assert repo.run("plan", "--out", "plan.json").code == 0
    record(state="4")
    said = repo.run("apply", "plan.json", "--yes")
    assert said.code == 3
    assert "closed: CHG0041234 is canceled" in said.out + said.err
    assert repo.writes() == []


def test_one_record_is_asked_for_once_for_all_its_tickets(repo: Repo, record) -> None:
    record(number="CHG0000002")
    repo.decide(APPROVE, f"{{guid: {SECOND}, status: Approved, explanation: weekend 48}}")
    steps = json.loads(repo.run("plan", "--format", "json").out)["steps"]
    assert {step["reason"] for step in steps} == {"refused/change-record"}


def test_an_override_lets_one_ticket_through(repo: Repo, record) -> None:
    record(state="3")
    repo.write(
        "tickets/web.yaml",
        f"version: 1\nchange: CHG0041234\noverrides:\n  - {{rule: change-record, tickets: [{FIRST}], reason: outage, "
        f"until: 2036-01-01T00:00:00Z}}\ntickets:\n  - {APPROVE}\n",
    )
    assert repo.run("plan").code == 0


def test_the_command_shows_a_record_as_the_rule_sees_it(repo: Repo, record) -> None:
    record(short_description="Web tier \x1b[31m")
    said = repo.run("change", "chg0041234")
    assert said.code == 0
    assert "CHG0041234\n" in said.out
    assert "state      scheduled\n" in said.out
    assert "planned    2020-01-01T00:00:00Z to 2040-01-01T00:00:00Z\n" in said.out
    assert "\x1b" not in said.out
    assert json.loads(repo.run("change", "CHG0041234", "--format", "json").out)["record"]["state"] == "scheduled"
    absent = repo.run("change", "CHG0000009")
    assert (absent.code, absent.out) == (3, "")
    assert "it is absent, or this account may not see it" in absent.err


def test_no_output_has_the_credential(repo: Repo, record) -> None:
    record(state="3")
    repo.decide(APPROVE)
    for command in (("plan", "-v"), ("plan", "--format", "json"), ("change", "CHG0041234"), ("apply", "--yes")):
        said = repo.run(*command, "--log-level", "debug")
        assert KEY not in said.out + said.err


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("policy: {change_record: {}}\n", "`change_record` needs a system to ask"),
        ("change_records: {kind: servicenow, url: http://cmdb.example.com}\n", "is not https, so tokens"),
        ("change_records: {kind: remedy, url: https://cmdb.example.com}\n", "reconciler.yaml:6:24"),
        (
            "change_records: {kind: jira, url: 'https://me:secret-word@jira.example.com'}\n",
            "has a user or password in it",
        ),
    ],
)
def test_a_faulty_configuration_says_where_and_what(repo: Repo, text: str, why: str) -> None:
    repo.configure(text)
    repo.decide(APPROVE)
    said = repo.run("validate")
    assert said.code == 1
    assert why in said.err + said.out
    assert "secret-word" not in said.err + said.out


def test_every_view_of_a_plan_shows_the_record_and_its_window(repo: Repo, record) -> None:
    record(short_description="Web tier, weekend 48", start_date="2036-11-29 20:00:00")
    repo.decide(BETWEEN)
    text = repo.run("plan", "--timeline").out
    assert "    record    Web tier, weekend 48\n" in text
    assert "scheduled, approved, normal; planned Sat 2036-11-29 20:00 to Sun 2040-01-01 00:00 UTC" in " ".join(
        text.split()
    )
    assert "CHG0041234 planned" in text
    assert "─ change record" in text
    (step,) = json.loads(repo.run("plan", "--format", "json").out)["steps"]
    seen = step["change_record"]
    assert seen.pop("seen_at")
    assert seen.pop("url").endswith("number%3DCHG0041234")
    assert seen == {
        "id": "CHG0041234",
        "state": "scheduled",
        "approval": "approved",
        "type": "normal",
        "start": "2036-11-29T20:00:00Z",
        "stop": "2040-01-01T00:00:00Z",
        "title": "Web tier, weekend 48",
    }
    markdown = repo.run("plan", "--format", "markdown").out
    assert "[CHG0041234](http" in markdown
    assert "“Web tier, weekend 48” (scheduled, approved, normal; planned Sat 2036-11-29 20:00" in markdown
    page = repo.run("plan", "--format", "html").out
    assert "Web tier, weekend 48 (scheduled, approved, normal; planned" in page
    said = repo.run("explain", FIRST).out
    assert "planned Sat 2036-11-29 20:00" in said


def test_every_page_leads_to_the_record(repo: Repo, record) -> None:
    record(short_description="Web tier & more")
    repo.decide(APPROVE)
    assert repo.run("plan", "--out", "plan.json").code == 0
    (step,) = json.loads(Path("plan.json").read_text())["steps"]
    to_record = f'<a href="{html.escape(step["change_record"]["url"])}">'
    said = "Web tier &amp; more (scheduled, approved, normal; planned"
    assert f"{to_record}{said}" in repo.run("plan", "--format", "html").out
    assert repo.run("apply", "plan.json", "--yes").code == 0
    assert repo.run("report", "--plan", "plan.json", "--out", "site").code == 0
    assert repo.run("report", "--audit", "--out", "papers").code == 0
    assert repo.run("ledger", "export", "--pack", "pack.zip").code == 0
    for page in ("index.html", "plan.html", "ledger.html"):
        assert f"{to_record}{said}" in Path("site", page).read_text(), page
    assert f"{to_record}CHG0041234 was {said}" in Path("site", "tickets", f"{FIRST}.html").read_text()
    with zipfile.ZipFile("pack.zip") as pack:
        summary = next(pack.read(name).decode() for name in pack.namelist() if name.endswith(".html"))
    for text in (summary, Path("papers", "audit.html").read_text()):
        assert f"{to_record}CHG0041234</a><br>CHG0041234 was {said}" in text


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        " https://cmdb.example.com/1",
        "file:///etc/passwd",
        "data:text/html,x",
        "//cmdb.example.com",
        'https://cmdb.example.com/"onmouseover="alert(1)',
        "https://cmdb.example.com/<script>alert(1)</script>",
    ],
)
def test_an_address_of_a_record_is_a_link_of_the_web_or_none(repo: Repo, address: str) -> None:
    row = {"id": "CHG0041234", "allowed": True, "url": address, "title": "Web tier"}
    with answering(said("200 OK", json.dumps({"version": 1, "changes": [row]}).encode())) as (url, _):
        repo.configure(f"change_records: {{kind: http, url: {url}}}\npolicy: {{change_record: {{window: ignore}}}}\n")
        repo.decide(APPROVE)
        assert repo.run("plan", "--out", "plan.json").code == 0
        outputs = [repo.run("plan", "--format", "html").out, repo.run("plan", "--format", "markdown").out]
        assert repo.run("apply", "plan.json", "--yes").code == 0
    repo.run("report", "--plan", "plan.json", "--out", "site")
    outputs += [path.read_text() for path in Path("site").rglob("*.html")]
    bare = re.sub(r"<script.*?</script>", "", "".join(outputs), flags=re.DOTALL)
    linked = {one or other for one, other in re.findall(r"""href=["']([^"']*)|\]\(([^)]*)\)""", bare)}
    outside = {each for each in linked if not re.fullmatch(r"(\.\./)?[a-z/0-9-]+\.html|#main", each)}
    safe = {f"{CMDB}/{quote(address.removeprefix(f'{CMDB}/'), safe='/=')}"} if address.startswith(CMDB) else set()
    assert outside == safe
    assert not any("<script>alert" in text or '"onmouseover="' in text for text in outputs)


def test_hostile_text_of_a_record_stays_text(repo: Repo, record) -> None:
    record(short_description="<script>alert(1)</script> \x1b[31m [x](https://evil.example)")
    repo.decide(APPROVE)
    assert "\x1b" not in repo.run("plan", "-v").out
    assert "<script>alert" not in repo.run("plan", "--format", "html").out
    assert "](https://evil" not in repo.run("plan", "--format", "markdown").out


def test_the_ledger_keeps_what_the_guard_saw(repo: Repo, record) -> None:
    record(short_description="Web tier")
    repo.decide(APPROVE)
    assert repo.run("apply", "--yes").code == 0
    (line,) = json.loads(repo.run("ledger", "log", "--change", "chg0041234", "--format", "json").out)["records"]
    assert line["change_record"]["state"] == "scheduled"
    assert line["change_record"]["stop"] == "2040-01-01T00:00:00Z"
    assert "Web tier" in repo.run("ledger", "log", "-v").out
    assert json.loads(repo.run("ledger", "log", "--change", "CHG1", "--format", "json").out)["records"] == []
    told = " ".join(repo.run("explain", FIRST).out.split())
    assert "CHG0041234 was Web tier (scheduled, approved, normal; planned" in told
    repo.run("report", "--out", "site")
    assert "CHG0041234 was Web tier (scheduled" in (repo.folder / "site" / "tickets" / f"{FIRST}.html").read_text()


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"end_date": "2041-01-01 00:00:00"}, "its planned window was 2020-01-01T00:00:00Z to 2040-01-01T00:00:00Z"),
        ({"state": "-1"}, "its state was scheduled when the plan was made and is implement now"),
        ({"approval": ""}, "its approval was approved when the plan was made and is nothing now"),
        ({"type": "standard"}, "its type was normal when the plan was made and is standard now"),
    ],
)
def test_a_record_that_changed_since_the_plan_makes_its_steps_stale(repo: Repo, record, fields, why) -> None:
    record()
    repo.decide(APPROVE)
    assert repo.run("plan", "--out", "plan.json").code == 0
    record(**fields)
    said = repo.run("apply", "plan.json", "--yes", "--format", "json")
    assert said.code == 5
    (receipt,) = json.loads(said.out)["receipts"]
    assert receipt["outcome"] == "stale"
    assert f"its change record has changed: CHG0041234: {why}" in receipt["detail"]
    assert repo.writes() == []


@pytest.mark.parametrize(
    ("second", "code", "outcome"),
    [
        (said("200 OK", b"<html>", kind="text/html"), 7, "not-attempted"),
        (said("200 OK", b'{"result": [{"number": "CHG00412'), 7, "not-attempted"),
        (said("302 Found", headers="Location: https://login.example\r\n"), 7, "not-attempted"),
        (b"", 7, "not-attempted"),
        (said("200 OK", b'{"result": []}'), 5, "stale"),
    ],
    ids=["page", "half", "redirect", "away", "gone"],
)
def test_a_system_that_fails_just_before_the_first_write_sends_nothing(
    repo, monkeypatch, second, code, outcome
) -> None:
    monkeypatch.setenv("CHANGE_RECORDS_TOKEN", KEY)
    row = {"number": "CHG0041234", **OPEN}
    with answering(said("200 OK", json.dumps({"result": [row]}).encode()), second) as (url, _):
        repo.configure(f"change_records: {{kind: servicenow, url: {url}}}\npolicy: {{change_record: {{}}}}\n")
        repo.decide(APPROVE)
        ended = repo.run("apply", "--yes", "--format", "json")
    assert ended.code == code
    assert [each["outcome"] for each in json.loads(ended.out)["receipts"]] == [outcome]
    assert repo.writes() == []
    assert KEY not in ended.out + ended.err


@pytest.mark.parametrize("up", [False, True], ids=["down", "slow"])
def test_a_system_that_is_down_or_slow_lets_nothing_through_and_loses_nothing(
    repo: Repo, monkeypatch, up: bool
) -> None:
    monkeypatch.setenv("CHANGE_RECORDS_TOKEN", KEY)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        if not up:
            listener.close()
        repo.configure(
            f"change_records: {{kind: servicenow, url: {url}, timeout: 1}}\npolicy: {{change_record: {{}}}}\n"
        )
        assert planned(repo)[:2] == (3, "refused/change-record")
        ended = repo.run("apply", "--yes", "--format", "json")
    assert (ended.code, repo.writes()) == (3, [])
    repo.configure()
    assert planned(repo)[:2] == (0, "approve/wanted"), "the decision is as it was"


def test_a_warning_is_in_the_plan_and_in_the_ledger(repo: Repo, record) -> None:
    record('{"when_unavailable": "warn"}', asleep=True)
    repo.decide(APPROVE)
    plan = json.loads(repo.run("plan", "--format", "json").out)
    assert any("CHG0041234 could not be checked" in note for note in plan["notes"])
    assert "could not be checked" in repo.run("plan", "--format", "markdown").out
    assert repo.run("apply", "--yes").code == 0
    (line,) = json.loads(repo.run("ledger", "log", "--format", "json").out)["records"]
    assert "no JSON object" in line["change_record"]["unchecked"]


def test_the_first_rule_whose_objects_match_counts(repo: Repo, record) -> None:
    rules = [{"objects": [r"\VED\Policy\Other\**"], "state": ["closed"]}, {"objects": ["**"], "state": ["Assess"]}]
    record(json.dumps(rules), state="-4")
    assert planned(repo)[:2] == (0, "approve/wanted")
    record(json.dumps(rules))
    assert planned(repo)[1] == "refused/change-record"


def test_an_emergency_has_rules_of_its_own(repo: Repo, record) -> None:
    rule = {"state": ["scheduled"], "emergency": {"state": ["assess"], "window": "ignore"}}
    record(json.dumps(rule), state="-4", type="emergency", start_date="")
    assert planned(repo)[:2] == (0, "approve/wanted")
    record(json.dumps(rule), state="-2", type="emergency")
    assert planned(repo)[2].startswith("not-approved: CHG0041234 has state scheduled, the policy asks for assess")


def test_what_an_apply_did_is_told_back_once_and_never_changes_the_verdict(repo: Repo, record) -> None:
    systems = record(system=", comment: true")
    repo.decide(APPROVE)
    assert repo.run("apply", "--yes").code == 0
    ((note,),) = systems.notes.values()
    assert note.startswith("TPP approval tickets, run ")
    assert "1 applied\n" in note
    assert f"ticket {FIRST}: applied\nLedger head sha256:" in note
    assert repo.run("apply", "--yes").code == 0
    assert len(systems.notes["CHG0041234"]) == 1


def test_a_note_that_can_not_be_left_is_a_warning(repo: Repo, record) -> None:
    record(system=", comment: true", read_only=True)
    repo.decide(APPROVE)
    ended = repo.run("apply", "--yes")
    assert ended.code == 0
    assert "warning: no note was left on CHG0041234: the account lacks a right (403)" in ended.err


def test_without_comment_nothing_is_written_to_the_system(repo: Repo, record) -> None:
    systems = record()
    repo.decide(APPROVE)
    assert repo.run("apply", "--yes").code == 0
    assert systems.notes == {}


def test_doctor_looks_at_address_credential_and_one_record(repo: Repo, record, monkeypatch) -> None:
    record()
    repo.decide(APPROVE)
    told = repo.run("doctor").out
    assert "ok   changes" in told
    assert "ok   change record CHG0041234 is scheduled, planned 2020-01-01T00:00:00Z to" in told
    record(number="CHG0000001")
    assert "warn change record CHG0041234: it is absent, or this account may not see it" in repo.run("doctor").out
    monkeypatch.setenv("CHANGE_RECORDS_API_KEY", "another-key")
    said = repo.run("doctor")
    assert said.code == 4
    assert "it does not accept the credential (401)" in said.out
    assert "another-key" not in said.out + said.err
    monkeypatch.delenv("CHANGE_RECORDS_API_KEY")
    assert "there is no credential for the change records" in repo.run("doctor").out


def test_credentials_come_from_the_keyring_where_it_is_named(repo: Repo, record, monkeypatch) -> None:
    keyring = pytest.importorskip("keyring", reason="the extra `keyring` is not installed")
    monkeypatch.setattr(
        keyring, "get_password", lambda service, name: {"changes CHANGE_RECORDS_API_KEY": KEY}.get(f"{service} {name}")
    )
    record(system=", keyring: changes")
    monkeypatch.delenv("CHANGE_RECORDS_API_KEY")
    assert planned(repo)[:2] == (0, "approve/wanted")
    record(system=", keyring: empty")
    monkeypatch.delenv("CHANGE_RECORDS_API_KEY", raising=False)
    assert planned(repo)[1] == "refused/change-record"


def test_a_thousand_tickets_over_sixty_changes_cost_two_calls(repo: Repo, monkeypatch) -> None:
    monkeypatch.setenv("CHANGE_RECORDS_API_KEY", KEY)
    table = ChangeSystems(Account(api_key=KEY), tuple(TableRow(f"CHG{number:07}", OPEN) for number in range(60)))
    for number in range(1_000):
        repo.sandbox.world.add_ticket(guid(number), object=rf"\VED\Policy\Web\host-{number}.example.com", new=True)
    for change in range(60):
        entries = [f"{{guid: {guid(number)}, status: Approved}}" for number in range(change, 1_000, 60)]
        repo.decide(*entries, header=f"change: chg{change:07}\n", name=f"tickets/{change}.yaml")
    with running_sandbox(listening=Listening(changes=table)) as server:
        repo.configure(f"change_records: {{kind: servicenow, url: {server.url}}}\npolicy: {{change_record: {{}}}}\n")
        plan = json.loads(repo.run("plan", "--format", "json").out)
    assert plan["counts"] == {"approve": 1_000}
    assert table.asked == ["GET /api/now/table/change_request"] * 2


CREDENTIALS = {
    "TOKEN": "planted-bearer-token",
    "API_KEY": "planted-api-key",
    "USERNAME": "svc-planted",
    "PASSWORD": "planted-pass-word",
    "CLIENT_ID": "client-planted",
    "CLIENT_SECRET": "planted-client-secret",
    "SECRET": "planted-signing-secret",
}
WAYS = {
    "token": ("servicenow", ["TOKEN"]),
    "key": ("servicenow", ["API_KEY"]),
    "basic": ("servicenow", ["USERNAME", "PASSWORD"]),
    "oauth": ("servicenow", ["CLIENT_ID", "CLIENT_SECRET"]),
    "oauth-password": ("servicenow", ["CLIENT_ID", "CLIENT_SECRET", "USERNAME", "PASSWORD"]),
    "jira": ("jira", ["USERNAME", "PASSWORD"]),
    "http": ("http", ["TOKEN", "SECRET"]),
}


@pytest.mark.parametrize("accepted", [True, False], ids=["accepted", "refused"])
@pytest.mark.parametrize(("kind", "names"), WAYS.values(), ids=WAYS)
def test_no_output_has_a_credential_that_was_planted(repo: Repo, monkeypatch, kind, names, accepted) -> None:
    for name in names:
        monkeypatch.setenv(f"CHANGE_RECORDS_{name}", CREDENTIALS[name])
    account = Account(
        "svc-planted",
        CREDENTIALS["PASSWORD"],
        token=CREDENTIALS["TOKEN"],
        api_key=CREDENTIALS["API_KEY"],
        client_id=CREDENTIALS["CLIENT_ID"],
        client_secret=CREDENTIALS["CLIENT_SECRET"],
    )
    told = f"echo {' '.join(CREDENTIALS.values())}"
    table = ChangeSystems(
        account if accepted else Account(api_key="another", token="another"),
        (TableRow("CHG0041234", OPEN | {"short_description": told}),),
        (Issue("CHG-1", {"summary": told, "status": {"name": told}}),),
        echoes=True,
    )
    change = "CHG-1" if kind == "jira" else "CHG0041234"
    with running_sandbox(listening=Listening(changes=table)) as server:
        repo.configure(
            f"change_records: {{kind: {kind}, url: {server.url}, comment: true}}\npolicy: {{change_record: {{}}}}\n"
        )
        repo.decide(APPROVE, header=f"change: {change}\n")
        outputs = []
        for command in (
            ("plan", "-v", "--timeline", "--out", "plan.json"),
            ("plan", "--format", "markdown"),
            ("plan", "--format", "html"),
            ("change", change),
            ("change", change, "--format", "json"),
            ("doctor",),
            ("apply", "plan.json", "--yes", "--out", "run.json"),
            ("explain", FIRST),
            ("list",),
            ("ledger", "log", "-v"),
            ("ledger", "export", "--format", "csv"),
            ("ledger", "export", "--format", "json"),
            ("ledger", "export", "--pack", "pack.zip", "--plans", "plan.json"),
            ("ledger", "population"),
            ("report", "--plan", "plan.json", "--out", "site"),
            ("report", "--audit", "--out", "papers"),
        ):
            ended = repo.run(*command, "--log-level", "debug")
            outputs.append(ended.out + ended.err)
    with zipfile.ZipFile("pack.zip") as packed:
        packed.extractall("pack")
    for path in filter(Path.is_file, repo.folder.rglob("*")):
        data = path.read_bytes()
        outputs.append((gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8", "replace"))
    assert any("plans" in path.parts for path in repo.folder.rglob("*.gz")), "what is kept is looked at, too"
    for name in names:
        if name not in ("USERNAME", "CLIENT_ID"):
            assert not [text for text in outputs if CREDENTIALS[name] in text], name
