"""Seals of manifests, from the apply that sets them to the plans that need not read what is sealed."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from reconciler.ledger.history import read_lines
from reconciler.manifests import load as loading
from reconciler.model.decision import Seal
from reconciler.model.record import Sealed
from tests.cli.desk import FIRST, SECOND, THIRD, Desk

APPROVE_FIRST = f"{{guid: {FIRST}, status: Approved}}"
APPROVE_SECOND = f"{{guid: {SECOND}, status: Approved}}"
LEAVE_THIRD = f"{{guid: {THIRD}, status: Pending}}"
SCHEMA = json.loads(Path("schemas/plan.schema.json").absolute().read_text())


def _seals(desk: Desk) -> list[Seal]:
    lines = read_lines(desk.folder / "ledger")
    return [line.entry.seal for line in lines if isinstance(line.entry, Sealed)]


def _read(desk: Desk) -> list[str]:
    found = [str(entry.guid) for entry in desk.sandbox.log.calls("ticketDetails")]
    desk.sandbox.log.clear()
    return sorted(found)


def _settle(desk: Desk) -> None:
    """Approve two tickets of one manifest beside another one that stays open, let TPP delete them, and reconcile."""
    desk.decide(APPROVE_FIRST, APPROVE_SECOND)
    desk.decide(LEAVE_THIRD, name="tickets/open.yaml")
    assert desk.run("apply", "--yes").code == 0
    desk.sandbox.world.process()
    assert _seals(desk) == []
    said = desk.run("apply", "--yes")
    assert said.code == 0
    assert "manifests sealed, because nothing is left to decide in them: 1" in " ".join(said.out.split())
    desk.sandbox.log.clear()


def test_a_manifest_whose_tickets_are_gone_is_sealed_and_not_read_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    _settle(desk)
    text = (desk.folder / "tickets/web.yaml").read_bytes()
    assert _seals(desk) == [Seal("tickets/web.yaml", f"sha256:{hashlib.sha256(text).hexdigest()}", 2)]
    read: list[str] = []
    plainly = loading.read_manifest
    monkeypatch.setattr(loading, "read_manifest", lambda file, *rest: read.append(file) or plainly(file, *rest))
    said = desk.run("plan")
    assert "Plan: 0 will change · 1 unchanged (1 in-sync) · 2 settled in 1 sealed manifest" in said.out
    assert read == ["tickets/open.yaml"]
    assert _read(desk) == [THIRD]


def test_a_saved_plan_has_the_seals_and_fits_the_schema(desk: Desk) -> None:
    _settle(desk)
    desk.run("plan", "--out", "plan.json")
    saved = json.loads((desk.folder / "plan.json").read_text())
    Draft202012Validator(SCHEMA).validate(saved)
    (seal,) = _seals(desk)
    assert saved["sealed"] == [{"path": seal.path, "content": seal.content, "decisions": 2}]
    assert [step["guid"] for step in saved["steps"]] == [THIRD]
    assert desk.run("show", "plan.json").code == 0
    assert desk.run("apply", "--yes", "plan.json").code == 0


def test_an_apply_with_nothing_left_to_seal_writes_nothing(desk: Desk) -> None:
    _settle(desk)
    before = sorted(desk.folder.glob("ledger/*/*/*"))
    assert desk.run("apply", "--yes").code == 0
    assert sorted(desk.folder.glob("ledger/*/*/*")) == before
    assert desk.run("ledger", "verify").code == 0


def test_a_ledger_of_before_seals_is_sealed_by_an_apply_with_nothing_else_to_do(desk: Desk) -> None:
    _settle(desk)
    (newest,) = [path for path in desk.folder.glob("ledger/*/*/*.jsonl") if b'"sealed"' in path.read_bytes()]
    desk.write("tickets/web.yaml", (desk.folder / "tickets/web.yaml").read_text() + "# reviewed once more\n")
    assert "2 settled" in desk.run("plan").out
    assert desk.run("apply", "--yes").code == 0
    assert len(_seals(desk)) == 2
    assert newest.exists()
    assert "2 settled in 1 sealed manifest" in desk.run("plan").out


def test_tickets_that_go_at_once_are_sealed_with_the_run_that_decides_them(desk: Desk) -> None:
    desk.sandbox.world.immediate = True
    desk.decide(APPROVE_FIRST)
    assert desk.run("apply", "--yes").code == 0
    assert [seal.path for seal in _seals(desk)] == ["tickets/web.yaml"]


def test_an_edit_breaks_the_seal_and_is_judged(desk: Desk) -> None:
    _settle(desk)
    desk.decide(f"{{guid: {FIRST}, status: Rejected}}", APPROVE_SECOND)
    said = desk.run("plan")
    assert said.code == 5
    assert "conflict/too-late" in said.out
    assert "sealed" not in said.out
    desk.decide(APPROVE_FIRST, APPROVE_SECOND)
    assert "2 settled in 1 sealed manifest" in desk.run("plan").out


def test_a_ticket_of_a_sealed_manifest_that_is_decided_again_is_refused(desk: Desk) -> None:
    _settle(desk)
    desk.decide(f"{{guid: '{{{FIRST.upper()}}}', status: Rejected}}", name="tickets/again.yaml")
    said = desk.run("plan")
    assert said.code == 1
    assert f"ticket {FIRST} is decided twice" in said.err
    assert _read(desk) == []


def test_seals_can_be_ignored(desk: Desk) -> None:
    _settle(desk)
    said = desk.run("plan", "--ignore-seals", "--format", "json")
    plan = json.loads(said.out)
    assert "sealed" not in plan
    assert plan["counts"] == {"in-sync": 1, "settled": 2}


def test_a_plan_of_what_changed_tells_of_no_seals(desk: Desk) -> None:
    _settle(desk)
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        identity = ("-c", "user.name=ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *identity, *command], cwd=desk.folder, check=True, capture_output=True)
    desk.decide(f"{{guid: {THIRD}, status: Rejected}}", name="tickets/open.yaml")
    plan = json.loads(desk.run("plan", "--since", "HEAD", "--format", "json").out)
    assert plan["counts"] == {"reject": 1}
    assert "sealed" not in plan


def test_what_explains_and_tidies_reads_sealed_manifests(desk: Desk) -> None:
    _settle(desk)
    explained = desk.run("explain", FIRST).out
    assert "tickets/web.yaml:4" in explained
    assert "settled/receipt" in explained
    assert desk.run("tidy").code == 0
    assert not (desk.folder / "tickets/web.yaml").exists()
    assert [path.name[:4] for path in (desk.folder / "history").rglob("*.yaml")] == ["web."]


def test_shards_tell_of_a_sealed_manifest_once(desk: Desk) -> None:
    _settle(desk)
    for number in (1, 2):
        desk.run("plan", "--shard", f"{number}/2", "--out", f"{number}.json")
    assert desk.run("plan", "--out", "whole.json").code == 0
    assert desk.run("github", "merge-plans", "1.json", "2.json", "--out", "merged.json").code == 0
    merged, whole = (json.loads((desk.folder / name).read_text()) for name in ("merged.json", "whole.json"))
    assert merged["digest"] == whole["digest"]
    assert merged["sealed"] == whole["sealed"]


def test_a_shard_seals_no_manifest_of_which_it_sees_a_part(desk: Desk) -> None:
    objects = {FIRST: "www", SECOND: "shop"}
    desk.decide(
        *(
            rf"{{guid: {guid}, status: Approved, expect: {{object: '\VED\Policy\Web\{name}.example.com'}}}}"
            for guid, name in objects.items()
        )
    )
    desk.run("apply", "--yes")
    desk.sandbox.world.process()
    for number in range(1, 6):
        assert desk.run("apply", "--yes", "--shard", f"{number}/5").code == 0
    assert _seals(desk) == []
    desk.run("apply", "--yes")
    assert len(_seals(desk)) == 1


def test_a_run_that_is_stopped_seals_nothing(desk: Desk) -> None:
    desk.configure("stop_file: halt\n")
    desk.decide(APPROVE_FIRST)
    desk.run("apply", "--yes")
    desk.sandbox.world.process()
    desk.write("halt", "")
    desk.run("apply", "--yes")
    assert _seals(desk) == []


def test_a_ledger_with_a_changed_seal_stops_plan_and_apply_alike(desk: Desk) -> None:
    _settle(desk)
    (path,) = [path for path in desk.folder.glob("ledger/*/*/*.jsonl") if b'"sealed"' in path.read_bytes()]
    path.write_bytes(path.read_bytes().replace(b'"decisions":2', b'"decisions":0.5'))
    for command in (("plan",), ("apply", "--yes")):
        said = desk.run(*command)
        assert said.code == 4
        assert f"{path.name}:4: line 4 has not the hash that line 5 was written with" in said.err
