"""Which certificate is behind a ticket, where decisions are made: plan, saved plan, explain, pins and refusals."""

import json
from datetime import timedelta
from typing import Any

import pytest

from reconciler.model.certificate import NoteCode
from reconciler.sandbox.certificates import Asked, StoredCertificate
from reconciler.sandbox.wrong_answers import gateway
from tests.cli.repo import FIRST, SECOND, Repo

WWW, SHOP = r"\VED\Policy\Web\www.example.com", r"\VED\Policy\Web\shop.example.com"
APPROVE = f"{{guid: {FIRST}, status: Approved}}"
REJECT = f"{{guid: {FIRST}, status: Rejected}}"
WINDOW = "schedule: {start: 2036-11-29T22:00:00Z, stop: 2036-11-30T02:00:00Z}"
BETWEEN = f"{{guid: {FIRST}, status: Approved Between, {WINDOW}}}"
HOSTILE = "\x1b[31mx\u202e|`<script>alert(1)</script>\n## @everyone =HYPERLINK(1) \U000e0041"
CONTEXT_CALLS = {"resolveDn", "searchCertificates", "readCertificate"}


def put(repo: Repo, dn: str = WWW, **said: Any) -> None:
    sandbox = repo.sandbox
    said = {"expires_in": timedelta(days=12, hours=1)} | said
    sandbox.certificates.add(StoredCertificate(object=dn, **said), sandbox.clock.now())


def calls(repo: Repo) -> list[str]:
    return [entry.operation for entry in repo.sandbox.log.entries if entry.operation in CONTEXT_CALLS]


def planned(repo: Repo, *options: str) -> dict[str, Any]:
    plan: dict[str, Any] = json.loads(repo.run("plan", "--format", "json", *options).out)
    return plan


def test_a_plan_says_in_one_line_which_certificate_it_is(repo: Repo) -> None:
    names = ("www.example.com", "a.example.com", "b.example.com", "c.example.com")
    put(repo, dns=names, issuer="CN=DigiCert, C=US", consumers=(r"\VED\a", r"\VED\b", r"\VED\c", r"\VED\d"))
    repo.decide(APPROVE)
    said = repo.run("plan")
    assert said.code == 0
    assert "www.example.com +3 names, DigiCert, RSA 2048, 12 days left, 4 installations" in " ".join(said.out.split())


def test_a_saved_plan_has_what_is_known_and_its_digest_has_not(repo: Repo) -> None:
    put(repo)
    repo.decide(APPROVE)
    without, with_it = planned(repo, "--no-context"), planned(repo)
    (bare,), (step,) = without["steps"], with_it["steps"]
    assert "context" not in bare
    assert step["context"]["certificate"]["common_name"] == "www.example.com"
    assert step["context"]["certificate"]["days_left"] == 12
    assert {name: value for name, value in step.items() if name != "context"} == bare
    assert without["digest"] == with_it["digest"]


@pytest.mark.parametrize("how", ["option", "configuration"])
def test_who_wants_no_context_asks_for_none(how: str, repo: Repo) -> None:
    put(repo)
    if how == "configuration":
        repo.configure("context: {certificates: false}\n")
    repo.decide(APPROVE)
    assert "context" not in planned(repo, *(["--no-context"] if how == "option" else []))["steps"][0]
    assert calls(repo) == []


def test_an_apply_asks_for_no_context(repo: Repo) -> None:
    put(repo)
    repo.decide(APPROVE)
    assert repo.run("plan", "--out", "plan.json").code == 0
    repo.sandbox.log.clear()
    assert repo.run("apply", "plan.json", "--yes").code == 0
    assert calls(repo) == []


@pytest.mark.parametrize(("option", "shown"), [("--yes", False), ("--dry-run", True)])
def test_an_apply_of_manifests_shows_certificates_to_whom_it_asks(option: str, shown: bool, repo: Repo) -> None:
    put(repo)
    repo.decide(APPROVE)
    said = repo.run("apply", option)
    assert ("    cert      www.example.com" in said.out) is shown
    assert bool(calls(repo)) is shown


def test_without_the_scope_the_plan_is_the_same_and_says_why_once(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    put(repo)
    repo.decide(APPROVE, f"{{guid: {SECOND}, status: Approved}}")
    before = planned(repo, "--no-context")
    monkeypatch.setenv("TPP_TOKEN", repo.sandbox.issue("ssh:manage,approve"))
    said = repo.run("plan")
    assert said.code == 0
    assert said.out.count("no certificate context for 2 of 2 tickets: ") == 1
    assert planned(repo)["digest"] == before["digest"]


def test_a_doctor_says_what_a_missing_scope_costs(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "certificates" not in repo.run("doctor").out
    monkeypatch.setenv("TPP_TOKEN", repo.sandbox.issue("ssh:manage,approve"))
    assert "without it no plan says which certificate is behind a ticket" in " ".join(repo.run("doctor").out.split())


def test_when_the_server_fails_the_plan_is_the_same(repo: Repo) -> None:
    put(repo)
    repo.decide(APPROVE)
    before = planned(repo, "--no-context")
    repo.sandbox.faults.add(gateway(), operation="searchCertificates")
    repo.sandbox.faults.add(gateway(), operation="resolveDn")
    after = planned(repo)
    assert after["digest"] == before["digest"]
    assert any("no certificate context for 1 of 1 tickets: " in note for note in after["notes"])


def test_nothing_to_read_needs_no_call(repo: Repo) -> None:
    repo.decide("{guid: 00000000-0000-4000-8000-0000000000ff, status: Approved}")
    repo.run("plan")
    assert calls(repo) == []


def test_explain_tells_everything(repo: Repo) -> None:
    put(repo, asked=Asked(dns=("www.example.com", "new.example.com"), size=1024), stage=800)
    repo.decide(APPROVE)
    out = " ".join(repo.run("explain", FIRST).out.split())
    assert "CN=Example Issuing CA 2" in out
    assert "adds dns new.example.com" in out
    assert "key: RSA 2048 → RSA 1024" in out
    assert "800 install certificate" in out


@pytest.mark.parametrize("decided", [True, False])
def test_explain_asks_for_no_certificate_where_none_is_wanted(repo: Repo, decided: bool) -> None:
    put(repo)
    repo.decide(*([APPROVE] if decided else [f"{{guid: {SECOND}, status: Pending}}"]))
    assert "CN=Example Issuing CA 2" in repo.run("explain", FIRST).out
    repo.sandbox.log.clear()
    said = repo.run("explain", FIRST, "--no-context")
    assert (said.code, "CN=Example Issuing CA 2" in said.out, calls(repo)) == (0, False, [])


# Notes, and what a policy makes of them

NOTES: dict[NoteCode, tuple[dict[str, Any], str]] = {
    NoteCode.EXPIRES_BEFORE_WINDOW: ({}, BETWEEN),
    NoteCode.REJECTS_RENEWAL: ({}, REJECT),
    NoteCode.DROPS_NAME: ({"dns": ("www.example.com", "b.test")} | {"asked": Asked(dns=("www.example.com",))}, APPROVE),
    NoteCode.WILDCARD: ({"asked": Asked(dns=("www.example.com", "*.example.com"))}, APPROVE),
    NoteCode.WEAKER_KEY: ({"size": 4096, "asked": Asked(size=2048)}, APPROVE),
    NoteCode.RUNS_COMMAND: ({"stage": 1100}, APPROVE),
}


def test_every_note_has_a_case() -> None:
    assert set(NOTES) == set(NoteCode)


@pytest.mark.parametrize("code", NOTES)
def test_a_note_is_shown_and_a_policy_turns_it_into_a_refusal(code: NoteCode, repo: Repo) -> None:
    said, entry = NOTES[code]
    put(repo, **said)
    repo.decide(entry)
    plan = planned(repo)
    assert [note["code"] for note in plan["steps"][0]["context"]["notes"]] == [code]
    assert any(f"[{code}]" in note for note in plan["notes"])
    assert plan["steps"][0]["verdict"] in ("approve", "schedule", "reject")
    repo.run("plan", "--out", "plan.json")

    repo.configure(f"policy: {{refuse: [{code}]}}\n")
    refused = planned(repo)["steps"][0]
    assert refused["reason"] == "refused/context"
    assert refused["detail"].startswith(f"{code}: ")
    assert repo.run("plan").code == 3
    assert repo.run("apply", "--yes").code == 3
    assert repo.run("apply", "plan.json", "--yes").code == 3
    assert repo.writes() == []


def test_a_certificate_without_trouble_passes_a_policy_that_refuses_everything(repo: Repo) -> None:
    put(repo)
    repo.configure(f"policy: {{refuse: [{', '.join(NoteCode)}]}}\n")
    repo.decide(APPROVE)
    assert repo.run("apply", "--yes").code == 0
    assert len(repo.writes()) == 1


def test_what_cannot_be_read_is_refused_by_a_policy_and_what_is_no_certificate_is_not(repo: Repo) -> None:
    put(repo)
    put(repo, SHOP, kind="Apache")
    repo.configure("policy: {refuse: [context/drops-name]}\n")
    repo.decide(APPROVE, f"{{guid: {SECOND}, status: Approved}}")
    repo.sandbox.faults.add(gateway(), operation="readCertificate")
    reasons = {step["guid"]: step["reason"] for step in planned(repo, "--no-context")["steps"]}
    assert reasons == {FIRST: "refused/context", SECOND: "approve/wanted"}


def test_a_refusal_that_needs_details_does_not_pass_on_a_search_alone(repo: Repo) -> None:
    put(repo, stage=1100)
    repo.configure("policy: {refuse: [context/drops-name]}\n")
    repo.decide(BETWEEN)
    repo.sandbox.faults.add(gateway(), operation="readCertificate")
    (step,) = planned(repo)["steps"]
    assert [note["code"] for note in step["context"]["notes"]] == ["context/expires-before-window"]
    assert step["reason"] == "refused/context"
    repo.configure("policy: {refuse: [context/rejects-renewal]}\n")
    assert planned(repo)["steps"][0]["verdict"] == "schedule"


def test_an_override_lets_a_named_ticket_pass(repo: Repo) -> None:
    put(repo, stage=1100)
    repo.configure("policy: {refuse: [context/runs-command], overrides: {longest: 9999d}}\n")
    repo.decide(APPROVE)
    override = f"{{rule: context, tickets: [{FIRST}], reason: known, until: 2036-01-01T00:00:00Z}}"
    repo.decide(APPROVE, header=f"change: CHG0041234\noverrides: [{override}]\n")
    assert planned(repo)["steps"][0]["verdict"] == "approve"


# Pins


def pinned(common_name: str = "www.example.com", issuer: str = "Example Issuing CA 2") -> str:
    return (
        f"{{guid: {FIRST}, status: Approved, "
        f"expect: {{certificate: {{common_name: '{common_name}', issuer: '{issuer}'}}}}}}"
    )


@pytest.mark.parametrize("issuer", ["Example Issuing CA 2", 'CN=Example Issuing CA 2, O="Example, Ltd.", C=DE'])
def test_a_pin_that_fits_lets_pass(issuer: str, repo: Repo) -> None:
    put(repo)
    repo.decide(pinned("WWW.example.com", issuer))
    assert repo.run("plan", "--no-context", "--out", "plan.json").code == 0
    assert repo.run("apply", "plan.json", "--yes").code == 0
    assert len(repo.writes()) == 1


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (pinned("other.example.com"), "the certificate is for www.example.com, reviewed was other.example.com"),
        (pinned(issuer="Another CA"), "the certificate is issued by CN=Example Issuing CA 2"),
    ],
)
def test_a_certificate_that_differs_from_its_pin_is_never_touched(entry: str, why: str, repo: Repo) -> None:
    put(repo)
    repo.decide(entry)
    (step,) = planned(repo)["steps"]
    assert step["reason"] == "mismatch/certificate"
    assert step["detail"].startswith(why)
    assert repo.run("apply", "--yes").code == 5
    assert repo.writes() == []


def test_a_certificate_that_changes_between_plan_and_apply_is_never_touched(repo: Repo) -> None:
    put(repo)
    repo.decide(pinned())
    assert repo.run("plan", "--out", "plan.json").code == 0
    put(repo, issuer="CN=Rogue CA")
    said = repo.run("apply", "plan.json", "--yes")
    assert said.code == 5
    assert repo.writes() == []


def test_a_pin_that_cannot_be_compared_is_a_mismatch(repo: Repo) -> None:
    repo.decide(pinned())
    (step,) = planned(repo)["steps"]
    assert step["reason"] == "mismatch/certificate"
    assert "can't be compared" in step["detail"]


def test_a_pin_is_compared_with_everything_however_few_certificates_are_read_in_full(repo: Repo) -> None:
    put(repo)
    repo.configure("context: {details: 0}\n")
    repo.decide(pinned())
    assert planned(repo)["steps"][0]["verdict"] == "approve"
    repo.sandbox.faults.add(gateway(), operation="readCertificate")
    assert planned(repo)["steps"][0]["reason"] == "mismatch/certificate"


def test_a_pin_is_part_of_the_digest(repo: Repo) -> None:
    put(repo)
    repo.decide(pinned())
    with_pin = planned(repo)["digest"]
    repo.decide(APPROVE)
    assert planned(repo)["digest"] != with_pin


# Import


def test_an_import_says_which_certificate_it_is_and_pins_it(repo: Repo) -> None:
    put(repo, dns=("www.example.com", "a.example.com"))
    put(repo, SHOP, issued=False)
    assert repo.run("import").code == 0
    (path,) = (repo.folder / "tickets").rglob("*.yaml")
    text = path.read_text(encoding="utf-8")
    assert "# certificate www.example.com, a.example.com, Example Issuing CA 2, RSA 2048, until " in text
    assert "      certificate:\n        common_name: www.example.com\n        issuer: Example Issuing CA 2\n" in text
    assert text.count("certificate:") == 1
    assert repo.run("validate").code == 0
    path.write_text(text.replace("status: Pending", "status: Approved"), encoding="utf-8")
    assert {step["verdict"] for step in planned(repo)["steps"]} == {"approve"}
    assert calls(repo).count("searchCertificates") <= 4


def test_an_import_without_context_pins_nothing(repo: Repo) -> None:
    put(repo)
    assert repo.run("import", "--no-context").code == 0
    (path,) = (repo.folder / "tickets").rglob("*.yaml")
    assert "certificate" not in path.read_text(encoding="utf-8")
    assert calls(repo) == []


def test_an_import_of_hostile_certificates_is_a_manifest_that_validates(repo: Repo) -> None:
    put(repo, common_name=HOSTILE, dns=(HOSTILE,), issuer=f"CN={HOSTILE}")
    put(repo, SHOP, common_name="x: {y}", issuer='CN="- a, b\'"')
    assert repo.run("import").code == 0
    assert repo.run("validate").code == 0
    assert {step["verdict"] for step in planned(repo)["steps"]} <= {"in-sync", "approve"}


# List


def test_a_list_of_what_ends_soon_begins_with_the_first_to_end(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    put(repo, expires_in=timedelta(days=10, hours=1))
    put(repo, SHOP, overdue=timedelta(days=20))
    put(repo, r"\VED\Policy\Web\api.example.com", expires_in=timedelta(days=90))
    rows = json.loads(repo.run("list", "--expiring", "14d", "--format", "json").out)["tickets"]
    assert [(row["guid"], row["days_left"]) for row in rows] == [(SECOND, -8), (FIRST, 10)]
    assert calls(repo) == ["searchCertificates"]
    monkeypatch.setenv("TPP_TOKEN", repo.sandbox.issue("ssh:manage,approve"))
    said = repo.run("list", "--expiring", "14d")
    assert "its certificate is not known" in " ".join((said.out + said.err).split())
    assert said.code == 4


# Many


def test_of_very_many_certificates_only_what_a_search_tells_is_read(repo: Repo) -> None:
    put(repo)
    put(repo, SHOP)
    repo.configure("context: {details: 1}\n")
    repo.decide(APPROVE, f"{{guid: {SECOND}, status: Approved}}")
    plan = planned(repo)
    assert calls(repo) == ["searchCertificates"]
    assert any("2 certificates were read in short" in note for note in plan["notes"])
    assert not any(step["context"]["certificate"].get("in_full") for step in plan["steps"])


# Hostile text


@pytest.mark.parametrize("style", ["text", "markdown", "html"])
def test_what_requesters_write_is_inert(style: str, repo: Repo) -> None:
    put(repo, common_name=HOSTILE, dns=(HOSTILE,), issuer=f"CN={HOSTILE}", status=HOSTILE, stage=1100,
        consumers=(rf"\VED\{HOSTILE}",), asked=Asked(dns=(HOSTILE + "2",)))  # fmt: skip
    repo.decide(REJECT)
    for said in (repo.run("plan", "--format", style), repo.run("explain", FIRST)):
        assert not {"\x1b", "\u202e", "\U000e0041"} & set(said.out)
        assert "\n## @everyone" not in said.out
    assert style == "text" or "<script>alert" not in repo.run("plan", "--format", style).out
