"""The pull-request comment: understood in ten seconds, whatever the pull request does."""

import html
import os
import re
from pathlib import Path

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options

from tests.rendering.comments import COMMENTS

RECORDED = Path(__file__).parent / "comments"


def _rendered(name: str) -> str:
    text = cmarkgfm.github_flavored_markdown_to_html(COMMENTS[name](), options=Options.CMARK_OPT_UNSAFE)
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<!--.*?-->|<[^>]*>", "", text, flags=re.DOTALL))).strip()


@pytest.mark.parametrize("name", COMMENTS)
def test_a_comment_looks_as_recorded(name: str) -> None:
    path, text = RECORDED / f"{name}.md", COMMENTS[name]()
    if os.environ.get("WRITE_CASES"):
        path.write_text(text, encoding="utf-8", newline="\n")
    assert path.read_bytes().decode("utf-8") == text


@pytest.mark.parametrize("name", ["fourteen-two-refused", "four-hundred", "second-push"])
def test_the_first_lines_say_what_is_asked_what_is_final_when_and_what_is_urgent(name: str) -> None:
    first = _rendered(name)[:600]
    assert re.search(r"[Aa]pprove \d+ certificate requests\?", first)
    assert re.search(r"\d+ can't be undone", first)
    assert "Mon 2026-11-30" in first or "Sun 2026-11-29 23:00 Europe/Berlin" in first
    assert re.search(r"Urgent: .*waiting \d+ days", first)
    assert "Blocked, nothing is sent:" in first


def test_one_ticket_is_asked_for_in_the_singular() -> None:
    first = _rendered("one-ticket")[:600]
    assert "Approve 1 certificate request?" in first
    assert "1 can't be undone" in first
    assert "app042.example.com" in first


def test_a_change_of_the_rules_is_red_and_stands_above_everything() -> None:
    text = _rendered("policy-only")
    assert text.startswith("🔴 Approve 1 certificate request and change the rules?")
    rules = text.index("policy.limits.changes: 100 → 5000")
    assert "policy.four_eyes.allow_direct_push: false → true" in text
    assert "changes .github/CODEOWNERS" in text
    assert "under the present rules app003.example.com would be: refused by a guard" in text
    assert rules < text.index("Merging sends")


def test_a_removal_says_what_will_still_run() -> None:
    text = _rendered("removal")
    assert text.startswith("🔴 Remove 3 certificate decisions?")
    assert "Merging sends nothing to TPP (prod)." in text[:300]
    assert "2 will still run; set Pending first to take them back" in text[:300]
    assert "app009.example.com: wanted Approved, stays undecided in TPP" in text


@pytest.mark.parametrize(
    ("name", "condition"),
    [
        ("one-ticket", "each name belongs to CHG0042001"),
        ("policy-only", "each name belongs to CHG0042001 and the rules are to be these"),
        ("removal", "what is removed may go"),
    ],
)
def test_whatever_is_asked_says_how_to_answer(name: str, condition: str) -> None:
    assert f"Yes: approve, if {condition}. No: request changes. Ask: reply on a line." in _rendered(name)


def test_where_nothing_is_asked_no_answer_is() -> None:
    assert "approve, if" not in _rendered("no-change")


def test_a_second_push_says_what_is_new_since_the_commit_and_since_the_review() -> None:
    text = _rendered("second-push")[:800]
    assert "Since 924229a: new: reject app051.example.com, app052.example.com; now: schedule app047.example.com" in text
    assert "Since 1111111 (last review of asmith):" in text


def test_a_failure_names_its_true_cause() -> None:
    assert "No plan for 9d2e1f7aa0b1: the token for TPP has expired" in _rendered("expired-token")
    assert "tickets/web.yaml:14:13: `status` can't be `Aproved`. write `Approved`" in _rendered("failure")


def test_a_rejection_never_stands_among_approvals() -> None:
    text = COMMENTS["fourteen-two-refused"]()
    groups = re.findall(r"(?m)^\*\*(Reject|Approve) (\d+)\*\*", text)
    assert groups == [("Reject", "2"), ("Approve", "6"), ("Approve", "4")]


def test_rejections_are_asked_for_as_rejections_and_never_in_green() -> None:
    assert _rendered("only-rejections").startswith("🔴 Reject 23 certificate requests? Merging sends 23 updates")
    assert _rendered("fourteen-two-refused").startswith("🔴 Reject 2 and approve 10 certificate requests?")


def test_hundreds_are_groups_with_a_link_and_no_exception_is_cut() -> None:
    text = COMMENTS["four-hundred"]()
    assert len(text.encode()) <= 64_000
    assert "249 tickets, none urgent: [the whole list](https://ci.example/run/1)" in text
    assert [number for number in (7, *range(251, 401)) if f"app{number:03d}" not in text] == []


@pytest.mark.parametrize("name", COMMENTS)
def test_what_the_reviewer_reads_has_no_noise(name: str) -> None:
    text = re.sub(r"<details><summary>[^<]*\(for operators\).*", "", COMMENTS[name](), flags=re.DOTALL)
    text = text.partition("\n")[2] if text.startswith("<!--") else text
    assert "✅" not in text
    assert "|" not in text
    assert "mermaid" not in text
    assert not re.search(r"[0-9a-f]{64}", text)
