"""A saved plan is whole or refused, and no clock decides what was done before what."""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.app.context import SystemClock
from reconciler.codec import decode_plan, json_text, plan_pieces, sha256
from reconciler.model.plan import Plan
from reconciler.model.value import replace
from reconciler.planning.digest import plan_digest
from reconciler.sandbox.seed import APPROVER, JANE
from tests.builders import altered
from tests.cli.desk import FIRST, SECOND, Desk

NEW = "aaaaaaaa-0000-4000-8000-00000000000a"
SEVERAL = f"{{guid: {NEW}, status: Approved, explanation: reviewed}}"
Offset = Callable[[float], None]


@pytest.fixture
def offset(monkeypatch: pytest.MonkeyPatch) -> Iterator[Offset]:
    """Set the clock of the machine that the next commands run on, in minutes ahead of the true time."""

    def set_clock(minutes: float) -> None:
        monkeypatch.setattr(SystemClock, "now", lambda _: datetime.now(UTC) + timedelta(minutes=minutes))

    return set_clock


def one_of_several(desk: Desk) -> None:
    """A ticket that two people have to approve: the first approval leaves it pending, as it was before."""
    desk.sandbox.world.add_ticket(NEW, object=r"\VED\Policy\Web\two.example.com", approvers=(APPROVER.name, JANE.name))
    desk.decide(SEVERAL)


def saved(desk: Desk, *arguments: str) -> Path:
    if not (desk.folder / "tickets").exists():
        desk.decide(f"{{guid: {FIRST}, status: Approved, explanation: ready}}")
    said = desk.run("plan", "--out", "plan.json", *arguments)
    assert said.code == 0, said.err
    return desk.folder / "plan.json"


def rewritten(path: Path, **changes: Any) -> None:
    """Save a plan with other members as somebody would who knows digest and checksum."""
    plan = replace(decode_plan(path.read_bytes()), **changes)
    plan = replace(plan, digest=plan_digest(plan.target, plan.steps, plan.overrides, plan.sealed))
    path.write_text("".join(plan_pieces(plan)), encoding="ascii")


@pytest.mark.parametrize(("planning", "first", "second"), [(2, 0, 0), (0, 0, 0), (0, -4, -4), (0, 4, -4), (4, -1, 4)])
def test_a_plan_that_is_applied_twice_is_sent_once_whatever_the_clocks(
    desk: Desk, offset: Offset, planning: float, first: float, second: float
) -> None:
    one_of_several(desk)
    offset(planning)
    saved(desk)
    offset(first)
    said = desk.run("apply", "plan.json", "--yes")
    assert (said.code, len(desk.writes())) == (0, 1), said
    offset(second)
    said = desk.run("apply", "plan.json", "--yes")
    assert said.code == 0, said
    assert len(desk.writes()) == 1


def test_a_machine_that_is_ten_minutes_behind_sends_nothing(desk: Desk, offset: Offset) -> None:
    one_of_several(desk)
    saved(desk)
    offset(-10)
    for _ in "ab":
        said = desk.run("apply", "plan.json", "--yes")
        assert said.code == 3
        assert "which is in the future: here it is" in said.err
    assert desk.writes() == []


def test_what_another_plan_did_since_makes_a_step_stale(desk: Desk, offset: Offset) -> None:
    one_of_several(desk)
    path = saved(desk)
    desk.decide(f"{{guid: {NEW}, status: Rejected, explanation: no}}")
    shutil.copy(path, desk.folder / "earlier.json")
    offset(-3)
    saved(desk)
    assert desk.run("apply", "plan.json", "--yes").code == 0
    desk.sandbox.world.console(NEW, "Pending", by=JANE.name)
    before = len(desk.writes())
    offset(3)
    said = desk.run("apply", "earlier.json", "--yes")
    assert said.code == 5
    assert "has applied Rejected since the plan was made" in said.out
    assert len(desk.writes()) == before


def test_a_ledger_that_does_not_have_what_the_plan_was_made_from_is_refused(desk: Desk) -> None:
    desk.decide(f"{{guid: {SECOND}, status: Approved, explanation: ready}}")
    assert desk.run("apply", "--yes").code == 0
    desk.decide(f"{{guid: {FIRST}, status: Approved, explanation: ready}}")
    saved(desk)
    shutil.rmtree(desk.folder / "ledger")
    said = desk.run("apply", "plan.json", "--yes")
    assert said.code == 3
    assert "is not the one that the plan was made from, or was cut" in said.err
    assert len(desk.writes()) == 1


def test_a_plan_expires_by_itself_or_by_the_configuration_whichever_is_first(desk: Desk, offset: Offset) -> None:
    path = saved(desk)
    offset(61)
    desk.configure("plan: {expires: 1h}\n")
    assert "the plan expired at" in desk.run("apply", "plan.json", "--yes").err
    desk.configure("plan: {expires: 30d}\n")
    offset(24 * 60 + 1)
    assert "the plan expired at" in desk.run("apply", "plan.json", "--yes").err
    rewritten(path, expires_at=datetime(2999, 1, 1, tzinfo=UTC))
    desk.configure()
    assert "the plan expired at" in desk.run("apply", "plan.json", "--yes").err
    assert desk.writes() == []


def test_a_plan_of_an_earlier_release_is_shown_and_not_applied(desk: Desk) -> None:
    path = saved(desk)
    rewritten(path, version=1, ledger_heads=())
    assert desk.run("show", "plan.json").code == 0
    said = desk.run("apply", "plan.json", "--yes")
    assert said.code == 3
    assert "an earlier release made the plan" in said.err
    assert desk.writes() == []


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
def test_every_member_that_is_edited_refuses_the_plan(desk: Desk, command: tuple[str, ...]) -> None:
    desk.decide(
        f"{{guid: {FIRST}, status: Approved, explanation: ready, parameters: {{reason: why}}, "
        f"valid_until: 2999-01-01T00:00:00Z, expect: {{object: '\\VED\\Policy\\Web\\www.example.com'}}}}"
    )
    freeze = "{name: f, start: 2098-01-01T00:00:00Z, stop: 2099-01-01T00:00:00Z}"
    desk.configure(f"policy: {{limits: {{changes: 5}}, freezes: [{freeze}]}}\n")
    path = saved(desk)
    whole = path.read_bytes()
    assert json_text(json.loads(whole)).encode() == whole
    for *parents, last in places(json.loads(whole)):
        changed = json.loads(whole)
        holder = changed
        for name in parents:
            holder = holder[name]
        holder[last] = edited(holder[last])
        path.write_text(json_text(changed), encoding="ascii")
        said = desk.run(*command)
        assert said.code in (1, 3), (parents, last, said)
    path.write_bytes(whole)
    assert desk.run("show", "plan.json").code == 0
    assert desk.writes() == []


def test_a_plan_with_another_meaning_and_a_checksum_that_fits_is_refused_by_its_digest(desk: Desk) -> None:
    path = saved(desk)
    made: Plan = decode_plan(path.read_bytes())
    (step,) = made.steps
    other = replace(made, steps=(altered(step, explanation="something else"),))
    path.write_text("".join(plan_pieces(other)), encoding="ascii")
    for command in (("apply", "plan.json", "--yes"), ("show", "plan.json"), ("github", "verdict")):
        said = desk.run(*command)
        assert (said.code, "it was edited after it was made" in said.err) == (3, True)
    assert desk.writes() == []


def test_the_checksum_is_that_of_everything_before_its_line(desk: Desk) -> None:
    *lines, checksum, brace = saved(desk).read_text(encoding="ascii").splitlines(keepends=True)
    assert (checksum, brace) == (f'  "checksum": "{sha256("".join(lines).encode())}"\n', "}\n")
