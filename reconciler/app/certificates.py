"""The certificates behind the tickets of a plan: read after the tickets, shown to reviewers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.app.context import Context
from reconciler.model.certificate import CertificateContext, days_left
from reconciler.model.plan import Plan, Step
from reconciler.model.ticket import Guid, LiveTicket
from reconciler.model.value import replace
from reconciler.planning.certificates import is_needed, is_wanted, which_in_full, with_context


def with_certificates(
    context: Context, steps: tuple[Step, ...], now: datetime, *, for_people: bool = True
) -> tuple[Step, ...]:
    """Return the steps with what is known of their certificates.

    Without `for_people`, and where the configuration wants none, only those are read that a change depends on: what its
    manifest pins, and what the policy refuses.
    """
    settings, refuse = context.settings.context, context.settings.policy.refuse
    everything = for_people and settings.certificates
    wanted = [step for step in steps if is_wanted(step) and (everything or is_needed(step, refuse))]
    if not wanted:
        return steps
    found = _read(context, which_in_full(wanted, refuse, settings.details))
    kept = {step.guid for step in wanted}
    return tuple(
        with_context(step, found[step.object], now, settings.warn) if step.guid in kept else step for step in steps
    )


def with_certificates_now(context: Context, plan: Plan) -> Plan:
    """Return a plan whose changes were held again against the certificates that they depend on."""
    steps = with_certificates(context, plan.steps, context.clock.now(), for_people=False)
    return plan if steps is plan.steps else replace(plan, steps=steps)


def certificates_of(context: Context, tickets: Iterable[LiveTicket]) -> Mapping[str, CertificateContext]:
    """Return by object what a search tells of certificates; nothing where the configuration wants none."""
    objects = {ticket.object: False for ticket in tickets if ticket.object}
    if not (context.settings.context.certificates and objects):
        return {}
    return _read(context, objects)


def certificate_behind(context: Context, ticket: LiveTicket) -> CertificateContext | None:
    """Return the certificate behind a ticket that no manifest names; None where the configuration wants none."""
    if not (context.settings.context.certificates and ticket.object):
        return None
    found = _read(context, {ticket.object: True})[ticket.object]
    certificate = found.certificate
    if certificate is None:
        return found
    left = days_left(certificate.valid_to, context.clock.now())
    return replace(found, certificate=replace(certificate, days_left=left))


def _read(context: Context, objects: Mapping[str, bool]) -> Mapping[str, CertificateContext]:
    with context.observer.progress("Reading certificates", len(objects), context.backend.activity) as advance:
        found = context.backend.certificates(context.settings.context).read(objects)
        advance(len(objects))
    return found


@dataclass(frozen=True, slots=True)
class Expiring:
    """A ticket whose certificate ends soon, or is over."""

    ticket: LiveTicket
    days_left: int


def expiring(
    context: Context, tickets: Iterable[LiveTicket], within: timedelta
) -> tuple[tuple[Expiring, ...], Mapping[Guid, str]]:
    """Return the tickets whose certificates end within some time, the first to end first.

    Beside them stands why others are not known, which may be among them. One search finds many.
    """
    now, listed = context.clock.now(), [ticket for ticket in tickets if ticket.object]
    known = _read(context, {ticket.object: False for ticket in listed}) if listed else {}
    ending, failed = [], {}
    for ticket in listed:
        found = known[ticket.object]
        if found.certificate is None and found.failed:
            failed[ticket.guid] = f"its certificate is not known: {found.why}"
        elif (end := found.certificate.valid_to if found.certificate else None) is not None and end - now <= within:
            ending.append(Expiring(ticket, days_left(end, now) or 0))
    return tuple(sorted(ending, key=lambda each: (each.days_left, each.ticket.guid))), failed
