"""What the certificate behind a ticket means for its step: notes for reviewers, and what a manifest pins. Pure.

Nothing here changes a verdict but a pin that a manifest states, and a note that `policy.refuse` names.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from reconciler.model.certificate import (
    NEED_DETAILS,
    RUNS_COMMANDS,
    STAGES,
    Certificate,
    CertificateContext,
    ContextNote,
    NoteCode,
    Purpose,
    days_left,
)
from reconciler.model.decision import ExpectedCertificate
from reconciler.model.plan import Step
from reconciler.model.status import Status, format_instant
from reconciler.model.value import replace
from reconciler.model.verdict import Group, Reason

_MOST_NAMED = 3


def is_wanted(step: Step) -> bool:
    """Whether there is a live ticket whose certificate can be shown."""
    return bool(step.object) and step.before is not None and not step.closed


def is_needed(step: Step, refuse: frozenset[NoteCode]) -> bool:
    """Whether a change depends on its certificate: its manifest pins one, or the policy refuses some."""
    return step.group is Group.CHANGE and (step.expect.certificate is not None or bool(refuse))


def which_in_full(steps: Iterable[Step], refuse: frozenset[NoteCode], most: int) -> Mapping[str, bool]:
    """Return the objects of steps, and whether their certificates are read in full.

    All are, or at least those of changes, if they are not more than `most`; what a change depends on always is.
    """
    listed = tuple(steps)
    every = {step.object for step in listed}
    changed = {step.object for step in listed if step.group is Group.CHANGE}
    pinned = {step.object for step in listed if step.group is Group.CHANGE and step.expect.certificate is not None}
    needed = changed if refuse & NEED_DETAILS else pinned
    full = every if len(every) <= most else changed if len(changed) <= most else needed
    return {dn: dn in full or dn in needed for dn in every}


def with_context(step: Step, found: CertificateContext, now: datetime, warn: int) -> Step:
    """Return a step with what is known of its certificate; a pinned certificate that differs turns the verdict."""
    certificate = found.certificate
    if certificate is not None:
        certificate = replace(certificate, days_left=days_left(certificate.valid_to, now))
        notes = tuple(_notes(step, certificate, warn)) if step.group is not Group.FINE else ()
        found = replace(found, certificate=certificate, notes=notes)
    step = replace(step, context=found)
    pinned = step.expect.certificate
    if pinned is None or step.group is not Group.CHANGE:
        return step
    why = _differs(pinned, found)
    return step if why is None else replace(step, reason=Reason.MISMATCH_CERTIFICATE, detail=why)


def _differs(pinned: ExpectedCertificate, found: CertificateContext) -> str | None:
    there = found.certificate
    if there is None or (found.failed and not there.in_full):
        return f"the certificate that was reviewed can't be compared: {found.why}"
    if pinned.common_name is not None and pinned.common_name.casefold() != there.common_name.casefold():
        return f"the certificate is for {there.common_name or 'no name'}, reviewed was {pinned.common_name}"
    issuers = {there.issuer.casefold(), there.issuer_name.casefold()}
    if pinned.issuer is not None and pinned.issuer.casefold() not in issuers:
        return f"the certificate is issued by {there.issuer or 'nobody yet'}, reviewed was {pinned.issuer}"
    return None


def _notes(step: Step, certificate: Certificate, warn: int) -> Iterator[ContextNote]:
    left, end = certificate.days_left, certificate.valid_to
    if step.after.status == Status.REJECTED:
        renewal = certificate.purpose in (Purpose.RENEWAL, None)
        if renewal and left is not None and end is not None and left < warn:
            how = f"expires in {left} days" if left >= 0 else "is expired"
            yield ContextNote(
                NoteCode.REJECTS_RENEWAL, f"a renewal is rejected whose certificate {how} ({format_instant(end)})"
            )
        return
    if step.after.status == Status.PENDING:
        return
    schedule = step.after.schedule
    if schedule is not None and end is not None and end < schedule.start:
        text = (
            f"the certificate expires {format_instant(end)}, before the window opens {format_instant(schedule.start)}"
        )
        yield ContextNote(NoteCode.EXPIRES_BEFORE_WINDOW, text)
    dropped = certificate.dropped
    if dropped:
        more = len(dropped) - _MOST_NAMED
        named = ", ".join(dropped[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        yield ContextNote(NoteCode.DROPS_NAME, f"the renewal drops {named}")
    if certificate.wildcard:
        yield ContextNote(NoteCode.WILDCARD, "the certificate is for all hosts of a domain")
    if certificate.weaker_key:
        text = f"the next key is weaker: {certificate.key} now, then {certificate.asked_key}"
        yield ContextNote(NoteCode.WEAKER_KEY, text)
    if certificate.stage in RUNS_COMMANDS:
        stage = f"{certificate.stage} ({STAGES[certificate.stage]})"
        yield ContextNote(NoteCode.RUNS_COMMAND, f"approving lets TPP act on the machines: stage {stage}")


def plan_notes(steps: Iterable[Step]) -> tuple[str, ...]:
    """Return what a plan says of certificates as a whole: each code once with its places, and why facts are absent."""
    places: dict[NoteCode, list[Step]] = defaultdict(list)
    absent: dict[str, int] = defaultdict(int)
    read = short = 0
    for step in steps:
        if step.context is None:
            continue
        read += 1
        if step.context.failed:
            absent[step.context.why] += 1
        elif step.context.certificate is not None and not step.context.certificate.in_full:
            short += 1
        for note in step.context.notes:
            places[note.code].append(step)
    notes = [_note(code, places[code]) for code in NoteCode if code in places]
    notes += [
        f"no certificate context for {count:,} of {read:,} tickets: {why}" for why, count in sorted(absent.items())
    ]
    if short:
        notes.append(f"{short:,} certificates were read in short, without what renewals change (`context.details`)")
    return tuple(notes)


def _note(code: NoteCode, steps: list[Step]) -> str:
    named = ", ".join(str(step.source) for step in steps[:_MOST_NAMED])
    more = f" and {len(steps) - _MOST_NAMED} more" if len(steps) > _MOST_NAMED else ""
    count = len(steps)
    return f"{_SUMMARIES[code].format('1 ticket' if count == 1 else f'{count:,} tickets')} ({named}{more}) [{code}]"


_SUMMARIES = {
    NoteCode.EXPIRES_BEFORE_WINDOW: "{}: the certificate expires before the window opens",
    NoteCode.REJECTS_RENEWAL: "{}: a renewal is rejected whose certificate expires soon",
    NoteCode.DROPS_NAME: "{}: the renewal drops a name",
    NoteCode.WILDCARD: "{}: the certificate is for all hosts of a domain",
    NoteCode.WEAKER_KEY: "{}: the next key is weaker than the present one",
    NoteCode.RUNS_COMMAND: "{}: approving lets TPP act on the machines where the certificate is installed",
}


def why_refused(step: Step, refuse: frozenset[NoteCode]) -> str | None:
    """Return why the policy refuses a step because of its certificate; None when it does not.

    What could not be read is refused: nobody knows whether it is what the policy does not want.
    """
    found = step.context
    note = next((note for note in found.notes if note.code in refuse), None) if found else None
    if note is not None:
        return f"{note.code}: {note.text}"
    if found is not None and not (found.failed and (found.certificate is None or refuse & NEED_DETAILS)):
        return None
    why = found.why if found else "it was not read"
    return f"the policy refuses {', '.join(sorted(refuse))}, and the certificate is not known: {why}"
