"""What the certificate behind a ticket means for its step: notes, pins, and what a policy refuses."""

from datetime import timedelta
from typing import Any

import pytest

from reconciler.model.certificate import (
    Certificate,
    CertificateContext,
    ContextNote,
    Difference,
    Key,
    NoteCode,
    Purpose,
)
from reconciler.model.decision import Expectation, ExpectedCertificate
from reconciler.model.plan import Step
from reconciler.model.status import State, Status
from reconciler.model.value import replace
from reconciler.model.verdict import Reason
from reconciler.planning.certificates import (
    is_needed,
    is_wanted,
    plan_notes,
    which_in_full,
    why_refused,
    with_context,
)
from tests.builders import APPROVED, NOW, PENDING, REJECTED, after, altered, at, step

DAY = timedelta(days=1)
SOON = after("2026-11-28T22:00:00Z")
SOON_AT = at("2026-11-28T22:00:00Z")
WARN = 30
CODE = NoteCode


def of(wanted: State, **changes: Any) -> Step:
    reasons = {Status.REJECTED: Reason.REJECT_WANTED, Status.PENDING: Reason.REOPEN_WANTED}
    return step(1, after=wanted, **{"reason": reasons.get(Status(wanted.status), Reason.APPROVE_WANTED), **changes})


def dropped(*names: str) -> tuple[Difference, ...]:
    return tuple(Difference("dns", old=name) for name in names)


NOTES = [
    ("nothing to say", APPROVED, Certificate("a.test", valid_to=NOW + 90 * DAY), []),
    (
        "ends before its window",
        SOON,
        Certificate("a.test", valid_to=SOON_AT - timedelta(seconds=1)),
        [
            (
                CODE.EXPIRES_BEFORE_WINDOW,
                "the certificate expires 2026-11-28T21:59:59Z, before the window opens 2026-11-28T22:00:00Z",
            )
        ],
    ),
    ("ends as its window opens", SOON, Certificate("a.test", valid_to=SOON_AT), []),
    ("nobody knows when it ends", SOON, Certificate("a.test"), []),
    ("is over, and approved at once", APPROVED, Certificate("a.test", valid_to=NOW - DAY), []),
    ("drops one name", APPROVED, Certificate(changes=dropped("b")), [(CODE.DROPS_NAME, "the renewal drops b")]),
    (
        "drops three names",
        APPROVED,
        Certificate(changes=dropped("b", "c", "d")),
        [(CODE.DROPS_NAME, "the renewal drops b, c, d")],
    ),
    (
        "drops four names",
        APPROVED,
        Certificate(changes=dropped("b", "c", "d", "e")),
        [(CODE.DROPS_NAME, "the renewal drops b, c, d and 1 more")],
    ),
    (
        "everything at once",
        APPROVED,
        Certificate("*.a.test", key=Key("RSA", 4096), asked_key=Key("RSA", 1024), stage=800),
        [
            (CODE.WILDCARD, "the certificate is for all hosts of a domain"),
            (CODE.WEAKER_KEY, "the next key is weaker: RSA 4096 now, then RSA 1024"),
            (CODE.RUNS_COMMAND, "approving lets TPP act on the machines: stage 800 (install certificate)"),
        ],
    ),
    ("everything, and taken back", PENDING, Certificate("*.a.test", valid_to=NOW, stage=800), []),
    (
        "a renewal is rejected in the last days",
        REJECTED,
        Certificate("*.a.test", valid_to=NOW + 29 * DAY, purpose=Purpose.RENEWAL),
        [(CODE.REJECTS_RENEWAL, "a renewal is rejected whose certificate expires in 29 days (2026-12-22T12:00:00Z)")],
    ),
    (
        "rejected on the last day, whatever it is for",
        REJECTED,
        Certificate("a.test", valid_to=NOW),
        [(CODE.REJECTS_RENEWAL, "a renewal is rejected whose certificate expires in 0 days (2026-11-23T12:00:00Z)")],
    ),
    (
        "rejected when it is over",
        REJECTED,
        Certificate("a.test", valid_to=NOW - DAY),
        [(CODE.REJECTS_RENEWAL, "a renewal is rejected whose certificate is expired (2026-11-22T12:00:00Z)")],
    ),
    ("rejected in time", REJECTED, Certificate("a.test", valid_to=NOW + 30 * DAY), []),
    ("rejected, and no renewal", REJECTED, Certificate("a.test", valid_to=NOW, purpose=Purpose.REVOCATION), []),
    ("rejected, and nobody knows when it ends", REJECTED, Certificate("a.test"), []),
]


@pytest.mark.parametrize(("wanted", "certificate", "notes"), [row[1:] for row in NOTES], ids=[row[0] for row in NOTES])
def test_a_reviewer_is_told_what_the_certificate_means_for_the_change(wanted, certificate, notes) -> None:
    found = with_context(of(wanted), CertificateContext(certificate), NOW, WARN).context
    left = None if certificate.valid_to is None else (certificate.valid_to - NOW).days
    expected = tuple(ContextNote(code, text) for code, text in notes)
    assert found == CertificateContext(replace(certificate, days_left=left), notes=expected)
    fine = with_context(of(wanted, reason=Reason.IN_SYNC_SAME), CertificateContext(certificate), NOW, WARN).context
    assert fine == CertificateContext(replace(certificate, days_left=left))


def test_what_could_not_be_read_is_kept_as_it_is() -> None:
    away = CertificateContext(None, "HTTP 502", failed=True)
    assert with_context(of(APPROVED), away, NOW, WARN) == replace(of(APPROVED), context=away)


THERE = Certificate("www.example.com", issuer="CN=Corp CA, O=Corp", in_full=True)


@pytest.mark.parametrize(
    ("pinned", "found", "why"),
    [
        (ExpectedCertificate("WWW.example.com"), CertificateContext(THERE), None),
        (ExpectedCertificate(issuer="corp ca"), CertificateContext(THERE), None),
        (ExpectedCertificate(issuer="cn=corp ca, o=corp"), CertificateContext(THERE), None),
        (ExpectedCertificate("x"), CertificateContext(THERE), "the certificate is for www.example.com, reviewed was x"),
        (
            ExpectedCertificate("x"),
            CertificateContext(Certificate()),
            "the certificate is for no name, reviewed was x",
        ),
        (
            ExpectedCertificate(issuer="x"),
            CertificateContext(THERE),
            "the certificate is issued by CN=Corp CA, O=Corp, reviewed was x",
        ),
        (
            ExpectedCertificate(issuer="x"),
            CertificateContext(Certificate()),
            "the certificate is issued by nobody yet, reviewed was x",
        ),
        (
            ExpectedCertificate("x"),
            CertificateContext(None, "HTTP 502"),
            "the certificate that was reviewed can't be compared: HTTP 502",
        ),
        (
            ExpectedCertificate("www.example.com"),
            CertificateContext(replace(THERE, in_full=False), "HTTP 502", failed=True),
            "the certificate that was reviewed can't be compared: HTTP 502",
        ),
        (ExpectedCertificate("www.example.com"), CertificateContext(replace(THERE, in_full=False)), None),
        (ExpectedCertificate("www.example.com"), CertificateContext(THERE, "HTTP 502", failed=True), None),
    ],
)
def test_a_pinned_certificate_that_differs_refuses_the_change_and_nothing_else(pinned, found, why) -> None:
    change = altered(of(APPROVED), expect=Expectation(certificate=pinned))
    held = with_context(change, found, NOW, WARN)
    assert (held.reason, held.detail) == ((Reason.MISMATCH_CERTIFICATE, why) if why else (change.reason, ""))
    fine = altered(change, reason=Reason.IN_SYNC_SAME)
    assert with_context(fine, found, NOW, WARN).reason is Reason.IN_SYNC_SAME


PINNED = Expectation(certificate=ExpectedCertificate("a"))
DROPS, EXPIRES = frozenset({CODE.DROPS_NAME}), frozenset({CODE.EXPIRES_BEFORE_WINDOW})


def test_certificates_are_shown_of_live_tickets_and_needed_where_a_change_depends_on_them() -> None:
    assert is_wanted(step())
    assert not any(is_wanted(step(**gone)) for gone in ({"object": ""}, {"before": None}, {"closed": True}))
    assert (is_needed(step(), frozenset()), is_needed(step(), DROPS), is_needed(step(expect=PINNED), frozenset())) == (
        False,
        True,
        True,
    )
    assert not is_needed(step(reason=Reason.IN_SYNC_SAME, expect=PINNED), DROPS)


@pytest.mark.parametrize(
    ("most", "refuse", "full"),
    [
        (4, frozenset(), {"change", "pinned", "fine", "fine and pinned"}),
        (3, frozenset(), {"change", "pinned"}),
        (2, frozenset(), {"change", "pinned"}),
        (1, frozenset(), {"pinned"}),
        (0, EXPIRES, {"pinned"}),
        (0, DROPS, {"change", "pinned"}),
    ],
)
def test_certificates_are_read_in_full_as_far_as_they_are_not_too_many(most, refuse, full) -> None:
    steps = (
        step(1, object="change"),
        step(2, object="pinned", expect=PINNED),
        step(3, object="fine", reason=Reason.IN_SYNC_SAME),
        step(4, object="fine and pinned", reason=Reason.IN_SYNC_SAME, expect=PINNED),
    )
    assert which_in_full(steps, refuse, most) == {each.object: each.object in full for each in steps}


def noted(number: int, *codes: NoteCode, in_full: bool = True) -> Step:
    notes = tuple(ContextNote(code, "x") for code in codes)
    return step(number, context=CertificateContext(Certificate("a", in_full=in_full), notes=notes))


def test_a_plan_says_each_note_once_with_its_first_places_and_what_is_not_known() -> None:
    steps = [step(15), *(noted(number, CODE.WILDCARD) for number in range(1, 5))]
    steps += [noted(5, CODE.RUNS_COMMAND, CODE.DROPS_NAME, in_full=False), noted(6, CODE.WEAKER_KEY, in_full=False)]
    steps += [noted(7, CODE.EXPIRES_BEFORE_WINDOW), *(noted(number, CODE.REJECTS_RENEWAL) for number in (8, 9, 10))]
    away = [CertificateContext(None, why, failed=True) for why in ("timeout", "HTTP 502", "timeout")]
    steps += [step(number, context=context) for number, context in enumerate(away, 11)]
    steps += [step(14, context=CertificateContext(None, "no certificate"))]
    place = "tickets/web.yaml:{}:5".format
    eight_on = f"({place(11)}, {place(12)}, {place(13)})"
    assert plan_notes(steps) == (
        f"1 ticket: the certificate expires before the window opens ({place(10)}) [context/expires-before-window]",
        f"3 tickets: a renewal is rejected whose certificate expires soon {eight_on} [context/rejects-renewal]",
        f"1 ticket: the renewal drops a name ({place(8)}) [context/drops-name]",
        f"4 tickets: the certificate is for all hosts of a domain ({place(4)}, {place(5)}, {place(6)} and 1 more) "
        "[context/wildcard]",
        f"1 ticket: the next key is weaker than the present one ({place(9)}) [context/weaker-key]",
        f"1 ticket: approving lets TPP act on the machines where the certificate is installed ({place(8)}) "
        "[context/runs-command]",
        "no certificate context for 1 of 14 tickets: HTTP 502",
        "no certificate context for 2 of 14 tickets: timeout",
        "2 certificates were read in short, without what renewals change (`context.details`)",
    )
    assert plan_notes((noted(1), step(2))) == ()


@pytest.mark.parametrize(
    ("context", "refuse", "why"),
    [
        (None, DROPS | EXPIRES, "the certificate is not known: it was not read"),
        (CertificateContext(None, "no certificate"), DROPS, None),
        (CertificateContext(None, "HTTP 502", failed=True), EXPIRES, "the certificate is not known: HTTP 502"),
        (CertificateContext(THERE, "HTTP 502", failed=True), EXPIRES, None),
        (CertificateContext(THERE, "HTTP 502", failed=True), DROPS, "the certificate is not known: HTTP 502"),
        (CertificateContext(THERE, notes=(ContextNote(CODE.WILDCARD, "x"),)), DROPS, None),
        (CertificateContext(THERE, notes=(ContextNote(CODE.DROPS_NAME, "drops b"),)), DROPS, "drops b"),
    ],
)
def test_a_policy_refuses_what_it_names_and_what_nobody_knows_not_to_be_that(context, refuse, why) -> None:
    said = f"the policy refuses {', '.join(sorted(refuse))}, and {why}" if why and "known" in why else why
    said = f"context/drops-name: {why}" if why == "drops b" else said
    assert why_refused(step(context=context), refuse) == said
