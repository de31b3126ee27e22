"""Certificates in every view: the line, what ends too soon in red, what to look at; hostile names are inert."""

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from reconciler.codec import decode_plan, plan_json
from reconciler.model.certificate import (
    Certificate,
    CertificateContext,
    ContextNote,
    Difference,
    Installations,
    Key,
    NoteCode,
    Purpose,
    SubjectNames,
)
from reconciler.model.plan import Step
from reconciler.model.value import replace
from reconciler.rendering.certificates import certificate_line, days_words
from reconciler.rendering.html.page import Frame
from reconciler.rendering.html.plan import plan_page
from reconciler.rendering.html.site import Report, site
from reconciler.rendering.markdown.plan import plan_markdown
from reconciler.rendering.text.layout import Detail, View
from reconciler.rendering.text.plan import plan_text
from tests.builders import NOW, between, plan, step

END = NOW + timedelta(days=12)
WWW = Certificate(
    common_name="www.example.com",
    names=SubjectNames(dns=("www.example.com", "a.example.com", "b.example.com", "c.example.com")),
    issuer="CN=DigiCert, C=US",
    serial="4F",
    key=Key("RSA", 2048),
    valid_from=NOW - timedelta(days=386),
    valid_to=END,
    days_left=12,
    in_full=True,
    purpose=Purpose.RENEWAL,
    changes=(Difference("dns", old="c.example.com"), Difference("key", "RSA 2048", "RSA 3072")),
    stage=500,
    status="Pending workflow resolution",
    installations=Installations(4, (r"\VED\a", r"\VED\b")),
)
NOTE = ContextNote(NoteCode.DROPS_NAME, "the renewal drops c.example.com")


def behind(certificate: Certificate | None = WWW, number: int = 1, why: str = "", **fields: Any) -> Step:
    notes = (NOTE,) if certificate else ()
    return step(number, context=CertificateContext(certificate, why, notes=notes), **fields)


def ending(days: int) -> Certificate:
    return replace(WWW, valid_to=NOW + timedelta(days=days, hours=12), days_left=days)


def test_a_certificate_is_said_in_one_line() -> None:
    said = "www.example.com +3 names, DigiCert, RSA 2048, 12 days left, 4 installations"
    assert certificate_line(WWW) == said
    assert certificate_line(WWW, "WWW.example.com") == said.removeprefix("www.example.com ")
    assert certificate_line(Certificate(common_name="x", purpose=Purpose.FIRST_ISSUE)) == "x, first issue"
    assert certificate_line(Certificate()) == "no name"


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (None, ""),
        (1, "1 day left"),
        (0, "expires today"),
        (-1, "expired"),
        (-2, "expired 1 day ago"),
        (-30, "expired 29 days ago"),
    ],
)
def test_days_are_said_in_words(left: int | None, said: str) -> None:
    assert days_words(replace(WWW, days_left=left)) == said


def test_what_ends_before_the_plan_or_before_the_window_is_red() -> None:
    def red(one: Step) -> bool:
        lines = plan_text(plan(one), View(colour=True, width=120)).splitlines()
        (line,) = [line for line in lines if "    cert " in line]
        return line.startswith("\x1b[31;1m")

    assert red(behind(ending(0)))
    assert not red(behind(ending(3)))
    assert red(behind(ending(3), after=between("2026-12-19T22:00:00Z", "2026-12-20T02:00:00Z")))


def test_a_plan_says_first_how_many_end_soon() -> None:
    made = plan(behind(ending(3)), behind(ending(7), 2), behind(ending(90), 3), step(4))
    for text in (plan_text(made), plan_markdown(made), plan_page(made)):
        assert "1 of 3 certificates expires within 7 days" in text
    without = plan(behind(ending(90)))
    assert "within 7 days" not in plan_text(without) + plan_markdown(without)


def test_a_certificate_that_ends_soon_is_urgent() -> None:
    assert re.search(r"\*\*Urgent:\*\* \*\*www.*3 days left", plan_markdown(plan(behind(ending(3)))))


def test_a_comment_has_a_line_and_folded_details() -> None:
    text = plan_markdown(plan(behind()))
    assert "3 names, DigiCert, RSA 2048, 12 days left, 4 installations" in text
    folded = text[text.index("<details><summary>1 certificate</summary>") :]
    assert "drops dns c.example.com" in folded
    assert "issuer CN=DigiCert, C=US" in unescape(folded)
    assert "· ⚠️ the renewal drops c.example.com ·" in text


def test_many_certificates_fit_into_a_comment() -> None:
    text = plan_markdown(plan(*(behind(number=number) for number in range(1, 3000))))
    assert len(text.encode()) <= 64_000
    assert "more" in text


def test_everything_is_told_to_who_asks_for_it() -> None:
    text = " ".join(plan_text(plan(behind()), View(detail=Detail.VERBOSE)).split())
    for said in ("serial 4F", "500 post CSR", r"\VED\a, \VED\b and 2 more", "[context/drops-name]", "purpose renewal"):
        assert said in text


def test_a_page_sorts_by_expiry_and_each_ticket_has_a_page() -> None:
    made = plan(behind(after=between("2026-12-01T22:00:00Z", "2026-12-20T02:00:00Z")), step(2))
    page = plan_page(made)
    assert "within 14 days" in page
    assert "Certificate</th>" in page
    files = site(Report(Frame("Approvals", NOW), made))
    ticket = files[f"tickets/{made.steps[0].guid}.html"]
    assert "<h2>Certificate</h2>" in ticket
    assert "DigiCert" in ticket
    assert "<h2>Certificate</h2>" not in files[f"tickets/{made.steps[1].guid}.html"]
    assert 'class="expiry"' in files["timeline.html"]
    assert "a certificate ends" in files["timeline.html"]


def test_without_certificates_no_view_has_anything_of_them() -> None:
    files = site(Report(Frame("Approvals", NOW), plan(step(1), step(2, context=CertificateContext(None, "no scope")))))
    assert not [name for name, text in files.items() if "Certificate</th>" in text or 'class="expiry"' in text]


def test_a_plan_with_certificates_is_read_as_it_was_saved() -> None:
    made = plan(behind(), behind(None, 2, "the server answered HTTP 502"))
    data = plan_json(made).encode()
    assert decode_plan(data) == made
    rows = json.loads(data)["steps"]
    assert rows[1]["context"] == {"certificate": None, "why": "the server answered HTTP 502"}
    assert rows[0]["context"]["certificate"]["names"]["dns"][0] == "www.example.com"


HOSTILE = (
    "\x1b[31mx\u202e|`</code><script>alert(1)</script>\n## @everyone ![x](http://evil.test) </details> \U000e0041 --> "
)


def test_hostile_names_are_inert_in_every_view() -> None:
    hostile = Certificate(
        common_name=HOSTILE,
        names=SubjectNames(dns=(HOSTILE,), uri=(HOSTILE,)),
        issuer=f"CN={HOSTILE}",
        serial=HOSTILE,
        key=Key(HOSTILE, 2048),
        valid_to=END,
        days_left=3,
        in_full=True,
        changes=(Difference("dns", HOSTILE, HOSTILE),),
        authority=HOSTILE,
        stage=500,
        status=HOSTILE,
        installations=Installations(1, (HOSTILE,)),
        contacts=(HOSTILE,),
        fields={HOSTILE: (HOSTILE,)},
    )
    known = CertificateContext(hostile, HOSTILE, notes=(ContextNote(NoteCode.WILDCARD, HOSTILE),))
    made = plan(step(1, context=known, after=between("2026-12-01T22:00:00Z", "2026-12-20T02:00:00Z")))
    pages = site(Report(Frame("Approvals", NOW), made))
    texts = [plan_text(made, View(detail=detail)) for detail in Detail]
    for text in (*texts, plan_markdown(made), plan_page(made), *pages.values()):
        assert not {"\x1b", "\u202e", "\U000e0041"} & set(text)
        assert "\n## @everyone" not in text
    for text in (plan_markdown(made), plan_page(made), *pages.values()):
        assert "<script>alert" not in text
    comment = plan_markdown(made)
    assert "](http://evil.test)" not in comment
    assert comment.count("</details>") == comment.count("<details>")
