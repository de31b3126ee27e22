"""A runner that dies: what it may have sent stands on the branch before its first update, and the next run reads it."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.github.repository import git
from tests.workflows.job import LEDGER, apply, job, squash
from tests.workflows.team import SHOP, WWW, Team

pytestmark = pytest.mark.slow

_DIES = Path(__file__).parent.parent / "trust" / "dies.py"


def _lines(acme: Team) -> list[dict[str, Any]]:
    return [json.loads(line) for text in acme.ledger.values() for line in text.splitlines()]


def _dies(acme: Team, step: str, nth: int = 1) -> None:
    """Apply on a runner that dies at a step of the protocol, and go on on another one."""
    assert job(acme, "github", "ledger", "pull").returncode == 0
    arguments = ("apply", "--yes", "--out", str(acme.scratch / "run.json"))
    done = job(acme, *arguments, program=[sys.executable, str(_DIES), step, str(nth)], **LEDGER)
    assert done.returncode == -9, done.stdout + done.stderr
    shutil.move(acme.folder, acme.scratch / "dead")
    git(acme.scratch, "clone", "--quiet", str(acme.remote), str(acme.folder))


def test_the_next_run_finds_what_a_dead_runner_may_have_sent_and_sends_nothing_twice(acme: Team) -> None:
    acme.merged(12)
    settings = (acme.folder / "reconciler.yaml").read_text()
    squash(acme, 11, "reconciler.yaml", settings.replace("requests: {", "requests: {writes: 1, "))
    _dies(acme, "update:after")
    told = _lines(acme)
    assert sorted(line["guid"] for line in told if line["entry"] == "intent" and line["attempt"] == 0) == [WWW, SHOP]
    assert all(line["review"]["pull_request"] == 12 for line in told)
    sent = {entry.guid for entry in acme.tpp.log.updates}
    done = apply(acme)
    again = [entry.guid for entry in acme.tpp.log.updates]
    assert len(again) == len(set(again)) == len(sent) == 1
    assert done.returncode == 5, done.stdout + done.stderr
    (receipt,) = [line for line in _lines(acme) if line["entry"] == "receipt"]
    assert (receipt["guid"], receipt["outcome"], receipt["review"]["pull_request"]) == (*sent, "applied", 12)
    assert "may have sent" in " ".join(done.stdout.split())


def test_what_a_dead_runner_wrote_is_taken_back_from_its_artifact(acme: Team) -> None:
    acme.merged(12)
    _dies(acme, "receipt:after", 2)
    assert "receipt" not in {line["entry"] for line in _lines(acme)}
    rescued = acme.scratch / "dead" / "ledger"
    done = job(acme, "github", "ledger", "restore", str(rescued))
    assert done.returncode == 0, done.stderr
    assert [line["entry"] for line in _lines(acme)].count("receipt") == 2
    done = apply(acme)
    assert (done.returncode, len(acme.tpp.log.updates)) == (0, 2), done.stdout
    again = job(acme, "github", "ledger", "restore", str(rescued))
    assert (again.returncode, "nothing" in again.stderr) == (0, True)


def test_a_forged_file_is_not_taken_back(acme: Team) -> None:
    acme.merged(12)
    assert apply(acme).returncode == 0
    (name,) = acme.ledger
    before = acme.ledger
    forged = acme.scratch / "forged" / name
    forged.parent.mkdir(parents=True)
    forged.write_text((acme.folder / "ledger" / name).read_text().replace('"bob"', '"eve"'))
    done = job(acme, "github", "ledger", "restore", str(acme.scratch / "forged"))
    assert (done.returncode, acme.ledger) == (4, before)
    assert "other lines" in done.stderr
