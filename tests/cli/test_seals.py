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
from tests.cli.repo import FIRST, SECOND, THIRD, Repo

APPROVE_FIRST = f"{{guid: {FIRST}, status: Approved}}"
APPROVE_SECOND = f"{{guid: {SECOND}, status: Approved}}"
LEAVE_THIRD = f"{{guid: {THIRD}, status: Pending}}"
SCHEMA = json.loads(Path("schemas/plan.schema.json").absolute().read_text())


def _seals(repo: Repo) -> list[Seal]:
    lines = read_lines(repo.folder / "ledger")
    return [line.entry.seal for line in lines if isinstance(line.entry, Sealed)]


def _read(repo: Repo) -> list[str]:
    found = [str(entry.guid) for entry in repo.sandbox.log.calls("ticketDetails")]
    repo.sandbox.log.clear()
    return sorted(found)


def _settle(repo: Repo) -> None:
    """Approve two tickets of one manifest beside another one that stays open, let TPP delete them, and reconcile."""
    repo.decide(APPROVE_FIRST, APPROVE_SECOND)
    repo.decide(LEAVE_THIRD, name="tickets/open.yaml")
    assert repo.run("apply", "--yes").code == 0
    repo.sandbox.world.process()
    assert _seals(repo) == []
    said = repo.run("apply", "--yes")
    assert said.code == 0
    assert "manifests sealed, because nothing is left to decide in them: 1" in " ".join(said.out.split())
    repo.sandbox.log.clear()


def test_a_manifest_whose_tickets_are_gone_is_sealed_and_not_read_again(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    _settle(repo)
    text = (repo.folder / "tickets/web.yaml").read_bytes()
    assert _seals(repo) == [Seal("tickets/web.yaml", f"sha256:{hashlib.sha256(text).hexdigest()}", 2)]
    read: list[str] = []
    plainly = loading.read_manifest
    monkeypatch.setattr(loading, "read_manifest", lambda file, *rest: read.append(file) or plainly(file, *rest))
    said = repo.run("plan")
    assert "Plan: 0 will change · 1 unchanged (1 in-sync) · 2 settled in 1 sealed manifest" in said.out
    assert read == ["tickets/open.yaml"]
    assert _read(repo) == [THIRD]


def test_a_saved_plan_has_the_seals_and_fits_the_schema(repo: Repo) -> None:
    _settle(repo)
    repo.run("plan", "--out", "plan.json")
    saved = json.loads((repo.folder / "plan.json").read_text())
    Draft202012Validator(SCHEMA).validate(saved)
    (seal,) = _seals(repo)
    assert saved["sealed"] == [{"path": seal.path, "content": seal.content, "decisions": 2}]
    assert [step["guid"] for step in saved["steps"]] == [THIRD]
    assert repo.run("show", "plan.json").code == 0
    assert repo.run("apply", "--yes", "plan.json").code == 0


def test_an_apply_with_nothing_left_to_seal_writes_nothing(repo: Repo) -> None:
    _settle(repo)
    before = sorted(repo.folder.glob("ledger/*/*/*"))
    assert repo.run("apply", "--yes").code == 0
    assert sorted(repo.folder.glob("ledger/*/*/*")) == before
    assert repo.run("ledger", "verify").code == 0


def test_a_ledger_of_before_seals_is_sealed_by_an_apply_with_nothing_else_to_do(repo: Repo) -> None:
    _settle(repo)
    (newest,) = [path for path in repo.folder.glob("ledger/*/*/*.jsonl") if b'"sealed"' in path.read_bytes()]
    repo.write("tickets/web.yaml", (repo.folder / "tickets/web.yaml").read_text() + "# reviewed once more\n")
    assert "2 settled" in repo.run("plan").out
    assert repo.run("apply", "--yes").code == 0
    assert len(_seals(repo)) == 2
    assert newest.exists()
    assert "2 settled in 1 sealed manifest" in repo.run("plan").out


def test_tickets_that_go_at_once_are_sealed_with_the_run_that_decides_them(repo: Repo) -> None:
    repo.sandbox.world.immediate = True
    repo.decide(APPROVE_FIRST)
    assert repo.run("apply", "--yes").code == 0
    assert [seal.path for seal in _seals(repo)] == ["tickets/web.yaml"]


def test_an_edit_breaks_the_seal_and_is_judged(repo: Repo) -> None:
    _settle(repo)
    repo.decide(f"{{guid: {FIRST}, status: Rejected}}", APPROVE_SECOND)
    said = repo.run("plan")
    assert said.code == 5
    assert "conflict/too-late" in said.out
    assert "sealed" not in said.out
    repo.decide(APPROVE_FIRST, APPROVE_SECOND)
    assert "2 settled in 1 sealed manifest" in repo.run("plan").out


def test_a_ticket_of_a_sealed_manifest_that_is_decided_again_is_refused(repo: Repo) -> None:
    _settle(repo)
    repo.decide(f"{{guid: '{{{FIRST.upper()}}}', status: Rejected}}", name="tickets/again.yaml")
    said = repo.run("plan")
    assert said.code == 1
    assert f"ticket {FIRST} is decided twice" in said.err
    assert _read(repo) == []


def test_seals_can_be_ignored(repo: Repo) -> None:
    _settle(repo)
    said = repo.run("plan", "--ignore-seals", "--format", "json")
    plan = json.loads(said.out)
    assert "sealed" not in plan
    assert plan["counts"] == {"in-sync": 1, "settled": 2}


def test_a_plan_of_what_changed_tells_of_no_seals(repo: Repo) -> None:
    _settle(repo)
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        identity = ("-c", "user.name=ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *identity, *command], cwd=repo.folder, check=True, capture_output=True)
    repo.decide(f"{{guid: {THIRD}, status: Rejected}}", name="tickets/open.yaml")
    plan = json.loads(repo.run("plan", "--since", "HEAD", "--format", "json").out)
    assert plan["counts"] == {"reject": 1}
    assert "sealed" not in plan


def test_what_explains_and_tidies_reads_sealed_manifests(repo: Repo) -> None:
    _settle(repo)
    explained = repo.run("explain", FIRST).out
    assert "tickets/web.yaml:4" in explained
    assert "settled/receipt" in explained
    assert repo.run("tidy").code == 0
    assert not (repo.folder / "tickets/web.yaml").exists()
    assert [path.name[:4] for path in (repo.folder / "history").rglob("*.yaml")] == ["web."]


def test_shards_tell_of_a_sealed_manifest_once(repo: Repo) -> None:
    _settle(repo)
    for number in (1, 2):
        repo.run("plan", "--shard", f"{number}/2", "--out", f"{number}.json")
    assert repo.run("plan", "--out", "whole.json").code == 0
    assert repo.run("github", "merge-plans", "1.json", "2.json", "--out", "merged.json").code == 0
    merged, whole = (json.loads((repo.folder / name).read_text()) for name in ("merged.json", "whole.json"))
    assert merged["digest"] == whole["digest"]
    assert merged["sealed"] == whole["sealed"]


def test_a_shard_seals_no_manifest_of_which_it_sees_a_part(repo: Repo) -> None:
    objects = {FIRST: "www", SECOND: "shop"}
    repo.decide(
        *(
            rf"{{guid: {guid}, status: Approved, expect: {{object: '\VED\Policy\Web\{name}.example.com'}}}}"
            for guid, name in objects.items()
        )
    )
    repo.run("apply", "--yes")
    repo.sandbox.world.process()
    for number in range(1, 6):
        assert repo.run("apply", "--yes", "--shard", f"{number}/5").code == 0
    assert _seals(repo) == []
    repo.run("apply", "--yes")
    assert len(_seals(repo)) == 1


def test_a_run_that_is_stopped_seals_nothing(repo: Repo) -> None:
    repo.configure("stop_file: halt\n")
    repo.decide(APPROVE_FIRST)
    repo.run("apply", "--yes")
    repo.sandbox.world.process()
    repo.write("halt", "")
    repo.run("apply", "--yes")
    assert _seals(repo) == []


def test_a_ledger_with_a_changed_seal_stops_plan_and_apply_alike(repo: Repo) -> None:
    _settle(repo)
    (path,) = [path for path in repo.folder.glob("ledger/*/*/*.jsonl") if b'"sealed"' in path.read_bytes()]
    path.write_bytes(path.read_bytes().replace(b'"decisions":2', b'"decisions":0.5'))
    for command in (("plan",), ("apply", "--yes")):
        said = repo.run(*command)
        assert said.code == 4
        assert f"{path.name}:4: line 4 has not the hash that line 5 was written with" in said.err
