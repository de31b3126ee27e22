"""Chat messages: short, valid for whom they are sent to, silent while nothing changes."""

import json

import pytest

from reconciler.model.value import replace
from reconciler.rendering.notification import Chat, plan_notification, run_notification, state_of
from tests import builders
from tests.rendering.plans import PLANS, RUNS, large_plan

LINK = "https://ci.example/run/1"


def test_slack_gets_headline_totals_tickets_and_a_link() -> None:
    assert json.loads(plan_notification(PLANS["irreversible-first"], Chat.SLACK, link=LINK)) == {
        "text": (
            "*prod: 4 changes ready, 2 need attention*\n"
            "4 will change (1 reject, 1 approve, 1 schedule, 1 reschedule) · 2 need attention (1 refused, 1 missing) · "
            "2 unchanged (1 in-sync, 1 settled)\n"
            "x reject: old-ldap\n"
            "+ approve: api-gw\n"
            "&gt; schedule: shop-prod-01\n"
            "~ reschedule: pay-gw-eu\n"
            "! refused: vpn-edge\n"
            "! missing: unknown object\n"
            "<https://ci.example/run/1|Details>"
        )
    }


def test_teams_gets_an_adaptive_card() -> None:
    message = json.loads(run_notification(RUNS["irreversible-first"], Chat.TEAMS, link=LINK))
    card = message["attachments"][0]["content"]
    assert message["attachments"][0]["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert card["type"] == "AdaptiveCard"
    assert card["body"][0]["text"].startswith("prod: 1 applied")
    assert card["body"][1]["text"] == "! unknown: www.example.com"
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "Details", "url": LINK}]


@pytest.mark.parametrize("chat", Chat)
def test_a_message_about_thousands_is_short_and_counts_the_rest(chat: Chat) -> None:
    text = plan_notification(large_plan(), chat)
    assert len(text) < 4_000
    assert "7,492 more" in text


@pytest.mark.parametrize("chat", Chat)
def test_hostile_text_mentions_nobody_and_links_nothing(chat: Chat) -> None:
    step = builders.step(1, object=r"\VED\Policy\<!channel> <https://evil.example|x> [x](https://evil.example) @here")
    said = json.loads(plan_notification(builders.plan(step), chat, link="javascript:alert(1)"))
    if chat is Chat.SLACK:
        assert "<" not in said["text"]
    else:
        card = said["attachments"][0]["content"]
        assert "actions" not in card
        assert not [block for block in card["body"] if "](" in block["text"].replace("\\]\\(", "")]


def test_the_state_is_the_same_until_something_changes() -> None:
    plan = PLANS["irreversible-first"]
    later = replace(plan, made_at=builders.at("2026-11-24T12:00:00Z"), digest="sha256:" + "1" * 64)
    assert state_of(plan) == state_of(later)
    assert state_of(plan) != state_of(replace(plan, steps=plan.steps[1:]))
    assert state_of(PLANS["nothing-to-do"]) == state_of(None) == ""
    assert state_of(plan, RUNS["irreversible-first"]) != state_of(plan)
