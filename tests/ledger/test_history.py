"""The ledger told as a history, filtered and exported."""

import csv
import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from reconciler.codec import record_members
from reconciler.errors import LedgerBroken
from reconciler.ledger.heads import heads_not_in, ledger_heads
from reconciler.ledger.history import (
    applied_commits,
    emergencies_since,
    first_lines,
    history,
    lines_in,
    lines_left_out,
    lines_since,
    lines_told,
    read_lines,
    reviewed_commits,
)
from reconciler.model.decision import Seal
from reconciler.model.receipt import Outcome, Proof, Receipt
from reconciler.model.record import AcceptedEntry, AttestedEntry, ClosedEntry, Head, Line, ObservedEntry, Sealed
from reconciler.model.ticket import Guid
from reconciler.model.value import replace
from reconciler.rendering.records import csv_header, csv_row
from reconciler.rendering.text.layout import Detail, View, columns
from reconciler.rendering.text.ledger import record_text
from tests.builders import APPROVED, NOW, OBJECT, PENDING, WORKFLOW, at, between, guid, holding
from tests.ledger.ledgers import (
    FIRST,
    PROVENANCE,
    SECOND,
    THIRD,
    closed,
    decided,
    ended,
    exception,
    intent,
    open_run,
    recorded,
    spoil_the_second_line,
    write_run,
    write_three_runs,
)

HOSTILE = "=cmd|' /C calc'!A0\x1b[2J\r\n::error::"


def outcomes(root: Path) -> list[tuple[str, str]]:
    return [(record.guid[:8], record.outcome) for record in history(read_lines(root))]


def test_a_receipt_is_told_with_its_intent_and_an_intent_without_receipt_comes_last(tmp_path: Path) -> None:
    write_run(tmp_path, FIRST, intent(1), intent(2), recorded(2), closed(2))
    assert outcomes(tmp_path) == [("00000002", "applied"), ("00000002", "closed"), ("00000001", "open")]
    applied, closing, waiting = history(read_lines(tmp_path))
    assert (applied.intent, closing.intent, waiting.intent) == (intent(2), intent(2), intent(1))
    assert (closing.object, closing.workflow, closing.change) == (OBJECT, WORKFLOW, "CHG0041234")
    assert (closing.before, closing.after) == (None, None)


def test_an_intent_that_was_tried_again_is_told_as_superseded(tmp_path: Path) -> None:
    write_run(tmp_path, FIRST, intent(1))
    write_run(tmp_path, SECOND, intent(1, operation="b"), recorded(1, operation="b"))
    assert outcomes(tmp_path) == [("00000001", "superseded"), ("00000001", "applied")]
    first, second = history(read_lines(tmp_path))
    assert (first.intent, first.line.source.line) == (intent(1), 2)
    assert (second.intent, second.line.source.line) == (intent(1, operation="b"), 3)


def test_an_unknown_outcome_is_told_once_and_its_resolution_too(tmp_path: Path) -> None:
    unknown = recorded(1, outcome=Outcome.UNKNOWN, gone=False, proof=Proof.NONE)
    write_run(tmp_path, FIRST, intent(1), unknown)
    assert outcomes(tmp_path) == [("00000001", "unknown")]
    write_run(tmp_path, SECOND, recorded(1))
    assert outcomes(tmp_path) == [("00000001", "unknown"), ("00000001", "applied")]
    assert {record.intent for record in history(read_lines(tmp_path))} == {intent(1)}


def test_a_step_for_which_nothing_was_sent_has_no_intent(tmp_path: Path) -> None:
    write_run(tmp_path, FIRST, recorded(1, outcome=Outcome.STALE, operation=None, gone=False))
    (record,) = history(read_lines(tmp_path))
    assert (record.intent, record.before, record.object) == (None, PENDING, OBJECT)


def test_a_record_as_json_says_everything(tmp_path: Path) -> None:
    window = between("2026-11-28T22:00:00Z", "2026-11-29T02:00:00Z")
    write_run(tmp_path, FIRST, intent(1, after=window, explanation="as agreed"), recorded(1, after=window, gone=False))
    (record,) = history(read_lines(tmp_path))
    provenance = {
        "tool": "tpp-reconciler 1.0.0",
        "target": "https://tpp.example.com",
        "environment": "production",
        "identity": "local:{b6e6a98b-6419-4497-9249-860d136dfba0}",
        "commit": "9d2e1f7c0a7f1c9d2e1f7c0a7f1c9d2e1f7c0a7f",
        "repository": "example/tickets",
        "review": {
            "pull_request": 12,
            "author": "jdoe",
            "url": "https://github.com/example/tickets/pull/12",
            "last_pusher": "jdoe",
            "reviewers": ["asmith"],
            "merged_by": "asmith",
        },
        "workflow_run": "https://github.com/example/tickets/actions/runs/1",
    }
    assert record_members(record) == {
        "at": "2026-11-23T12:00:00Z",
        "outcome": "applied",
        "guid": guid(1),
        "reason": None,
        "object": OBJECT,
        "workflow": WORKFLOW,
        "change": "CHG0041234",
        "before": {"status": "Pending"},
        "after": {"status": "Approved Between", "start": "2026-11-28T22:00:00Z", "stop": "2026-11-29T02:00:00Z"},
        "seen": None,
        "gone": False,
        "result": 1,
        "proof": "accepted",
        "detail": "",
        "explanation": "as agreed",
        "parameters": {},
        "change_record": None,
        "operation": "000000000001",
        "decision": f"sha256:{1:064x}",
        "overrides": [],
        "review": provenance["review"],
        "decided": None,
        "source": None,
        "run": FIRST,
        "provenance": provenance,
        "ledger": {"path": f"2026/11/{FIRST}.jsonl", "line": 3, "hash": record.line.hash},
    }


@pytest.mark.parametrize("trigger", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "'=1", '"=1', "|x", "%x", "＝1"])  # noqa: RUF001
def test_no_cell_of_the_csv_is_a_formula(tmp_path: Path, trigger: str) -> None:
    hostile = intent(1, explanation=trigger, object=trigger, workflow=trigger, change=trigger)
    receipt = recorded(1, detail=trigger, object=trigger, workflow=trigger, change=trigger)
    write_run(tmp_path, FIRST, hostile, receipt)
    (record,) = history(read_lines(tmp_path))
    header, row = csv.reader(io.StringIO(csv_header() + csv_row(record), newline=""))
    cells = dict(zip(header, row, strict=True))
    for name in ("object", "workflow", "change", "detail", "explanation"):
        assert cells[name][0] in {"'", "<"}, cells[name]
    for cell in row:
        assert not cell.lstrip(" \t\r\n").startswith(("=", "+", "-", "@")), cell


def test_a_csv_row_has_what_a_spreadsheet_asks_for(tmp_path: Path) -> None:
    window = between("2026-11-28T22:00:00Z", "2026-11-29T02:00:00Z")
    write_run(tmp_path, FIRST, intent(1, after=window), recorded(1, after=window, detail='says "hello", twice'))
    (record,) = history(read_lines(tmp_path))
    (cells,) = csv.DictReader(io.StringIO(csv_header() + csv_row(record), newline=""))
    assert (cells["before"], cells["after"], cells["start"], cells["stop"], cells["gone"]) == (
        "Pending",
        "Approved Between",
        "2026-11-28T22:00:00Z",
        "2026-11-29T02:00:00Z",
        "yes",
    )
    assert (cells["author"], cells["reviewers"], cells["pull_request"]) == ("jdoe", "asmith", "12")
    assert cells["detail"] == 'says "hello", twice'
    assert cells["ledger_hash"] == record.line.hash
    assert csv_row(record).endswith("\r\n")


def test_a_record_is_one_line_that_fits_and_everything_when_asked(tmp_path: Path) -> None:
    write_run(tmp_path, FIRST, intent(1), recorded(1))
    (record,) = history(read_lines(tmp_path))
    assert record_text(record) == ("2026-11-23 12:00Z  applied             …xample.com  00000001  → Approved\n")
    assert record_text(record, View(width=80, detail=Detail.VERBOSE)) == (
        "2026-11-23 12:00Z  applied             …xample.com  00000001  → Approved\n"
        "    ticket    00000001-0000-4000-8000-000000000000\n"
        "    says      done; the receipts prove it\n"
        "    proof     accepted by the server, Result 1\n"
        r"    object    \VED\Policy\Web\www.example.com" + "\n"
        r"    workflow  \VED\Policy\Workflows\Stage 0" + "\n"
        "    before    Pending\n"
        "    change    CHG0041234\n"
        "    server    https://tpp.example.com, environment production\n"
        "    identity  local:{b6e6a98b-6419-4497-9249-860d136dfba0}\n"
        "    commit    9d2e1f7c0a7f1c9d2e1f7c0a7f1c9d2e1f7c0a7f of example/tickets\n"
        "    review    #12 by jdoe, reviewed by asmith\n"
        "              https://github.com/example/tickets/pull/12\n"
        "    job       https://github.com/example/tickets/actions/runs/1\n"
        f"    run       {FIRST}\n"
        f"    ledger    2026/11/{FIRST}.jsonl:3 {record.line.hash[:19]}\n"
        "\n"
    )


@pytest.mark.parametrize("width", [60, 80, 200])
def test_hostile_text_does_nothing_to_a_terminal(tmp_path: Path, width: int) -> None:
    window = between("2026-11-28T22:00:00Z", "2026-11-29T02:00:00Z")
    hostile = intent(1, explanation=HOSTILE, object=HOSTILE, workflow=HOSTILE, change=HOSTILE, after=window)
    write_run(tmp_path, FIRST, hostile, recorded(1, detail=HOSTILE, object=HOSTILE, after=window))
    (record,) = history(read_lines(tmp_path))
    text = record_text(record, View(width=width, detail=Detail.VERBOSE))
    assert "\x1b" not in text
    assert "\r" not in text
    assert "\n::" not in text
    assert "Sat 2026-11-28 22:00 to Sun 2026-11-29 02:00 UTC" in " ".join(text.split())
    assert max(map(columns, text.splitlines())) <= max(width, 80)


def test_json_for_the_reader_is_valid_whatever_the_text(tmp_path: Path) -> None:
    write_run(tmp_path, FIRST, intent(1, explanation=HOSTILE), recorded(1, detail=HOSTILE))
    (record,) = history(read_lines(tmp_path))
    assert json.loads(json.dumps(record_members(record)))["detail"] == HOSTILE
    assert record.at == at("2026-11-23T12:00:00Z")


def test_lines_since_some_heads_are_those_that_the_heads_do_not_vouch_for(tmp_path: Path) -> None:
    write_run(tmp_path, THIRD, intent(1), recorded(1))
    then = ledger_heads(tmp_path)
    write_run(tmp_path, FIRST, intent(1, operation="b"), recorded(2))

    def since(heads: tuple[Head, ...], *targets: str) -> dict[Guid, list[tuple[str, str]]]:
        found = lines_since(tmp_path, heads, [guid(1), guid(3)], targets or (PROVENANCE.target,))
        return {ticket: [(line.run, type(line.entry).__name__) for line in lines] for ticket, lines in found.items()}

    assert since(then) == {guid(1): [(FIRST, "Intent")]}
    assert since(ledger_heads(tmp_path)) == {}
    assert since(()) == {guid(1): [(THIRD, "Intent"), (THIRD, "Receipt"), (FIRST, "Intent")]}
    assert since((), "https://other.example.com") == {}


def test_lines_since_heads_noted_in_the_middle_of_a_run_begin_there(tmp_path: Path) -> None:
    with open_run(tmp_path, FIRST) as journal:
        journal.append(intent(1))
        then = ledger_heads(tmp_path)
        journal.append(recorded(1))
    write_run(tmp_path, SECOND, closed(1))
    (lines,) = lines_since(tmp_path, then, [guid(1)], [PROVENANCE.target]).values()
    assert [type(line.entry) for line in lines] == [Receipt, ClosedEntry]
    assert heads_not_in(tmp_path, then) == ()


def test_a_ledger_contains_the_heads_that_it_had_and_no_others(tmp_path: Path) -> None:
    *_, third = write_three_runs(tmp_path / "ledger")
    heads = ledger_heads(tmp_path / "ledger")
    write_run(tmp_path / "other", FIRST, intent(9))
    (elsewhere,) = ledger_heads(tmp_path / "other")
    assert heads_not_in(tmp_path / "ledger", heads) == ()
    assert heads_not_in(tmp_path / "ledger", (*heads, elsewhere)) == (elsewhere,)
    assert heads_not_in(tmp_path / "nowhere", heads) == heads
    assert heads_not_in(tmp_path / "nowhere", ()) == ()
    third.write_bytes(b"".join(third.read_bytes().splitlines(keepends=True)[:-1]))
    assert heads_not_in(tmp_path / "ledger", heads) == heads


ELSEWHERE = replace(PROVENANCE, target="https://copy.example.com")


def places(lines: Iterable[Line]) -> list[tuple[str, int]]:
    return [(line.source.path[len("2026/11/") : -len(".jsonl")], line.source.line) for line in lines]


def test_each_reader_takes_the_lines_that_it_asks_for_in_the_order_of_the_chain(tmp_path: Path) -> None:
    write_run(tmp_path, THIRD, intent(1), recorded(1), closed(2), intent(2))
    write_run(tmp_path, SECOND, intent(3), exception(2), ended())
    empty = write_run(tmp_path, FIRST)
    every = [*((THIRD, number) for number in range(1, 6)), *((SECOND, number) for number in range(1, 5)), (FIRST, 1)]
    paths = {run: f"2026/11/{run}.jsonl" for run in (FIRST, SECOND, THIRD)}
    assert places(read_lines(tmp_path)) == every
    assert places(read_lines(tmp_path, [guid(2)])) == [(THIRD, 4), (THIRD, 5), (SECOND, 3)]
    assert places(read_lines(tmp_path, [])) == []
    assert places(lines_left_out(tmp_path, [guid(1)])) == [(THIRD, 5), (SECOND, 2)]
    assert places(lines_left_out(tmp_path, [guid(3)])) == [(THIRD, 2), (THIRD, 3), (THIRD, 5)]
    told = lines_told(tmp_path, [guid(2)], at("2026-11-22T12:00:00Z"))
    assert places(told) == [(THIRD, 1), (THIRD, 4), (THIRD, 5), (SECOND, 1), (SECOND, 3), (SECOND, 4)]
    assert places(lines_told(tmp_path, [guid(1)], at("2026-11-24T12:00:00Z"))) == [(THIRD, 2), (THIRD, 3)]
    assert places(lines_in(tmp_path, [paths[FIRST], paths[THIRD]])) == [*every[:5], (FIRST, 1)]
    empty.write_bytes(empty.read_bytes()[:-1])
    assert places(first_lines(tmp_path, [paths[FIRST], paths[SECOND], paths[THIRD]])) == [(THIRD, 1), (SECOND, 1)]
    assert places(first_lines(tmp_path, [paths[SECOND]])) == [(SECOND, 1)]
    assert places(lines_in(tmp_path, ["2026/11/none.jsonl"])) == []


def test_lines_since_are_told_with_their_place_and_after_all_that_a_head_vouches_for(tmp_path: Path) -> None:
    write_run(tmp_path, THIRD, intent(1), intent(2), recorded(1))
    then = ledger_heads(tmp_path)
    write_run(tmp_path, SECOND, intent(1), provenance=ELSEWHERE)
    write_run(tmp_path, FIRST, recorded(2), intent(1), intent(2))
    (early,) = (replace(head, lines=head.lines - 1) for head in then)

    def since(*heads: Head) -> dict[Guid, list[tuple[str, int]]]:
        found = lines_since(tmp_path, heads, [guid(2), guid(1)], [PROVENANCE.target])
        return {ticket: places(lines) for ticket, lines in found.items()}

    assert since(*then) == {guid(1): [(FIRST, 3)], guid(2): [(FIRST, 2), (FIRST, 4)]}
    assert since(early) == {guid(1): [(THIRD, 4), (FIRST, 3)], guid(2): [(FIRST, 2), (FIRST, 4)]}


def test_the_last_reviewed_and_the_last_applied_commit_of_an_environment_come_first(tmp_path: Path) -> None:
    """Reviews are asked for all that came after it: a commit of elsewhere there would let unreviewed ones through."""

    def run(name: str, commit: str | None, reviewed_to: str | None, **where: str) -> Path:
        provenance = replace(PROVENANCE, commit=commit, **where)
        return write_run(tmp_path, name, provenance=provenance, reviewed_to=reviewed_to)

    run(THIRD, "c1", "r1")
    run(SECOND, "c2", None)
    run("20261101T120000Z-00000d", None, "r3")
    run("20261102T120000Z-00000e", "c4", "r4", target=ELSEWHERE.target)
    run("20261103T120000Z-00000f", "c5", "r5", environment="test")
    torn = run(FIRST, "c6", "r6")
    torn.write_bytes(torn.read_bytes()[:-1])
    targets = [PROVENANCE.target, "https://former.example.com"]
    assert list(reviewed_commits(tmp_path, targets, "production")) == ["r3", "r1"]
    assert list(applied_commits(tmp_path, targets, "production")) == ["c2", "c1"]
    assert list(applied_commits(tmp_path, [ELSEWHERE.target], "production")) == ["c4"]
    assert list(reviewed_commits(tmp_path, targets, "test")) == ["r5"]
    assert list(reviewed_commits(tmp_path / "none", targets, "test")) == []


def test_emergencies_of_a_day_are_counted_by_ticket_on_their_server(tmp_path: Path) -> None:
    """The policy says how many there may be: one that is not counted is one too many."""
    day = at("2026-11-22T12:00:00Z")
    emergencies = [
        replace(exception(number, "manual/emergency"), at=when)
        for number, when in ((1, day), (2, NOW), (2, NOW), (3, at("2026-11-22T11:59:59Z")))
    ]
    write_run(tmp_path, FIRST, *emergencies, exception(4), intent(5, explanation='"manual/emergency"'))
    write_run(tmp_path, SECOND, exception(6, "manual/emergency"), provenance=ELSEWHERE)
    write_run(tmp_path, THIRD, replace(exception(7, "manual/emergency"), guid=None))
    assert emergencies_since(tmp_path, day, [PROVENANCE.target]) == {guid(1), guid(2)}
    assert emergencies_since(tmp_path, day, [ELSEWHERE.target]) == {guid(6)}
    assert emergencies_since(tmp_path / "none", day, [PROVENANCE.target]) == frozenset()


def test_who_decided_is_who_asked_for_the_same_decision_in_another_run(tmp_path: Path) -> None:
    write_run(tmp_path, FIRST, intent(1), intent(2), intent(3))
    observed = ObservedEntry(NOW, guid(2), decided(2), NOW)
    write_run(tmp_path, SECOND, recorded(1), observed, closed(4), recorded(3, digest=decided(9)))
    first, second, third, fourth, waiting = history(read_lines(tmp_path))
    assert [record.decided and record.decided.source.line for record in (first, second, third, fourth)] == [
        2, 3, None, None,
    ]  # fmt: skip
    assert (second.intent, third.intent, fourth.intent) == (intent(2), None, intent(3))
    assert (waiting.intent, waiting.entry, waiting.superseded, waiting.decided) == (intent(2), intent(2), False, None)


def test_every_kind_of_line_about_a_ticket_has_its_record_and_a_repeated_try_none_of_its_own(tmp_path: Path) -> None:
    values = {"guid": guid(1), "digest": decided(1), "at": NOW, "after": APPROVED}
    write_run(
        tmp_path, FIRST, intent(1), intent(1, attempt=2), holding(AcceptedEntry, **values), exception(1),
        holding(AttestedEntry, **values), recorded(1, operation="b"), Sealed(NOW, Seal("a", decided(1), 1)), ended(),
    )  # fmt: skip
    records = list(history(read_lines(tmp_path)))
    assert [(record.outcome, record.line.source.line, record.intent) for record in records] == [
        ("accepted", 4, None),
        ("attention", 5, None),
        ("attested", 6, None),
        ("applied", 7, None),
        ("open", 3, intent(1, attempt=2)),
    ]


def test_whoever_meets_a_line_that_says_nonsense_tells_its_place(tmp_path: Path) -> None:
    """Its hash is right, so no verification finds it: without its number nobody finds it among thousands."""
    path = write_run(tmp_path, FIRST, exception(1, "manual/emergency"))
    spoil_the_second_line(path, b'"state":"begin"', b'"state":[]')
    readers: tuple[Callable[[], object], ...] = (
        lambda: list(read_lines(tmp_path)),
        lambda: list(lines_in(tmp_path, [f"2026/11/{FIRST}.jsonl"])),
        lambda: lines_since(tmp_path, (), [guid(1)], [PROVENANCE.target]),
        lambda: emergencies_since(tmp_path, NOW, [PROVENANCE.target]),
    )
    for read in readers:
        with pytest.raises(LedgerBroken, match=f"^2026/11/{FIRST}.jsonl:2: the line can't be read: /state: "):
            read()
