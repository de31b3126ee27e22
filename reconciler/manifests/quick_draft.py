"""Reads tickets of the usual layout without a YAML parser, and leaves everything else to it: five times as fast.

A ticket is taken here only if its text can mean but one thing: members of four blanks, one level below them of six,
plain values on one line, and all lines around it closed on themselves, so that no quote, bracket or block of text
can reach into it; so it is with the few lines above the tickets. Whatever is unusual, and whatever is wrong, is read
by the parser at its own place in the file.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from reconciler.manifests.decode import Header, decode_ticket
from reconciler.manifests.draft import Draft, read_draft
from reconciler.manifests.fault import Fault
from reconciler.manifests.header import fits_beside_tickets, read_header, ticket_gate
from reconciler.manifests.shape import KEY, PLAIN, Shape, shape_of, usual_ticket
from reconciler.manifests.strict_yaml import MAY_BE_TYPED, StrictReader, Value, scalar
from reconciler.manifests.windows import Windows
from reconciler.model.decision import Decision, Source

_QUOTED = r""""[^"\\\r\n\x85\u2028\u2029]*"|'[^'\r\n\x85\u2028\u2029]*'"""
_FLOW = r"""\{[^][{}"'#&*!|>%?\r\n\x85\u2028\u2029]*\}|\[[^][{}"'#&*!|>%?\r\n\x85\u2028\u2029]*\]"""
_COMMENT = r"#[^\r\n\x85\u2028\u2029]*"
_CLOSED = rf"(?:(?:{KEY}:(?: (?:{PLAIN}|{_QUOTED}|{_FLOW}))?|{PLAIN}|{_QUOTED}|{_FLOW})(?: +{_COMMENT})?)"
_CLOSED_LINES = rf"{_CLOSED}(?:\n(?:    +(?:- )?{_CLOSED}| *(?:{_COMMENT})?(?=\n|\Z)))*+"

_HEAD_LINE = rf"(?:(?:version|change|timezone): {PLAIN}|#[ -~\u00c0-\u024f\u2010-\u2027]*)?\n"
_HEAD = re.compile(rf"(?:{_HEAD_LINE})*+tickets:\n(?: *(?:#[ -~\u00c0-\u024f\u2010-\u2027]*)?\n)*+")

_STRETCH = 1 << 18
"""Bytes of text that are looked at together."""

_NEXT = "\n  - "
_FIRST = re.compile(rb"(?:^|\n)tickets:(?:\n *#[^\n]*|\n)*(?=\n  - )")


def read_quickly(file: str, data: bytes, windows: Windows) -> Draft:
    """Return what read_draft returns."""
    first = _FIRST.search(data)
    if first is None:
        return read_draft(file, data, windows)
    start = first.end() + 1
    draft = _read_head(file, data[:start], windows)
    if draft is None:
        start = data.find(_NEXT.encode(), start) + 1
        draft = _read_first_ticket(file, data[:start], windows, first.end() + 1)
    if draft is None or draft.header is None:
        return read_draft(file, data, windows)
    decisions, others = _split(draft, draft.header, data, start)
    if others:
        draft = read_draft(file, data[:start] + others, windows)
    if others is None or not draft.whole:  # where reading has to stop, it stops before some that were taken here
        return read_draft(file, data, windows)
    draft.decisions += decisions
    if others:
        draft.decisions.sort(key=lambda decision: decision.source.line)
    draft.seen += len(decisions)
    return draft


def _read_head(file: str, data: bytes, windows: Windows) -> Draft | None:
    """Return the draft of a usual head, which ends where the first ticket starts; None for any other head."""
    members = _usual_members(data)
    if members is None:
        return None
    draft = Draft(StrictReader(file, b""), windows, dict(members), whole=True, fits=True)
    draft.header = read_header(draft.members, windows, draft.header_faults)
    draft.members["tickets"] = []
    return None if draft.header_faults else draft


@lru_cache(maxsize=64)
def _usual_members(head: bytes) -> Mapping[str, Value] | None:
    """Return the members of a usual head, None for any other. The files of one change begin alike."""
    found = _HEAD.fullmatch(head.decode("utf-8", "replace"))
    if found is None:
        return None
    members: dict[str, Value] = {}
    for line in filter(_is_member, found[0].split("\n")):
        name, _, stated = line.partition(": ")
        if name in members:
            return None
        members[name] = scalar(stated) if stated[0] in MAY_BE_TYPED else stated
    return members if fits_beside_tickets({**members, "tickets": []}) else None


def _is_member(line: str) -> bool:
    return ": " in line and line[0] not in "# "


def _read_first_ticket(file: str, data: bytes, windows: Windows, start: int) -> Draft | None:
    """Have the parser read any head and the first ticket; None when it sees more, or that ticket somewhere else.

    That the ticket is closed on itself makes sure that nothing of the head reaches beyond it.
    """
    if not data or not _is_closed(data[start + 4 :].decode("utf-8", "replace")):
        return None
    draft = read_draft(file, data, windows)
    found = {decision.source for decision in draft.decisions} | {kept.source for kept in draft.kept}
    at = Source(file, data.count(b"\n", 0, start) + 1, 5)
    return draft if draft.whole and draft.seen == 1 and found == {at} else None


def _split(draft: Draft, header: Header, data: bytes, start: int) -> tuple[list[Decision], bytes | None]:
    """Return the decisions of usual tickets, and the text of the others with lines left empty for what was taken.

    None when a line that is not closed on itself makes it unsure what is a ticket.
    """
    decisions: list[Decision] = []
    others: list[str] = []
    fits, file = ticket_gate(draft.members.get("defaults")), draft.reader.file
    faults: list[Fault] = []
    line, taken = data.count(b"\n", 0, start) + 1, 0
    for ticket, members in _tickets(data, start):
        decision = None
        if members is not None and fits(members):
            decision = decode_ticket(members, header, Source(file, line, 5), faults)
        breaks = ticket.count("\n")
        if decision is not None and not faults:
            decisions.append(decision)
            taken += breaks
        elif members is not None or _is_closed(ticket[4:]):
            faults.clear()
            others += ["\n" * taken, ticket]
            taken = 0
        else:
            return [], None
        line += breaks
    return decisions, "".join(others).encode("utf-8", "surrogateescape")


def _tickets(data: bytes, start: int) -> Iterator[tuple[str, dict[str, Value] | None]]:
    """Yield the text of each ticket, and what it says if it is a usual one."""
    shape: Shape | None = None
    for text in _stretches(data, start):
        at = 0
        while at < len(text):
            found = usual_ticket(text, at)
            if found is None:
                end = text.find(_NEXT, at) + 1 or len(text)
                yield text[at:end], None
            else:
                end, ticket = found.end(), found[0]
                members = shape.members(ticket) if shape else None
                if members is None:
                    shape = shape_of(ticket)
                    members = shape.members(ticket) if shape else None
                yield ticket, members
            at = end


def _stretches(data: bytes, start: int) -> Iterator[str]:
    """Yield the text from the first ticket on, cut in front of tickets, so that large files need little memory."""
    while start < len(data):
        end = data.find(_NEXT.encode(), start + _STRETCH) + 1 or len(data)
        yield data[start:end].decode("utf-8", "surrogateescape")
        start = end


def _is_closed(text: str) -> bool:
    return re.fullmatch(_CLOSED_LINES, text) is not None  # compiled, which takes long, only where it is needed
