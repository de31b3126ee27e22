"""Whole lives: from a ticket that appears to an empty repository, for every way that a ticket can end."""

import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from reconciler.app.context import SystemClock
from reconciler.model.status import Status, format_instant
from reconciler.sandbox.seed import APPROVER, JANE
from tests.cli.repo import Repo

NEW = "c0ffee00-0000-4000-8000-000000000001"
HOUR = 3600


@dataclass
class Life:
    """A repo with one new ticket, where our clock is that of TPP, which a test moves."""

    repo: Repo

    def appears(self, **changes: object) -> Path:
        """Let the ticket appear and import it; the file that holds it is the only one."""
        world = self.repo.sandbox.world
        for guid in world.tickets:
            world.delete(guid)
        world.add_ticket(NEW, object=r"\VED\Policy\Web\new.example.com", new=True, **changes)  # type: ignore[arg-type]
        assert "1 new ticket;" in self.repo.run("import").out
        (path,) = (self.repo.folder / "tickets").rglob("*.yaml")
        assert self.repo.run("fmt", "--check").code == 0
        plan = self.repo.run("plan", "--exit-code")
        assert (plan.code, "Plan: 0 will change" in plan.out) == (0, True)
        return path

    def edit(self, path: Path, decision: str) -> None:
        text = path.read_text(encoding="utf-8")
        assert "status: Pending" in text
        path.write_text(text.replace("status: Pending", decision), encoding="utf-8")
        assert self.repo.run("validate").code == 0

    def plan(self) -> str:
        return self.repo.run("plan", "--verbose").out

    def apply(self, *, code: int = 0) -> str:
        """Plan into a file and apply it, as a pipeline does."""
        self.repo.run("plan", "--out", "plan.json")
        said = self.repo.run("apply", "plan.json", "--yes")
        assert said.code == code, said.out + said.err
        return said.out

    def window(self, *, opens: float, hours: float) -> str:
        start = self.now() + timedelta(hours=opens)
        stop = start + timedelta(hours=hours)
        return f"{{start: {format_instant(start)}, stop: {format_instant(stop)}}}"

    def now(self) -> datetime:
        return self.repo.sandbox.world.clock.now().replace(microsecond=0)

    def ends(self) -> None:
        """See the ticket settled, archive it, and find nothing left to do."""
        assert not self.repo.sandbox.world.tickets
        before = len(self.repo.writes())
        assert "1 settled" in self.plan()
        self.apply()
        assert len(self.repo.writes()) == before
        assert "1 entry settled, 0 entries left" in self.repo.run("tidy").out
        assert not list((self.repo.folder / "tickets").rglob("*.yaml"))
        (kept,) = (self.repo.folder / "history").rglob("*.yaml")
        assert f"# {NEW} " in kept.read_text(encoding="utf-8")
        empty = self.repo.run("plan", "--exit-code")
        assert (empty.code, "Plan: nothing is decided" in empty.out) == (0, True), empty.err
        assert self.repo.run("validate").code == 0
        assert self.repo.run("ledger", "verify").code == 0
        assert "0 new tickets" in self.repo.run("import").out


@pytest.fixture
def life(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Life:
    monkeypatch.setattr(SystemClock, "now", lambda _clock: repo.sandbox.world.clock.now())
    return Life(repo)


def test_an_approved_ticket(life: Life) -> None:
    path = life.appears()
    life.edit(path, "status: Approved\n    explanation: reviewed")
    assert "1 will change" in life.plan()
    life.apply()
    life.repo.sandbox.world.process()
    life.ends()


def test_a_rejected_ticket(life: Life) -> None:
    path = life.appears()
    life.edit(path, "status: Rejected\n    explanation: no such host is planned")
    life.apply()
    life.repo.sandbox.world.process()
    assert "1 in-sync" in life.plan()  # TPP keeps it until the request is withdrawn or made again
    assert "1 entry left" in life.repo.run("tidy").out
    life.repo.sandbox.world.delete(NEW)
    life.ends()


def test_a_scheduled_ticket(life: Life) -> None:
    path = life.appears()
    life.edit(
        path, f"status: Approved Between\n    schedule: {life.window(opens=10, hours=4)}\n    explanation: at night"
    )
    life.apply()
    life.repo.sandbox.world.advance(HOUR)
    assert "1 in-sync" in life.plan()
    assert "1 entry left" in life.repo.run("tidy").out
    life.repo.sandbox.world.advance(10 * HOUR)
    life.ends()


def test_an_open_ended_ticket(life: Life) -> None:
    path = life.appears()
    start = format_instant(life.now() + timedelta(hours=2))
    life.edit(path, f"status: Approved After\n    schedule: {{start: {start}}}\n    explanation: from then on")
    life.apply()
    assert "1 in-sync" in life.plan()
    life.repo.sandbox.world.advance(3 * HOUR)
    life.ends()


def test_a_ticket_that_several_have_to_approve(life: Life) -> None:
    path = life.appears(approvers=(APPROVER.name, JANE.name))
    life.edit(path, "status: Approved\n    explanation: reviewed")
    assert "1 awaiting-others" in life.apply()
    assert "1 awaiting-others" in life.plan()
    assert "1 awaiting-others" in life.repo.run("apply", "--yes").out
    assert len(life.repo.writes()) == 1
    assert "1 entry left" in life.repo.run("tidy").out
    life.repo.sandbox.world.console(NEW, Status.APPROVED, by=JANE.name)
    life.repo.sandbox.world.process()
    life.ends()


def test_a_ticket_whose_window_was_missed_gets_the_next_one_by_a_patch(life: Life) -> None:
    path = life.appears()
    window = life.window(opens=10, hours=4)
    life.edit(path, f"status: Approved Between\n    schedule: {window}  # Saturday\n    explanation: at night")
    life.apply()
    life.repo.sandbox.world.pause()
    life.repo.sandbox.world.advance(30 * HOUR)
    life.repo.sandbox.world.resume()
    life.repo.sandbox.world.process()
    missed = life.repo.run("plan")
    assert (missed.code, "missed/window" in missed.out, "--format patch" in missed.out) == (5, True, True)
    _patched(life, path)
    plan = life.plan()
    assert "1 will change" in plan
    assert "schedule/after-missed" in plan
    life.apply()
    life.repo.sandbox.world.advance(7 * 24 * HOUR)
    life.ends()


def _patched(life: Life, path: Path) -> None:
    """Make the patch in a checkout, look at it, and apply it with git."""
    before = path.read_text(encoding="utf-8")
    folder = life.repo.folder
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    said = life.repo.run("plan", "--format", "patch")
    assert said.code == 5
    assert f"# {NEW} at tickets/" in said.out
    assert "#   how  a week later, on the same weekday at the same time\n" in said.out
    subprocess.run(["git", "apply", "--check", "-"], cwd=folder, input=said.out.encode(), check=True)
    subprocess.run(["git", "apply", "-"], cwd=folder, input=said.out.encode(), check=True)
    after = path.read_text(encoding="utf-8")
    changed = [(old, new) for old, new in zip(before.splitlines(), after.splitlines(), strict=True) if old != new]
    ((old, new),) = changed
    assert new.endswith("}  # Saturday")
    assert old.partition("{")[0] == new.partition("{")[0]


def test_a_window_that_was_over_before_anything_was_sent_gets_a_patch_too(life: Life) -> None:
    path = life.appears()
    life.edit(path, f"status: Approved Between\n    schedule: {life.window(opens=1, hours=1)}\n    explanation: soon")
    life.repo.sandbox.world.advance(24 * HOUR)
    assert "expired/window" in life.plan()
    life.repo.write("fix.patch", life.repo.run("plan", "--format", "patch").out)
    subprocess.run(["patch", "-p1", "-s", "-i", "fix.patch"], cwd=life.repo.folder, check=True)
    assert "1 will change" in life.plan()


def test_a_patch_of_a_plan_in_which_no_window_is_over_says_so(life: Life) -> None:
    life.appears()
    said = life.repo.run("plan", "--format", "patch")
    assert (said.code, said.out) == (0, "# No window is over and nothing is contested: there is nothing to change.\n")
