"""Pull requests as reviewers meet them: what each asks, blocks, changes besides, or failed to say."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from reconciler.model.decision import Problem, Source
from reconciler.model.findings import JobFailure
from reconciler.model.plan import Control, Look, Plan, Step
from reconciler.model.policy import FourEyes, Limits, Policy
from reconciler.model.pull_request import BaseVerdict, PullRequestContext, Removal
from reconciler.model.settings import Settings
from reconciler.model.verdict import Reason
from reconciler.planning.rules import rule_changes
from reconciler.rendering.markdown.plan import failure_markdown, plan_markdown
from reconciler.rendering.markdown.rows import Page
from tests import builders
from tests.rendering.test_cases import BERLIN

SUNDAY = builders.between("2026-11-29T22:00:00Z", "2026-11-30T02:00:00Z")
CONTROLS = (
    Control("four eyes", "ok", "author jdoe, reviewed by asmith"),
    Control("limits", "ok", "6 of 100 approvals, 12 of 100 changes"),
    Control("freeze", "refused", "2 steps inside year-end"),
)


def _step(number: int, **changes: Any) -> Step:
    values: dict[str, Any] = {
        "object": rf"\VED\Policy\Web\app{number:03d}.example.com",
        "source": Source("tickets/web.yaml", 4 * number, 5),
        "approval_reason": "A first certificate",
        "created": builders.NOW - timedelta(days=2),
        "change": "CHG0042001",
        "explanation": "Renewal wave 5",
    }
    return builders.step(number, **(values | changes))


def _plan(*steps: Step, **changes: Any) -> Plan:
    values: dict[str, Any] = {
        "environment": "prod",
        "commit": "9d2e1f7aa0b1c2d3",
        "identity": "local:svc-approver",
        "ledger_head": "sha256:" + "1" * 64,
        "controls": CONTROLS,
    }
    return builders.plan(*steps, **(values | changes))


def _page(*looks: Look) -> Page:
    return Page(
        zone=BERLIN,
        run_url="https://ci.example/run/1",
        source_url="https://github.example/team/approvals/blob/main/",
        looks=looks,
    )


def _refused(number: int) -> Step:
    detail = "inside the freeze year-end until 5 January"
    return _step(number, reason=Reason.REFUSED_FREEZE, after=SUNDAY, detail=detail)


def _fourteen() -> list[Step]:
    off = {"after": builders.REJECTED, "reason": Reason.REJECT_WANTED, "explanation": "Switched off"}
    old = {"approval_reason": "expires in 3 days", "created": builders.NOW - timedelta(days=6)}
    return [
        *(_step(number, **(old if number == 42 else {})) for number in range(41, 47)),
        *(_step(number, after=SUNDAY, reason=Reason.SCHEDULE_WANTED) for number in range(47, 51)),
        *(_step(number, **off) for number in (51, 52)),
        *(_refused(number) for number in (53, 54)),
    ]


def one_ticket() -> str:
    return plan_markdown(_plan(_step(42)), _page())


def fourteen_two_refused() -> str:
    return plan_markdown(_plan(*_fourteen()), _page())


def four_hundred() -> str:
    odd = {"approval_reason": "expires tomorrow", "created": builders.NOW - timedelta(days=9)}
    steps = [_step(number, **(odd if number in (7, 300) else {})) for number in range(1, 251)]
    steps += [_step(number, after=SUNDAY, reason=Reason.SCHEDULE_WANTED) for number in range(251, 395)]
    steps += [_refused(number) for number in range(395, 401)]
    return plan_markdown(_plan(*steps), _page())


def policy_only() -> str:
    before = Settings(policy=Policy(owns=(r"\VED\Policy\Web\**",), limits=Limits(changes=100), four_eyes=FourEyes(1)))
    after = Settings(policy=Policy(owns=("**",), limits=Limits(changes=5_000), four_eyes=FourEyes(1, True)))
    steps = [_step(number, reason=Reason.IN_SYNC_SAME, before=builders.APPROVED) for number in (1, 2)]
    frozen = _step(3)
    rules = rule_changes(before, after)
    by_base = (BaseVerdict(frozen.guid, Reason.REFUSED_OWNERSHIP),)
    beside = PullRequestContext(rules=rules, files=(".github/CODEOWNERS",), by_base=by_base)
    return plan_markdown(_plan(*steps, frozen, pull_request=beside), _page())


def removal() -> str:
    removed = (
        Removal(
            builders.guid(7), Source("tickets/web.yaml", 28), SUNDAY, r"\VED\Policy\Web\app007.example.com", SUNDAY
        ),
        Removal(
            builders.guid(8), Source("tickets/web.yaml", 32), SUNDAY, r"\VED\Policy\Web\app008.example.com", SUNDAY
        ),
        Removal(
            builders.guid(9),
            Source("tickets/web.yaml", 36),
            builders.APPROVED,
            r"\VED\Policy\Web\app009.example.com",
            builders.PENDING,
        ),
    )
    return plan_markdown(_plan(pull_request=PullRequestContext(removed=removed)), _page())


def no_change() -> str:
    steps = [_step(number, reason=Reason.IN_SYNC_SAME, before=builders.APPROVED) for number in range(1, 13)]
    return plan_markdown(_plan(*steps, controls=CONTROLS[:2]), _page())


def failure() -> str:
    problem = Problem(
        "schema/value", Source("tickets/web.yaml", 14, 13), "`status` can't be `Aproved`", "write `Approved`"
    )
    return failure_markdown("pull request", "9d2e1f7aa0b1c2d3", JobFailure("", problems=(problem,)), _page())


def expired_token() -> str:
    remedy = "set a new token in the secret TPP_TOKEN, then run the workflow again"
    return failure_markdown(
        "pull request", "9d2e1f7aa0b1c2d3", JobFailure("the token for TPP has expired", remedy), _page()
    )


def second_push() -> str:
    earlier = [step for step in _fourteen() if step.guid not in {builders.guid(51), builders.guid(52)}]
    moved = [_step(47, after=builders.APPROVED) if step.guid == builders.guid(47) else step for step in earlier]
    looks = (
        Look(_plan(*moved, commit="924229a7aa0b1c2d")),
        Look(_plan(*moved[:5], commit="1111111aa0b1c2d3"), by="asmith"),
    )
    return plan_markdown(_plan(*_fourteen()), _page(*looks))


def only_rejections() -> str:
    off = {"after": builders.REJECTED, "reason": Reason.REJECT_WANTED, "explanation": "Switched off"}
    return plan_markdown(_plan(*(_step(number, **off) for number in range(1, 24)), controls=CONTROLS[:2]), _page())


COMMENTS: dict[str, Callable[[], str]] = {
    made.__name__.replace("_", "-"): made
    for made in (
        one_ticket,
        fourteen_two_refused,
        four_hundred,
        policy_only,
        removal,
        no_change,
        failure,
        expired_token,
        second_push,
        only_rejections,
    )
}
