"""Reading the folders of tests/cases; tests/cases/README.md says what is in them."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from reconciler.app.acting import with_folders
from reconciler.codec import decode
from reconciler.manifests.config import load_settings
from reconciler.manifests.load import load_desired
from reconciler.model.certificate import CertificateContext
from reconciler.model.change_record import ChangeRecord, LookupFailure, NoChangeRecord
from reconciler.model.decision import Decision, Desired, WindowUse
from reconciler.model.plan import Plan, Step
from reconciler.model.policy import Orphans
from reconciler.model.receipt import Outcome, Proof
from reconciler.model.record import Intent, LastWrite, OpenIntent, TicketHistory
from reconciler.model.review import Assessment, Emergency, Review, Team
from reconciler.model.settings import Settings
from reconciler.model.status import State, pending
from reconciler.model.ticket import Found, Gone, Guid, Hidden, LiveTicket, Reading, Unread, parse_guid
from reconciler.model.value import replace
from reconciler.planning.certificates import with_context
from reconciler.planning.change_records import remember
from reconciler.planning.folders import reviews_alone
from reconciler.planning.guards import Circumstances
from reconciler.planning.judge import judge
from reconciler.planning.orphans import judge_orphan, may_be_armed
from reconciler.planning.planner import assemble, enforce_reviews
from tests.builders import NOW, at, holding

RUN = "20261123T120000Z-000001"


def plan_of(case: Path) -> Plan:
    """Make the plan of one case. Paths in it are relative to the case's folder, which must be the working one."""
    now = at(_json(case / "case.json")["now"])
    settings = load_settings("reconciler.yaml", None, {}) if Path("reconciler.yaml").exists() else Settings()
    desired = load_desired(["manifests"], windows=settings.windows, now=now)
    live, histories = _json(case / "live.json"), _json(case / "story.json")
    steps = [
        judge(one, _reading(live, one.guid), _story(histories.get(one.guid, {}), one), now) for one in desired.decisions
    ]
    steps += _orphans(live, histories, desired, settings, now)
    known = _certificates(case / "certificates.json")
    steps = [
        with_context(step, known[step.object], now, settings.context.warn) if step.object in known else step
        for step in steps
    ]
    records = {name: _record(name, told, now) for name, told in _json(case / "records.json").items()}
    told = _json(case / "emergency.json")
    emergency = decode(json.dumps(told).encode(), Emergency) if told else None
    seen = Circumstances(settings.policy, now, changes=records, emergency=emergency)
    kept = remember(settings.policy.change_record, steps, records, now)
    empty = Plan("test", "https://tpp", now, now + timedelta(days=1), "", (), overrides=desired.overrides)
    plan = assemble(empty, kept, with_folders(seen, settings, replace(empty, steps=tuple(kept))))
    review = _json(case / "review.json")
    if not review:
        return plan
    teams = tuple(Team(name, frozenset(members)) for name, members in _json(case / "teams.json").items())
    people = Assessment(decode(json.dumps(review).encode(), Review), teams=teams)
    held = Circumstances(reviews_alone(settings.policy), now, people)
    return enforce_reviews(plan, with_folders(held, settings, plan))


def _orphans(
    live: Mapping[str, Any], histories: Mapping[str, Any], desired: Desired, settings: Settings, now: datetime
) -> Iterator[Step]:
    """Judge what the ledger has as scheduled and no manifest names."""
    named = {decision.guid for decision in desired.decisions}
    for guid in (Guid(name) for name in histories if name not in named):
        history = _story(histories[guid], Decision(guid, pending()))
        if may_be_armed(history, now):
            take_back = settings.policy.orphans is Orphans.TAKE_BACK
            step = judge_orphan(guid, _reading(live, guid), history, now, take_back=take_back)
            yield from [step] if step is not None else []


def _record(name: str, told: Mapping[str, Any], now: datetime) -> ChangeRecord | NoChangeRecord:
    if failure := told.get("failure"):
        return NoChangeRecord(name, LookupFailure(failure), told["why"], told.get("hint", ""))
    return decode(json.dumps({"id": name, "seen_at": now.isoformat(), **told}).encode(), ChangeRecord)


def expected_of(case: Path) -> dict[str, Any]:
    """Read what must come out."""
    return {"notes": [], "controls": None, **_json(case / "expected.json")}


def _certificates(path: Path) -> Mapping[str, CertificateContext]:
    return decode(path.read_bytes(), dict[str, CertificateContext]) if path.exists() else {}


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _state(told: Mapping[str, Any]) -> State:
    start, stop = told.get("start"), told.get("stop")
    return State(told["status"], at(start) if start else None, at(stop) if stop else None)


def _reading(live: Mapping[str, Any], guid: str) -> Reading:
    told = live.get(guid)
    match told:
        case None:
            return Gone()
        case "hidden":
            return Hidden()
        case {"unread": why}:
            return Unread(why)
    return Found(
        LiveTicket(
            guid=parse_guid(guid),
            state=_state(told),
            object=told.get("object", ""),
            workflow=told.get("workflow", ""),
            reason=told.get("reason", ""),
            explanation=told.get("explanation", ""),
            approvers=tuple(told.get("approvers", ())),
            updated=at(told["updated"]) if "updated" in told else None,
        )
    )


def _story(told: Mapping[str, Any], decision: Decision) -> TicketHistory:
    last = told.get("applied")
    left = told.get("intent")
    return TicketHistory(_remembered(told, last, decision) if last else None, _open(left, decision) if left else None)


def _remembered(told: Mapping[str, Any], last: Mapping[str, Any], decision: Decision) -> LastWrite:
    same_window = decision.window is not None and told.get("window") == decision.window.name
    return holding(
        LastWrite,
        guid=decision.guid,
        source=decision.source,
        after=_state(last),
        outcome=Outcome(told.get("outcome", "applied")),
        proof=Proof(told.get("proof", "confirmed")),
        at=NOW,
        run=RUN,
        operation="6a1f09c2d4e7",
        digest="sha256:" + "1" * 64,
        gone=told.get("gone", False),
        gone_at=at(told["gone_at"]) if "gone_at" in told else None,
        accepted=told.get("accepted", False),
        attested=told.get("attested", False),
        seen=_state(told["seen"]) if "seen" in told else None,
        window=decision.window if same_window else _window(told.get("window")),
    )


def _window(name: str | None) -> WindowUse | None:
    return WindowUse(name) if name else None


def _open(left: Mapping[str, Any], decision: Decision) -> OpenIntent:
    intent = holding(
        Intent,
        at=NOW,
        operation=left["operation"],
        guid=decision.guid,
        digest="sha256:" + "1" * 64,
        before=_state(left["before"]),
        after=_state(left["after"]),
        updated=at(left["updated"]) if "updated" in left else None,
    )
    return OpenIntent(intent, RUN)
