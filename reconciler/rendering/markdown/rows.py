"""Lines of markdown about one ticket, and how many of them fit: whole lines only, and never a bare GUID."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import tzinfo

from reconciler.model.decision import Source
from reconciler.model.plan import Look, Plan, Step
from reconciler.model.ticket import Guid
from reconciler.rendering import change_records
from reconciler.rendering.certificates import certificate_fields, certificate_line, certificate_of, is_too_late
from reconciler.rendering.escape import code, markdown, shorten, url, url_path
from reconciler.rendering.groups import days, waiting
from reconciler.rendering.summary import last_name, name_of, parameters_of, short, to_merge
from reconciler.rendering.text.step import siblings

_CELL = 200
_DN = 48
_SENT = 400


@dataclass(frozen=True, slots=True)
class Page:
    """Where a markdown text is going: the reader's zone, how many bytes fit, and the links it can offer.

    `budget` counts bytes of UTF-8, of which a text never has fewer than characters: 64,000 for a comment (GitHub takes
    65,536 characters), about 1,000,000 for a job summary (GitHub drops more than 1 MiB whole). `source_url` is the URL
    that a path in the repository is appended to. `command` reproduces the plan. `looks` are plans that were shown
    before, to say what is new.
    """

    zone: tzinfo | None = None
    budget: int = 64_000
    plan_url: str = ""
    run_url: str = ""
    source_url: str = ""
    command: str = ""
    looks: tuple[Look, ...] = ()

    @property
    def whole(self) -> str:
        """Where everything is that does not fit: the page of the plan, or the run with its files."""
        address = url(self.plan_url) or url(self.run_url)
        return f"[the whole list]({address})" if address else "the saved plan has all of them"


def within(rows: Iterable[str], room: int) -> tuple[str, int, int]:
    """Return the leading whole rows that fit into `room` bytes, how many they are, and how many did not fit."""
    kept: list[str] = []
    left_out = 0
    for row in rows:
        size = len(row.encode("utf-8"))
        if left_out or size > room:
            left_out += 1
            continue
        room -= size
        kept.append(row)
    return "".join(kept), len(kept), left_out


def name(step: Step) -> str:
    """Name a ticket as a certificate owner does."""
    return f"**{markdown(name_of(step), 80)}**"


def place(guid: Guid, source: Source, page: Page) -> str:
    """The short GUID and the line that decides it, a link where the page knows addresses."""
    if not page.source_url:
        return f"{short(guid)} at {code(shorten(f'{source.path}:{source.line}', _DN))}"
    address = f"{url(page.source_url).rstrip('/')}/{url_path(source.path)}#L{source.line}"
    return f"[{short(guid)}]({address})"


def change_line(step: Step, page: Page, plan: Plan, *, urgent: bool = False) -> str:
    """One ticket that is written: name, folder, certificate, what TPP asks, since when, what else, and its line."""
    age = waiting(step, plan.made_at)
    asked = f"asked {days(age)} ago" if age is not None else ""
    reason = f"“{markdown(step.approval_reason, 80)}”" if step.approval_reason else ""
    parts = [
        f"{'⏰ ' if urgent else ''}{name(step)}{_folder(step)}",
        _certificate(step, plan),
        ", ".join(part for part in (reason, asked) if part),
        *_consequences(step),
        *(f"⚠️ {markdown(note.text, _CELL)}" for note in (step.context.notes if step.context else ())),
        place(step.guid, step.source, page),
    ]
    return f"- {' · '.join(part for part in parts if part)}\n"


def _certificate(step: Step, plan: Plan) -> str:
    """The certificate behind a ticket, marked when it ends before the window opens or before the plan does."""
    certificate = certificate_of(step)
    if certificate is None:
        return ""
    return ("🔴 " if is_too_late(step, plan.expires_at) else "") + markdown(
        certificate_line(certificate, name_of(step)), _CELL
    )


def certificate_details(step: Step) -> str:
    """Everything that is known of the certificate behind a ticket, as one line; "" when nothing is."""
    if step.context is None or step.context.certificate is None:
        return ""
    shown = [(label, value) for label, value in certificate_fields(step.context) if label != "cert"]
    fields = (f"{label} {markdown(value, _CELL)}" for label, value in shown)
    return f"- {name(step)}: {'; '.join(fields)}\n"


def blocked_line(step: Step, page: Page) -> str:
    """One ticket for which nothing is sent, with what is known of it."""
    why = f": {markdown(step.detail, _CELL)}" if step.detail else ""
    merge = f" · to merge: {code(to_merge(step.edit))}" if step.edit is not None else ""
    return f"- {name(step)}{_folder(step)}{why}{merge} · {place(step.guid, step.source, page)}\n"


def fine_line(step: Step, page: Page) -> str:
    """One ticket that is done already."""
    return f"- {name(step)}{_folder(step)} · {place(step.guid, step.source, page)}\n"


def _folder(step: Step) -> str:
    folder = (step.object or step.expect.object or "").rpartition("\\")[0]
    return f" in {code(shorten(folder, _DN))}" if folder else ""


def _consequences(step: Step) -> Iterator[str]:
    if step.detail:
        yield markdown(step.detail, _CELL)
    if step.siblings:
        yield siblings(step, lambda text: markdown(text, 60))


def change_of(step: Step, page: Page) -> str:
    """The change, a link where its record has an address, with the title, state and planned window of the record."""
    if not step.change:
        return ""
    record, shown = step.change_record, markdown(step.change, 60)
    if record is None:
        return shown
    address = url(record.url)
    title = f" “{markdown(record.title, _CELL)}”" if record.title else ""
    facts = markdown(change_records.state_of(record), _SENT), change_records.window_of(record, page.zone)
    return f"{f'[{shown}]({address})' if address else shown}{title} ({'; '.join(fact for fact in facts if fact)})"


def sent_parameters(step: Step) -> str:
    """The further parameters of an update, empty when there are none."""
    return "; ".join(f"sends {code(key)} “{markdown(value, _SENT)}”" for key, value in parameters_of(step))


def stage(step: Step) -> str:
    """The workflow that stopped the object."""
    return f"workflow {markdown(last_name(step.workflow), 60)}" if step.workflow else ""
