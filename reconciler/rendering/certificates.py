"""Certificates in words. The texts in them are the server's: whoever shows what is returned here escapes it."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from reconciler.model.certificate import STAGES, Certificate, CertificateContext, Difference, Purpose
from reconciler.model.plan import Plan, Step
from reconciler.model.status import format_instant
from reconciler.rendering.words import counted

SOON = 7
"""Days: what a comment says first of all is how many certificates end within them."""
_MOST = 10
"""Names, or changes, that are spelled out."""


def certificate_of(step: Step) -> Certificate | None:
    """Return the certificate behind a step, as far as it is known."""
    return step.context.certificate if step.context else None


def certificate_line(certificate: Certificate, known_as: str = "", *, ends: bool = True) -> str:
    """Return it in one line, such as `www.example.com +3 names, DigiCert, RSA 2048, 12 days left, 4 installations`.

    A common name that the reader has seen already, as `known_as`, is not said again, nor, without `ends`, the days.
    """
    more = sum(1 for _, name in certificate.names if name.casefold() != certificate.common_name.casefold())
    more += certificate.names.more
    name = certificate.common_name or next((name for _, name in certificate.names), "no name")
    parts = [
        " ".join(
            filter(
                None, ("" if name.casefold() == known_as.casefold() else name, f"+{counted(more, 'name')}" * (more > 0))
            )
        ),
        "first issue" if certificate.purpose is Purpose.FIRST_ISSUE else certificate.issuer_name,
        str(certificate.key),
        days_words(certificate) if ends else "",
        counted(certificate.installations.count, "installation") if certificate.installations else "",
        "in error" if certificate.in_error else "",
    ]
    return ", ".join(filter(None, parts))


def days_words(certificate: Certificate) -> str:
    """Return how long a certificate is still valid; "" when nobody knows."""
    left = certificate.days_left
    if left is None:
        return ""
    if left < 0:
        return "expired" + (f" {counted(-left - 1, 'day')} ago" if left < -1 else "")
    return "expires today" if left == 0 else f"{counted(left, 'day')} left"


def ends_soon(certificate: Certificate) -> bool:
    """Whether a certificate ends within SOON days of the plan."""
    return certificate.days_left is not None and certificate.days_left < SOON


def is_too_late(step: Step, expires_at: datetime) -> bool:
    """Whether the certificate ends before the window opens, or before the plan does."""
    certificate = certificate_of(step)
    if certificate is None or certificate.valid_to is None:
        return False
    schedule = step.after.schedule
    return certificate.valid_to < expires_at or (schedule is not None and certificate.valid_to < schedule.start)


def soon_words(steps: Iterable[Step]) -> str:
    """Return how many certificates of changes end soon, such as `2 of 14 expire within 7 days`; "" when none does."""
    known = [found for step in steps if (found := certificate_of(step)) is not None and found.days_left is not None]
    soon = sum(map(ends_soon, known))
    if not soon:
        return ""
    verb = "expires" if soon == 1 else "expire"
    return f"{soon} of {counted(len(known), 'certificate')} {verb} within {SOON} days"


def change_words(change: Difference) -> str:
    """Return one difference from what is asked for."""
    if change.old and change.new:
        return f"{change.what}: {change.old} → {change.new}"
    return f"drops {change.what} {change.old}" if change.old else f"adds {change.what} {change.new}"


def certificate_fields(context: CertificateContext) -> Iterator[tuple[str, str]]:
    """Yield everything that is known of a certificate as names with values, those with nothing to say left out."""
    found = context.certificate
    if found is not None:
        yield from ((name, value) for name, value in _facts(found) if value)
    for note in context.notes:
        yield "look", f"{note.text} [{note.code}]"
    if context.why:
        yield "unknown", context.why


def _facts(found: Certificate) -> Iterator[tuple[str, str]]:
    yield "cert", certificate_line(found)
    names = [name if kind == "dns" else f"{kind}:{name}" for kind, name in found.names]
    yield "names", _some(names, found.names.more)
    yield "issuer", found.issuer
    yield "serial", found.serial
    if found.valid_from is not None and found.valid_to is not None:
        yield "valid", f"{format_instant(found.valid_from)} to {format_instant(found.valid_to)}"
    yield "purpose", str(found.purpose or "")
    yield "changes", _some([change_words(change) for change in found.changes], found.more_changes)
    yield "authority", found.authority
    if found.stage is not None:
        stage = STAGES.get(found.stage, "")
        yield (
            "stage",
            " ".join(filter(None, (str(found.stage), stage))) + (f': "{found.status}"' if found.status else ""),
        )
    if found.installations:
        first = list(found.installations.first)
        yield "installed", _some(first, found.installations.count - len(first))
    yield "contacts", ", ".join(found.contacts)
    for name, values in found.fields.items():
        yield "field", f"{name}: {', '.join(values)}"


def _some(texts: list[str], more: int) -> str:
    more += max(0, len(texts) - _MOST)
    return ", ".join(texts[:_MOST]) + (f" and {more} more" if more > 0 else "")


def expiries(plan: Plan) -> tuple[tuple[datetime, Step], ...]:
    """Return the ends of certificates with their steps, in order of time."""
    found = ((certificate_of(step), step) for step in plan.steps)
    ends = [(each.valid_to, step) for each, step in found if each is not None and each.valid_to is not None]
    return tuple(sorted(ends, key=lambda end: (end[0], end[1].guid)))
