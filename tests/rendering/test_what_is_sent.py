"""Whatever an update would send is shown in every view of a plan."""

import inspect
from collections.abc import Callable

import pytest

from reconciler.codec import canonical, plan_json, record_members
from reconciler.ledger.history import history
from reconciler.model.decision import Parameters, Source
from reconciler.model.findings import Explanation
from reconciler.model.plan import Plan
from reconciler.model.record import Audit, Line, Record
from reconciler.model.ticket import Found
from reconciler.model.verdict import Reason
from reconciler.ports import Update
from reconciler.rendering.html.ledger import ticket_page
from reconciler.rendering.html.papers import audit_page
from reconciler.rendering.html.plan import plan_page
from reconciler.rendering.html.site import Report, site
from reconciler.rendering.markdown.plan import drift_markdown, plan_markdown
from reconciler.rendering.records import csv_row
from reconciler.rendering.text.explain import explain_text
from reconciler.rendering.text.layout import Detail, View
from reconciler.rendering.text.ledger import record_text
from reconciler.rendering.text.plan import plan_text
from tests import builders
from tests.ledger.ledgers import FIRST, PROVENANCE, intent
from tests.rendering.sites import FRAME

TOLD = {
    name: ("sentfirst", "sentsecond") if name == "approvers" else (f"sent{name.replace('_', '')}",)
    for name in Parameters.__match_args__
}
SENT = Parameters(**{name: value if name == "approvers" else value[0] for name, value in TOLD.items()})
STEP = builders.step(
    1,
    after=builders.between("2031-02-03T04:05:00Z", "2032-03-04T05:06:00Z"),
    explanation="sentexplanation",
    parameters=SENT,
)
SHOWN = {
    "guid": (builders.guid(1)[:8],),
    "wanted": ("Approve", "2031-02-03", "2032-03-04"),
    "explanation": ("sentexplanation",),
    "parameters": (),
    **TOLD,
}
"""What a view has to show of each member of an update, and of its parameters."""


def _explained(plan: Plan) -> str:
    step = plan.steps[0]
    return explain_text(Explanation(step.guid, builders.NOW, Found(builders.live(1)), step))


VIEWS: dict[str, Callable[[Plan], str]] = {
    "text": plan_text,
    "verbose text": lambda plan: plan_text(plan, View(detail=Detail.VERBOSE)),
    "explain": _explained,
    "json": plan_json,
    "comment": plan_markdown,
    "drift issue": drift_markdown,
    "page": plan_page,
    "report": lambda plan: site(Report(FRAME, plan))["index.html"],
}


@pytest.mark.parametrize("view", VIEWS)
def test_no_member_of_an_update_is_invisible(view: str) -> None:
    text = VIEWS[view](builders.plan(STEP))
    for member in (*inspect.signature(Update).parameters, *inspect.signature(Parameters).parameters):
        for shown in SHOWN[member]:
            assert shown in text, member


@pytest.mark.parametrize("view", VIEWS)
def test_what_is_not_sent_is_not_spoken_of(view: str) -> None:
    text = VIEWS[view](builders.plan(builders.step(1)))
    assert not [name for name in ("object_dn", "user_data", "sends reason", "sends     ") if name in text]


@pytest.mark.parametrize("view", VIEWS)
def test_every_reason_of_every_verdict_can_be_shown(view: str) -> None:
    for reason in Reason:
        text = VIEWS[view](builders.plan(builders.step(1, reason=reason)))
        assert reason.verdict.value in text or builders.guid(1)[:8] in text, reason


def _recorded() -> tuple[Line, Record]:
    line = Line(
        intent(1, parameters=SENT, explanation="sentexplanation"), FIRST, PROVENANCE, Source("x.jsonl", 2), "a", "b"
    )
    return line, next(iter(history([line])))


RECORDS: dict[str, Callable[[Line, Record], str]] = {
    "log": lambda _, record: record_text(record, View(detail=Detail.VERBOSE)),
    "json": lambda _, record: canonical(record_members(record)).decode(),
    "csv": lambda _, record: csv_row(record),
    "ticket's page": lambda line, _: ticket_page(FRAME, builders.guid(1), [line], None),
    "summary of a pack": lambda _, record: "".join(audit_page(Audit((), "", (), (), (record,)))),
}


@pytest.mark.parametrize("view", RECORDS)
def test_what_was_sent_is_in_every_view_of_the_ledger(view: str) -> None:
    text = RECORDS[view](*_recorded())
    for member in inspect.signature(Parameters).parameters:
        for shown in SHOWN[member]:
            assert shown in text, member
