"""A saved plan is whole or refused, and no clock decides what was done before what."""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.app.context import SystemClock
from reconciler.codec import decode_plan, json_text, plan_json, sha256
from reconciler.model.plan import Plan
from reconciler.model.value import replace
from reconciler.planning.digest import plan_digest
from reconciler.sandbox.seed import APPROVER, JANE
from tests.builders import altered
from tests.cli.repo import FIRST, SECOND, Repo

NEW = "aaaaaaaa-0000-4000-8000-00000000000a"
SEVERAL = f"{{guid: {NEW}, status: Approved, explanation: reviewed}}"
Offset = Callable[[float], None]


@pytest.fixture
def offset(monkeypatch: pytest.MonkeyPatch) -> Iterator[Offset]:
    """Set the clock of the machine that the next commands run on, in minutes ahead of the true time."""

    def set_clock(minutes: float) -> None:
        monkeypatch.setattr(SystemClock, "now", lambda _: datetime.now(UTC) + timedelta(minutes=minutes))

    return set_clock


def one_of_several(repo: Repo) -> None:
    """A ticket that two people have to approve: the first approval leaves it pending, as it was before."""
    repo.sandbox.world.add_ticket(NEW, object=r"\VED\Policy\Web\two.example.com", approvers=(APPROVER.name, JANE.name))
    repo.decide(SEVERAL)


def saved(repo: Repo, *arguments: str) -> Path:
    if not (repo.folder / "tickets").exists():
        repo.decide(f"{{guid: {FIRST}, status: Approved, explanation: ready}}")
    said = repo.run("plan", "--out", "plan.json", *arguments)
    assert said.code == 0, said.err
    return repo.folder / "plan.json"


def rewritten(path: Path, **changes: Any) -> None:
    """Save a plan with other members as somebody would who knows digest and checksum."""
    plan = replace(decode_plan(path.read_bytes()), **changes)
    plan = replace(plan, digest=plan_digest(plan.target, plan.steps, plan.overrides, plan.sealed))
    path.write_text(plan_json(plan), encoding="ascii")


@pytest.mark.parametrize(("planning", "first", "second"), [(2, 0, 0), (0, 0, 0), (0, -4, -4), (0, 4, -4), (4, -1, 4)])
def test_a_plan_that_is_applied_twice_is_sent_once_whatever_the_clocks(
    repo: Repo, offset: Offset, planning: float, first: float, second: float
) -> None:
    one_of_several(repo)
    offset(planning)
    saved(repo)
    offset(first)
    said = repo.run("apply", "plan.json", "--yes")
    assert (said.code, len(repo.writes())) == (0, 1), said
    offset(second)
    said = repo.run("apply", "plan.json", "--yes")
    assert said.code == 0, said
    assert len(repo.writes()) == 1


def test_a_machine_that_is_ten_minutes_behind_sends_nothing(repo: Repo, offset: Offset) -> None:
    one_of_several(repo)
    saved(repo)
    offset(-10)
    for _ in "ab":
        said = repo.run("apply", "plan.json", "--yes")
        assert said.code == 3
        assert "which is in the future: here it is" in said.err
    assert repo.writes() == []


def test_what_another_plan_did_since_makes_a_step_stale(repo: Repo, offset: Offset) -> None:
    one_of_several(repo)
    path = saved(repo)
    repo.decide(f"{{guid: {NEW}, status: Rejected, explanation: no}}")
    shutil.copy(path, repo.folder / "earlier.json")
    offset(-3)
    saved(repo)
    assert repo.run("apply", "plan.json", "--yes").code == 0
    repo.sandbox.world.console(NEW, "Pending", by=JANE.name)
    before = len(repo.writes())
    offset(3)
    said = repo.run("apply", "earlier.json", "--yes")
    assert said.code == 5
    assert "has applied Rejected since the plan was made" in said.out
    assert len(repo.writes()) == before


def test_a_ledger_that_does_not_have_what_the_plan_was_made_from_is_refused(repo: Repo) -> None:
    repo.decide(f"{{guid: {SECOND}, status: Approved, explanation: ready}}")
    assert repo.run("apply", "--yes").code == 0
    repo.decide(f"{{guid: {FIRST}, status: Approved, explanation: ready}}")
    saved(repo)
    shutil.rmtree(repo.folder / "ledger")
    said = repo.run("apply", "plan.json", "--yes")
    assert said.code == 3
    assert "is not the one that the plan was made from, or was cut" in said.err
    assert len(repo.writes()) == 1


def test_a_plan_expires_by_itself_or_by_the_configuration_whichever_is_first(repo: Repo, offset: Offset) -> None:
    path = saved(repo)
    offset(61)
    repo.configure("plan: {expires: 1h}\n")
    assert "the plan expired at" in repo.run("apply", "plan.json", "--yes").err
    repo.configure("plan: {expires: 30d}\n")
    offset(24 * 60 + 1)
    assert "the plan expired at" in repo.run("apply", "plan.json", "--yes").err
    rewritten(path, expires_at=datetime(2999, 1, 1, tzinfo=UTC))
    repo.configure()
    assert "the plan expired at" in repo.run("apply", "plan.json", "--yes").err
    assert repo.writes() == []


def test_a_plan_of_an_earlier_release_is_shown_and_not_applied(repo: Repo) -> None:
    path = saved(repo)
    rewritten(path, version=1, ledger_heads=())
    assert repo.run("show", "plan.json").code == 0
    said = repo.run("apply", "plan.json", "--yes")
    assert said.code == 3
    assert "an earlier release made the plan" in said.err
    assert repo.writes() == []


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    inner = [place for name, item in items for place in places(item, (*path, name))]
    return inner or [path]


def edited(value: object) -> object:
    """Another value of the same type, as far as there is one."""
    match value:
        case str():
            return value + "0"
        case bool():
            return not value
        case int():
            return value + 1
        case None:
            return "x"
        case _:
            return ["x"]


@pytest.mark.parametrize(
    "command",
    [
        ("apply", "plan.json", "--yes"),
        ("show", "plan.json"),
        ("github", "verdict"),
        ("github", "merge-plans", "plan.json", "--out", "out.json"),
    ],
)
def test_every_member_that_is_edited_refuses_the_plan(repo: Repo, command: tuple[str, ...]) -> None:
    repo.decide(
        f"{{guid: {FIRST}, status: Approved, explanation: ready, parameters: {{reason: why}}, "
        f"valid_until: 2999-01-01T00:00:00Z, expect: {{object: '\\VED\\Policy\\Web\\www.example.com'}}}}"
    )
    freeze = "{name: f, start: 2098-01-01T00:00:00Z, stop: 2099-01-01T00:00:00Z}"
    repo.configure(f"policy: {{limits: {{changes: 5}}, freezes: [{freeze}]}}\n")
    path = saved(repo)
    whole = path.read_bytes()
    assert json_text(json.loads(whole)).encode() == whole
    for *parents, last in places(json.loads(whole)):
        changed = json.loads(whole)
        holder = changed
        for name in parents:
            holder = holder[name]
        holder[last] = edited(holder[last])
        path.write_text(json_text(changed), encoding="ascii")
        said = repo.run(*command)
        assert said.code in (1, 3), (parents, last, said)
    path.write_bytes(whole)
    assert repo.run("show", "plan.json").code == 0
    assert repo.writes() == []


def test_a_plan_with_another_meaning_and_a_checksum_that_fits_is_refused_by_its_digest(repo: Repo) -> None:
    path = saved(repo)
    made: Plan = decode_plan(path.read_bytes())
    (step,) = made.steps
    other = replace(made, steps=(altered(step, explanation="something else"),))
    path.write_text(plan_json(other), encoding="ascii")
    for command in (("apply", "plan.json", "--yes"), ("show", "plan.json"), ("github", "verdict")):
        said = repo.run(*command)
        assert (said.code, "it was edited after it was made" in said.err) == (3, True)
    assert repo.writes() == []


def test_the_checksum_is_that_of_everything_before_its_line(repo: Repo) -> None:
    *lines, checksum, brace = saved(repo).read_text(encoding="ascii").splitlines(keepends=True)
    assert (checksum, brace) == (f'  "checksum": "{sha256("".join(lines).encode())}"\n', "}\n")
